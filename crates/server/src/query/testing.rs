//! For tests: rows in memory, random conditions, and what they are worth by another evaluator.

mod conditions;

use std::cmp::Ordering;
use std::ops::ControlFlow;

use serde_json::{Value, json};
use tidegate_model::row::is_root;
use tidegate_model::{Destination, RowId, XactId};

pub(crate) use conditions::{Condition, SortOf, conditions, rows, sort_of};

use self::conditions::rank;
use super::execute::{Limits, execute};
use super::plan::Plan;
use crate::clock;
use crate::store::{
    Narrow, RowPlace, RowSource, Scan, ScanEnd, ScannedRow, StoreError, StoredRow, Trace,
    created_us,
};

/// Rows of one experiment, in the order of a store.
#[derive(Debug)]
pub(crate) struct Memory(Vec<MemoryRow>);

#[derive(Debug)]
struct MemoryRow {
    id: RowId,
    xact: XactId,
    row: Value,
}

impl MemoryRow {
    fn created_us(&self) -> i64 {
        created_us(self.row["created"].as_str())
    }

    fn is_root(&self) -> bool {
        is_root(self.row.as_object().expect("an object"))
    }

    /// As an answer has it.
    fn answer(&self) -> Value {
        let mut row = json!({"_xact_id": self.xact.to_string(), "is_root": self.is_root()});
        for (name, value) in self.row.as_object().expect("an object") {
            row[name] = value.clone();
        }
        row
    }
}

impl Memory {
    /// Rows under transactions that count up.
    pub(crate) fn of(rows: Vec<Value>) -> Self {
        Self::written((1..).map(XactId::at).zip(rows))
    }

    /// Of two rows with one id the later stays.
    pub(crate) fn written(rows: impl Iterator<Item = (XactId, Value)>) -> Self {
        let mut known: Vec<MemoryRow> = Vec::new();
        for (xact, row) in rows {
            let id = RowId::from(row["id"].as_str().expect("id"));
            known.retain(|row| row.id != id);
            known.push(MemoryRow { id, xact, row });
        }
        known.sort_by(|a, b| order(&a.id, &b.id));
        Self(known)
    }

    pub(crate) fn newest(&self) -> XactId {
        self.0.iter().map(|row| row.xact).max().expect("rows")
    }

    /// The answer, found by other means.
    pub(crate) fn naive(&self, condition: &Condition, sort: Option<&SortOf>) -> Vec<Value> {
        let answers = self.0.iter().map(MemoryRow::answer);
        let mut found: Vec<_> = answers.filter(|row| condition.holds(row) == 1).collect();
        if let Some(SortOf { path, descending }) = sort {
            // Stable, so that ties stay in the order of ids.
            found.sort_by(|a, b| match (path.of(a), path.of(b)) {
                (Value::Null, Value::Null) => Ordering::Equal,
                (Value::Null, _) => Ordering::Greater,
                (_, Value::Null) => Ordering::Less,
                (a, b) if *descending => rank(&b).partial_cmp(&rank(&a)).expect("ordered"),
                (a, b) => rank(&a).partial_cmp(&rank(&b)).expect("ordered"),
            });
        }
        found
    }
}

/// Texts before UUIDs, as SQLite has them.
fn order(a: &RowId, b: &RowId) -> Ordering {
    let key = |id: &RowId| match id {
        RowId::Text(text) => (0, text.as_bytes().to_vec()),
        RowId::Uuid(uuid) => (1, uuid.as_bytes().to_vec()),
    };
    key(a).cmp(&key(b))
}

impl RowSource for Memory {
    fn known(&mut self, _: &Destination) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn newest_xact(&mut self, _: &Destination) -> Result<Option<XactId>, StoreError> {
        Ok(self.0.iter().map(|row| row.xact).max())
    }

    fn scan(
        &mut self,
        scan: &Scan,
        visit: &mut dyn FnMut(&ScannedRow<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, StoreError> {
        for (number, row) in (0..).zip(&self.0) {
            let before = scan.after.as_ref().is_some_and(|after| order(&row.id, &after.0).is_le());
            if before || !allows(&scan.narrow, row) {
                continue;
            }
            let text = row.row.to_string();
            let shown = visit(&ScannedRow {
                id: row.id.clone(),
                place: RowPlace { number, earlier: false },
                xact: row.xact,
                created_us: row.created_us(),
                is_root: row.is_root(),
                text: &text,
            });
            if shown.is_break() {
                return Ok(ScanEnd::Stopped);
            }
        }
        Ok(ScanEnd::Done)
    }

    fn fetch(&mut self, place: RowPlace) -> Result<StoredRow, StoreError> {
        let row = &self.0[usize::try_from(place.number).expect("an index")];
        Ok(StoredRow { text: row.row.to_string(), xact: row.xact, is_root: row.is_root() })
    }
}

/// As strictly as a store may.
fn allows(narrow: &Narrow, row: &MemoryRow) -> bool {
    let trace = || Trace::of(row.row["root_span_id"].as_str().unwrap_or_default());
    let within = |value: i64, min: Option<i64>, max: Option<i64>| {
        min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max)
    };
    let signed = |bound: Option<u64>| bound.map(u64::cast_signed);
    narrow.ids.as_ref().is_none_or(|ids| ids.contains(&row.id))
        && narrow
            .root_span_ids
            .as_ref()
            .is_none_or(|wanted| wanted.iter().any(|wanted| Trace::of(wanted) == trace()))
        && narrow.is_root.is_none_or(|wanted| wanted == row.is_root())
        && within(row.created_us(), narrow.created_us.min, narrow.created_us.max)
        && within(row.xact.as_u64().cast_signed(), signed(narrow.xact.min), signed(narrow.xact.max))
}

/// Runs a query page by page to its end.
pub(crate) fn pages(
    source: &mut dyn RowSource,
    limits: &Limits,
    plan: impl Fn(Option<String>) -> Plan,
) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = None;
    for _ in 0..1_000 {
        let plan = plan(cursor);
        let deadline = clock::monotonic() + limits.time;
        let page = execute(&plan, source, deadline, limits).expect("a page");
        rows.extend(page.rows.iter().map(|row| serde_json::from_str(row).expect("JSON")));
        cursor = page.cursor;
        if cursor.is_none() {
            return rows;
        }
    }
    panic!("the pages never end");
}
