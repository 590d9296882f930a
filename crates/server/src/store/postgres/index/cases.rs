//! Cases of an object: as trials, and as a sorted and filtered list.

use std::collections::HashMap;
use std::ops::ControlFlow;

use deadpool_postgres::Transaction;
use tidegate_analysis::comparison::Trial;
use tokio_postgres::Row;

use super::statement::Statement;
use super::{documents, figures, search};
use crate::store::index::cases::Kept;
use crate::store::index::preview::hex;
use crate::store::index::{PAGE_BYTES, metadata};
use crate::store::postgres::columns;
use crate::store::{
    Case, CaseFilter, CaseQuery, CaseSort, Figure, Kind, Order, Place, Portion, SortKey, StoreError,
};

/// A case as the index has it.
pub(super) struct Record {
    pub(super) created_us: i64,
    /// As in `rows.trace`.
    pub(super) trace: Vec<u8>,
    /// `rows.number`.
    pub(super) root: i64,
    pub(super) spans: i64,
    pub(super) failed: bool,
    pub(super) input_hash: [u8; 16],
    pub(super) scores: Option<String>,
    pub(super) metrics: Option<String>,
    pub(super) tags: Vec<String>,
}

const COLUMNS: &str =
    "created_us, trace, root, spans, failed, input_hash, scores::text, metrics::text, tags";

impl Record {
    fn of(row: &Row) -> Result<Self, StoreError> {
        let hash: Option<&[u8]> = row.get(5);
        let hash = hash.and_then(|hash| hash.try_into().ok());
        Ok(Self {
            created_us: row.get(0),
            trace: row.get(1),
            root: row.get(2),
            spans: row.get(3),
            failed: row.get(4),
            input_hash: hash
                .ok_or_else(|| StoreError::Damaged("a case has no hash of its input".into()))?,
            scores: row.get(6),
            metrics: row.get(7),
            tags: row.get::<_, Option<Vec<String>>>(8).unwrap_or_default(),
        })
    }

    fn place(&self, key: SortKey) -> Place {
        Place { key, number: self.created_us, text: columns::trace_text(&self.trace) }
    }
}

/// Writes what finds a score or metric.
pub(super) fn push_figure(sql: &mut Statement, figure: &Figure) {
    let column = match figure.kind {
        Kind::Score => "(scores->>",
        Kind::Metric => "(metrics->>",
    };
    sql.push(column).bind(figures::name(&figure.name).into_owned()).push("::text)::float8");
}

/// Writes the condition for cases of an object, but for that on metadata, which the rows have.
pub(super) async fn push_condition(
    on: &Transaction<'_>,
    sql: &mut Statement,
    object: i64,
    filter: &CaseFilter,
) -> Result<(), StoreError> {
    sql.push(" FROM traces WHERE object = ").bind(object).push(" AND root IS NOT NULL");
    for range in &filter.ranges {
        sql.push(" AND ");
        push_figure(sql, &range.figure);
        sql.push(" BETWEEN ").bind(range.least.unwrap_or(f64::NEG_INFINITY));
        sql.push(" AND ").bind(range.most.unwrap_or(f64::INFINITY));
    }
    if let Some(failed) = filter.failed {
        sql.push(" AND failed = ").bind(failed);
    }
    if let Some(tag) = &filter.tag {
        let tag = figures::tag(&serde_json::Value::String(tag.clone()));
        sql.push(" AND ").bind(tag).push("::text COLLATE \"C\" = ANY(tags)");
    }
    if let Some(hashes) = &filter.input_hashes {
        let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.to_vec()).collect();
        sql.push(" AND input_hash = ANY(").bind(hashes).push(")");
    }
    if let Some(words) = &filter.text {
        let traces = search::traces(on, object, words).await?;
        sql.push(" AND trace = ANY(").bind(traces).push(")");
    }
    Ok(())
}

/// Calls `each` with every case of an object that meets a filter, in the order of creation, and,
/// where it is needed or wanted, the document of the root.
pub(super) async fn each_that(
    on: &Transaction<'_>,
    object: i64,
    filter: &CaseFilter,
    with_documents: bool,
    mut each: impl FnMut(&Record, Option<&str>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut sql = Statement::new(&format!("SELECT {COLUMNS}"));
    push_condition(on, &mut sql, object, filter).await?;
    sql.push(" ORDER BY created_us, trace");
    walk(on, object, &sql, filter, with_documents, |_, record, document| {
        each(&record, document).map(ControlFlow::Continue)
    })
    .await
}

/// Goes through the records of a statement, and leaves out those without the metadata of a filter.
async fn walk(
    on: &Transaction<'_>,
    object: i64,
    sql: &Statement,
    filter: &CaseFilter,
    with_documents: bool,
    mut each: impl FnMut(&Row, Record, Option<&str>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut parts = sql.parts(on).await?;
    loop {
        let rows = parts.next(on).await?;
        if rows.is_empty() {
            return Ok(());
        }
        if !with_documents && filter.metadata.is_empty() {
            for row in &rows {
                if each(row, Record::of(row)?, None)?.is_break() {
                    return Ok(());
                }
            }
            continue;
        }
        let mut by_root = HashMap::with_capacity(rows.len());
        for row in &rows {
            let record = Record::of(row)?;
            by_root.insert(record.root, (row, record));
        }
        let roots: Vec<i64> = rows.iter().map(|row| row.get(2)).collect();
        let mut ended = ControlFlow::Continue(());
        documents::each(on, object, &roots, |number, _, text| {
            if let Some((row, record)) = by_root.remove(&number)
                && has_metadata(text, filter)?
            {
                ended = each(row, record, Some(text))?;
            }
            Ok(ended)
        })
        .await?;
        if ended.is_break() {
            return Ok(());
        }
    }
}

fn has_metadata(document: &str, filter: &CaseFilter) -> Result<bool, StoreError> {
    for (path, wanted) in &filter.metadata {
        let found = metadata::member(document, path)?;
        if found.as_ref().map(metadata::text).as_ref() != Some(wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An object's cases as trials, whose case key is the hash of the one computed from rows: cases
/// match all the same, and no figure depends on the order of keys.
pub(super) async fn trials(on: &Transaction<'_>, object: i64) -> Result<Vec<Trial>, StoreError> {
    let mut trials = Vec::new();
    each_that(on, object, &CaseFilter::default(), false, |record, _| {
        let key = hex(&record.input_hash);
        trials.push(figures::trial(key, record.scores.as_deref(), record.metrics.as_deref())?);
        Ok(())
    })
    .await?;
    Ok(trials)
}

/// Reads one page of an object's cases.
pub(super) async fn list(
    on: &Transaction<'_>,
    object: i64,
    query: &CaseQuery,
) -> Result<Portion<Case>, StoreError> {
    let mut sql = Statement::new(&format!("SELECT {COLUMNS}, "));
    push_key(&mut sql, &query.sort);
    sql.push(" AS key");
    push_condition(on, &mut sql, object, &query.filter).await?;
    if let Some(after) = &query.after {
        push_after(&mut sql, query, after);
    }
    let order = match query.order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    };
    sql.push(" ORDER BY ");
    if query.sort != CaseSort::Created {
        sql.push(&format!("key {order} NULLS LAST, "));
    }
    sql.push(&format!("created_us {order}, trace {order}"));
    if query.filter.metadata.is_empty() {
        // One more than wanted tells whether there is more.
        sql.push(" LIMIT ").bind(i64::try_from(query.limit).unwrap_or(i64::MAX).saturating_add(1));
    }
    let mut picked: Vec<(Place, Record)> = Vec::new();
    walk(on, object, &sql, &query.filter, false, |row, record, _| {
        picked.push((record.place(SortKey::Number(row.get(9))), record));
        let full = picked.len() > query.limit;
        Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })
    .await?;
    render(on, object, picked, query.limit).await
}

fn push_key(sql: &mut Statement, sort: &CaseSort) {
    match sort {
        CaseSort::Created => {
            sql.push("NULL::float8");
        }
        CaseSort::Spans => {
            sql.push("spans::float8");
        }
        CaseSort::Figure(figure) => push_figure(sql, figure),
    }
}

/// Writes the condition for what comes after a place. Cases without a value go last.
fn push_after(sql: &mut Statement, query: &CaseQuery, after: &Place) {
    let sign = match query.order {
        Order::Ascending => ">",
        Order::Descending => "<",
    };
    let behind = |sql: &mut Statement| {
        sql.push(&format!("(created_us, trace) {sign} (")).bind(after.number);
        sql.push(", ").bind(columns::trace_of_text(&after.text)).push(")");
    };
    sql.push(" AND (");
    match (&query.sort, &after.key) {
        (CaseSort::Created, _) => behind(sql),
        (sort, SortKey::Number(Some(value))) => {
            push_key(sql, sort);
            sql.push(&format!(" {sign} ")).bind(*value).push(" OR ");
            push_key(sql, sort);
            sql.push(" IS NULL OR ");
            push_key(sql, sort);
            sql.push(" = ").bind(*value).push(" AND ");
            behind(sql);
        }
        (sort, _) => {
            push_key(sql, sort);
            sql.push(" IS NULL AND ");
            behind(sql);
        }
    }
    sql.push(")");
}

/// Adds what the root spans say.
async fn render(
    on: &Transaction<'_>,
    object: i64,
    picked: Vec<(Place, Record)>,
    limit: usize,
) -> Result<Portion<Case>, StoreError> {
    let mut portion = Portion { items: Vec::new(), next: None };
    let more = picked.len() > limit;
    let roots: Vec<i64> = picked.iter().take(limit).map(|(_, record)| record.root).collect();
    let mut picked = picked.into_iter();
    let (mut bytes, mut last) = (0, None);
    documents::each(on, object, &roots, |number, id, text| {
        // In the same order; the roots are there, in the same snapshot.
        let Some((place, record)) = picked.find(|(_, record)| record.root == number) else {
            return Ok(ControlFlow::Break(()));
        };
        bytes += text.len();
        portion.items.push(kept(&record)?.with_root(&id, text)?);
        last = Some(place);
        Ok(if bytes > PAGE_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })
    .await?;
    if more || picked.len() > 0 {
        portion.next = last;
    }
    Ok(portion)
}

fn kept(record: &Record) -> Result<Kept, StoreError> {
    let (scores, metrics) = (record.scores.as_deref(), record.metrics.as_deref());
    Ok(Kept {
        root_span_id: columns::trace_text(&record.trace),
        created_us: record.created_us,
        spans: record.spans,
        failed: record.failed,
        input_hash: record.input_hash,
        trial: figures::trial(String::new(), scores, metrics)?,
    })
}
