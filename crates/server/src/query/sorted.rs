//! The first rows of an order, with memory for their keys only.

use std::cmp::Ordering;

use serde_json::Value;
use tidegate_model::RowId;

use super::cursor::{After, after_sorted};
use super::eval::{self, View};
use super::execute::{Failure, Limits, Page};
use super::plan::{Output, Plan, SortKey};
use super::project::{render, view};
use super::values;
use crate::store::{RowPlace, RowSource, ScannedRow};

/// A row by its keys; documents are read once the order is known.
#[derive(Debug)]
struct Entry {
    keys: Vec<Value>,
    id: RowId,
    place: RowPlace,
    created_us: i64,
}

/// Keeps the first rows seen so far.
#[derive(Debug)]
pub(super) struct Sorted<'p> {
    keys: &'p [SortKey],
    fingerprint: u32,
    /// Rows left out and rows of the page, and one more that tells whether there is more.
    keep: usize,
    after: Option<(&'p [Value], &'p RowId)>,
    /// In order up to the last [`Sorted::trim`].
    entries: Vec<Entry>,
    /// Whether the last of `keep` entries in order is at that index.
    full: bool,
    bytes: usize,
    held_bytes: usize,
}

impl<'p> Sorted<'p> {
    pub(super) fn new(
        keys: &'p [SortKey],
        fingerprint: u32,
        plan: &'p Plan,
        held_bytes: usize,
    ) -> Self {
        let after = match &plan.after {
            After::Sorted { keys, id } => Some((keys.as_slice(), id)),
            After::Start { .. } | After::Row { .. } => None,
        };
        let keep = plan.after.skip() + plan.limit + 1;
        Self {
            keys,
            fingerprint,
            keep,
            after,
            entries: Vec::new(),
            full: false,
            bytes: 0,
            held_bytes,
        }
    }

    pub(super) fn add(&mut self, row: &ScannedRow<'_>, view: &View) -> Result<(), Failure> {
        let keys = self.keys.iter().map(|key| eval::value(&key.expr, view).into_owned()).collect();
        let entry =
            Entry { keys, id: row.id.clone(), place: row.place, created_us: row.created_us };
        if let Some((keys, id)) = self.after
            && order(self.keys, (&entry.keys, &entry.id), (keys, id)).is_le()
        {
            return Ok(());
        }
        let worst = self.entries.get(self.keep - 1).filter(|_| self.full);
        if worst.is_some_and(|worst| order_of(self.keys, &entry, worst).is_ge()) {
            return Ok(());
        }
        self.bytes += bytes(&entry);
        self.entries.push(entry);
        // Half of the memory must be free after sorting, or each row would sort anew.
        if self.entries.len() >= 2 * self.keep || self.bytes > self.held_bytes {
            self.trim();
            if self.bytes > self.held_bytes / 2 {
                return Err(Failure::TooLarge(self.held_bytes));
            }
        }
        Ok(())
    }

    fn trim(&mut self) {
        let keys = self.keys;
        self.entries.sort_unstable_by(|a, b| order_of(keys, a, b));
        self.entries.truncate(self.keep);
        self.full = self.entries.len() == self.keep;
        self.bytes = self.entries.iter().map(bytes).sum();
    }

    pub(super) fn page(
        mut self,
        plan: &Plan,
        output: &Output,
        source: &mut dyn RowSource,
        limits: &Limits,
    ) -> Result<Page, Failure> {
        self.trim();
        let mut page = Page::default();
        let mut bytes = 0;
        let mut last: Option<Entry> = None;
        for entry in self.entries.into_iter().skip(plan.after.skip()) {
            let more = page.rows.len() >= plan.limit;
            let text = if more { None } else { Some(fetch(plan, output, source, &entry)?) };
            let text =
                text.filter(|text| page.rows.is_empty() || bytes + text.len() <= limits.page_bytes);
            let Some(text) = text else {
                if let Some(Entry { keys, id, .. }) = last {
                    let cursor = after_sorted(self.fingerprint, keys, &id);
                    page.cursor = Some(cursor.ok_or(Failure::CursorTooLong)?);
                }
                break;
            };
            bytes += text.len();
            page.rows.push(text);
            last = Some(entry);
        }
        Ok(page)
    }
}

fn fetch(
    plan: &Plan,
    output: &Output,
    source: &mut dyn RowSource,
    entry: &Entry,
) -> Result<String, Failure> {
    let stored = source.fetch(entry.place)?;
    let row = ScannedRow {
        id: entry.id.clone(),
        place: entry.place,
        xact: stored.xact,
        created_us: entry.created_us,
        is_root: stored.is_root,
        text: &stored.text,
    };
    // It passed the filter in this same snapshot.
    let view = view(plan, &row)?.unwrap_or_else(|| View::empty(entry.created_us));
    Ok(render(output, &row, &view)?)
}

fn bytes(entry: &Entry) -> usize {
    size_of::<Entry>() + entry.keys.iter().map(values::bytes).sum::<usize>()
}

fn order_of(keys: &[SortKey], a: &Entry, b: &Entry) -> Ordering {
    order(keys, (&a.keys, &a.id), (&b.keys, &b.id))
}

/// By the keys, then by the id as stores order them.
fn order(keys: &[SortKey], a: (&[Value], &RowId), b: (&[Value], &RowId)) -> Ordering {
    let by_keys =
        keys.iter().zip(a.0.iter().zip(b.0)).map(|(key, (a, b))| directed(a, b, key.descending));
    by_keys.fold(Ordering::Equal, Ordering::then).then_with(|| id_order(a.1, b.1))
}

/// Nulls come last in either direction.
pub(super) fn directed(a: &Value, b: &Value, descending: bool) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if descending => values::total_order(b, a),
        (false, false) => values::total_order(a, b),
    }
}

/// Texts before UUIDs, each by their bytes.
fn id_order(a: &RowId, b: &RowId) -> Ordering {
    match (a, b) {
        (RowId::Text(a), RowId::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (RowId::Uuid(a), RowId::Uuid(b)) => a.as_bytes().cmp(b.as_bytes()),
        (RowId::Text(_), RowId::Uuid(_)) => Ordering::Less,
        (RowId::Uuid(_), RowId::Text(_)) => Ordering::Greater,
    }
}
