//! The file of records: lines that vouch for themselves.
//!
//! ```text
//! tidegate-cells 1
//! <crc32> synced <offset>           everything before this offset was synced
//! <crc32> <key> + <record as JSON>  a cell whose task succeeded; `-` one whose task failed
//! ```
//! The checksum, 8 hex digits, covers the line from behind the space after it to its end.
//!
//! Every batch that is written at once begins with a `synced` line about the batches before it. So
//! a reader can tell two things apart that look alike: a bad line beyond the last synced offset was
//! never reported as finished and is cut off; one before it is damage, which is an error.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::CellsError;
use super::hash::Key;
use super::record::Record;

pub(super) const HEADER: &[u8] = b"tidegate-cells 1\n";
/// Checksum and space.
const SUM: usize = 9;

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) failed: bool,
    pub(super) offset: u64,
    /// Of the line without its end.
    pub(super) length: u32,
}

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) entries: Vec<Entry>,
    /// Up to here every line is good.
    pub(super) good: u64,
    /// Bytes after that, which nobody was told are there.
    pub(super) torn: u64,
}

/// Adds the line of a record.
pub(super) fn record(buffer: &mut Vec<u8>, key: Key, record: &Record) -> io::Result<()> {
    line(buffer, |content| {
        let flag = if record.error.is_some() { '-' } else { '+' };
        content.extend_from_slice(format!("{key} {flag} ").as_bytes());
        let from = content.len();
        serde_json::to_writer(&mut *content, record)?;
        // JSON that was made elsewhere may have line ends between its tokens; inside of a text they
        // are escaped.
        for byte in &mut content[from..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        Ok(())
    })
}

/// Adds the line that says what was synced before.
pub(super) fn synced(buffer: &mut Vec<u8>, offset: u64) {
    let text = format!("synced {offset}");
    line(buffer, |content| {
        content.extend_from_slice(text.as_bytes());
        Ok(())
    })
    .expect("writing to memory does not fail");
}

fn line(
    buffer: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    let from = buffer.len();
    buffer.extend_from_slice(b"00000000 ");
    if let Err(error) = write(buffer) {
        buffer.truncate(from);
        return Err(error);
    }
    let sum = crc32fast::hash(&buffer[from + SUM..]);
    buffer[from..from + 8].copy_from_slice(format!("{sum:08x}").as_bytes());
    buffer.push(b'\n');
    Ok(())
}

enum Line {
    Synced(u64),
    Record { key: Key, failed: bool, json: usize },
}

fn parse(line: &[u8]) -> Result<Line, &'static str> {
    let (sum, content) = line.split_at_checked(SUM).ok_or("it is too short")?;
    let sum = std::str::from_utf8(&sum[..8]).ok().and_then(|sum| u32::from_str_radix(sum, 16).ok());
    if sum != Some(crc32fast::hash(content)) || line[8] != b' ' {
        return Err("its checksum does not match");
    }
    if let Some(offset) = content.strip_prefix(b"synced ") {
        let offset = std::str::from_utf8(offset).ok().and_then(|offset| offset.parse().ok());
        return offset.map(Line::Synced).ok_or("it has no offset");
    }
    let key = content.get(..32).and_then(|key| std::str::from_utf8(key).ok()?.parse().ok());
    match (key, content.get(32..35)) {
        (Some(key), Some(b" + ")) => Ok(Line::Record { key, failed: false, json: SUM + 35 }),
        (Some(key), Some(b" - ")) => Ok(Line::Record { key, failed: true, json: SUM + 35 }),
        _ => Err("it is no record"),
    }
}

/// Reads where the records are; a file that is missing has none.
///
/// # Errors
/// The file cannot be read, or a line that was synced is bad.
pub(super) fn scan(path: &Path) -> Result<Scan, CellsError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Scan::default()),
        Err(error) => return Err(CellsError::file(path)(error)),
    };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut scan = Scan::default();
    let (mut offset, mut synced) = (0, 0);
    let mut bad: Option<(u64, &str)> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line).map_err(CellsError::file(path))? as u64;
        if length == 0 {
            break;
        }
        let whole = line.pop_if(|last| *last == b'\n').is_some();
        let parsed = match () {
            () if !whole => Err("it is cut off"),
            () if offset > 0 => parse(&line),
            () if line == HEADER[..HEADER.len() - 1] => Ok(Line::Synced(0)),
            () => Err("it is no file of records of this version"),
        };
        match parsed {
            Ok(Line::Synced(upto)) => synced = synced.max(upto.min(offset)),
            Ok(Line::Record { key, failed, .. }) if bad.is_none() => {
                let length = u32::try_from(line.len()).unwrap_or(u32::MAX);
                scan.entries.push(Entry { key, failed, offset, length });
            }
            Ok(Line::Record { .. }) => {}
            Err(problem) => bad = bad.or(Some((offset, problem))),
        }
        offset += length;
        if bad.is_none() {
            scan.good = offset;
        }
    }
    if let Some((at, problem)) = bad {
        // A first line of another format is not ours to cut off.
        if at < synced || (at == 0 && offset >= HEADER.len() as u64) {
            let (path, problem) = (path.to_owned(), problem.to_owned());
            return Err(CellsError::Damaged { path, offset: at, problem });
        }
    }
    scan.torn = offset - scan.good;
    Ok(scan)
}

/// A file from which single records are read.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    file: Mutex<File>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, CellsError> {
        let file = File::open(path).map_err(CellsError::file(path))?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file) })
    }

    /// Reads one record. Blocks for the time of a read.
    pub(super) fn read(&self, entry: Entry) -> Result<Record, CellsError> {
        let mut bytes = vec![0; entry.length as usize];
        let read = {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(entry.offset)).and_then(|_| file.read_exact(&mut bytes))
        };
        read.map_err(CellsError::file(&self.path))?;
        let damaged = |problem: String| CellsError::Damaged {
            path: self.path.clone(),
            offset: entry.offset,
            problem,
        };
        match parse(&bytes) {
            Ok(Line::Record { key, json, .. }) if key == entry.key => {
                serde_json::from_slice(&bytes[json..]).map_err(|error| damaged(error.to_string()))
            }
            Ok(_) => Err(damaged("it is another record than before".to_owned())),
            Err(problem) => Err(damaged(problem.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;

    fn sample(index: u64) -> Record {
        Record {
            index,
            trial: 0,
            case_id: None,
            input: to_raw_value("in\nput").expect("json"),
            expected: Some(to_raw_value(&()).expect("json")),
            tags: Vec::new(),
            metadata: serde_json::Map::new(),
            metrics: Default::default(),
            output: Some(serde_json::from_str("[1,\n 2]").expect("json")),
            error: (index == 2).then(|| "failed".to_owned()),
            duration_ns: 7,
            saw_expected: false,
            grades: Default::default(),
            trace: None,
        }
    }

    /// Batches of three records, and where each line ends.
    fn written() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = HEADER.to_vec();
        let mut ends = vec![bytes.len()];
        for index in 0..6 {
            if index % 3 == 0 {
                let offset = bytes.len() as u64;
                synced(&mut bytes, offset);
                ends.push(bytes.len());
            }
            record(&mut bytes, Key(u128::from(index)), &sample(index)).expect("written");
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn scanned(bytes: &[u8]) -> Result<Scan, CellsError> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("records.log");
        std::fs::write(&path, bytes).expect("written");
        scan(&path)
    }

    #[test]
    fn records_come_back_with_null_as_null_and_line_ends_inside() {
        let (bytes, _) = written();
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("records.log");
        std::fs::write(&path, bytes).expect("written");
        let scan = scan(&path).expect("good");
        assert_eq!((scan.entries.len(), scan.torn), (6, 0));
        assert_eq!(scan.entries.iter().filter(|entry| entry.failed).count(), 1);
        let reader = Reader::open(&path).expect("there");
        let record = reader.read(scan.entries[4]).expect("good");
        assert_eq!(record.index, 4);
        assert_eq!(record.input.get(), "\"in\\nput\"");
        assert_eq!(record.expected.expect("there").get(), "null");
        assert_eq!(record.output.expect("there").get(), "[1,  2]");
        assert_eq!(record.error, None);
    }

    #[test]
    fn a_file_that_ends_anywhere_keeps_its_whole_lines() {
        let (bytes, ends) = written();
        for cut in 0..=bytes.len() {
            let scan = scanned(&bytes[..cut]).expect("a torn tail is no damage");
            let good = ends.iter().copied().filter(|end| *end <= cut).max().unwrap_or(0);
            assert_eq!((scan.good, scan.torn), (good as u64, (cut - good) as u64), "cut at {cut}");
        }
    }

    #[test]
    fn a_changed_byte_is_damage_where_it_was_synced_and_cut_off_where_not() {
        let (bytes, ends) = written();
        // The second batch begins with what says that the first was synced.
        let synced = ends[4];
        // The line end right before it would take the proof away together with the line.
        for at in (0..bytes.len()).filter(|at| *at != synced - 1) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let line = ends.iter().copied().filter(|end| *end <= at).max().unwrap_or(0) as u64;
            match scanned(&changed) {
                Err(CellsError::Damaged { offset, .. }) => {
                    assert!(at < synced, "{at}");
                    assert_eq!(offset, line, "the line of byte {at}");
                }
                Ok(scan) => {
                    assert!(at >= synced, "{at}");
                    assert_eq!(scan.good, line);
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}
