//! Records of a CSV file as RFC 4180 has them, each cell with its place.
//!
//! Readers made for speed take an unclosed quotation for the rest of the file, which would be
//! cases that vanish without a word; this one says where it begins.

use super::super::DataError;
use super::super::lines::{self, Lines, MAX_RECORD_BYTES};

/// Enough for any table that people look at, and few enough for a file of separators only.
const MAX_CELLS: usize = 10_000;

/// A cell without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) quoted: bool,
    /// Where it begins, from 1; the column in bytes.
    pub(super) line: u64,
    pub(super) column: usize,
}

impl Cell {
    /// Nothing between two separators. A quoted empty text is a text.
    pub(super) fn is_missing(&self) -> bool {
        self.text.is_empty() && !self.quoted
    }
}

/// Place and reason of a fault.
pub(super) type Fault = (u64, usize, String);

/// Reads record by record. Lines with nothing but spaces are skipped.
#[derive(Debug)]
pub(super) struct Records {
    lines: Lines,
    separator: char,
    max_bytes: usize,
}

impl Records {
    pub(super) fn new(lines: Lines, separator: char) -> Self {
        Self { lines, separator, max_bytes: MAX_RECORD_BYTES }
    }

    pub(super) fn set_separator(&mut self, separator: char) {
        self.separator = separator;
    }

    /// `None` at the end of the file. After an error, what follows is not to be read.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Cell>>, DataError> {
        let mut record = Record { separator: self.separator, ..Record::default() };
        let mut bytes = 0;
        while let Some((line, text)) = self.lines.next()? {
            if record.cells.is_empty() && record.state == State::Start && is_blank(text) {
                continue;
            }
            bytes += text.len();
            let done = record.read(line, text);
            let done = done.and_then(|done| match bytes > self.max_bytes {
                true => Err(record.too_long(self.max_bytes)),
                false => Ok(done),
            });
            match done {
                Ok(true) => return Ok(Some(record.cells)),
                Ok(false) => {}
                Err(fault) => return Err(self.error(fault)),
            }
        }
        match record.state {
            State::Start => Ok(None),
            _ => Err(self.error(record.unclosed())),
        }
    }

    pub(super) fn error(&self, (line, column, reason): Fault) -> DataError {
        lines::error(self.lines.path(), line, column, reason)
    }
}

fn is_blank(line: &str) -> bool {
    line.trim_end_matches(['\r', '\n']).bytes().all(|byte| byte == b' ')
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Before the first character of a cell.
    #[default]
    Start,
    /// In a cell without quotes.
    Plain,
    Quoted,
    /// After a quote in a quotation: its end, or the first of two that stand for one.
    Quote,
}

#[derive(Debug, Default)]
struct Record {
    separator: char,
    state: State,
    cells: Vec<Cell>,
    /// Where the latest cell begins.
    start: (u64, usize),
    text: String,
}

impl Record {
    /// Reads one more line; whether it is the last one of the record.
    fn read(&mut self, line: u64, text: &str) -> Result<bool, Fault> {
        let content = text.strip_suffix('\n').unwrap_or(text);
        let content = content.strip_suffix('\r').unwrap_or(content);
        if self.state != State::Quoted {
            self.start = (line, 1);
        }
        for (offset, char) in content.char_indices() {
            self.state = match (self.state, char) {
                (State::Start, '"') => State::Quoted,
                (State::Quoted, '"') => State::Quote,
                (State::Start | State::Plain | State::Quote, char) if char == self.separator => {
                    self.end_cell()?;
                    self.start = (line, offset + 2);
                    State::Start
                }
                (State::Quote, '"') => self.push('"', State::Quoted),
                (State::Quote, _) => {
                    let reason = "text after the end of a quotation; quotes in a quoted cell \
                                  are written twice";
                    return Err((line, offset + 1, reason.to_owned()));
                }
                // The line ends of very old files, which would make one line of all.
                (State::Start | State::Plain, '\r') => {
                    let reason = "a carriage return that ends no line; quote the cell, or \
                                  convert the line ends";
                    return Err((line, offset + 1, reason.to_owned()));
                }
                (State::Quoted, char) => self.push(char, State::Quoted),
                (State::Start | State::Plain, char) => self.push(char, State::Plain),
            };
        }
        if self.state == State::Quoted {
            self.text.push_str(&text[content.len()..]);
            return Ok(false);
        }
        self.end_cell()?;
        Ok(true)
    }

    fn push(&mut self, char: char, state: State) -> State {
        self.text.push(char);
        state
    }

    fn end_cell(&mut self) -> Result<(), Fault> {
        let (line, column) = self.start;
        if self.cells.len() >= MAX_CELLS {
            return Err((line, column, format!("the record has more than {MAX_CELLS} cells")));
        }
        let text = std::mem::take(&mut self.text);
        self.cells.push(Cell { text, quoted: self.state == State::Quote, line, column });
        Ok(())
    }

    fn unclosed(&self) -> Fault {
        let (line, column) = self.start;
        (line, column, "the quotation that begins here has no end".to_owned())
    }

    fn too_long(&self, max_bytes: usize) -> Fault {
        let (line, column) = self.start;
        let reason = format!(
            "the record is longer than {max_bytes} bytes; a quote that ends this cell \
             may be missing"
        );
        (line, column, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_without_end_is_not_read_into_memory_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cases.csv");
        std::fs::write(&path, "a\n\"".to_owned() + &"line\n".repeat(100)).unwrap();
        let mut records = Records::new(Lines::new(path), ',');
        records.max_bytes = 64;
        assert!(records.next().unwrap().is_some());
        let error = records.next().unwrap_err().to_string();
        assert!(error.contains("cases.csv:2:1: the record is longer than 64 bytes"), "{error}");
    }
}
