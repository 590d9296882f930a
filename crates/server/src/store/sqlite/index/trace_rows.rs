//! The spans of one trace. Read from the rows alone, so never behind.

use rusqlite::{Connection, ToSql, params};
use tidegate_model::{RowId, XactId};

use super::super::documents;
use super::super::row_tables::{IdColumn, object_number};
use super::TraceKey;
use crate::store::index::outline::outline;
use crate::store::{Place, SortKey, StoreError, StoredRow, TracePage, TraceQuery};

/// Reads one page of a trace, in the order of creation.
pub(in crate::store::sqlite) fn page(
    connection: &Connection,
    query: &TraceQuery,
) -> Result<TracePage, StoreError> {
    let mut page = TracePage { rows: Vec::new(), total: 0, next: None };
    let Some(object) = object_number(connection, &query.destination)? else { return Ok(page) };
    let key = TraceKey::from(query.root_span_id.as_str());
    let id = RowId::from(query.root_span_id.as_str());
    let by_trace = "SELECT created_us, number FROM rows WHERE object = ?1 AND root_span_id = ?2";
    let by_id = "SELECT created_us, number FROM rows
        WHERE object = ?1 AND row_id = ?2 AND root_span_id IS NULL";
    // Places first: documents are most of a row, and only those of one page are needed.
    let mut places: Vec<(i64, i64)> = Vec::new();
    let parts: [(&str, &dyn ToSql); 2] = [(by_trace, &key), (by_id, &IdColumn(&id))];
    for (sql, key) in parts {
        let mut statement = connection.prepare_cached(sql)?;
        let found =
            statement.query_map(params![object, key], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for place in found {
            places.push(place?);
        }
    }
    places.sort_unstable();
    page.total = places.len();
    let after =
        query.after.as_ref().and_then(|place| Some((place.number, place.text.parse().ok()?)));
    let mut read =
        connection.prepare_cached("SELECT xact, is_root, document FROM rows WHERE number = ?1")?;
    let (mut bytes, mut last) = (0, None);
    for place in places.into_iter().filter(|place| after.is_none_or(|after| *place > after)) {
        if page.rows.len() >= query.limit || bytes > query.max_bytes {
            page.next = last.map(|(created, number): (i64, i64)| Place {
                key: SortKey::Number(None),
                number: created,
                text: number.to_string(),
            });
            break;
        }
        let mut rows = read.query([place.1])?;
        let Some(row) = rows.next()? else { continue };
        let xact: i64 = row.get(0)?;
        let text = documents::text(row.get_ref(2)?)?;
        let text = if query.outline { outline(&text)? } else { text.into_owned() };
        bytes += text.len();
        page.rows.push(StoredRow {
            text,
            xact: XactId::from_u64(xact.cast_unsigned()),
            is_root: row.get(1)?,
        });
        last = Some(place);
    }
    Ok(page)
}
