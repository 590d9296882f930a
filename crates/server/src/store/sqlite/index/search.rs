//! Full-text search over the words of rows, newest first.

use std::collections::HashSet;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};

use super::super::documents;
use super::super::row_tables::row_id;
use super::{TraceKey, overview};
use crate::store::index::preview::time_text;
use crate::store::index::skeleton::Skeleton;
use crate::store::index::snippets::snippets;
use crate::store::index::wanted::{Syntax, Wanted};
use crate::store::index::{FILTER_HITS, LOOKED_AT, NAMED_OBJECTS, PAGE_BYTES, words};
use crate::store::{Hit, Hits, SearchQuery, StoreError};

/// Rows of other objects that are passed over for one page.
const PASSED_OVER: usize = 200_000;

/// Reads one page of hits.
pub(super) fn page(connection: &Connection, query: &SearchQuery) -> Result<Hits, StoreError> {
    let mut hits = Hits { hits: Vec::new(), next: None };
    let Some(wanted) = Wanted::of(&query.words) else { return Ok(hits) };
    let Some(objects) = overview::scope(connection, &query.scope)? else { return Ok(hits) };
    let named = objects.as_ref().filter(|objects| objects.len() <= NAMED_OBJECTS);
    let members: Option<HashSet<i64>> = objects.as_ref().map(|all| all.iter().copied().collect());
    let expression = wanted.expression(Syntax::FTS5, named.map(Vec::as_slice));
    let before = query.before.unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid < ?2 ORDER BY rowid DESC",
    )?;
    let mut found = statement.query((expression, before))?;
    // Apart from the document, which makes a row long.
    let mut object_of = connection.prepare_cached("SELECT object FROM rows WHERE number = ?1")?;
    let (mut bytes, mut looked_at, mut passed_over) = (0, 0, 0);
    while let Some(row) = found.next()? {
        let number: i64 = row.get(0)?;
        if let Some(members) = &members {
            let object: Option<i64> = object_of.query_row([number], |row| row.get(0)).optional()?;
            if object.is_none_or(|object| !members.contains(&object)) {
                passed_over += 1;
                if passed_over < PASSED_OVER {
                    continue;
                }
                hits.next = Some(number);
                break;
            }
        }
        looked_at += 1;
        if let Some(hit) = hit(connection, number, &wanted, &mut bytes)? {
            hits.hits.push(hit);
        }
        if hits.hits.len() >= query.limit || bytes > PAGE_BYTES || looked_at >= LOOKED_AT {
            hits.next = Some(number);
            break;
        }
    }
    if hits.next.is_some() && found.next()?.is_none() {
        hits.next = None;
    }
    Ok(hits)
}

/// Reads a row that may be a hit; `None` if it is gone or is none after all.
fn hit(
    connection: &Connection,
    number: i64,
    wanted: &Wanted,
    bytes: &mut usize,
) -> Result<Option<Hit>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT row_id, root_span_id, is_root, created_us, document, kind, id
         FROM rows JOIN objects ON objects.number = rows.object WHERE rows.number = ?1",
    )?;
    let mut rows = statement.query([number])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let text = documents::text(row.get_ref(4)?)?;
    *bytes += text.len();
    let skeleton = Skeleton::of(&text)?;
    let fields: Vec<_> = words::fields(&skeleton).collect();
    if !wanted.holds(&fields) {
        return Ok(None);
    }
    let id = row_id(row.get_ref(0)?)?.to_string();
    Ok(Some(Hit {
        object_type: row.get(5)?,
        object_id: row.get(6)?,
        root_span_id: match row.get_ref(1)? {
            ValueRef::Null => id.clone(),
            trace => TraceKey::of_column(trace)?.to_text(),
        },
        id,
        is_root: row.get(2)?,
        created: time_text(row.get(3)?),
        name: skeleton.name().map(str::to_owned),
        snippets: snippets(&fields, wanted),
    }))
}

/// The traces of an object in which words occur, all of them in one row.
pub(super) fn traces(
    connection: &Connection,
    object: i64,
    text: &str,
) -> Result<HashSet<TraceKey>, StoreError> {
    let mut traces = HashSet::new();
    let Some(wanted) = Wanted::of(text) else { return Ok(traces) };
    let mut statement = connection.prepare_cached(
        "SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid DESC LIMIT ?2",
    )?;
    let mut found =
        statement.query((wanted.expression(Syntax::FTS5, Some(&[object])), FILTER_HITS))?;
    let mut read = connection.prepare_cached(
        "SELECT root_span_id, row_id, CASE WHEN ?2 THEN document END FROM rows
         WHERE number = ?1",
    )?;
    while let Some(row) = found.next()? {
        let number: i64 = row.get(0)?;
        let key = read
            .query_row((number, wanted.has_phrases()), |row| {
                Ok(key_of(row.get_ref(0)?, row.get_ref(1)?, row.get_ref(2)?, &wanted))
            })
            .optional()?;
        traces.extend(key.transpose()?.flatten());
    }
    Ok(traces)
}

fn key_of(
    trace: ValueRef<'_>,
    id: ValueRef<'_>,
    document: ValueRef<'_>,
    wanted: &Wanted,
) -> Result<Option<TraceKey>, StoreError> {
    if !matches!(document, ValueRef::Null) {
        let text = documents::text(document)?;
        let skeleton = Skeleton::of(&text)?;
        if !wanted.holds(&words::fields(&skeleton).collect::<Vec<_>>()) {
            return Ok(None);
        }
    }
    Ok(Some(match trace {
        ValueRef::Null => TraceKey::from(row_id(id)?.to_string().as_str()),
        trace => TraceKey::of_column(trace)?,
    }))
}
