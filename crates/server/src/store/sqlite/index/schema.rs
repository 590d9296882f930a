//! The file of the index: opened, checked, made anew.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::super::changes;
use super::super::open::BUSY_TIMEOUT;
use crate::store::StoreError;

/// Any other version of the file is thrown away and built again; raise it with every change of
/// the tables or of what they hold.
const VERSION: i64 = 3;

/// Pages of the log after which it is copied into the database: 16 MiB.
const CHECKPOINT_PAGES: i64 = 4_096;

/// Page cache, in KiB: the inner pages of the trees for tens of millions of rows.
const CACHE_KIB: i64 = 12_288;

const TABLES: &str = include_str!("tables.sql");

/// Opens the index beside a database, made anew where it does not fit: other version, damaged, or
/// of another time than the journal. Never fails on account of what the file holds.
pub(super) fn open(path: &Path, main: &Connection) -> Result<Connection, StoreError> {
    match connect(path).and_then(|connection| Ok((fits(&connection, main)?, connection))) {
        Ok((true, connection)) => return Ok(connection),
        Ok((false, connection)) => drop(connection),
        Err(error) => {
            tracing::warn!(target: "server::index", error = ?error, "the index is built again");
        }
    }
    remove(path)?;
    let connection = connect(path)?;
    create(&connection, main)?;
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // SQLite would make it readable by everybody; its side files copy this mode.
    drop(options.open(path)?);
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // No sync at a commit: what loss of power takes is derived again from the journal, whose
    // entries stay until a checkpoint has synced what was made of them.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn fits(connection: &Connection, main: &Connection) -> Result<bool, StoreError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version != VERSION {
        return Ok(false);
    }
    let state = connection
        .query_row("SELECT journal, store FROM index_state", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((journal, store)) = state else { return Ok(false) };
    let known = store == store_id(main)? && journal <= changes::newest(main)?;
    Ok(known && !matches!(changes::read_after(main, journal, 1)?, changes::Read::Gap))
}

fn store_id(main: &Connection) -> Result<String, StoreError> {
    Ok(main.query_row("SELECT org_id FROM store", [], |row| row.get(0))?)
}

/// Makes the tables of an empty index that has to read all rows first.
fn create(connection: &Connection, main: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.execute_batch(TABLES)?;
    begin(connection, main)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

/// Empties the index in one transaction, so that it is built again from the rows.
pub(super) fn restart(connection: &Connection, main: &Connection) -> Result<(), StoreError> {
    let tables = "DROP TABLE index_state; DROP TABLE tallies; DROP TABLE traces; DROP TABLE minutes;
        DROP TABLE untraced; DROP TABLE attachments; DROP TABLE figure_names; DROP TABLE summaries; DROP TABLE words;";
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.execute_batch(tables)?;
    connection.execute_batch(TABLES)?;
    begin(connection, main)?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

fn begin(connection: &Connection, main: &Connection) -> Result<(), StoreError> {
    // The journal's end before the first row is read: what changes meanwhile is read twice.
    let journal = changes::newest(main)?;
    connection.execute(
        "INSERT INTO index_state (only, journal, scanned, store) VALUES (1, ?1, 0, ?2)",
        (journal, store_id(main)?),
    )?;
    Ok(())
}

fn remove(path: &Path) -> Result<(), StoreError> {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
