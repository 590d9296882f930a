//! A copy of a data directory that another process may be serving.
//!
//! The database is copied page by page in one read transaction, so the copy is the state of one
//! moment, however long it takes and whatever is written meanwhile; then the files of uploads that
//! this state names. All of it appears under its name at once, when it is synced and checked.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use super::blobs;
use crate::blobs::hold;
use crate::store::StoreError;
use crate::store::sqlite::offline::Offline;
use crate::store::sqlite::{DATABASE_FILE, OpenError};

/// Pages copied at a time: 8 MiB.
const STEP_PAGES: i32 = 2_048;
/// How often in a row the database may be busy; each time SQLite has waited some seconds itself.
const BUSY_TRIES: u32 = 10;

/// What a backup holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// Size of the copied database.
    pub database_bytes: u64,
    /// Copied files of uploads.
    pub blobs: u64,
    /// Their size.
    pub blob_bytes: u64,
    /// Files of uploads that the database names and that do not exist.
    pub missing_blobs: u64,
}

/// Why there is no backup. Nothing is left at the destination.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Something has the name already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },
    /// There is no database to copy, or it cannot be opened.
    #[error("there is no readable database in {}", path.display())]
    NoDatabase {
        /// The data directory.
        path: PathBuf,
        /// The cause.
        source: StoreError,
    },
    /// The database is not one that this build knows.
    #[error("the database in {} is of another program or of a newer version", path.display())]
    UnknownSchema {
        /// The data directory.
        path: PathBuf,
    },
    /// Copying failed.
    #[error("cannot copy to {}", path.display())]
    Copy {
        /// What was being written.
        path: PathBuf,
        /// The cause.
        source: StoreError,
    },
    /// The copy is not sound, and neither may be the original.
    #[error("the copy does not pass the integrity check: {found}")]
    Damaged {
        /// What SQLite says first.
        found: String,
    },
}

/// Copies a data directory to `destination`, which becomes a data directory of its own. Works
/// beside the process that serves it. Blocks for as long as copying and checking take.
///
/// # Errors
/// See [`BackupError`].
pub fn backup(data_dir: &Path, destination: &Path) -> Result<BackupReport, BackupError> {
    // A link that leads nowhere counts as well.
    if fs::symlink_metadata(destination).is_ok() {
        return Err(BackupError::Exists { path: destination.to_owned() });
    }
    let source = Offline::open(data_dir).map_err(|error| match error {
        OpenError::Newer { .. } | OpenError::Foreign => {
            BackupError::UnknownSchema { path: data_dir.to_owned() }
        }
        OpenError::Sqlite(error) => {
            BackupError::NoDatabase { path: data_dir.to_owned(), source: error.into() }
        }
    })?;
    if source.version == 0 {
        return Err(BackupError::UnknownSchema { path: data_dir.to_owned() });
    }
    // From before the state that is copied: all files that it names are there until they are copied.
    let hold = hold(data_dir).map_err(|error| fault(data_dir, error))?;
    let partial = Partial::create(destination)?;
    let database = partial.path.join(DATABASE_FILE);
    let names = copy_database(&source.connection, &database)?;
    let size = fs::metadata(&database).map_err(|error| fault(&database, error))?.len();
    let mut report = BackupReport { database_bytes: size, ..BackupReport::default() };
    copy_blobs(data_dir, &partial.path, &names, &source.connection, &mut report)?;
    drop(hold);
    partial.finish()?;
    Ok(report)
}

/// A directory beside the destination; removed unless it takes that name.
struct Partial {
    path: PathBuf,
    destination: PathBuf,
}

impl Partial {
    fn create(destination: &Path) -> Result<Self, BackupError> {
        let name = destination.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| BackupError::Exists { path: destination.to_owned() })?;
        let path = destination
            .with_file_name(format!(".{name}.partial-{}", uuid::Uuid::now_v7().simple()));
        private_directory(&path, false).map_err(|error| fault(&path, error))?;
        Ok(Self { path, destination: destination.to_owned() })
    }

    /// Syncs the directory and gives it its name.
    fn finish(self) -> Result<(), BackupError> {
        let parent = match self.destination.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // Replaces nothing: at most a directory that has appeared meanwhile and is empty.
        let renamed = sync(&self.path)
            .and_then(|()| fs::rename(&self.path, &self.destination))
            .and_then(|()| sync(parent));
        renamed.map_err(|error| fault(&self.destination, error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Gone if it took its name.
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            let path = self.path.display();
            tracing::warn!(target: "server::backup", %path, %error, "a partial backup is left");
        }
    }
}

/// Copies and checks the database; returns the names of the files that it needs besides.
fn copy_database(source: &Connection, to: &Path) -> Result<Vec<String>, BackupError> {
    let (found, names) = (|| -> Result<_, StoreError> {
        let mut copy = Connection::open_with_flags(
            to,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        private(to)?;
        // Nobody has it yet: it is synced once, when it is complete.
        copy.pragma_update(None, "synchronous", "OFF")?;
        copy_pages(source, &mut copy)?;
        let found: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let names = blobs::named(&copy)?;
        copy.close().map_err(|(_, error)| error)?;
        File::open(to)?.sync_all()?;
        Ok((found, names))
    })()
    .map_err(|error| fault(to, error))?;
    if found == "ok" { Ok(names) } else { Err(BackupError::Damaged { found }) }
}

fn copy_pages(source: &Connection, copy: &mut Connection) -> Result<(), StoreError> {
    // Held over all steps, so that what others write does not start the copy anew.
    let snapshot = source.unchecked_transaction()?;
    snapshot.query_row("SELECT count(*) FROM store", [], |_| Ok(()))?;
    let backup = Backup::new(source, copy)?;
    let mut busy = 0;
    loop {
        match backup.step(STEP_PAGES)? {
            StepResult::Done => return Ok(()),
            StepResult::More => busy = 0,
            _ if busy < BUSY_TRIES => busy += 1,
            _ => return Err(StoreError::Overloaded),
        }
    }
}

fn copy_blobs(
    data_dir: &Path,
    to: &Path,
    names: &[String],
    source: &Connection,
    report: &mut BackupReport,
) -> Result<(), BackupError> {
    let mut directories = BTreeSet::new();
    for name in names {
        let place = blobs::place(name);
        let path = to.join(&place);
        let directory = path.parent().unwrap_or(to).to_owned();
        if !directories.contains(&directory) {
            private_directory(&directory, true).map_err(|error| fault(&directory, error))?;
            directories.insert(directory);
        }
        let copied = fs::copy(data_dir.join(&place), &path)
            .and_then(|bytes| File::open(&path)?.sync_all().map(|()| bytes));
        match copied {
            Ok(bytes) => {
                report.blobs += 1;
                report.blob_bytes += bytes;
            }
            // Missing; or removed meanwhile by an earlier version, which waits for no backup.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let is_named = blobs::is_named(source, name).map_err(|error| fault(to, error))?;
                report.missing_blobs += u64::from(is_named);
            }
            Err(error) => return Err(fault(&path, error)),
        }
    }
    if !directories.is_empty() {
        directories.insert(to.join(blobs::DIRECTORY));
    }
    directories.iter().try_for_each(|path| sync(path).map_err(|error| fault(path, error)))
}

/// Makes a directory for its owner alone; with `deep` its parents too.
fn private_directory(path: &Path, deep: bool) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(deep).create(path)
}

fn private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn fault(path: &Path, error: impl Into<StoreError>) -> BackupError {
    BackupError::Copy { path: path.to_owned(), source: error.into() }
}
