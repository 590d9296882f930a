//! Opening the database, and the settings that make a commit survive loss of power.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{documents, migrate};

/// Name of the database in the data directory.
pub(crate) const DATABASE_FILE: &str = "tidegate.db";

/// Another process never holds the database (the data directory is locked), so only a checkpoint
/// or a backup tool can make us wait.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements kept per connection; there are fewer kinds than this.
const STATEMENT_CACHE: usize = 128;

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Made by a newer version.
    #[error("schema version {found} is newer than the supported {supported}")]
    Newer { found: u32, supported: u32 },
    /// A database with other tables, or no database at all.
    #[error("not a tidegate database")]
    Foreign,
    /// SQLite failed.
    #[error("database error")]
    Sqlite(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::Foreign,
            _ => Self::Sqlite(error),
        }
    }
}

/// Opens the database for writing, made or migrated as needed. One that is not ours is left as it
/// was.
pub(super) fn for_writing(path: &Path) -> Result<Connection, OpenError> {
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Before any setting: switching the journal mode already writes.
    let found = migrate::check(&connection)?;
    if found == 0 {
        // Only a database without tables takes it: so that it can shrink later, in steps.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL syncs the log at every commit; NORMAL would lose acknowledged rows with the power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    documents::register(&connection)?;
    migrate::apply(&mut connection, found)?;
    Ok(connection)
}

/// Opens another connection that can only read.
pub(super) fn for_reading(path: &PathBuf) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    documents::register(&connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_cannot_write() {
        let data = tempfile::tempdir().expect("a directory");
        let path = data.path().join(DATABASE_FILE);
        drop(for_writing(&path).expect("opened"));
        let reader = for_reading(&path).expect("opened");
        assert!(reader.execute("DELETE FROM rows", []).is_err());
    }
}
