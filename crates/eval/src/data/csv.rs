//! Cases from a CSV file, read as the run asks for them.

mod cell;
mod columns;
mod records;

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::DataError;
use super::lines::Lines;
use crate::case::Case;
use columns::{Columns, Naming, Others};
use records::Records;

/// Reads cases from a CSV file (RFC 4180) whose first record names the columns.
///
/// Columns are `input` (required), `expected`, `id`, `tags` (separated by commas, or a JSON list),
/// `trials` and `metadata.NAME`; an input or expected value that is an object may be spread over
/// columns `input.NAME` and `expected.NAME`. Any other column is an error, since it is probably a
/// misspelt one: [`Csv::rename`] says what it is, or see [`Csv::others_as_metadata`] and
/// [`Csv::ignore_others`].
///
/// A cell is read as its type asks for: a text as it is, a number or truth value parsed, a list or
/// a struct as JSON. As `serde_json::Value` it is a text unless [`Csv::json_cells`] is set. A cell
/// with nothing in it is absent, one with `""` an empty text.
///
/// Cells in quotes may have line ends, separators and doubled quotes. Blank lines are skipped. The
/// file is opened with the first case and never read further than the run has come; a record is at
/// most 64 MiB long. Errors name line and column.
///
/// ```
/// use tidegate_eval::{Case, data};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("cases.csv");
/// std::fs::write(&path, "question,expected,metadata.source\n\"2, plus 2?\",4,school\n")?;
/// let cases = data::csv(&path).rename("question", "input");
/// let cases: Result<Vec<Case<String, u32>>, _> = cases.collect();
/// assert_eq!(cases?[0].expected_output(), Some(&4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn csv<I, E>(path: impl Into<PathBuf>) -> Csv<I, E>
where
    I: DeserializeOwned,
    E: DeserializeOwned,
{
    let records = Records::new(Lines::new(path.into()), ',');
    Csv { records, naming: Naming::default(), state: State::Header, types: PhantomData }
}

/// Iterator of [`csv`](csv()). It ends after the first error.
pub struct Csv<I, E> {
    records: Records,
    naming: Naming,
    state: State,
    types: PhantomData<fn() -> (I, E)>,
}

enum State {
    Header,
    Cases(Columns),
    Done,
}

impl<I, E> Csv<I, E> {
    /// Sets what stands between cells, such as `;` or a tab; a comma by default.
    #[must_use]
    pub fn separator(mut self, separator: char) -> Self {
        self.records.set_separator(separator);
        self
    }

    /// Reads the column of this name as one of the columns that [`csv`](csv()) knows, such as
    /// `input` or `metadata.topic`. A column that the file does not have is an error.
    #[must_use]
    pub fn rename(mut self, column: impl Into<String>, field: impl Into<String>) -> Self {
        self.naming.renamed.push((column.into(), field.into()));
        self
    }

    /// Reads columns of unknown names as metadata of these names.
    #[must_use]
    pub fn others_as_metadata(mut self) -> Self {
        self.naming.others = Others::Metadata;
        self
    }

    /// Leaves columns of unknown names out.
    #[must_use]
    pub fn ignore_others(mut self) -> Self {
        self.naming.others = Others::Ignored;
        self
    }

    /// Reads a cell that is JSON (`42`, `true`, `null`, `[1]`) as that where any type will do: in
    /// metadata, and in values of type `serde_json::Value`.
    #[must_use]
    pub fn json_cells(mut self) -> Self {
        self.naming.json_cells = true;
        self
    }
}

impl<I: DeserializeOwned, E: DeserializeOwned> Csv<I, E> {
    /// Reads the next case; goes on after it only if there is one.
    fn read(&mut self) -> Result<Option<Case<I, E>>, DataError> {
        let columns = match std::mem::replace(&mut self.state, State::Done) {
            State::Cases(columns) => columns,
            State::Header => match self.records.next()? {
                Some(header) => {
                    let columns = Columns::new(&header, &self.naming);
                    columns.map_err(|fault| self.records.error(fault))?
                }
                None => {
                    let reason = "the file is empty: its first line names the columns";
                    return Err(self.records.error((1, 1, reason.to_owned())));
                }
            },
            State::Done => return Ok(None),
        };
        let Some(record) = self.records.next()? else { return Ok(None) };
        let case = columns.case(&record).map_err(|fault| self.records.error(fault))?;
        self.state = State::Cases(columns);
        Ok(Some(case))
    }
}

impl<I: DeserializeOwned, E: DeserializeOwned> Iterator for Csv<I, E> {
    type Item = Result<Case<I, E>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl<I, E> Debug for Csv<I, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Csv")
            .field("records", &self.records)
            .field("naming", &self.naming)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
