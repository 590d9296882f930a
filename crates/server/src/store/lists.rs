//! What pages and lists show: projects and experiments with sums, cases, traces, search results.
//!
//! The types that serialize are answers as they go over the wire; `docs/lists.md` describes them.

use std::collections::HashSet;

use serde::Serialize;
use tidegate_analysis::NameMap;
use tidegate_model::Destination;

use super::StoredRow;

/// How far the index that lists are made from is behind the rows.
#[cfg_attr(test, derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct IndexLag {
    /// Changed rows that are not indexed yet.
    #[serde(rename = "lag_rows")]
    pub(crate) rows: u64,
    /// Age of the oldest of them.
    #[serde(rename = "lag_seconds")]
    pub(crate) seconds: u64,
}

/// An answer that has all that was acknowledged before the question, unless `exact` is false: then
/// the index could not catch up in time.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    pub(crate) value: T,
    pub(crate) exact: bool,
}

/// Part of a list, and where to go on.
#[derive(Debug)]
pub(crate) struct Portion<T> {
    pub(crate) items: Vec<T>,
    /// `None` at the end.
    pub(crate) next: Option<Place>,
}

/// Where an item stands in a sorted list, so that the list goes on after it whatever changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) key: SortKey,
    /// Order among equal keys.
    pub(crate) number: i64,
    pub(crate) text: String,
}

impl<T> Default for Portion<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

/// What a list is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SortKey {
    /// Items without a value go last, whichever way the list is sorted.
    Number(Option<f64>),
    Text(String),
}

/// Which way a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// Scores and metrics have names of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Score,
    Metric,
}

/// The name of a score or metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

/// A project with sums over its logs and experiments.
#[cfg_attr(test, derive(ts_rs::TS))]
#[derive(Debug, Serialize)]
pub(crate) struct ProjectOverview {
    pub(crate) id: String,
    pub(crate) name: String,
    /// ISO 8601.
    pub(crate) created: String,
    pub(crate) experiments: u64,
    /// Spans and other rows, of logs and experiments.
    pub(crate) rows: u64,
    /// ISO 8601, to the second; null without rows.
    pub(crate) last_write: Option<String>,
}

/// Which projects are wanted, and in which order.
#[derive(Debug, Clone)]
pub(crate) struct ProjectQuery {
    /// Only the project of this id.
    pub(crate) only: Option<String>,
    pub(crate) sort: ProjectSort,
    pub(crate) order: Order,
    /// Part of the name, whatever its case.
    pub(crate) search: Option<String>,
    pub(crate) limit: usize,
    pub(crate) after: Option<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProjectSort {
    Created,
    Name,
    LastWrite,
}

/// An experiment with sums over its cases.
#[derive(Debug)]
pub(crate) struct ExperimentOverview {
    pub(crate) experiment: super::Experiment,
    pub(crate) cases: u64,
    pub(crate) errors: u64,
    pub(crate) rows: u64,
    /// ISO 8601, to the second; `None` without rows.
    pub(crate) last_write: Option<String>,
    /// JSON: an object with `scores` and `metrics`.
    pub(crate) summary: String,
}

/// Which experiments of a project are wanted, and in which order.
#[derive(Debug, Clone)]
pub(crate) struct ExperimentQuery {
    pub(crate) project_id: String,
    pub(crate) sort: ExperimentSort,
    pub(crate) order: Order,
    /// Part of the name, whatever its case.
    pub(crate) search: Option<String>,
    pub(crate) limit: usize,
    pub(crate) after: Option<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExperimentSort {
    Created,
    Name,
    Cases,
    Errors,
    LastWrite,
    /// The mean.
    Figure(Figure),
}

/// A case: a trace with a root.
#[cfg_attr(test, derive(ts_rs::TS))]
#[derive(Debug, Serialize)]
pub(crate) struct Case {
    /// Row id of the root span.
    pub(crate) id: String,
    pub(crate) root_span_id: String,
    /// ISO 8601.
    pub(crate) created: String,
    /// Name of the root span.
    pub(crate) name: Option<String>,
    pub(crate) input: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) expected: Option<String>,
    pub(crate) error: Option<String>,
    /// Which of these texts were cut.
    pub(crate) truncated: Vec<&'static str>,
    #[cfg_attr(test, ts(type = "unknown"))]
    pub(crate) tags: Option<Box<serde_json::value::RawValue>>,
    #[cfg_attr(test, ts(type = "Record<string, number>"))]
    pub(crate) scores: NameMap<f64>,
    #[cfg_attr(test, ts(type = "Record<string, number>"))]
    pub(crate) metrics: NameMap<f64>,
    pub(crate) spans: u64,
    /// Whether any span has an error.
    pub(crate) failed: bool,
    /// The same for cases of equal input, in all experiments.
    pub(crate) input_hash: String,
}

/// Which cases of an object are wanted, and in which order.
#[derive(Debug, Clone)]
pub(crate) struct CaseQuery {
    pub(crate) sort: CaseSort,
    pub(crate) order: Order,
    pub(crate) filter: CaseFilter,
    pub(crate) limit: usize,
    pub(crate) after: Option<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CaseSort {
    Created,
    Spans,
    Figure(Figure),
}

/// Conditions that all must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct CaseFilter {
    pub(crate) ranges: Vec<FigureRange>,
    pub(crate) failed: Option<bool>,
    pub(crate) tag: Option<String>,
    /// Words in any span of the case, as in a search.
    pub(crate) text: Option<String>,
    /// Only cases with one of these inputs: as [`Case::input_hash`].
    pub(crate) input_hashes: Option<HashSet<[u8; 16]>>,
    /// Members of the root's metadata by path, and what they are: a text as it is, anything else as
    /// JSON. The rows are read for this.
    pub(crate) metadata: Vec<(Vec<String>, String)>,
}

impl CaseFilter {
    /// Whether every case meets it.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { ranges, failed, tag, text, input_hashes, metadata } = self;
        let none = ranges.is_empty() && failed.is_none() && tag.is_none() && text.is_none();
        none && input_hashes.is_none() && metadata.is_empty()
    }
}

/// Bounds of a score or metric, both included; a case without it is outside.
#[derive(Debug, Clone)]
pub(crate) struct FigureRange {
    pub(crate) figure: Figure,
    pub(crate) least: Option<f64>,
    pub(crate) most: Option<f64>,
}

/// One trace of an object.
#[derive(Debug, Clone)]
pub(crate) struct TraceQuery {
    pub(crate) destination: Destination,
    pub(crate) root_span_id: String,
    pub(crate) limit: usize,
    pub(crate) max_bytes: usize,
    /// Whether rows come without their texts: input, output, expected, metadata and context.
    pub(crate) outline: bool,
    pub(crate) after: Option<Place>,
}

/// Spans of a trace, in the order of their creation.
#[derive(Debug)]
pub(crate) struct TracePage {
    pub(crate) rows: Vec<StoredRow>,
    /// Rows of the whole trace.
    pub(crate) total: usize,
    pub(crate) next: Option<Place>,
}

/// A full-text search.
#[derive(Debug, Clone)]
pub(crate) struct SearchQuery {
    pub(crate) scope: SearchScope,
    pub(crate) words: String,
    pub(crate) limit: usize,
    /// Only rows before (older than) this one.
    pub(crate) before: Option<i64>,
}

/// Where a search looks.
#[derive(Debug, Clone)]
pub(crate) enum SearchScope {
    Object(Destination),
    /// The logs and experiments of a project, by its id.
    Project(String),
    Everything,
}

/// Hits of a search, newest first.
#[derive(Debug)]
pub(crate) struct Hits {
    pub(crate) hits: Vec<Hit>,
    pub(crate) next: Option<i64>,
}

#[cfg_attr(test, derive(ts_rs::TS))]
#[derive(Debug, Serialize)]
pub(crate) struct Hit {
    pub(crate) object_type: String,
    pub(crate) object_id: String,
    /// Row id.
    pub(crate) id: String,
    pub(crate) root_span_id: String,
    pub(crate) is_root: bool,
    /// ISO 8601.
    pub(crate) created: String,
    /// Name of the span.
    pub(crate) name: Option<String>,
    /// Where the words are; the beginning of the text if they are not side by side.
    pub(crate) snippets: Vec<Snippet>,
}

#[cfg_attr(test, derive(ts_rs::TS))]
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Snippet {
    /// `input`, `output`, `expected` or `error`.
    pub(crate) field: &'static str,
    pub(crate) text: String,
    /// Byte ranges of the words found, in `text`.
    pub(crate) matches: Vec<(usize, usize)>,
}

impl Place {
    /// Compares places of one list.
    pub(crate) fn compare(&self, other: &Self, order: Order) -> std::cmp::Ordering {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let turn = |ordering: std::cmp::Ordering| match order {
            Order::Ascending => ordering,
            Order::Descending => ordering.reverse(),
        };
        let keys = match (&self.key, &other.key) {
            (SortKey::Number(Some(one)), SortKey::Number(Some(two))) => turn(one.total_cmp(two)),
            (SortKey::Number(Some(_)), SortKey::Number(None)) => Less,
            (SortKey::Number(None), SortKey::Number(Some(_))) => Greater,
            (SortKey::Text(one), SortKey::Text(two)) => turn(one.cmp(two)),
            _ => Equal,
        };
        keys.then_with(|| turn((self.number, &self.text).cmp(&(other.number, &other.text))))
    }

    /// Writes the place as the opaque text that clients send back.
    pub(crate) fn to_cursor(&self) -> String {
        let key = match &self.key {
            // The bits, since JSON has no infinity.
            SortKey::Number(number) => serde_json::json!(number.map(f64::to_bits)),
            SortKey::Text(text) => serde_json::json!(text),
        };
        let json = serde_json::json!([key, self.number, self.text]).to_string();
        let hex: String = json.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("p{hex}")
    }

    /// Reads [`Place::to_cursor`]; `None` for anything else.
    pub(crate) fn from_cursor(cursor: &str) -> Option<Self> {
        let is_hex = |hex: &&str| hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hex = cursor.strip_prefix('p').filter(|hex| hex.len() % 2 == 0).filter(is_hex)?;
        let bytes = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok())
            .collect::<Option<Vec<u8>>>()?;
        let (key, number, text): (serde_json::Value, i64, String) =
            serde_json::from_slice(&bytes).ok()?;
        let key = match key {
            serde_json::Value::Null => SortKey::Number(None),
            serde_json::Value::String(text) => SortKey::Text(text),
            other => SortKey::Number(Some(f64::from_bits(other.as_u64()?))),
        };
        Some(Self { key, number, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_refuse_garbage() {
        let keys = [
            SortKey::Number(Some(0.1)),
            SortKey::Number(Some(f64::NEG_INFINITY)),
            SortKey::Number(None),
            SortKey::Text("é\"".into()),
        ];
        for key in keys {
            let place = Place { key, number: -7, text: "t/1".into() };
            assert_eq!(Place::from_cursor(&place.to_cursor()), Some(place));
        }
        for bad in ["", "p", "p0", "pzz", "p5b5d", "é", "r61"] {
            assert_eq!(Place::from_cursor(bad), None, "{bad}");
        }
    }

    #[test]
    fn items_without_a_value_go_last_both_ways() {
        let place = |key, number| Place { key: SortKey::Number(key), number, text: String::new() };
        let mut places = vec![place(None, 1), place(Some(1.0), 2), place(Some(0.0), 3)];
        let numbers = |places: &[Place]| places.iter().map(|p| p.number).collect::<Vec<_>>();
        places.sort_by(|one, other| one.compare(other, Order::Ascending));
        assert_eq!(numbers(&places), [3, 2, 1]);
        places.sort_by(|one, other| one.compare(other, Order::Descending));
        assert_eq!(numbers(&places), [2, 3, 1]);
    }
}
