//! Earlier states of rows of datasets, so that a dataset can be read as it was, and made so again.

use futures_util::FutureExt;
use rusqlite::{Connection, params};
use tidegate_model::{Destination, RowId, XactId};

use super::documents;
use super::row_tables::{self, IdColumn, object_number, row_id};
use super::store::SqliteStore;
use super::writer::Session;
use crate::store::{
    Answer, Body, Change, Document, Restoration, RowWrite, StoreError, VersionStore,
};

/// Stored bytes of the rows that one restoration writes, since it holds them in memory.
const RESTORE_BYTES: i64 = 256 << 20;

/// What a restoration counts for in a group of writes: it gets one for itself.
const WRITE_BYTES: usize = 64 << 20;

/// Rows that were not there at version `?2` of object `?1`.
const LATER: &str = "FROM rows AS present WHERE object = ?1 AND xact > ?2 AND NOT EXISTS (
       SELECT 1 FROM row_versions AS past
       WHERE past.object = ?1 AND past.row_id = present.row_id AND past.xact <= ?2 AND past.until > ?2)";

/// States of that version that are not those of present.
const OTHERWISE: &str = "FROM row_versions AS past
     LEFT JOIN rows AS present ON present.object = past.object AND present.row_id = past.row_id
     WHERE past.object = ?1 AND past.xact <= ?2 AND past.until > ?2
       AND (present.document IS NULL OR present.document <> past.document)";

/// Whether an object's rows leave their earlier states behind.
pub(super) fn are_kept(destination: &Destination) -> bool {
    matches!(destination, Destination::Dataset(_))
}

/// Keeps what a row is now, before a transaction changes it. A state that this same transaction
/// made was never seen by anybody and is not kept.
pub(super) fn keep(
    connection: &Connection,
    object: i64,
    id: &RowId,
    until: XactId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO row_versions
               (object, row_id, xact, until, created_us, is_root, root_span_id, document)
             SELECT object, row_id, xact, ?3, created_us, is_root, root_span_id, document
             FROM rows WHERE object = ?1 AND row_id = ?2 AND xact < ?3",
        )?
        .execute(params![object, IdColumn(id), until.as_u64().cast_signed()])?;
    Ok(())
}

impl VersionStore for SqliteStore {
    fn preview_restore(&self, dataset_id: String, version: XactId) -> Answer<'_, Restoration> {
        let dataset = Destination::Dataset(dataset_id);
        self.readers
            .run_for(dataset.clone(), move |connection| {
                Ok(preview(connection, &dataset, version)?.0)
            })
            .boxed()
    }

    fn restore(&self, dataset_id: String, version: XactId) -> Answer<'_, Restoration> {
        let dataset = Destination::Dataset(dataset_id);
        self.writer.submit(WRITE_BYTES, move |session| restore(session, &dataset, version)).boxed()
    }
}

/// Counts what differs, and the bytes of what would be written.
fn preview(
    connection: &Connection,
    dataset: &Destination,
    version: XactId,
) -> Result<(Restoration, i64), StoreError> {
    let nothing = Restoration { restored: 0, deleted: 0, xact: None };
    let Some(object) = object_number(connection, dataset)? else { return Ok((nothing, 0)) };
    let values = params![object, version.as_u64().cast_signed()];
    let deleted = connection
        .prepare_cached(&format!("SELECT count(*) {LATER}"))?
        .query_row(values, |row| row.get(0))?;
    let (restored, bytes) = connection
        .prepare_cached(&format!(
            "SELECT count(*), coalesce(sum(length(past.document)), 0) {OTHERWISE}"
        ))?
        .query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((Restoration { restored, deleted, xact: None }, bytes))
}

fn restore(
    session: &mut Session,
    dataset: &Destination,
    version: XactId,
) -> Result<Restoration, StoreError> {
    let (mut restoration, bytes) = preview(&session.connection, dataset, version)?;
    if bytes > RESTORE_BYTES {
        return Err(StoreError::RestoreTooLarge { bytes, limit: RESTORE_BYTES });
    }
    let writes = differences(&session.connection, dataset, version)?;
    if !writes.is_empty() {
        restoration.xact = Some(row_tables::write(session, writes)?);
    }
    Ok(restoration)
}

/// The writes that lead back to a version.
fn differences(
    connection: &Connection,
    dataset: &Destination,
    version: XactId,
) -> Result<Vec<RowWrite>, StoreError> {
    let Some(object) = object_number(connection, dataset)? else { return Ok(Vec::new()) };
    let values = params![object, version.as_u64().cast_signed()];
    let mut writes = Vec::new();
    let mut statement = connection.prepare_cached(&format!("SELECT row_id {LATER}"))?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        let id = row_id(row.get_ref(0)?)?;
        writes.push(RowWrite { destination: dataset.clone(), id, change: Change::Delete });
    }
    let mut statement = connection.prepare_cached(&format!(
        "SELECT past.row_id, past.created_us, past.is_root, past.root_span_id, past.document
         {OTHERWISE}"
    ))?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        let document = Document {
            created_us: row.get(1)?,
            is_root: row.get(2)?,
            trace: documents::trace(row.get_ref(3)?),
            body: Body::of(documents::text(row.get_ref(4)?)?),
        };
        let (id, change) = (row_id(row.get_ref(0)?)?, Change::Replace(document));
        writes.push(RowWrite { destination: dataset.clone(), id, change });
    }
    Ok(writes)
}
