//! The spans of one trace. Read from the rows alone, so never behind.

use deadpool_postgres::Transaction;

use super::statement::Statement;
use crate::store::index::outline::outline;
use crate::store::postgres::read::{object_number, stored};
use crate::store::postgres::{columns, database};
use crate::store::{Place, SortKey, StoreError, TracePage, TraceQuery};

/// Reads one page of a trace, in the order of creation.
pub(super) async fn page(
    on: &Transaction<'_>,
    query: &TraceQuery,
) -> Result<TracePage, StoreError> {
    let mut page = TracePage { rows: Vec::new(), total: 0, next: None };
    let Some(object) = object_number(on, &query.destination).await? else { return Ok(page) };
    let trace = columns::trace_of_text(&query.root_span_id);
    // Places first: documents are most of a row, and only those of one page are needed.
    let sql = "SELECT created_us, number FROM rows WHERE object = $1 AND trace = $2";
    let found = database::rows(on, sql, &[&object, &trace]).await?;
    let mut places: Vec<(i64, i64)> = found.iter().map(|row| (row.get(0), row.get(1))).collect();
    places.sort_unstable();
    page.total = places.len();
    let after =
        query.after.as_ref().and_then(|place| Some((place.number, place.text.parse().ok()?)));
    places.retain(|place| after.is_none_or(|after| *place > after));
    let numbers: Vec<i64> =
        places.iter().take(query.limit.saturating_add(1)).map(|(_, number)| *number).collect();
    let mut sql = Statement::new("SELECT found.* FROM unnest(");
    sql.bind(numbers);
    // OFFSET 0 keeps the order: one look at the index after the other.
    sql.push(
        "::bigint[]) AS wanted (number), LATERAL (SELECT document, xact, is_root, created_us,",
    );
    sql.push(" number FROM rows WHERE object = ").bind(object);
    sql.push(" AND rows.number = wanted.number OFFSET 0) AS found");
    let mut parts = sql.parts(on).await?;
    let (mut bytes, mut last) = (0, None);
    loop {
        let rows = parts.next(on).await?;
        if rows.is_empty() {
            return Ok(page);
        }
        for row in &rows {
            if page.rows.len() >= query.limit || bytes > query.max_bytes {
                page.next = last.map(|(created, number): (i64, i64)| Place {
                    key: SortKey::Number(None),
                    number: created,
                    text: number.to_string(),
                });
                return Ok(page);
            }
            let mut stored = stored(row)?;
            if query.outline {
                stored.text = outline(&stored.text)?;
            }
            bytes += stored.text.len();
            page.rows.push(stored);
            last = Some((row.get(3), row.get(4)));
        }
    }
}
