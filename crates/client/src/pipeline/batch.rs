//! A request body and the rows inside it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::budget::Lease;
use crate::pipeline::row::PendingRow;
use crate::pipeline::{Stage, Written};
use crate::record::{Head, RowKey};
use crate::spool::Entry;

const OPEN: &[u8] = b"{\"rows\":[";
const CLOSE: &[u8] = b"],\"api_version\":2}";

/// Bytes of a body around its rows.
pub(crate) const ENVELOPE_BYTES: u64 = (OPEN.len() + CLOSE.len()) as u64;

/// Puts rows that are written already into one body.
pub(crate) fn body_of(rows: &[Bytes]) -> Bytes {
    let content: usize = rows.iter().map(|row| row.len() + 1).sum();
    let mut body = Vec::with_capacity(content + OPEN.len() + CLOSE.len());
    body.extend_from_slice(OPEN);
    for row in rows {
        if body.len() > OPEN.len() {
            body.push(b',');
        }
        body.extend_from_slice(row);
    }
    body.extend_from_slice(CLOSE);
    body.into()
}

/// Rows on their way. The body is the only copy of their content, so that a batch costs its
/// wire bytes once, however often it is tried.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) body: Bytes,
    pub(crate) rows: Vec<SentRow>,
    /// Failed tries so far.
    pub(crate) tries: u32,
    /// Not to be sent before.
    pub(crate) due: Instant,
    /// When its oldest row began to wait.
    pub(crate) queued_at: Instant,
    pub(crate) stage: Stage,
    /// How often it had to begin again with its first step.
    pub(crate) restarts: u32,
    /// Since when it has failed, whatever others achieve; of several steps, since when none beyond
    /// the first has succeeded.
    pub(crate) failing_since: Option<Instant>,
    /// Whether it may go sooner when the server answers others again.
    pub(crate) haste: Haste,
}

/// A batch that failed with all others has waited for longer and longer, and need not any more when
/// one of them has arrived. Once: it may be this one that the server fails at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// It has not gone sooner yet.
    Left,
    /// The server has said how long it wants to be left alone.
    Forbidden,
    /// It has.
    Spent,
}

/// What remains of a row once its content is in a body.
#[derive(Debug)]
pub(crate) struct SentRow {
    pub(crate) key: RowKey,
    pub(crate) head: Arc<Head>,
    pub(crate) sequences: Vec<u64>,
    pub(crate) lease: Lease,
    pub(crate) journal: Vec<Entry>,
    /// Whether the end of the span is in it.
    pub(crate) has_ended: bool,
    /// Where the row stands in the body.
    pub(crate) range: Range<usize>,
}

impl Written {
    pub(crate) fn of(row: &SentRow) -> Self {
        Self {
            head: Arc::clone(&row.head),
            has_ended: row.has_ended,
            records: u32::try_from(row.sequences.len()).unwrap_or(u32::MAX),
            bytes: row.lease.bytes(),
        }
    }
}

impl Batch {
    fn new(body: Bytes, rows: Vec<SentRow>, tries: u32, due: Instant, queued_at: Instant) -> Self {
        let (stage, restarts, failing_since, haste) = (Stage::Rows, 0, None, Haste::Left);
        Self { body, rows, tries, due, queued_at, stage, restarts, failing_since, haste }
    }

    /// Serializes rows and corrects their leases to the bytes they take.
    pub(crate) fn build(rows: Vec<PendingRow>, now: Instant) -> Self {
        let estimate: u64 = rows.iter().map(|row| row.lease.bytes()).sum();
        let capacity = usize::try_from(estimate + ENVELOPE_BYTES).unwrap_or(0);
        let mut body = Vec::with_capacity(capacity);
        body.extend_from_slice(OPEN);
        let mut sent = Vec::with_capacity(rows.len());
        let queued_at = rows.iter().map(|row| row.queued_at).min().unwrap_or(now);
        for row in rows {
            if !sent.is_empty() {
                body.push(b',');
            }
            let from = body.len();
            row.write(&mut body);
            let range = from..body.len();
            let has_ended = row.has_ended();
            let PendingRow { head, sequences, mut lease, journal, .. } = row;
            lease.shrink_to(range.len() as u64 + 1);
            let key = head.key();
            sent.push(SentRow { key, head, sequences, lease, journal, has_ended, range });
        }
        body.extend_from_slice(CLOSE);
        // Bytes keeps the spare capacity of its vector, which would escape the budget.
        body.shrink_to_fit();
        Self::new(body.into(), sent, 0, now, queued_at)
    }

    /// Cuts the batch in two, or gives it back if it holds one row.
    pub(crate) fn split(mut self, now: Instant) -> Result<(Self, Self), Box<Self>> {
        if self.rows.len() < 2 {
            return Err(Box::new(self));
        }
        let second = self.rows.split_off(self.rows.len() / 2);
        let first = std::mem::take(&mut self.rows);
        Ok((self.rebuild(first, now), self.rebuild(second, now)))
    }

    fn rebuild(&self, rows: Vec<SentRow>, now: Instant) -> Self {
        let content: usize = rows.iter().map(|row| row.range.len() + 1).sum();
        let mut body = Vec::with_capacity(content + OPEN.len() + CLOSE.len());
        body.extend_from_slice(OPEN);
        let rows = rows
            .into_iter()
            .map(|row| {
                if body.len() > OPEN.len() {
                    body.push(b',');
                }
                let from = body.len();
                body.extend_from_slice(&self.body[row.range.clone()]);
                SentRow { range: from..body.len(), ..row }
            })
            .collect();
        body.extend_from_slice(CLOSE);
        let Self { tries, queued_at, failing_since, .. } = *self;
        Self { failing_since, ..Self::new(body.into(), rows, tries, now, queued_at) }
    }
}
