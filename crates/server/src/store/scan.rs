//! Streaming the rows of one object out of a store, for whoever evaluates conditions over them.

use std::ops::ControlFlow;

use std::time::Instant;
use tidegate_model::{Destination, RowId, XactId};

use super::{Cursor, StoreError, StoredRow};

/// Which rows, in order of their ids.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) destination: Destination,
    /// The rows as they were after this transaction; only datasets remember.
    pub(crate) as_of: Option<XactId>,
    pub(crate) narrow: Narrow,
    pub(crate) after: Option<Cursor>,
    /// When to give up, even between two rows.
    pub(crate) deadline: Instant,
}

/// Conditions a store can look up, all of which must hold. A store may hand out more rows than
/// they allow, never fewer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Narrow {
    pub(crate) ids: Option<Vec<RowId>>,
    pub(crate) root_span_ids: Option<Vec<String>>,
    pub(crate) is_root: Option<bool>,
    /// Unix time in microseconds.
    pub(crate) created_us: Range<i64>,
    pub(crate) xact: Range<u64>,
}

/// Bounds that both belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range<T> {
    pub(crate) min: Option<T>,
    pub(crate) max: Option<T>,
}

impl<T> Default for Range<T> {
    fn default() -> Self {
        Self { min: None, max: None }
    }
}

impl<T: Ord + Copy> Range<T> {
    pub(crate) fn at_least(&mut self, bound: T) {
        self.min = Some(self.min.map_or(bound, |min| min.max(bound)));
    }

    pub(crate) fn at_most(&mut self, bound: T) {
        self.max = Some(self.max.map_or(bound, |max| max.min(bound)));
    }
}

/// Where a row lies, within one snapshot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowPlace {
    pub(crate) number: i64,
    /// Among the earlier versions instead of the present rows.
    pub(crate) earlier: bool,
}

/// A row passing by.
#[derive(Debug)]
pub(crate) struct ScannedRow<'a> {
    pub(crate) id: RowId,
    pub(crate) place: RowPlace,
    pub(crate) xact: XactId,
    pub(crate) created_us: i64,
    pub(crate) is_root: bool,
    pub(crate) text: &'a str,
}

/// How a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanEnd {
    /// There are no more rows.
    Done,
    /// The visitor had enough.
    Stopped,
    /// The deadline passed while no row was found.
    Deadline,
}

/// One snapshot of a store.
pub(crate) trait RowSource {
    /// Whether the object ever had rows.
    fn known(&mut self, destination: &Destination) -> Result<bool, StoreError>;

    /// The newest transaction among the object's present rows.
    fn newest_xact(&mut self, destination: &Destination) -> Result<Option<XactId>, StoreError>;

    /// Shows rows to `visit` until it breaks.
    fn scan(
        &mut self,
        scan: &Scan,
        visit: &mut dyn FnMut(&ScannedRow<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, StoreError>;

    /// Reads a row that a scan showed.
    fn fetch(&mut self, place: RowPlace) -> Result<StoredRow, StoreError>;
}

/// Work over a snapshot; it answers through what it captures.
pub(crate) type Reading = Box<dyn FnOnce(&mut dyn RowSource) -> Result<(), StoreError> + Send>;
