//! Cases of an object: as trials, and as a sorted and filtered list.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;
use tidegate_analysis::comparison::Trial;

use super::super::documents;
use super::super::row_tables::row_id;
use super::figures::{self, Names};
use super::{TraceKey, search};
use crate::store::index::cases::Kept;
use crate::store::index::preview::hex;
use crate::store::index::{PAGE_BYTES, metadata};
use crate::store::{
    Case, CaseFilter, CaseQuery, CaseSort, Order, Place, Portion, SortKey, StoreError,
};

/// A case as the index has it.
pub(super) struct Record {
    pub(super) created_us: i64,
    pub(super) trace: TraceKey,
    /// `rows.number`.
    pub(super) root: i64,
    pub(super) spans: i64,
    pub(super) failed: bool,
    pub(super) input_hash: [u8; 16],
    pub(super) figures: Vec<u8>,
}

const COLUMNS: &str = "created_us, trace, root, spans, failed, input_hash, figures, tags";

impl Record {
    fn of(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            created_us: row.get(0)?,
            trace: TraceKey::of_column(row.get_ref(1)?)?,
            root: row.get(2)?,
            spans: row.get(3)?,
            failed: row.get(4)?,
            input_hash: row.get(5)?,
            figures: row.get(6)?,
        })
    }

    fn place(&self, key: SortKey) -> Place {
        Place { key, number: self.created_us, text: self.trace.to_text() }
    }
}

/// Calls `each` with every case of an object that meets a condition, in the order of creation.
pub(super) fn each_that(
    connection: &Connection,
    object: i64,
    condition: Option<&Condition>,
    mut each: impl FnMut(Record, &Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM traces WHERE object = ?1 AND root IS NOT NULL");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([object])?;
    while let Some(row) = rows.next()? {
        let record = Record::of(row)?;
        let holds = match condition {
            None => true,
            Some(condition) => condition.holds(connection, &record, row)?,
        };
        if holds {
            each(record, row)?;
        }
    }
    Ok(())
}

/// The tags of a case, from the row of its record.
pub(super) fn tags(row: &Row<'_>) -> Result<Vec<Value>, StoreError> {
    let tags: Option<String> = row.get(7)?;
    // What is no list has no tags.
    Ok(tags.and_then(|tags| serde_json::from_str(&tags).ok()).unwrap_or_default())
}

/// An object's cases as trials, whose case key is the hash of the one computed from rows: cases
/// match all the same, and no figure depends on the order of keys.
pub(super) fn trials(connection: &Connection, object: i64) -> Result<Vec<Trial>, StoreError> {
    let (mut names, mut trials) = (Names::default(), Vec::new());
    each_that(connection, object, None, |record, _| {
        trials.push(names.trial(connection, hex(&record.input_hash), &record.figures)?);
        Ok(())
    })?;
    Ok(trials)
}

/// Reads one page of an object's cases.
pub(super) fn list(
    connection: &Connection,
    object: i64,
    query: &CaseQuery,
) -> Result<Portion<Case>, StoreError> {
    let Some(condition) = Condition::of(connection, object, &query.filter)? else {
        return Ok(Portion { items: Vec::new(), next: None });
    };
    let picked = match &query.sort {
        CaseSort::Created => by_creation(connection, object, query, &condition)?,
        CaseSort::Spans => {
            sorted(connection, object, query, &condition, |record| Some(record.spans as f64))?
        }
        CaseSort::Figure(figure) => {
            let wanted = figures::find(connection, figure.kind, &figure.name)?;
            sorted(connection, object, query, &condition, |record| value(&record.figures, wanted))?
        }
    };
    render(connection, picked, query.limit)
}

fn value(packed: &[u8], wanted: Option<u32>) -> Option<f64> {
    figures::unpack(packed).find(|(name, _)| Some(*name) == wanted).map(|(_, value)| value)
}

/// A filter with its names looked up.
pub(super) struct Condition {
    ranges: Vec<(u32, f64, f64)>,
    failed: Option<bool>,
    tag: Option<String>,
    input_hashes: Option<HashSet<[u8; 16]>>,
    traces: Option<HashSet<TraceKey>>,
    metadata: Vec<(Vec<String>, String)>,
}

impl Condition {
    /// `None` if no case can meet it.
    pub(super) fn of(
        connection: &Connection,
        object: i64,
        filter: &CaseFilter,
    ) -> Result<Option<Self>, StoreError> {
        let mut ranges = Vec::new();
        for range in &filter.ranges {
            let name = figures::find(connection, range.figure.kind, &range.figure.name)?;
            let Some(name) = name else { return Ok(None) };
            let least = range.least.unwrap_or(f64::NEG_INFINITY);
            ranges.push((name, least, range.most.unwrap_or(f64::INFINITY)));
        }
        let traces = match &filter.text {
            None => None,
            Some(words) => Some(search::traces(connection, object, words)?),
        };
        Ok(Some(Self {
            ranges,
            failed: filter.failed,
            tag: filter.tag.clone(),
            input_hashes: filter.input_hashes.clone(),
            traces,
            metadata: filter.metadata.clone(),
        }))
    }

    fn holds(
        &self,
        connection: &Connection,
        record: &Record,
        row: &Row<'_>,
    ) -> Result<bool, StoreError> {
        let in_range = |(name, least, most): &(u32, f64, f64)| {
            value(&record.figures, Some(*name))
                .is_some_and(|value| (*least..=*most).contains(&value))
        };
        let tagged = match &self.tag {
            None => true,
            Some(wanted) => tags(row)?.iter().any(|tag| tag.as_str() == Some(wanted)),
        };
        // Last, as it reads the row.
        Ok(tagged
            && self.failed.is_none_or(|failed| failed == record.failed)
            && self.input_hashes.as_ref().is_none_or(|all| all.contains(&record.input_hash))
            && self.traces.as_ref().is_none_or(|traces| traces.contains(&record.trace))
            && self.ranges.iter().all(in_range)
            && (self.metadata.is_empty() || self.has_metadata(connection, record)?))
    }

    fn has_metadata(&self, connection: &Connection, record: &Record) -> Result<bool, StoreError> {
        let mut statement =
            connection.prepare_cached("SELECT document FROM rows WHERE number = ?1")?;
        let mut rows = statement.query([record.root])?;
        // Its root may be gone since it was indexed.
        let Some(row) = rows.next()? else { return Ok(false) };
        let text = documents::text(row.get_ref(0)?)?;
        for (path, wanted) in &self.metadata {
            let found = metadata::member(&text, path)?;
            if found.as_ref().map(metadata::text).as_ref() != Some(wanted) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Walks along the primary key and stops as soon as the page is full.
fn by_creation(
    connection: &Connection,
    object: i64,
    query: &CaseQuery,
    condition: &Condition,
) -> Result<Vec<(Place, Record)>, StoreError> {
    let (compare, order) = match query.order {
        Order::Ascending => (">", "ASC"),
        Order::Descending => ("<", "DESC"),
    };
    let after = query
        .after
        .as_ref()
        .map_or(String::new(), |_| format!("AND (created_us, trace) {compare} (?2, ?3)"));
    let sql = format!(
        "SELECT {COLUMNS} FROM traces WHERE object = ?1 AND root IS NOT NULL {after}
         ORDER BY created_us {order}, trace {order}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = match &query.after {
        None => statement.query([object])?,
        Some(place) => {
            statement.query(params![object, place.number, TraceKey::from(place.text.as_str())])?
        }
    };
    let mut picked = Vec::new();
    while let Some(row) = rows.next()? {
        let record = Record::of(row)?;
        if condition.holds(connection, &record, row)? {
            picked.push((record.place(SortKey::Number(None)), record));
            // One more than wanted tells whether there is more.
            if picked.len() > query.limit {
                break;
            }
        }
    }
    Ok(picked)
}

/// Looks at every case, but keeps no more than a few pages.
fn sorted(
    connection: &Connection,
    object: i64,
    query: &CaseQuery,
    condition: &Condition,
    key: impl Fn(&Record) -> Option<f64>,
) -> Result<Vec<(Place, Record)>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM traces WHERE object = ?1 AND root IS NOT NULL");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([object])?;
    let keep = query.limit + 1;
    let mut picked: Vec<(Place, Record)> = Vec::new();
    while let Some(row) = rows.next()? {
        let record = Record::of(row)?;
        if !condition.holds(connection, &record, row)? {
            continue;
        }
        let place = record.place(SortKey::Number(key(&record)));
        if query.after.as_ref().is_some_and(|after| place.compare(after, query.order).is_le()) {
            continue;
        }
        picked.push((place, record));
        if picked.len() >= 4 * keep {
            picked.select_nth_unstable_by(keep - 1, |one, other| {
                one.0.compare(&other.0, query.order)
            });
            picked.truncate(keep);
        }
    }
    picked.sort_by(|one, other| one.0.compare(&other.0, query.order));
    picked.truncate(keep);
    Ok(picked)
}

/// Adds what the root spans say.
fn render(
    connection: &Connection,
    picked: Vec<(Place, Record)>,
    limit: usize,
) -> Result<Portion<Case>, StoreError> {
    let (mut names, mut bytes) = (Names::default(), 0);
    let mut portion = Portion { items: Vec::new(), next: None };
    let mut last = None;
    for (place, record) in picked {
        if portion.items.len() >= limit || bytes > PAGE_BYTES {
            portion.next = last;
            break;
        }
        if let Some(case) = case(connection, &mut names, &record, &mut bytes)? {
            portion.items.push(case);
        }
        last = Some(place);
    }
    Ok(portion)
}

/// Reads a case; `None` if its root is gone since it was indexed.
pub(super) fn case(
    connection: &Connection,
    names: &mut Names,
    record: &Record,
    bytes: &mut usize,
) -> Result<Option<Case>, StoreError> {
    let kept = Kept {
        root_span_id: record.trace.to_text(),
        created_us: record.created_us,
        spans: record.spans,
        failed: record.failed,
        input_hash: record.input_hash,
        trial: names.trial(connection, String::new(), &record.figures)?,
    };
    let mut statement =
        connection.prepare_cached("SELECT row_id, document FROM rows WHERE number = ?1")?;
    let case = statement
        .query_row([record.root], |row| {
            let read = || -> Result<Case, StoreError> {
                let text = documents::text(row.get_ref(1)?)?;
                *bytes += text.len();
                kept.with_root(&row_id(row.get_ref(0)?)?, &text)
            };
            Ok(read())
        })
        .optional()?;
    case.transpose()
}
