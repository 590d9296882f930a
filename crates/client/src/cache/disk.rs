//! Copies on the disk: a file each, replaced whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::{MAX_ENTRY_BYTES, Name};
use crate::clock;

/// After so many writes the directory is counted again: others write to it too.
const WRITES_PER_COUNT: usize = 64;
/// A file that is being written; one of a process that died stays, and goes after this.
const STALE: Duration = Duration::from_secs(3600);

/// A directory of entries.
#[derive(Debug)]
pub(super) struct Disk {
    directory: PathBuf,
    max_entries: usize,
    max_bytes: u64,
    known: Mutex<Known>,
}

/// What is in the directory, as far as it is known.
#[derive(Debug, Default)]
struct Known {
    entries: usize,
    bytes: u64,
    /// Zero makes the next write count.
    writes_left: usize,
}

/// A file of the directory.
struct Entry {
    name: Name,
    modified: SystemTime,
    bytes: u64,
}

/// A directory that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {source}")]
pub(super) struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl Disk {
    pub(super) fn new(directory: PathBuf, max_entries: usize, max_bytes: u64) -> Self {
        Self { directory, max_entries, max_bytes, known: Mutex::default() }
    }

    pub(super) fn path(&self, name: &Name) -> PathBuf {
        self.directory.join(hex(name))
    }

    /// Reads an entry; `None` if there is none.
    pub(super) fn read(&self, name: &Name) -> io::Result<Option<Vec<u8>>> {
        let path = self.path(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = unpack(file, MAX_ENTRY_BYTES)?;
        // Its time is that of the last use; where it cannot be set, the file goes a little earlier.
        if let Ok(file) = OpenOptions::new().write(true).open(&path) {
            file.set_modified(clock::wall().into()).ok();
        }
        Ok(Some(bytes))
    }

    /// Writes an entry, and takes the least recently used away where there are too many.
    pub(super) fn write(&self, name: &Name, bytes: &[u8]) -> Result<(), WriteError> {
        let path = self.path(name);
        let failed = |source| WriteError { path: path.clone(), source };
        let packed = pack(bytes).map_err(failed)?;
        let size = packed.len() as u64;
        if size > self.max_bytes {
            return Ok(());
        }
        make(&self.directory).map_err(failed)?;
        let replaced = fs::metadata(&path).ok().map(|metadata| metadata.len());
        replace(&path, &packed).map_err(failed)?;

        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.writes_left == 0 {
            (known.entries, known.bytes) = self.count().map_err(failed)?;
            known.writes_left = WRITES_PER_COUNT;
        } else {
            known.writes_left -= 1;
            known.entries += usize::from(replaced.is_none());
            known.bytes = (known.bytes + size).saturating_sub(replaced.unwrap_or(0));
        }
        if known.entries > self.max_entries || known.bytes > self.max_bytes {
            (known.entries, known.bytes) = self.evict(name).map_err(failed)?;
        }
        Ok(())
    }

    fn count(&self) -> io::Result<(usize, u64)> {
        let (mut entries, mut bytes) = (0, 0);
        self.each(|entry| {
            entries += 1;
            bytes += entry.bytes;
        })?;
        Ok((entries, bytes))
    }

    /// Makes room, a sixteenth more than needed: counting a large directory for each write would
    /// cost more than the entries are worth. What was just written stays.
    fn evict(&self, written: &Name) -> io::Result<(usize, u64)> {
        let mut all = Vec::new();
        self.each(|entry| all.push(entry))?;
        all.sort_by_key(|entry| (entry.name == *written, entry.modified));
        let mut entries = all.len();
        let mut bytes: u64 = all.iter().map(|entry| entry.bytes).sum();
        let most_entries = self.max_entries - self.max_entries / 16;
        let most_bytes = self.max_bytes - self.max_bytes / 16;
        for entry in all {
            if (entries <= most_entries && bytes <= most_bytes) || entry.name == *written {
                break;
            }
            match fs::remove_file(self.path(&entry.name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            entries -= 1;
            bytes -= entry.bytes;
        }
        Ok((entries, bytes))
    }

    /// Visits the entries. Files of others are not looked at.
    fn each(&self, mut visit: impl FnMut(Entry)) -> io::Result<()> {
        let now = SystemTime::from(clock::wall());
        for file in fs::read_dir(&self.directory)? {
            let file = file?;
            let file_name = file.file_name();
            let Some(text) = file_name.to_str() else { continue };
            // Another process may take it away in between.
            let Ok(metadata) = file.metadata() else { continue };
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if let Some(name) = unhex(text) {
                visit(Entry { name, modified, bytes: metadata.len() });
            } else if is_temporary(text)
                && now.duration_since(modified).is_ok_and(|age| age > STALE)
            {
                fs::remove_file(file.path()).ok();
            }
        }
        Ok(())
    }
}

/// Unpacks at most so many bytes: a small file may hold gigabytes.
pub(super) fn unpack(packed: impl io::Read, limit_bytes: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let cap = u64::try_from(limit_bytes).unwrap_or(u64::MAX).saturating_add(1);
    GzDecoder::new(packed).take(cap).read_to_end(&mut bytes)?;
    if bytes.len() > limit_bytes {
        let problem = format!("it holds more than {limit_bytes} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    Ok(bytes)
}

pub(super) fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Makes a directory that only its owner may look into: prompts may be confidential.
fn make(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Writes beside and renames, so that a reader sees the whole of one entry or of the other.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{count}.tmp", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&temporary).and_then(|mut file| file.write_all(bytes));
    let placed = written.and_then(|()| fs::rename(&temporary, path));
    if placed.is_err() {
        fs::remove_file(&temporary).ok();
    }
    placed
}

fn is_temporary(name: &str) -> bool {
    name.strip_suffix(".tmp")
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(name, _)| unhex(name).is_some())
}

fn hex(name: &Name) -> String {
    name.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Name> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut name = Name::default();
    for (index, byte) in name.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(name)
}
