//! Cases from a file of JSON lines, read as the run asks for them.

use std::fmt::{self, Debug};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::DataError;
use crate::case::Case;

/// Longest accepted line. A file without line ends must not be read into memory whole.
const MAX_LINE_BYTES: u64 = 64 * 1024 * 1024;

/// Reads cases from a file with one JSON object per line.
///
/// Members are `input` (required), `expected`, `id`, `tags`, `metadata` (an object), `trials` and
/// `origin`. Members that servers add to exported rows are ignored; any other member is an error,
/// since it is probably a misspelt one. Blank lines are skipped. The file is opened with the first
/// case and never read further than the run has come; a line is at most 64 MiB long.
///
/// ```
/// use tidegate_eval::{Case, data};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("cases.jsonl");
/// std::fs::write(&path, "{\"input\": \"bonjour\", \"expected\": \"fra\"}\n")?;
/// let cases: Result<Vec<Case<String, String>>, _> = data::jsonl(&path).collect();
/// assert_eq!(cases?[0].expected_output().map(String::as_str), Some("fra"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn jsonl<I, E>(path: impl Into<PathBuf>) -> Jsonl<I, E>
where
    I: DeserializeOwned,
    E: DeserializeOwned,
{
    Jsonl { path: path.into(), state: State::Closed, line: 0, types: PhantomData }
}

/// Iterator of [`jsonl`]. It ends after the first error.
pub struct Jsonl<I, E> {
    path: PathBuf,
    state: State,
    line: u64,
    types: PhantomData<fn() -> (I, E)>,
}

enum State {
    Closed,
    Open(BufReader<File>),
    Done,
}

/// A line as it is written. `Option<Value>` would not tell a missing input from null.
#[derive(Deserialize)]
#[serde(bound = "I: DeserializeOwned, E: DeserializeOwned", expecting = "a JSON object")]
struct Line<I, E> {
    input: I,
    #[serde(default = "none")]
    expected: Option<E>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default, alias = "trialCount")]
    trials: Option<u32>,
    #[serde(default)]
    origin: Option<Value>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

fn none<T>() -> Option<T> {
    None
}

/// Members of exported rows that say nothing about the case.
const IGNORED: [&str; 14] = [
    "created",
    "dataset_id",
    "project_id",
    "experiment_id",
    "span_id",
    "root_span_id",
    "span_parents",
    "is_root",
    "upsert_id",
    "output",
    "comments",
    "audit_data",
    "facets",
    "classifications",
];

impl<I: DeserializeOwned, E: DeserializeOwned> Jsonl<I, E> {
    /// Reads the next case; leaves the file open only if there is one.
    fn read(&mut self) -> Result<Option<Case<I, E>>, DataError> {
        let mut reader = match std::mem::replace(&mut self.state, State::Done) {
            State::Open(reader) => reader,
            State::Closed => match File::open(&self.path) {
                Ok(file) => BufReader::new(file),
                Err(source) => return Err(DataError::Open { path: self.path.clone(), source }),
            },
            State::Done => return Ok(None),
        };
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            self.line += 1;
            let mut capped = (&mut reader).take(MAX_LINE_BYTES + 1);
            if let Err(source) = capped.read_until(b'\n', &mut bytes) {
                return Err(DataError::Read { path: self.path.clone(), line: self.line, source });
            }
            if bytes.is_empty() {
                return Ok(None);
            }
            if bytes.len() as u64 > MAX_LINE_BYTES {
                let reason = format!("the line is longer than {MAX_LINE_BYTES} bytes");
                return Err(self.line_error(1, reason));
            }
            let text = self.text(&bytes)?;
            if !text.trim().is_empty() {
                // Without the line end, which a parser would count as a second line.
                let case = self.case(text.trim_end_matches(['\r', '\n']))?;
                self.state = State::Open(reader);
                return Ok(Some(case));
            }
        }
    }

    fn text<'a>(&self, bytes: &'a [u8]) -> Result<&'a str, DataError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            self.line_error(
                error.valid_up_to() + 1,
                "text is not UTF-8; convert the file".to_owned(),
            )
        })?;
        // Editors on Windows put a byte order mark before the first line.
        Ok(if self.line == 1 { text.trim_start_matches('\u{feff}') } else { text })
    }

    fn case(&self, text: &str) -> Result<Case<I, E>, DataError> {
        let line: Line<I, E> = serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            // The position is given as that of the file, not of the line.
            let message = message.rsplit_once(" at line ").map_or(&*message, |(reason, _)| reason);
            self.line_error(error.column().max(1), message.to_owned())
        })?;
        let unknown = line
            .others
            .keys()
            .find(|name| !name.starts_with('_') && !IGNORED.contains(&name.as_str()));
        if let Some(name) = unknown {
            let reason = format!(
                "unknown member {name:?}; known are input, expected, id, tags, metadata, trials and origin, other values belong into metadata"
            );
            return Err(self.line_error(1, reason));
        }
        let case = Case::new(line.input).maybe_expected(line.expected);
        let case = case.tags(line.tags.unwrap_or_default());
        Ok(Case {
            id: line.id,
            metadata: line.metadata.unwrap_or_default(),
            trials: line.trials.map(|trials| trials.max(1)),
            origin: line.origin,
            ..case
        })
    }

    fn line_error(&self, column: usize, reason: String) -> DataError {
        DataError::Line { path: self.path.clone(), line: self.line, column, reason }
    }
}

impl<I: DeserializeOwned, E: DeserializeOwned> Iterator for Jsonl<I, E> {
    type Item = Result<Case<I, E>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl<I, E> Debug for Jsonl<I, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Jsonl")
            .field("path", &self.path)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(content: &[u8]) -> (Vec<Case<String, String>>, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cases.jsonl");
        std::fs::write(&path, content).unwrap();
        let (mut cases, mut errors) = (Vec::new(), Vec::new());
        for case in jsonl(&path) {
            match case {
                Ok(case) => cases.push(case),
                Err(error) => errors.push(error.to_string()),
            }
        }
        assert!(errors.len() <= 1, "reading goes on after {errors:?}");
        let prefix = format!("{}:", directory.path().join("cases.jsonl").display());
        let error = errors.pop();
        (cases, error.map(|error| error.strip_prefix(&prefix).unwrap_or(&error).to_owned()))
    }

    #[test]
    fn reads_every_member_and_skips_blank_lines() {
        let (cases, error) = read(
            "\u{feff}{\"input\":\"a\",\"expected\":\"b\",\"id\":\"1\",\"tags\":[\"x\",\"x\"],\
             \"metadata\":{\"k\":1},\"trialCount\":2,\"origin\":{\"id\":\"o\"},\"_xact_id\":\"7\"}\r\n\
             \n  \n{\"input\":\"c\",\"expected\":null,\"tags\":null,\"created\":\"now\"}"
                .as_bytes(),
        );
        assert_eq!(error, None);
        let first = Case::new("a".to_owned()).expected("b".to_owned()).id("1").tags(["x"]);
        let first = first.metadata("k", &1).trials(2).origin(json!({"id": "o"}));
        assert_eq!(cases, [first, Case::new("c".to_owned()).maybe_expected(None)]);
    }

    #[test]
    fn names_line_column_and_reason_of_what_is_wrong() {
        let error = |second: &[u8]| {
            let (cases, error) =
                read(&[b"{\"input\":\"a\"}\n", second, b"\n{\"input\":\"c\"}"].concat());
            assert_eq!(cases.len(), 1, "{error:?}");
            error.unwrap()
        };
        assert_eq!(error(b"{\"input\": }"), "2:11: expected value");
        assert_eq!(error(b"{\"input\": \"b\""), "2:13: EOF while parsing an object");
        assert_eq!(error(b"[]"), "2:1: invalid type: sequence, expected a JSON object");
        assert_eq!(error(b"{\"expected\": \"b\"}"), "2:17: missing field `input`");
        assert_eq!(error(b"{\"input\": 3}"), "2:11: invalid type: integer `3`, expected a string");
        assert_eq!(error(b"{\"input\": \"\xff\"}"), "2:12: text is not UTF-8; convert the file");
        let misspelt = error(b"{\"input\": \"b\", \"expcted\": \"b\"}");
        assert!(
            misspelt.starts_with("2:1: unknown member \"expcted\"; known are input"),
            "{misspelt}"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let mut cases = jsonl::<String, String>("no/such/file.jsonl");
        let error = cases.next().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "cannot open no/such/file.jsonl");
        assert!(cases.next().is_none());
    }

    #[test]
    fn an_empty_file_has_no_cases() {
        assert_eq!(read(b"").0, []);
        assert_eq!(read(b"\n\n").0, []);
    }
}
