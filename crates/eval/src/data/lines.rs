//! Lines of a text file, one at a time, with their numbers.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::DataError;

/// Longest accepted record, be it a line or several. A file without line ends, or a quotation that
/// never ends, must not be read into memory whole.
pub(super) const MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;

/// Reads a file line by line. It is opened with the first line and never read further than asked.
pub(super) struct Lines {
    path: PathBuf,
    file: Option<BufReader<File>>,
    /// Number of the latest line, starting at 1.
    line: u64,
    buffer: Vec<u8>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}

impl Lines {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None, line: 0, buffer: Vec::new() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next line with its line end, if it has one, and its number; `None` at the end of the
    /// file. After an error, what follows is not to be read.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &str)>, DataError> {
        let file = match &mut self.file {
            Some(file) => file,
            file => match File::open(&self.path) {
                Ok(opened) => file.insert(BufReader::new(opened)),
                Err(source) => return Err(DataError::Open { path: self.path.clone(), source }),
            },
        };
        self.line += 1;
        self.buffer.clear();
        let mut capped = file.take(MAX_RECORD_BYTES as u64 + 1);
        if let Err(source) = capped.read_until(b'\n', &mut self.buffer) {
            return Err(DataError::Read { path: self.path.clone(), line: self.line, source });
        }
        if self.buffer.is_empty() {
            return Ok(None);
        }
        if self.buffer.len() > MAX_RECORD_BYTES {
            let reason = format!("the line is longer than {MAX_RECORD_BYTES} bytes");
            return Err(error(&self.path, self.line, 1, reason));
        }
        match std::str::from_utf8(&self.buffer) {
            // Editors on Windows put a byte order mark before the first line.
            Ok(text) if self.line == 1 => Ok(Some((1, text.trim_start_matches('\u{feff}')))),
            Ok(text) => Ok(Some((self.line, text))),
            Err(invalid) => {
                let reason = "text is not UTF-8; convert the file".to_owned();
                Err(error(&self.path, self.line, invalid.valid_up_to() + 1, reason))
            }
        }
    }
}

/// What is wrong at a place, both counted from 1.
pub(super) fn error(path: &Path, line: u64, column: usize, reason: String) -> DataError {
    DataError::Line { path: path.to_owned(), line, column, reason }
}
