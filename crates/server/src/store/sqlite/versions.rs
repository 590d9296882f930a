//! Earlier states of rows of datasets, so that a dataset can be read as it was.

use rusqlite::{Connection, params};
use tidegate_model::{Destination, RowId, XactId};

use super::row_tables::IdColumn;
use crate::store::StoreError;

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
