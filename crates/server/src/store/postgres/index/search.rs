//! Full-text search over the words of rows, newest first.

use deadpool_postgres::Transaction;
use tokio_postgres::Row;

use super::overview;
use super::statement::Statement;
use crate::store::index::preview::time_text;
use crate::store::index::skeleton::Skeleton;
use crate::store::index::snippets::snippets;
use crate::store::index::wanted::{Syntax, Wanted};
use crate::store::index::{FILTER_HITS, LOOKED_AT, NAMED_OBJECTS, PAGE_BYTES, words};
use crate::store::postgres::{columns, database};
use crate::store::{Hit, Hits, SearchQuery, StoreError};

/// Numbers of rows that are looked through one by one for words.
const RECENT: i64 = 20_000;

/// Reads one page of hits.
pub(super) async fn page(on: &Transaction<'_>, query: &SearchQuery) -> Result<Hits, StoreError> {
    let mut hits = Hits { hits: Vec::new(), next: None };
    let Some(wanted) = Wanted::of(&query.words) else { return Ok(hits) };
    let Some(objects) = overview::scope(on, &query.scope).await? else { return Ok(hits) };
    let (mut before, mut bytes, mut looked_at) = (query.before.unwrap_or(i64::MAX), 0, 0);
    // Most rows that have the words are hits, so that few are looked for in vain.
    let mut count = query.limit.saturating_add(1);
    loop {
        let found = candidates(on, &wanted, objects.as_deref(), before, count).await?;
        let mut parts = rows_of(&found).parts(on).await?;
        loop {
            let rows = parts.next(on).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                if hits.hits.len() >= query.limit || bytes > PAGE_BYTES || looked_at >= LOOKED_AT {
                    hits.next = Some(before);
                    return Ok(hits);
                }
                before = row.get(0);
                looked_at += 1;
                hits.hits.extend(hit(row, &wanted, &mut bytes)?);
            }
        }
        match found.last() {
            Some((number, _)) if found.len() >= count => before = *number,
            _ => return Ok(hits),
        }
        if hits.hits.len() >= query.limit || bytes > PAGE_BYTES || looked_at >= LOOKED_AT {
            hits.next = Some(before);
            return Ok(hits);
        }
        count = (4 * count).min(LOOKED_AT - looked_at + 1);
    }
}

/// Numbers and objects of the newest rows before one that have the words. What is frequent is found
/// among the newest rows, one by one; of all others there are few enough to look them up by their
/// words, which come in no order.
async fn candidates(
    on: &Transaction<'_>,
    wanted: &Wanted,
    objects: Option<&[i64]>,
    before: i64,
    count: usize,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let named = objects.filter(|objects| objects.len() <= NAMED_OBJECTS);
    let expression = wanted.expression(Syntax::TSQUERY, named);
    let newest = "SELECT max(number) FROM row_words WHERE number < $1";
    let newest: Option<i64> = database::one(on, newest, &[&before]).await?.get(0);
    let Some(newest) = newest else { return Ok(Vec::new()) };
    let recent = newest.saturating_sub(RECENT);
    let mut found = Vec::new();
    for (from, to, order) in [(recent, newest, "number"), (i64::MIN, recent - 1, "number + 0")] {
        let mut sql = Statement::new("SELECT number, object FROM row_words WHERE words @@ ");
        sql.bind(expression.clone()).push("::text::tsquery");
        if let Some(objects) = objects {
            sql.push(" AND object = ANY(").bind(objects.to_vec()).push(")");
        }
        sql.push(" AND number BETWEEN ").bind(from).push(" AND ").bind(to);
        // No index has the sum, so that none is walked along in vain.
        sql.push(&format!(" ORDER BY {order} DESC LIMIT "));
        sql.bind(i64::try_from(count - found.len()).unwrap_or(i64::MAX));
        let rows = sql.rows(on).await?;
        found.extend(rows.iter().map(|row| (row.get(0), row.get(1))));
        if found.len() >= count {
            break;
        }
    }
    Ok(found)
}

/// The rows of candidates, in their order. Of objects that are being deleted there are none.
fn rows_of(candidates: &[(i64, i64)]) -> Statement {
    let (numbers, objects): (Vec<i64>, Vec<i64>) = candidates.iter().copied().unzip();
    let mut sql = Statement::new("SELECT found.* FROM unnest(");
    sql.bind(numbers).push("::bigint[], ").bind(objects);
    sql.push(
        "::bigint[]) AS wanted (number, object), LATERAL (
            SELECT rows.number, row_id, trace, is_root, created_us, document, kind, id
            FROM rows JOIN objects ON objects.number = rows.object AND NOT objects.deleted
            WHERE rows.object = wanted.object AND rows.number = wanted.number OFFSET 0) AS found",
    );
    sql
}

/// Reads a row that may be a hit; `None` if it is none after all.
fn hit(row: &Row, wanted: &Wanted, bytes: &mut usize) -> Result<Option<Hit>, StoreError> {
    let text = columns::text(row.get(5))?;
    *bytes += text.len();
    let skeleton = Skeleton::of(&text)?;
    let fields: Vec<_> = words::fields(&skeleton).collect();
    if !wanted.holds(&fields) {
        return Ok(None);
    }
    Ok(Some(Hit {
        object_type: row.get(6),
        object_id: row.get(7),
        id: columns::read_row_id(row.get(1))?.to_string(),
        root_span_id: columns::trace_text(row.get(2)),
        is_root: row.get(3),
        created: time_text(row.get(4)),
        name: skeleton.name().map(str::to_owned),
        snippets: snippets(&fields, wanted),
    }))
}

/// The traces of an object in which words occur, all of them in one row.
pub(super) async fn traces(
    on: &Transaction<'_>,
    object: i64,
    text: &str,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let Some(wanted) = Wanted::of(text) else { return Ok(Vec::new()) };
    let expression = wanted.expression(Syntax::TSQUERY, Some(&[object]));
    let phrases = wanted.has_phrases();
    let mut sql = Statement::new("SELECT trace");
    // Sorted before the rows are read: these may be long.
    sql.push(if phrases { ", document" } else { "" });
    sql.push(" FROM (SELECT number FROM row_words WHERE words @@ ").bind(expression);
    sql.push("::text::tsquery AND object = ").bind(object);
    sql.push(" ORDER BY number + 0 DESC LIMIT ").bind(FILTER_HITS);
    sql.push(") AS found JOIN rows USING (number) WHERE rows.object = ").bind(object);
    let mut parts = sql.parts(on).await?;
    let mut traces: Vec<Vec<u8>> = Vec::new();
    loop {
        let rows = parts.next(on).await?;
        if rows.is_empty() {
            traces.sort_unstable();
            traces.dedup();
            return Ok(traces);
        }
        for row in &rows {
            if phrases {
                let text = columns::text(row.get(1))?;
                let skeleton = Skeleton::of(&text)?;
                if !wanted.holds(&words::fields(&skeleton).collect::<Vec<_>>()) {
                    continue;
                }
            }
            traces.push(row.get(0));
        }
    }
}
