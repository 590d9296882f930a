//! Whether the disk has room. Writes are tried in any case, so this only says what is so, for
//! `/health/ready` and `/metrics`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::StoreError;

/// What must fit before the disk counts as having room again.
const ROOM_BYTES: usize = 1 << 20;
const PROBE_FILE: &str = "space.probe";

/// The room for a data directory.
#[derive(Debug)]
pub(crate) struct Space {
    data_dir: PathBuf,
    full: AtomicBool,
}

impl Space {
    pub(crate) fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), full: AtomicBool::new(false) }
    }

    /// Whether the last write that was tried found the disk full.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Notes how a write ended, and returns the error by its true name: SQLite has several for a
    /// full disk, of which some mean other things too.
    pub(crate) fn note<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match result {
            Ok(done) => {
                self.set(false);
                Ok(done)
            }
            Err(error) if matches!(error, StoreError::DiskFull) || self.explains(&error) => {
                self.set(true);
                Err(StoreError::DiskFull)
            }
            other => other,
        }
    }

    fn set(&self, full: bool) {
        if self.full.swap(full, Ordering::Relaxed) != full {
            if full {
                tracing::error!(target: "server::store", "the disk is full; writes are refused");
            } else {
                tracing::warn!(target: "server::store", "the disk has room again");
            }
        }
    }

    fn explains(&self, error: &StoreError) -> bool {
        let StoreError::Database(error) = error else { return false };
        let is_io = error.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure);
        is_io && free_bytes(&self.data_dir).is_ok_and(|free| free < ROOM_BYTES as u64)
    }

    /// Tries a full disk by writing to it: free space alone says nothing about quotas. Blocks.
    pub(crate) fn probe(&self) {
        if self.is_full() && self.write_probe().is_ok() {
            self.set(false);
        }
    }

    fn write_probe(&self) -> io::Result<()> {
        let path = self.data_dir.join(PROBE_FILE);
        let written = (|| {
            let mut file = File::create(&path)?;
            file.write_all(&vec![0xA5; ROOM_BYTES])?;
            file.sync_all()
        })();
        fs::remove_file(&path)?;
        written
    }
}

/// Bytes that this process may still write below a directory. Blocks.
///
/// # Errors
/// There is no such directory.
pub(crate) fn free_bytes(directory: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(directory)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_noted_until_something_fits_again() {
        let data = tempfile::tempdir().expect("a directory");
        let space = Space::new(data.path());
        space.note(Ok(())).expect("as it was");
        assert!(!space.is_full());
        let full = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(13), None);
        let noted = space.note::<()>(Err(full.into()));
        assert!(matches!(noted, Err(StoreError::DiskFull)), "{noted:?}");
        assert!(space.is_full());
        space.note::<()>(Err(StoreError::Panicked)).expect_err("as it was");
        assert!(space.is_full(), "another fault says nothing about the disk");
        space.probe();
        assert!(!space.is_full());
        assert_eq!(fs::read_dir(data.path()).expect("readable").count(), 0, "nothing is left");
    }

    #[test]
    fn io_errors_of_a_disk_with_room_keep_their_name() {
        let data = tempfile::tempdir().expect("a directory");
        let space = Space::new(data.path());
        // SQLITE_IOERR_FSYNC.
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(1_034), None);
        let noted = space.note::<()>(Err(error.into()));
        assert!(matches!(noted, Err(StoreError::Database(_))), "{noted:?}");
        assert!(!space.is_full());
    }

    #[test]
    fn files_without_room_are_a_full_disk_too() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            assert!(matches!(StoreError::from(io::Error::from(kind)), StoreError::DiskFull));
        }
    }
}
