//! Where producers hand records over, and the ledger that accounts for every one of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::oneshot;

use crate::doorbell::Doorbell;
use crate::record::Record;

/// Why records were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DropReason {
    /// The byte budget was full, and the policy is to drop or the wait for room ran out.
    BudgetFull,
    /// The server could not be reached for as long as `give_up_after`.
    Unreachable,
    /// The server refused the key (401 or 403).
    Unauthorized,
    /// The server refused this very row (400 and its like).
    Rejected,
    /// The row alone is larger than the server takes.
    TooLarge,
    /// The client was shut down before the record was delivered.
    Shutdown,
    /// Every record had to be in the spool first ([`crate::Config::durable`]), and the spool
    /// could not be written.
    SpoolFailed,
}

impl DropReason {
    /// Whether the same row may be delivered another time, so that it is worth keeping.
    pub(crate) fn may_pass(self) -> bool {
        matches!(self, Self::BudgetFull | Self::Unreachable | Self::Unauthorized | Self::Shutdown)
    }

    /// Says what happened and what to do about it, for messages.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::BudgetFull => {
                "the byte budget is full (raise BRAINTRUST_FLUSH_BACKPRESSURE_BYTES or use policy block)"
            }
            Self::Unreachable => "the server could not be reached (check BRAINTRUST_APP_URL)",
            Self::Unauthorized => "the server refused the key (check BRAINTRUST_API_KEY)",
            Self::Rejected => "the server rejected the rows",
            Self::TooLarge => "a row is larger than the server accepts",
            Self::Shutdown => "the client was shut down before they were delivered",
            Self::SpoolFailed => {
                "the spool cannot be written (check the disk and TIDEGATE_DATA_DIR)"
            }
        }
    }
}

/// Counts of records; what was accepted is always the sum of the others.
///
/// `accepted = acknowledged + spooled + dropped + pending`, exactly and at every instant. A
/// record is one start, log or end event; `rows` counts what they became on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Records that `log()`, a span's start or its end handed over.
    pub accepted: u64,
    /// Records that a server confirmed with a 2xx.
    pub acknowledged: u64,
    /// Distinct rows among the acknowledged records: the number to compare with a store.
    pub rows: u64,
    /// Records kept in the spool for a later process or `tidegate spool drain`.
    pub spooled: u64,
    /// Records not settled yet.
    pub pending: u64,
    /// Records lost, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
}

impl Receipt {
    /// Number of records lost for any reason.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.dropped.values().sum()
    }

    /// Whether every accepted record was acknowledged.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.acknowledged == self.accepted
    }
}

/// Settled records since the start.
#[derive(Debug, Clone, Default)]
struct Totals {
    acknowledged: u64,
    rows: u64,
    spooled: u64,
    dropped: BTreeMap<DropReason, u64>,
}

impl Totals {
    fn settled(&self) -> u64 {
        self.acknowledged + self.spooled + self.dropped.values().sum::<u64>()
    }

    fn minus(&self, other: &Self) -> Self {
        let mut dropped = self.dropped.clone();
        for (reason, count) in &other.dropped {
            *dropped.entry(*reason).or_default() -= count;
        }
        dropped.retain(|_, count| *count > 0);
        Self {
            acknowledged: self.acknowledged - other.acknowledged,
            rows: self.rows - other.rows,
            spooled: self.spooled - other.spooled,
            dropped,
        }
    }

    fn receipt(self, accepted: u64) -> Receipt {
        Receipt {
            accepted,
            pending: accepted - self.settled(),
            acknowledged: self.acknowledged,
            rows: self.rows,
            spooled: self.spooled,
            dropped: self.dropped,
        }
    }
}

/// What became of some records of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Acknowledged,
    /// Kept for a later process.
    Spooled,
    Dropped(DropReason),
}

/// A flush in progress.
#[derive(Debug)]
struct Flush {
    id: u64,
    /// Covers records with sequence numbers in `base + 1 ..= watermark`.
    watermark: u64,
    base: Reported,
    /// Settled records behind the watermark, which this flush must not report.
    beyond: Totals,
    done: Option<oneshot::Sender<()>>,
}

/// Up to where losses have been reported by a flush that returned.
#[derive(Debug, Clone, Default)]
struct Reported {
    watermark: u64,
    totals: Totals,
}

/// Where producers meet. Its lock is held for a push or a swap, never while anything is counted.
#[derive(Debug, Default)]
struct Queue {
    records: Vec<Record>,
    last_sequence: u64,
    closed: bool,
}

#[derive(Debug, Default)]
struct Ledger {
    totals: Totals,
    flushes: Vec<Flush>,
    next_flush: u64,
    reported: Reported,
}

/// Shared by producers, the uploader and whoever asks for figures.
///
/// Two locks, so that a batch of thousands of rows can be settled without a producer noticing;
/// whoever needs both takes the queue first.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    ledger: Mutex<Ledger>,
    pub(crate) bell: Doorbell,
}

/// No invariant of what is locked spans a panic: each method leaves it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inbox {
    /// Accepts a record; after [`Inbox::close`] it is counted as dropped and `false` comes back,
    /// unless it is in the spool.
    pub(crate) fn push(&self, mut record: Record) -> bool {
        let mut queue = lock(&self.queue);
        queue.last_sequence += 1;
        if queue.closed {
            // One that is in the spool already waits there for the next process.
            let kept = record.journal.is_some();
            let outcome =
                if kept { Outcome::Spooled } else { Outcome::Dropped(DropReason::Shutdown) };
            settle_new(&mut lock(&self.ledger), outcome);
            return kept;
        }
        record.sequence = queue.last_sequence;
        queue.records.push(record);
        drop(queue);
        self.bell.ring();
        true
    }

    /// Counts a record that was never admitted.
    pub(crate) fn refuse(&self, reason: DropReason) {
        let mut queue = lock(&self.queue);
        queue.last_sequence += 1;
        settle_new(&mut lock(&self.ledger), Outcome::Dropped(reason));
    }

    /// Takes all records, leaving the given empty vector for the next ones, so that producers
    /// do not grow a new one each time. If there are none, it marks the uploader idle under the
    /// same lock, so that a record pushed right after wakes it.
    pub(crate) fn take(&self, spare: Vec<Record>, may_idle: bool) -> Vec<Record> {
        debug_assert!(spare.is_empty());
        let mut queue = lock(&self.queue);
        let records = std::mem::replace(&mut queue.records, spare);
        if records.is_empty() && may_idle {
            self.bell.rest();
        }
        records
    }

    /// Settles rows: their sequence numbers, and whether the row was acknowledged for the first
    /// time.
    pub(crate) fn settle<'a>(
        &self,
        rows: impl IntoIterator<Item = (&'a [u64], bool)>,
        outcome: Outcome,
    ) {
        let mut ledger = lock(&self.ledger);
        let state = &mut *ledger;
        for (sequences, delivered) in rows {
            let count = sequences.len() as u64;
            add(&mut state.totals, outcome, count, u64::from(delivered));
            for flush in &mut state.flushes {
                let beyond = sequences.iter().filter(|&&s| s > flush.watermark).count() as u64;
                if beyond > 0 {
                    let row = u64::from(delivered && beyond == count);
                    add(&mut flush.beyond, outcome, beyond, row);
                }
            }
        }
    }

    /// Registers a flush of everything accepted so far.
    pub(crate) fn begin_flush(&self) -> (u64, oneshot::Receiver<()>) {
        let (done, receiver) = oneshot::channel();
        let queue = lock(&self.queue);
        let mut state = lock(&self.ledger);
        state.next_flush += 1;
        let flush = Flush {
            id: state.next_flush,
            watermark: queue.last_sequence,
            base: state.reported.clone(),
            beyond: Totals::default(),
            done: Some(done),
        };
        let id = flush.id;
        state.flushes.push(flush);
        drop(state);
        drop(queue);
        self.bell.call();
        (id, receiver)
    }

    /// The highest sequence number that a flush in progress waits for.
    pub(crate) fn flush_watermark(&self) -> Option<u64> {
        let state = lock(&self.ledger);
        state.flushes.iter().filter(|f| f.done.is_some()).map(|f| f.watermark).max()
    }

    /// Tells every flush whose range is settled; `oldest_pending` is the lowest sequence number
    /// that the uploader still holds.
    pub(crate) fn complete_flushes(&self, oldest_pending: Option<u64>) {
        let queue = lock(&self.queue);
        let mut state = lock(&self.ledger);
        let oldest_queued = queue.records.first().map(|record| record.sequence);
        let oldest = match (oldest_pending, oldest_queued) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b).unwrap_or(u64::MAX),
        };
        for flush in &mut state.flushes {
            if flush.watermark < oldest
                && let Some(done) = flush.done.take()
            {
                // The caller may have gone; its flush is removed by `end_flush` all the same.
                done.send(()).ok();
            }
        }
    }

    /// Ends a flush, settled or not, and returns the receipt of its range.
    pub(crate) fn end_flush(&self, id: u64) -> Receipt {
        let mut state = lock(&self.ledger);
        let Some(position) = state.flushes.iter().position(|flush| flush.id == id) else {
            return Receipt::default();
        };
        let flush = state.flushes.swap_remove(position);
        let upto = state.totals.minus(&flush.beyond);
        let receipt =
            upto.minus(&flush.base.totals).receipt(flush.watermark - flush.base.watermark);
        // A range with pending records stays open, so that the next flush reports their fate.
        if receipt.pending == 0 && flush.watermark > state.reported.watermark {
            state.reported = Reported { watermark: flush.watermark, totals: upto };
        }
        receipt
    }

    /// Counts since the start.
    pub(crate) fn stats(&self) -> Receipt {
        let queue = lock(&self.queue);
        let ledger = lock(&self.ledger);
        ledger.totals.clone().receipt(queue.last_sequence)
    }

    /// Refuses records from now on.
    pub(crate) fn close(&self) {
        lock(&self.queue).closed = true;
    }
}

fn settle_new(state: &mut Ledger, outcome: Outcome) {
    add(&mut state.totals, outcome, 1, 0);
    for flush in &mut state.flushes {
        add(&mut flush.beyond, outcome, 1, 0);
    }
}

fn add(totals: &mut Totals, outcome: Outcome, records: u64, rows: u64) {
    match outcome {
        Outcome::Acknowledged => {
            totals.acknowledged += records;
            totals.rows += rows;
        }
        Outcome::Spooled => totals.spooled += records,
        Outcome::Dropped(reason) => *totals.dropped.entry(reason).or_default() += records,
    }
}

/// Ends its flush when the future that waits for it is dropped.
#[derive(Debug)]
pub(crate) struct FlushGuard {
    inbox: Arc<Inbox>,
    id: Option<u64>,
}

impl FlushGuard {
    pub(crate) fn begin(inbox: &Arc<Inbox>) -> (Self, oneshot::Receiver<()>) {
        let (id, settled) = inbox.begin_flush();
        (Self { inbox: Arc::clone(inbox), id: Some(id) }, settled)
    }

    pub(crate) fn finish(mut self) -> Receipt {
        self.id.take().map(|id| self.inbox.end_flush(id)).unwrap_or_default()
    }
}

impl Drop for FlushGuard {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.inbox.abandon_flush(id);
        }
    }
}

impl Inbox {
    /// Forgets a flush that nobody waits for, without marking its range as reported.
    fn abandon_flush(&self, id: u64) {
        lock(&self.ledger).flushes.retain(|flush| flush.id != id);
    }
}

#[cfg(test)]
mod tests;
