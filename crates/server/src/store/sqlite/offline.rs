//! Reading a database beside the collector that may be using it: for backups and checks.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{DATABASE_FILE, OpenError, documents, migrate, open};

/// A database opened for reading, and its schema version.
#[derive(Debug)]
pub(crate) struct Offline {
    pub(crate) connection: Connection,
    pub(crate) version: u32,
}

/// The newest schema version this build knows.
pub(crate) const SUPPORTED: u32 = migrate::SUPPORTED;

impl Offline {
    /// Opens the database of a data directory. Nothing is changed, not even by migrating it; a
    /// log that a crash left behind is read like one in use.
    ///
    /// # Errors
    /// As for opening to serve, and `CannotOpen` where there is no database.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join(DATABASE_FILE);
        // With the right to write: without one, the log of a crashed server cannot be read.
        let connection = Connection::open_with_flags(
            &path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(open::BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        // Closing must not empty the log: that is the work of whoever serves.
        connection
            .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        documents::register(&connection)?;
        let version = migrate::check(&connection)?;
        Ok(Self { connection, version })
    }
}
