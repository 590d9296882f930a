//! Files of JSON lines whose members are called otherwise.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;

use serde_json::{Map, Value};
use tidegate_eval::DataError;

use super::Case;
use crate::commands::eval::file::Columns;

/// Longest accepted line, as for files with the usual names.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// Reads cases as the run asks for them; ends after the first error.
pub(super) fn read(
    path: PathBuf,
    columns: Columns,
) -> impl Iterator<Item = Result<Case, DataError>> + Send {
    Lines { path, columns, reader: None, line: 0, ended: false }
}

struct Lines {
    path: PathBuf,
    columns: Columns,
    reader: Option<BufReader<File>>,
    line: u64,
    ended: bool,
}

impl Iterator for Lines {
    type Item = Result<Case, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Lines {
    fn read(&mut self) -> Result<Option<Case>, DataError> {
        let path = || self.path.clone();
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => File::open(&self.path)
                .map(BufReader::new)
                .map_err(|source| DataError::Open { path: path(), source })?,
        };
        loop {
            self.line += 1;
            let mut bytes = Vec::new();
            let read = (&mut reader).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut bytes);
            read.map_err(|source| DataError::Read { path: path(), line: self.line, source })?;
            if bytes.is_empty() {
                return Ok(None);
            }
            if bytes.len() as u64 > MAX_LINE_BYTES {
                return Err(
                    self.fault(1, format!("the line is longer than {MAX_LINE_BYTES} bytes"))
                );
            }
            let text = std::str::from_utf8(&bytes).map_err(|error| {
                let column = error.valid_up_to() + 1;
                self.fault(column, "text is not UTF-8; convert the file".to_owned())
            })?;
            let text = if self.line == 1 { text.trim_start_matches('\u{feff}') } else { text };
            let text = text.trim_end();
            if !text.is_empty() {
                let case = self.case(text)?;
                self.reader = Some(reader);
                return Ok(Some(case));
            }
        }
    }

    fn case(&self, text: &str) -> Result<Case, DataError> {
        let mut members: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            let reason = message.rsplit_once(" at line ").map_or(&*message, |(reason, _)| reason);
            self.fault(error.column().max(1), reason.to_owned())
        })?;
        let mut take = |named: &Option<String>, usual: &str| {
            // A member keeps its order among the others, which become metadata.
            members.shift_remove(named.as_deref().unwrap_or(usual))
        };
        let (input, expected) =
            (take(&self.columns.input, "input"), take(&self.columns.expected, "expected"));
        let (id, tags) = (take(&self.columns.id, "id"), take(&self.columns.tags, "tags"));
        let metadata = take(&None, "metadata");
        let input = input.ok_or_else(|| {
            let name = self.columns.input.as_deref().unwrap_or("input");
            self.fault(1, format!("there is no member {name:?}, which is to be the input"))
        })?;
        let expected = expected.filter(|expected| !expected.is_null());
        let mut case: Case = tidegate_eval::Case::new(input).maybe_expected(expected);
        match id {
            None | Some(Value::Null) => {}
            Some(Value::String(id)) => case = case.id(id),
            Some(Value::Number(id)) => case = case.id(id.to_string()),
            Some(_) => return Err(self.fault(1, "the id must be a text or a number".to_owned())),
        }
        match tags {
            None | Some(Value::Null) => {}
            Some(Value::String(tag)) => case = case.tags([tag]),
            Some(Value::Array(tags)) if tags.iter().all(Value::is_string) => {
                case = case.tags(tags.iter().filter_map(Value::as_str));
            }
            Some(_) => return Err(self.fault(1, "the tags must be texts".to_owned())),
        }
        match metadata {
            None | Some(Value::Null) => {}
            Some(Value::Object(metadata)) => members.extend(metadata),
            Some(_) => return Err(self.fault(1, "the metadata must be an object".to_owned())),
        }
        Ok(members.into_iter().fold(case, |case, (name, value)| case.metadata(name, &value)))
    }

    fn fault(&self, column: usize, reason: String) -> DataError {
        DataError::Line { path: self.path.clone(), line: self.line, column, reason }
    }
}
