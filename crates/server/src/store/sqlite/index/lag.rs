//! How far the index is behind the rows.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use super::super::changes::{self, Read};
use crate::clock;
use crate::store::{IndexLag, StoreError, Touched};

/// Entries of the journal counted at once.
const COUNT_ENTRIES: usize = 1_024;

/// What the thread tells everybody else.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Unix seconds of the oldest change that is not indexed; 0 if there is none.
    since: AtomicI64,
    rows: AtomicI64,
    counted: Mutex<Counted>,
    /// Objects whose changes lists show by now.
    pub(super) touched: Arc<Touched>,
}

/// Rows of the journal's entries, counted as they come.
#[derive(Debug, Default)]
struct Counted {
    /// Entries not yet indexed: (number, rows, unix seconds).
    entries: VecDeque<(i64, i64, i64)>,
    /// Rows of all of them.
    rows: i64,
    /// The last entry looked at.
    through: i64,
}

/// Entries that are remembered one by one; of those beyond, the lag shows later.
const REMEMBERED_ENTRIES: usize = 100_000;

impl Shared {
    /// The lag just now.
    pub(super) fn lag(&self) -> IndexLag {
        // Relaxed: the two need not fit together to the row.
        let since = self.since.load(Ordering::Relaxed);
        let seconds = if since == 0 { 0 } else { (clock::now().as_second() - since).max(0) };
        IndexLag {
            rows: self.rows.load(Ordering::Relaxed).max(0).cast_unsigned(),
            seconds: seconds.cast_unsigned(),
        }
    }

    /// Notes that the thread cannot go on for now: the lag grows from here.
    pub(super) fn failed(&self) {
        let now = clock::now().as_second();
        // Only if nothing older waits; an error here means just that.
        self.since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed).ok();
    }

    /// Looks at what the journal has beyond `journal`; `scanning` adds the `left` rows that were
    /// never indexed at all.
    pub(super) fn measure(
        &self,
        main: &Connection,
        journal: i64,
        scanning: bool,
        left: i64,
    ) -> Result<(), StoreError> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, rows, _)) = counted.entries.pop_front_if(|entry| entry.0 <= journal) {
            counted.rows -= rows;
        }
        counted.through = counted.through.max(journal);
        if counted.entries.len() < REMEMBERED_ENTRIES
            && let Read::Entries(entries) =
                changes::read_after(main, counted.through, COUNT_ENTRIES)?
        {
            for entry in entries {
                let rows = entry.rows.changed.len() + entry.rows.deleted.len();
                let seconds = i64::from(entry.xact.unix_seconds());
                let rows = i64::try_from(rows).unwrap_or(i64::MAX);
                counted.entries.push_back((entry.number, rows, seconds));
                counted.rows += rows;
                counted.through = entry.number;
            }
        }
        let since = match (scanning, counted.entries.front()) {
            (true, _) => match self.since.load(Ordering::Relaxed) {
                0 => clock::now().as_second(),
                since => since,
            },
            (false, Some((_, _, seconds))) => *seconds,
            (false, None) => 0,
        };
        self.rows.store(counted.rows + left, Ordering::Relaxed);
        self.since.store(since, Ordering::Relaxed);
        Ok(())
    }
}
