//! Taking, publishing and releasing the lock.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::{fmt, process};

use serde::{Deserialize, Serialize};

use super::handover;
use crate::error::StartError;
use crate::options::Role;

const LOCK_FILE: &str = "collector.lock";

/// More than any holder writes; a larger file is not ours.
const MAX_HOLDER_BYTES: u64 = 4_096;

/// The process that serves a data directory.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Where it listens, as `http://host:port`.
    pub url: String,
    /// Its process id.
    pub pid: u32,
    /// Whether it makes way for a server.
    pub role: Role,
    /// Proves to it that a request comes from somebody who can read the lock file.
    pub(crate) token: String,
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, pid, role, token: _ } = self;
        f.debug_struct("Holder")
            .field("url", url)
            .field("pid", pid)
            .field("role", role)
            .finish_non_exhaustive()
    }
}

/// Reads who serves a data directory, `None` if nobody says so.
///
/// A crashed holder leaves its entry behind, so the address may be dead. [`start`](crate::start)
/// with [`Role::Embedded`] tells for sure: it takes a free directory and otherwise returns
/// [`StartError::Locked`] with a holder that answered.
#[must_use]
pub fn read_holder(data_dir: &Path) -> Option<Holder> {
    let file = File::open(data_dir.join(LOCK_FILE)).ok()?;
    let mut text = String::new();
    file.take(MAX_HOLDER_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Whether somebody holds a data directory. Never waits and takes nothing for longer than that.
pub(crate) fn is_held(data_dir: &Path) -> io::Result<bool> {
    let file = match File::open(data_dir.join(LOCK_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The lock on a data directory; dropping it releases the directory.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    /// Takes the directory, made if missing, asking an embedded holder to make way for a server.
    pub(crate) async fn acquire(data_dir: &Path, role: Role) -> Result<Self, StartError> {
        let path = data_dir.to_owned();
        let file = blocking(&path, open).await?;
        let mut waiting = handover::Waiting::new(role);
        loop {
            match file.try_lock() {
                Ok(()) => {
                    let lock = Self { file };
                    // At once, so that nobody reads a crashed holder's entry as ours.
                    lock.blank().map_err(|source| fault(data_dir, source))?;
                    return Ok(lock);
                }
                Err(TryLockError::Error(source)) => return Err(fault(data_dir, source)),
                Err(TryLockError::WouldBlock) => {}
            }
            if let handover::Verdict::Occupied(holder) = waiting.step(read_holder(data_dir)).await {
                return Err(StartError::Locked { path, holder });
            }
        }
    }

    /// Says where the holder listens.
    pub(crate) fn publish(&self, url: &str, role: Role, token: &str) -> io::Result<()> {
        let holder = Holder { url: url.into(), pid: process::id(), role, token: token.into() };
        self.blank()?;
        let mut file = &self.file;
        // One write: a reader sees an empty file or all of it.
        file.write_all(&serde_json::to_vec(&holder)?)
    }

    fn blank(&self) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).seek(SeekFrom::Start(0)).map(drop)
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Blank first: nobody may read the address of a holder that is gone.
        if let Err(error) = self.blank().and_then(|()| self.file.unlock()) {
            tracing::warn!(target: "server::data_dir", error = ?error, "releasing the lock failed");
        }
    }
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, StartError> {
    let owned = path.to_owned();
    let done = tokio::task::spawn_blocking(move || work(&owned)).await;
    done.map_err(io::Error::other).flatten().map_err(|source| fault(path, source))
}

fn open(data_dir: &Path) -> io::Result<File> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        builder.mode(0o700);
        options.mode(0o600);
    }
    builder.create(data_dir)?;
    // SQLite would make the database readable by everybody; its side files copy this mode.
    drop(options.open(data_dir.join(crate::store::sqlite::DATABASE_FILE))?);
    options.open(data_dir.join(LOCK_FILE))
}

fn fault(path: &Path, source: io::Error) -> StartError {
    let path = PathBuf::from(path);
    match source.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::AlreadyExists => StartError::NotWritable { path, source },
        _ => StartError::DataDir { path, source },
    }
}
