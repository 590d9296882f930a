//! What the columns of a CSV file mean, and cases of its records.

use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;

use super::super::jsonl::IGNORED;
use super::cell::{CellError, CellReader};
use super::records::{Cell, Fault};
use crate::case::Case;

const KNOWN: &str =
    "input, expected, id, tags, trials, metadata.NAME, input.NAME and expected.NAME";

/// How names of columns are understood.
#[derive(Debug, Default)]
pub(super) struct Naming {
    /// Name in the file, name to read it as.
    pub(super) renamed: Vec<(String, String)>,
    pub(super) others: Others,
    pub(super) json_cells: bool,
}

/// What becomes of columns with unknown names.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Others {
    #[default]
    Refused,
    Metadata,
    Ignored,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Input,
    InputMember(String),
    Expected,
    ExpectedMember(String),
    Id,
    Tags,
    Trials,
    Metadata(String),
    Ignored,
}

impl Field {
    fn named(name: &str) -> Option<Self> {
        let member = |prefix| name.strip_prefix(prefix).filter(|name: &&str| !name.is_empty());
        Some(match name {
            "input" => Self::Input,
            "expected" => Self::Expected,
            "id" => Self::Id,
            "tags" => Self::Tags,
            "trials" => Self::Trials,
            _ => {
                if let Some(name) = member("metadata.") {
                    Self::Metadata(name.to_owned())
                } else if let Some(name) = member("input.") {
                    Self::InputMember(name.to_owned())
                } else {
                    Self::ExpectedMember(member("expected.")?.to_owned())
                }
            }
        })
    }
}

/// The header, understood.
#[derive(Debug)]
pub(super) struct Columns {
    /// One per cell of a record, with the name in the file.
    fields: Vec<(String, Field)>,
    json_cells: bool,
}

impl Columns {
    pub(super) fn new(header: &[Cell], naming: &Naming) -> Result<Self, Fault> {
        let fault = |cell: &Cell, reason| (cell.line, cell.column, reason);
        let mut fields: Vec<(String, Field)> = Vec::new();
        for cell in header {
            // Spaces after separators are common in headers, and never meant.
            let name = cell.text.trim();
            let renamed = naming.renamed.iter().find(|(from, _)| from == name);
            let wanted = renamed.map_or(name, |(_, to)| to);
            let field = match Field::named(wanted) {
                Some(field) => field,
                None if renamed.is_some() => {
                    let reason =
                        format!("{name:?} cannot be read as {wanted:?}; known are {KNOWN}");
                    return Err(fault(cell, reason));
                }
                None if IGNORED.contains(&name) || name.starts_with('_') => Field::Ignored,
                None => match naming.others {
                    Others::Metadata if !name.is_empty() => Field::Metadata(name.to_owned()),
                    Others::Metadata | Others::Ignored => Field::Ignored,
                    Others::Refused => return Err(fault(cell, unknown(name))),
                },
            };
            let same = |(_, other): &&(String, Field)| *other == field && field != Field::Ignored;
            if let Some((other, _)) = fields.iter().find(same) {
                return Err(fault(cell, format!("{other:?} and {name:?} are both the {wanted}")));
            }
            fields.push((name.to_owned(), field));
        }
        let first = &header[0];
        let names = || fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        for (from, _) in &naming.renamed {
            if !fields.iter().any(|(name, _)| name == from) {
                return Err(fault(
                    first,
                    format!("no column is named {from:?}; there are {}", names()),
                ));
            }
        }
        for (whole, what) in [(Field::Input, "input"), (Field::Expected, "expected")] {
            let is_whole = fields.iter().any(|(_, field)| *field == whole);
            let has_members = fields.iter().any(|(_, field)| match field {
                Field::InputMember(_) => whole == Field::Input,
                Field::ExpectedMember(_) => whole == Field::Expected,
                _ => false,
            });
            if is_whole && has_members {
                let reason = format!("there is a column {what} and one for a member of it");
                return Err(fault(first, reason));
            }
            if whole == Field::Input && !is_whole && !has_members {
                let reason = format!("no column is the input; there are {}", names());
                return Err(fault(first, reason));
            }
        }
        Ok(Self { fields, json_cells: naming.json_cells })
    }

    pub(super) fn case<I, E>(&self, record: &[Cell]) -> Result<Case<I, E>, Fault>
    where
        I: DeserializeOwned,
        E: DeserializeOwned,
    {
        if record.len() != self.fields.len() {
            let place = &record[record.len().min(self.fields.len() + 1) - 1];
            let (found, wanted) = (record.len(), self.fields.len());
            let reason = format!("the record has {found} cells, and the header {wanted}");
            return Err((place.line, place.column, reason));
        }
        let mut case = Case::new(self.read(record, true)?.ok_or_else(|| {
            let place = &record[0];
            (place.line, place.column, "the input is missing".to_owned())
        })?)
        .maybe_expected(self.read(record, false)?);
        for (cell, (name, field)) in record.iter().zip(&self.fields) {
            let fault = |reason: String| (cell.line, cell.column, format!("in {name:?}: {reason}"));
            if cell.is_missing() {
                continue;
            }
            match field {
                Field::Id => case.id = Some(cell.text.clone()),
                Field::Tags => case = case.tags(tags(&cell.text).map_err(fault)?),
                Field::Trials => {
                    let trials = cell.text.trim().parse();
                    let trials =
                        trials.ok().filter(|trials: &u32| *trials > 0).ok_or_else(|| {
                            fault(format!("{:?} is not a number of trials", cell.text))
                        })?;
                    case = case.trials(trials);
                }
                Field::Metadata(name) => {
                    let value = CellReader { cell, json: self.json_cells }.value();
                    case.metadata.insert(name.clone(), value.unwrap_or_default());
                }
                _ => {}
            }
        }
        Ok(case)
    }

    /// Reads the input, or what is expected; `None` if it is missing.
    fn read<T: DeserializeOwned>(
        &self,
        record: &[Cell],
        is_input: bool,
    ) -> Result<Option<T>, Fault> {
        let mut members = Vec::new();
        for (cell, (name, field)) in record.iter().zip(&self.fields) {
            let reader = CellReader { cell, json: self.json_cells };
            match (field, is_input) {
                (Field::Expected, false) if cell.is_missing() => return Ok(None),
                (Field::Input, true) | (Field::Expected, false) => {
                    let read = T::deserialize(reader).map(Some);
                    return read.map_err(|error: CellError| {
                        (cell.line, cell.column, format!("in {name:?}: {error}"))
                    });
                }
                (Field::InputMember(member), true) | (Field::ExpectedMember(member), false) => {
                    members.push((member.as_str(), reader));
                }
                _ => {}
            }
        }
        // All cells of a record that has no value here are empty.
        let Some((_, first)) = members.first().copied() else { return Ok(None) };
        if members.iter().all(|(_, reader)| reader.cell.is_missing()) {
            return Ok(None);
        }
        let read = T::deserialize(MapDeserializer::new(members.into_iter()));
        read.map(Some).map_err(|error: CellError| {
            let what = if is_input { "input" } else { "expected" };
            (first.cell.line, first.cell.column, format!("in the columns {what}.*: {error}"))
        })
    }
}

fn unknown(name: &str) -> String {
    if name.is_empty() {
        return "a column has no name; name it or remove it".to_owned();
    }
    let mut reason =
        format!("unknown column {name:?}; known are {KNOWN}; rename it to one of them");
    if let Some(separator) = [';', '\t', '|'].into_iter().find(|other| name.contains(*other)) {
        reason.push_str(&format!(", or set the separator to {separator:?}"));
    }
    reason
}

fn tags(text: &str) -> Result<Vec<String>, String> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(|error| format!("not a list of texts: {error}"));
    }
    let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    Ok(tags.map(str::to_owned).collect())
}
