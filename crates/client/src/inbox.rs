//! Where producers hand records over, and the ledger that accounts for every one of them.

mod attached;
mod receipt;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::attachment::{ClientId, Upload};
use crate::doorbell::Doorbell;
use crate::record::Record;

pub(crate) use attached::Refusal;
pub(crate) use receipt::Outcome;
pub use receipt::{Attachments, DropReason, Receipt};
use receipt::{Totals, Watermark};

/// A flush in progress.
#[derive(Debug)]
struct Flush {
    id: u64,
    /// Covers what has sequence numbers in `base + 1 ..= watermark`.
    watermark: Watermark,
    base: Reported,
    /// Settled records behind the watermark, which this flush must not report.
    beyond: Totals,
    done: Option<oneshot::Sender<()>>,
}

/// Up to where losses have been reported by a flush that returned.
#[derive(Debug, Clone, Default)]
struct Reported {
    watermark: Watermark,
    totals: Totals,
}

/// Where producers meet. Its lock is held for a push or a swap, never while anything is counted.
#[derive(Debug, Default)]
struct Queue {
    records: Vec<Record>,
    last_sequence: u64,
    attachments: Vec<Upload>,
    refusals: Vec<Refusal>,
    last_attachment: u64,
    closed: bool,
}

#[derive(Debug, Default)]
struct Ledger {
    totals: Totals,
    flushes: Vec<Flush>,
    next_flush: u64,
    reported: Reported,
    /// Attachments that are not settled.
    unsettled: BTreeSet<u64>,
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
    /// Tells attachments which client uploads them.
    pub(crate) client: ClientId,
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
            state.totals.add(outcome, count, u64::from(delivered));
            for flush in &mut state.flushes {
                let beyond =
                    sequences.iter().filter(|&&s| s > flush.watermark.records).count() as u64;
                if beyond > 0 {
                    let row = u64::from(delivered && beyond == count);
                    flush.beyond.add(outcome, beyond, row);
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
            watermark: queue.watermark(),
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
        state.flushes.iter().filter(|f| f.done.is_some()).map(|f| f.watermark.records).max()
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
        let attachment = state.unsettled.first().copied().unwrap_or(u64::MAX);
        for flush in &mut state.flushes {
            if flush.watermark.records < oldest
                && flush.watermark.attachments < attachment
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
        let accepted = flush.watermark.since(flush.base.watermark);
        let receipt = upto.minus(&flush.base.totals).receipt(accepted);
        // A range with pending records stays open, so that the next flush reports their fate.
        let is_settled = receipt.pending == 0 && receipt.attachments.pending == 0;
        if is_settled && flush.watermark.is_beyond(state.reported.watermark) {
            state.reported = Reported { watermark: flush.watermark, totals: upto };
        }
        receipt
    }

    /// Counts since the start.
    pub(crate) fn stats(&self) -> Receipt {
        let queue = lock(&self.queue);
        let ledger = lock(&self.ledger);
        ledger.totals.clone().receipt(queue.watermark())
    }

    /// Refuses records from now on.
    pub(crate) fn close(&self) {
        lock(&self.queue).closed = true;
    }
}

impl Queue {
    fn watermark(&self) -> Watermark {
        Watermark { records: self.last_sequence, attachments: self.last_attachment }
    }
}

fn settle_new(state: &mut Ledger, outcome: Outcome) {
    state.totals.add(outcome, 1, 0);
    for flush in &mut state.flushes {
        flush.beyond.add(outcome, 1, 0);
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
