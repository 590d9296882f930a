//! The files of the spool: frames of rows, and frames that say which rows are done.
//!
//! ```text
//! segment:  "TGSPOOL1"  { length u32, crc32 u32, records u32, row as JSON }*
//! acks:                 { count u32, crc32 u32, position u32 * count }*
//! ```
//! Numbers are little-endian. The checksum covers what follows it in the frame. A frame that is
//! cut short or does not match ends the file: it was never reported as written.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

pub(super) const MAGIC: &[u8; 8] = b"TGSPOOL1";
const HEAD: usize = 12;

/// Writes one row's frame to the end of a buffer.
pub(super) fn frame(buffer: &mut Vec<u8>, records: u32, write: impl FnOnce(&mut Vec<u8>)) {
    let from = buffer.len();
    buffer.extend_from_slice(&[0; 8]);
    buffer.extend_from_slice(&records.to_le_bytes());
    write(buffer);
    let length = u32::try_from(buffer.len() - from - HEAD).unwrap_or(u32::MAX);
    let sum = crc32fast::hash(&buffer[from + 8..]);
    buffer[from..from + 4].copy_from_slice(&length.to_le_bytes());
    buffer[from + 4..from + 8].copy_from_slice(&sum.to_le_bytes());
}

/// Writes a frame of acknowledged positions.
pub(super) fn ack_frame(positions: &[u32]) -> Vec<u8> {
    let mut content = Vec::with_capacity(positions.len() * 4);
    for position in positions {
        content.extend_from_slice(&position.to_le_bytes());
    }
    let mut frame = Vec::with_capacity(content.len() + 8);
    frame.extend_from_slice(&(positions.len() as u32).to_le_bytes());
    frame.extend_from_slice(&crc32fast::hash(&content).to_le_bytes());
    frame.extend_from_slice(&content);
    frame
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Positions that the file of acknowledgements names; a missing file names none.
pub(super) fn read_acks(path: &Path) -> io::Result<HashSet<u32>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(error),
    };
    let mut done = HashSet::new();
    let mut at = 0;
    while let (Some(count), Some(sum)) = (word(&bytes, at), word(&bytes, at + 4)) {
        let Some(content) = bytes.get(at + 8..).and_then(|rest| rest.get(..count as usize * 4))
        else {
            break;
        };
        if crc32fast::hash(content) != sum {
            break;
        }
        done.extend((0..count as usize).filter_map(|index| word(content, index * 4)));
        at += 8 + content.len();
    }
    Ok(done)
}

/// A segment that was read.
#[derive(Debug)]
pub(super) struct Contents {
    bytes: Vec<u8>,
    /// Rows that are not acknowledged, with the number of records in each.
    rows: Vec<(std::ops::Range<usize>, u32)>,
    /// Bytes after the last whole frame.
    pub(super) torn_bytes: u64,
}

impl Contents {
    /// Reads a segment and leaves out what its acknowledgements name.
    pub(super) fn read(segment: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open(segment)?.read_to_end(&mut bytes)?;
        let done = read_acks(&acks_of(segment))?;
        let mut rows = Vec::new();
        let mut at = MAGIC.len();
        if !bytes.starts_with(MAGIC) {
            let torn_bytes = bytes.len() as u64;
            return Ok(Self { bytes, rows, torn_bytes });
        }
        let mut position = 0;
        while let (Some(length), Some(sum), Some(records)) =
            (word(&bytes, at), word(&bytes, at + 4), word(&bytes, at + 8))
        {
            let end = at + HEAD + length as usize;
            if bytes.get(at + 8..end).is_none_or(|covered| crc32fast::hash(covered) != sum) {
                break;
            }
            if !done.contains(&position) {
                rows.push((at + HEAD..end, records));
            }
            position += 1;
            at = end;
        }
        let torn_bytes = (bytes.len() - at) as u64;
        Ok(Self { bytes, rows, torn_bytes })
    }

    /// Rows as JSON, with their numbers of records, in the order of writing.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.rows.iter().map(|(range, records)| (&self.bytes[range.clone()], u64::from(*records)))
    }
}

pub(super) fn acks_of(segment: &Path) -> PathBuf {
    segment.with_extension("ack")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_torn_or_changed_tails_end_the_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("w-00000001.seg");
        let mut bytes = MAGIC.to_vec();
        let texts = ["{\"a\":1}", "{}", "{\"b\":\"two\"}"];
        let mut ends = Vec::new();
        for (records, text) in (1..).zip(texts) {
            frame(&mut bytes, records, |buffer| buffer.extend_from_slice(text.as_bytes()));
            ends.push(bytes.len());
        }
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            let contents = Contents::read(&path).expect("readable");
            let rows: Vec<_> =
                contents.rows().map(|(row, n)| (String::from_utf8_lossy(row).into(), n)).collect();
            (rows, contents.torn_bytes)
        };
        let whole: Vec<(String, u64)> =
            (1..).zip(texts).map(|(n, text)| (text.to_owned(), n)).collect();
        assert_eq!(read(&bytes), (whole.clone(), 0));
        for cut in 0..bytes.len() {
            let kept = ends.iter().filter(|end| **end <= cut).count();
            let (rows, torn) = read(&bytes[..cut]);
            assert_eq!(rows, whole[..kept], "cut at {cut}");
            let upto = ends[..kept].last().copied().unwrap_or(MAGIC.len());
            assert_eq!(torn as usize, if cut < MAGIC.len() { cut } else { cut - upto });
        }
        for at in ends[1]..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(read(&changed).0, whole[..2], "changed at {at}");
        }
    }

    #[test]
    fn acknowledged_rows_are_left_out() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("w-00000001.seg");
        let mut bytes = MAGIC.to_vec();
        for number in 0..5 {
            frame(&mut bytes, 1, |buffer| buffer.extend_from_slice(format!("{number}").as_bytes()));
        }
        std::fs::write(&path, &bytes).expect("written");
        let mut acks = ack_frame(&[0, 3]);
        acks.extend(ack_frame(&[1]));
        acks.extend_from_slice(&ack_frame(&[4])[..9]);
        std::fs::write(acks_of(&path), acks).expect("written");
        let contents = Contents::read(&path).expect("readable");
        let rows: Vec<_> = contents.rows().map(|(row, _)| row.to_vec()).collect();
        assert_eq!(rows, [b"2", b"4"], "the torn acknowledgement of 4 does not count");
    }
}
