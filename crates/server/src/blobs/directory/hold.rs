//! A backup copies the database first and the files of uploads after it, for as long as that takes.
//! Meanwhile no file may go that the copied database names, so it holds a lock that whoever removes
//! files asks for.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Name of the file in the data directory.
const LOCK_FILE: &str = "backup.lock";

/// The collector's end of the lock.
#[derive(Debug)]
pub(super) struct Removals(Mutex<Option<File>>);

impl Removals {
    pub(super) fn open(data_dir: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self(Mutex::new(Some(options.open(data_dir.join(LOCK_FILE))?))))
    }

    fn lock(&self) -> MutexGuard<'_, Option<File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps backups from starting until the answer is dropped; `None` while one is made, and after
    /// [`Removals::stop`].
    pub(super) fn begin(&self) -> io::Result<Option<Begun<'_>>> {
        let file = self.lock();
        match file.as_ref().map(File::try_lock) {
            Some(Ok(())) => Ok(Some(Begun(file))),
            None | Some(Err(TryLockError::WouldBlock)) => Ok(None),
            Some(Err(TryLockError::Error(error))) => Err(error),
        }
    }

    /// Lets no removal begin any more, and waits for one under way.
    pub(super) fn stop(&self) {
        drop(self.lock().take());
    }
}

/// Files are being removed, until dropped.
pub(super) struct Begun<'a>(MutexGuard<'a, Option<File>>);

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.as_ref().map(File::unlock) {
            tracing::warn!(target: "server::blobs", error = ?error, "backups have to wait");
        }
    }
}

/// A backup is being made, until dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    /// `None` where no collector has been that removes files.
    _file: Option<File>,
}

/// Keeps the files of uploads where they are. Blocks while a collector removes some.
pub(crate) fn hold(data_dir: &Path) -> io::Result<Hold> {
    let file = match File::open(data_dir.join(LOCK_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Hold { _file: None }),
        other => other?,
    };
    file.lock_shared()?;
    Ok(Hold { _file: Some(file) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_and_removals_keep_each_other_out() {
        let dir = tempfile::tempdir().expect("directory");
        let nothing = hold(dir.path()).expect("no lock to hold");
        let removals = Removals::open(dir.path()).expect("open");
        drop((removals.begin().expect("a lock").expect("nobody holds it"), nothing));
        let (one, other) = (hold(dir.path()).expect("held"), hold(dir.path()).expect("held"));
        assert!(removals.begin().expect("a lock").is_none());
        drop(one);
        assert!(removals.begin().expect("a lock").is_none());
        drop(other);
        assert!(removals.begin().expect("a lock").is_some());
        removals.stop();
        assert!(removals.begin().expect("no lock").is_none());
        drop(hold(dir.path()).expect("free"));
    }
}
