//! How sums over an object's traces change when some of them do.

use std::collections::BTreeMap;

use super::extract::Extract;

/// Microseconds.
pub(crate) const MINUTE_US: i64 = 60_000_000;

/// How an object's sums change.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    pub(crate) traces: i64,
    /// Traces with a root.
    pub(crate) cases: i64,
    pub(crate) rows: i64,
    /// Cases with an error in any span.
    pub(crate) errors: i64,
    /// The newest transaction seen.
    pub(crate) xact: i64,
    /// Cases and errors by the minute of their creation.
    pub(crate) minutes: BTreeMap<i64, (i64, i64)>,
}

/// A trace as the index has it so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before {
    pub(crate) created_us: i64,
    pub(crate) has_root: bool,
    pub(crate) rows: i64,
    pub(crate) failed: bool,
}

impl Delta {
    /// Takes in that a trace is no longer what it was.
    pub(crate) fn remove(&mut self, before: Before) {
        self.traces -= 1;
        self.rows -= before.rows;
        if before.has_root {
            self.count(-1, before.created_us, before.failed);
        }
    }

    /// Takes in what a trace is now.
    pub(crate) fn add(&mut self, extract: &Extract) {
        self.traces += 1;
        self.rows += extract.rows;
        if extract.root.is_some() {
            self.count(1, extract.created_us, extract.failed);
        }
        self.xact = self.xact.max(extract.xact);
    }

    /// Counts a case `times` over.
    fn count(&mut self, times: i64, created_us: i64, failed: bool) {
        let errors = times * i64::from(failed);
        self.cases += times;
        self.errors += errors;
        let minute = self.minutes.entry(created_us.div_euclid(MINUTE_US)).or_default();
        *minute = (minute.0 + times, minute.1 + errors);
    }
}
