//! Figures over an object's cases: histograms and groups, as the index can answer them.

use std::collections::BTreeMap;

use serde::Serialize;
use tidegate_model::{Destination, XactId};

use super::{Answer, CaseFilter, Figure, Listed};

/// What a histogram counts by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum HistogramBy {
    /// Unix microseconds, both included; the first and the last of all unless given.
    Created {
        from_us: Option<i64>,
        to_us: Option<i64>,
    },
    Figure(Figure),
}

#[derive(Debug, Clone)]
pub(crate) struct HistogramQuery {
    pub(crate) by: HistogramBy,
    /// At most so many, at least one.
    pub(crate) buckets: usize,
    pub(crate) filter: CaseFilter,
}

/// Cases by a value, in ranges of equal width.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Histogram {
    /// From the lowest to the highest without a gap; none without cases.
    pub(crate) buckets: Vec<Bucket>,
    /// Cases in all of them.
    pub(crate) cases: u64,
    /// Of these, cases with an error in any span.
    pub(crate) errors: u64,
    /// Cases that lack the value.
    pub(crate) missing: u64,
}

/// Values from `lower` to below `upper`; the last range of a score or metric has `upper` as well.
/// Times are unix milliseconds, everything else is in its own unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Bucket {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) cases: u64,
    /// Of these, cases with an error in any span.
    pub(crate) errors: u64,
}

/// What cases are grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GroupBy {
    /// A case counts in each of its tags.
    Tag,
    InputHash,
    /// A member of the root's metadata, by its path.
    Metadata(Vec<String>),
}

#[derive(Debug, Clone)]
pub(crate) struct GroupQuery {
    pub(crate) by: GroupBy,
    pub(crate) filter: CaseFilter,
    pub(crate) limit: usize,
}

/// Groups of cases, largest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Groups {
    pub(crate) groups: Vec<Group>,
    /// Groups there are, of which the largest are listed.
    pub(crate) total: usize,
    /// Cases that no group counts, since there were 10 000 groups before them.
    pub(crate) left_out: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Group {
    /// What its cases share: a text as it is, anything else as JSON; `null` for cases without it.
    pub(crate) key: Option<String>,
    pub(crate) cases: u64,
    /// Of these, cases with an error in any span.
    pub(crate) errors: u64,
    /// By name.
    pub(crate) scores: BTreeMap<String, GroupMean>,
    pub(crate) metrics: BTreeMap<String, GroupMean>,
}

/// A plain mean over cases, without an interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct GroupMean {
    pub(crate) mean: f64,
    /// Cases that have it.
    pub(crate) cases: u64,
}

/// A transaction that changed a dataset.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct DatasetVersion {
    #[serde(rename = "_xact_id")]
    #[cfg_attr(test, ts(type = "string"))]
    pub(crate) xact: XactId,
    /// ISO 8601, to the second.
    pub(crate) created: String,
    /// Rows that it made or changed.
    pub(crate) changed: u64,
    /// Rows that it deleted.
    pub(crate) deleted: u64,
    /// Names of the snapshots of this version.
    pub(crate) snapshots: Vec<String>,
    /// Environments that use it.
    pub(crate) environments: Vec<String>,
}

/// The part of a store that counts and groups.
pub(crate) trait FigureStore {
    fn histogram(
        &self,
        destination: Destination,
        query: HistogramQuery,
    ) -> Answer<'_, Listed<Histogram>>;

    fn groups(&self, destination: Destination, query: GroupQuery) -> Answer<'_, Listed<Groups>>;

    /// Versions of a dataset before one, newest first.
    fn dataset_versions(
        &self,
        dataset_id: String,
        before: Option<XactId>,
        limit: usize,
    ) -> Answer<'_, Vec<DatasetVersion>>;
}
