//! Making the rows of a dataset what they were in a version, by new changes: its history stays.

use rusqlite::{Connection, params};
use serde_json::Value;
use tidegate_model::{Destination, Row, RowId, XactId};

use super::changes::Touched;
use super::writer::Session;
use super::{documents, row_tables};
use crate::store::{Change, Document, Restored, RowWrite, StoreError};

/// What a restoration counts for in a group of writes: it goes alone.
pub(super) const BYTES: usize = 16 << 20;

/// The most that one transaction may change, as other writes wait meanwhile.
const MAX_ROWS: u64 = 50_000;
/// See [`MAX_ROWS`].
const MAX_BYTES: u64 = 128 << 20;

/// States that rows had at `?2` and do not have now.
const CHANGED: &str = "row_versions
    LEFT JOIN rows ON rows.object = row_versions.object AND rows.row_id = row_versions.row_id
    WHERE row_versions.object = ?1 AND row_versions.xact <= ?2 AND row_versions.until > ?2
      AND rows.document IS NOT row_versions.document";

/// Rows that were not there at `?2`.
const ADDED: &str = "rows WHERE object = ?1 AND xact > ?2 AND NOT EXISTS (
    SELECT 1 FROM row_versions WHERE row_versions.object = rows.object
      AND row_versions.row_id = rows.row_id
      AND row_versions.xact <= ?2 AND row_versions.until > ?2)";

/// Counts what would change.
pub(super) fn preview(
    connection: &Connection,
    dataset_id: String,
    version: XactId,
) -> Result<Restored, StoreError> {
    let nothing = Restored { xact: None, restored: 0, deleted: 0 };
    let object = row_tables::object_number(connection, &Destination::Dataset(dataset_id))?;
    let Some(object) = object else { return Ok(nothing) };
    count(connection, object, version)
}

fn count(connection: &Connection, object: i64, version: XactId) -> Result<Restored, StoreError> {
    let version = version.as_u64().cast_signed();
    let sql = format!(
        "SELECT count(*), ifnull(sum(octet_length(row_versions.document)), 0) FROM {CHANGED}"
    );
    let (restored, bytes): (i64, i64) = connection
        .prepare_cached(&sql)?
        .query_row(params![object, version], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let deleted: i64 = connection
        .prepare_cached(&format!("SELECT count(*) FROM {ADDED}"))?
        .query_row(params![object, version], |row| row.get(0))?;
    let (restored, deleted) = (restored.unsigned_abs(), deleted.unsigned_abs());
    let (rows, bytes) = (restored + deleted, bytes.unsigned_abs());
    if rows > MAX_ROWS || bytes > MAX_BYTES {
        return Err(StoreError::TooMuch { rows, bytes, max_rows: MAX_ROWS, max_bytes: MAX_BYTES });
    }
    Ok(Restored { xact: None, restored, deleted })
}

/// Makes the rows what they were.
pub(super) fn restore(
    session: &mut Session,
    dataset_id: String,
    version: XactId,
) -> Result<Restored, StoreError> {
    let destination = Destination::Dataset(dataset_id);
    let nothing = Restored { xact: None, restored: 0, deleted: 0 };
    let object = row_tables::object_number(&session.connection, &destination)?;
    let Some(object) = object else { return Ok(nothing) };
    let counted = count(&session.connection, object, version)?;
    if counted == nothing {
        return Ok(nothing);
    }
    let bound = params![object, version.as_u64().cast_signed()];
    // Numbers first: what is read must not change while it is read.
    let select = format!("SELECT row_versions.number FROM {CHANGED}");
    let states: Vec<i64> = session
        .connection
        .prepare_cached(&select)?
        .query_map(bound, |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let added = ids(&session.connection, &format!("SELECT row_id FROM {ADDED}"), bound)?;
    let xact = session.next_xact();
    let mut touched = Touched::default();
    for number in states {
        let (id, row) = state(&session.connection, number)?;
        let change = Change::Replace(Document::of(row));
        let write = RowWrite { destination: destination.clone(), id, change };
        row_tables::apply(session, xact, write, &mut touched)?;
    }
    for id in added {
        let write = RowWrite { destination: destination.clone(), id, change: Change::Delete };
        row_tables::apply(session, xact, write, &mut touched)?;
    }
    touched.append(&session.connection, &mut session.journal, xact)?;
    Ok(Restored { xact: Some(xact), ..counted })
}

fn ids(
    connection: &Connection,
    sql: &str,
    bound: &[&dyn rusqlite::ToSql],
) -> Result<Vec<RowId>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(bound)?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(row_tables::row_id(row.get_ref(0)?)?);
    }
    Ok(ids)
}

/// Reads an earlier state of a row.
fn state(connection: &Connection, number: i64) -> Result<(RowId, Row), StoreError> {
    let sql = "SELECT row_id, document FROM row_versions WHERE number = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([number])?;
    let lost = || StoreError::Damaged("an earlier state of a row is gone".into());
    let row = rows.next()?.ok_or_else(lost)?;
    let id = row_tables::row_id(row.get_ref(0)?)?;
    match serde_json::from_str(&documents::text(row.get_ref(1)?)?) {
        Ok(Value::Object(members)) => Ok((id, members)),
        _ => Err(StoreError::Damaged("an earlier state of a row is not a JSON object".into())),
    }
}
