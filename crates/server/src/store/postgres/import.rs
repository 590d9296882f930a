//! Moving a store from SQLite here.
//!
//! What is registered comes first, in one transaction; then rows and earlier states, some thousand
//! per transaction, each of which also notes how far it is, so that an interrupted move goes on where
//! it was. Numbers, ids and transaction ids stay what they are, and so do cursors and links. At the
//! end both stores are read in the same order and must have the same counts and checksums.

mod registry;
mod rows;
mod verify;

use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;
use tokio::runtime::Handle;

use super::database::{Database, one, row, run};
use super::migrate::{OpenError, migrate};
use crate::store::StoreError;
use crate::store::sqlite::offline::{Offline, SUPPORTED};

/// What was moved, and found to be the same on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MigrationReport {
    /// Projects, experiments, datasets, functions, keys and what belongs to them.
    pub registered: u64,
    /// Rows as they are now.
    pub rows: u64,
    /// Earlier states of rows of datasets.
    pub earlier: u64,
    /// SHA-256 over all of that, in order, as hex digits.
    pub checksum: String,
    /// Rows and earlier states that an earlier, interrupted run had moved.
    pub resumed_at: u64,
    /// Uploaded files that are in the bucket now, if one was named.
    pub files: u64,
    /// Their size.
    pub file_bytes: u64,
    /// Files that should have been in the data directory.
    pub missing_files: u64,
    /// Files whose bytes are not those of their SHA-256. They were not copied.
    pub damaged_files: u64,
}

/// Why a store was not moved. What came across stays there, and the same command goes on with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// There is nothing to move, or it is not of this version.
    #[error("{0}")]
    Source(String),
    /// The destination has other data.
    #[error("the database holds data of its own already")]
    Occupied,
    /// The destination is not a database for this software, or of a newer version.
    #[error("{0}")]
    Destination(String),
    /// Both were read to the end and differ.
    #[error("{what} differ: {source_has} in the data directory, {destination_has} in the database")]
    Differs {
        /// What differs.
        what: String,
        /// What the source has.
        source_has: String,
        /// What the destination has.
        destination_has: String,
    },
    /// The bucket for uploaded files cannot be used.
    #[cfg(feature = "s3")]
    #[error("cannot use the bucket {url}")]
    Bucket {
        /// Its URL.
        url: String,
        /// The cause.
        source: crate::blobs::BucketError,
    },
    /// One of the databases failed.
    #[error("{side} failed")]
    Store {
        /// Which.
        side: &'static str,
        /// The cause.
        source: StoreError,
    },
}

impl From<StoreError> for MigrationError {
    fn from(source: StoreError) -> Self {
        Self::Store { side: "the database", source }
    }
}

impl From<rusqlite::Error> for MigrationError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store { side: "the data directory", source: error.into() }
    }
}

impl From<OpenError> for MigrationError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Newer { found, supported } => Self::Destination(format!(
                "the database has schema version {found}, newer than the supported {supported}"
            )),
            OpenError::Foreign => Self::Destination("the database holds other tables".into()),
            OpenError::Store(error) => error.into(),
        }
    }
}

/// What is under way, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationStep {
    /// So many of all rows and earlier states are there.
    Moved(u64, u64),
    /// So many of them have been compared.
    Compared(u64, u64),
    /// So many of all uploaded files are in the bucket.
    Copied(u64, u64),
}

/// Moves a store whose directory is locked. Blocks.
pub(crate) fn import(
    handle: &Handle,
    data_dir: &Path,
    url: &str,
    watch: &mut dyn FnMut(MigrationStep),
) -> Result<MigrationReport, MigrationError> {
    let source = Offline::open(data_dir)
        .map_err(|error| MigrationError::Source(format!("no store to move: {error}")))?;
    if source.version != SUPPORTED {
        return Err(MigrationError::Source(format!(
            "the store has schema version {}, not {SUPPORTED}: let this version serve it once",
            source.version
        )));
    }
    let source = source.connection;
    let database = Database::new(url)?;
    handle.block_on(migrate(&database))?;
    let mut client = handle.block_on(database.client())?;
    let org: String = source.query_row("SELECT org_id FROM store", [], |row| row.get(0))?;
    let begun = handle.block_on(row(
        &client,
        "SELECT rows_through, versions_through, finished FROM imports WHERE source = $1",
        &[&org],
    ))?;
    let mut place = match begun {
        Some(row) => Place { rows: row.get(0), versions: row.get(1), finished: row.get(2) },
        None => {
            let transaction = handle.block_on(client.transaction()).map_err(StoreError::from)?;
            handle.block_on(refuse_occupied(&transaction))?;
            registry::copy(handle, &source, &transaction)?;
            let sql = "INSERT INTO imports VALUES ($1, 0, 0, false)";
            handle.block_on(run(&transaction, sql, &[&org]))?;
            handle.block_on(transaction.commit()).map_err(StoreError::from)?;
            Place { rows: 0, versions: 0, finished: false }
        }
    };
    let total = count(&source, "rows")? + count(&source, "row_versions")?;
    let resumed_at = done_before(&source, &place)?;
    if !place.finished {
        rows::copy(handle, &source, &mut client, &org, &mut place, &mut |moved| {
            watch(MigrationStep::Moved(resumed_at + moved, total));
        })?;
        handle.block_on(finish(&client, &source, &org))?;
    }
    let report = verify::compare(handle, &source, &client, &mut |compared| {
        watch(MigrationStep::Compared(compared, total));
    })?;
    Ok(MigrationReport { resumed_at, ..report })
}

/// How far rows and earlier states are, by number.
struct Place {
    rows: i64,
    versions: i64,
    finished: bool,
}

fn count(source: &Connection, table: &str) -> Result<u64, rusqlite::Error> {
    let sql = format!("SELECT count(*) FROM {table} WHERE object IN ({})", rows::LIVING);
    Ok(source.query_row(&sql, [], |row| row.get::<_, i64>(0))?.cast_unsigned())
}

fn done_before(source: &Connection, place: &Place) -> Result<u64, rusqlite::Error> {
    let count = |table: &str, through: i64| -> Result<u64, rusqlite::Error> {
        let sql = format!(
            "SELECT count(*) FROM {table} WHERE number <= ?1 AND object IN ({})",
            rows::LIVING
        );
        Ok(source.query_row(&sql, [through], |row| row.get::<_, i64>(0))?.cast_unsigned())
    };
    Ok(count("rows", place.rows)? + count("row_versions", place.versions)?)
}

async fn refuse_occupied(on: &impl deadpool_postgres::GenericClient) -> Result<(), MigrationError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM projects) OR EXISTS (SELECT 1 FROM objects)
                 OR EXISTS (SELECT 1 FROM api_keys) OR EXISTS (SELECT 1 FROM imports)";
    match one(on, sql, &[]).await?.get(0) {
        true => Err(MigrationError::Occupied),
        false => Ok(()),
    }
}

/// Lets new numbers and transaction ids follow those that came.
async fn finish(
    on: &impl deadpool_postgres::GenericClient,
    source: &Connection,
    org: &str,
) -> Result<(), MigrationError> {
    let last: i64 = source.query_row("SELECT last_xact FROM store", [], |row| row.get(0))?;
    on.execute("SELECT setval('xacts', greatest($1, last_value)) FROM xacts", &[&last])
        .await
        .map_err(StoreError::from)?;
    on.batch_execute(
        "SELECT setval('row_numbers', greatest(1, (SELECT max(number) FROM rows),
                                               (SELECT max(number) FROM row_versions)))",
    )
    .await
    .map_err(StoreError::from)?;
    for table in registry::NUMBERED {
        let sql = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', 'number'),
                           greatest(1, (SELECT max(number) FROM {table})))"
        );
        on.batch_execute(&sql).await.map_err(StoreError::from)?;
    }
    run(on, "UPDATE imports SET finished = true WHERE source = $1", &[&org]).await?;
    Ok(())
}
