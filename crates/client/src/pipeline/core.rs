//! The state machine: which rows wait, which are on their way, and what to do next.
//!
//! This file holds the state and takes events in; [`super::dispatch`] decides what is sent and
//! when, [`super::settle`] what becomes of a reply.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::budget::Lease;
use crate::inbox::{DropReason, Outcome};
use crate::pipeline::Stage;
use crate::pipeline::backoff::Random;
use crate::pipeline::batch::Batch;
use crate::pipeline::cost::Cost;
use crate::pipeline::followed::Followed;
use crate::pipeline::lanes::{Lanes, RetryBudget};
use crate::pipeline::row::PendingRow;
use crate::record::{Head, Record, RowKey};
use crate::requests::Load;
use crate::spool::Entry;

/// After giving up, one batch is tried this often to see whether the server is back.
pub(super) const PROBE_EVERY: Duration = Duration::from_secs(30);

/// Bounds of the pipeline.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Most uploads at once.
    pub(crate) lanes: usize,
    pub(crate) budget_bytes: u64,
    pub(crate) max_rows: usize,
    /// Limit of one request body.
    pub(crate) max_request_bytes: u64,
    /// Retries of one batch; `None` means until `give_up_after`.
    pub(crate) max_retries: Option<u32>,
    pub(crate) give_up_after: Duration,
    /// Send only when a flush or a waiting producer asks.
    pub(crate) sync_flush: bool,
    /// Whether rows that cannot be delivered go to a spool instead of being dropped.
    pub(crate) spool: bool,
    /// Whether rows go to the spool also when the budget fills up.
    pub(crate) spool_when_full: bool,
    /// Seed of the retry jitter.
    pub(crate) seed: u64,
}

/// Who is waiting for the pipeline at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pressure {
    /// Highest sequence number a flush waits for.
    pub(crate) flush_watermark: Option<u64>,
    /// Whether a producer waits for room in the budget.
    pub(crate) gate_waiting: bool,
    /// Bytes held in the budget.
    pub(crate) used_bytes: u64,
}

/// What the driver has to do, in this order.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send a batch and report the reply under its number.
    Send { load: Load, body: Bytes, stage: Stage },
    /// Enter the fate of rows into the ledger; their journal entries are done with.
    Settle { rows: Vec<Settled>, outcome: Outcome },
    /// Keep rows in the spool, and enter them into the ledger as spooled, or as dropped for the
    /// reason if the spool takes them no more.
    Spool { rows: Vec<Spooled>, reason: DropReason, detail: Option<String> },
    /// Tell the user about lost records.
    Notice { records: u64, reason: DropReason, detail: Option<String> },
    /// A body that was given up after its last try.
    Failed { body: Bytes },
}

/// The records of one row whose fate is known.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) sequences: Vec<u64>,
    /// The row was acknowledged for the first time.
    pub(crate) delivered: bool,
    pub(crate) journal: Vec<Entry>,
}

/// A row for the spool. It holds its bytes of the budget until it is written.
#[derive(Debug)]
pub(crate) struct Spooled {
    pub(crate) sequences: Vec<u64>,
    /// Not empty if the records are in segments already.
    pub(crate) journal: Vec<Entry>,
    pub(crate) json: Bytes,
    pub(crate) _lease: Lease,
}

/// A part of a row that waits no longer: it was put into a request, or parted with. For whoever
/// keeps a profile.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) head: Arc<Head>,
    /// Whether the end of the span is in it.
    pub(crate) has_ended: bool,
    pub(crate) records: u32,
    /// As JSON; 0 if it was dropped.
    pub(crate) bytes: u64,
}

/// Why new records are not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    Unauthorized,
    /// Unreachable for too long; probing again at the given moment.
    GivenUp {
        probe_at: Instant,
    },
}

/// A batch on its way.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) batch: Batch,
    pub(super) lane: usize,
    pub(super) sent_at: Instant,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(super) options: Options,
    /// Whether a row beyond the limit may be uploaded aside, and then named.
    pub(super) overflow: bool,
    pub(super) random: Random,
    /// Rows not in a batch, by key. Each is in exactly one of `ready`, `open`, `blocked`.
    pub(super) rows: HashMap<RowKey, PendingRow>,
    /// By first sequence number, so that older rows go first.
    pub(super) ready: BTreeMap<u64, RowKey>,
    pub(super) ready_bytes: u64,
    /// Created spans that wait for their end.
    pub(super) open: BTreeMap<u64, RowKey>,
    /// Rows whose key is in flight.
    pub(super) blocked: HashSet<RowKey>,
    pub(super) in_flight: HashSet<RowKey>,
    /// Batches being sent.
    pub(super) sending: HashMap<u64, Sending>,
    /// Batches waiting for another try, or for a lane.
    pub(super) retrying: Vec<Batch>,
    pub(super) lanes: Lanes,
    pub(super) retry_budget: RetryBudget,
    pub(super) cost: Cost,
    pub(super) next_batch: u64,
    /// First sequence number of every row not settled.
    pub(super) unsettled: BTreeSet<u64>,
    /// What is in the spool already.
    pub(super) followed: Followed,
    pub(super) last_record: Option<Instant>,
    /// When a producer was last seen waiting for room.
    pub(super) gate_closed_at: Option<Instant>,
    /// Since when nothing but failures came back.
    pub(super) failing_since: Option<Instant>,
    pub(super) halt: Option<Halt>,
    pub(super) actions: Vec<Action>,
    /// Kept only while somebody wants to know.
    pub(super) written: Option<Vec<Written>>,
}

impl Core {
    pub(crate) fn new(options: Options) -> Self {
        let random = Random::new(options.seed);
        let lanes = Lanes::new(options.lanes);
        Self {
            options,
            overflow: false,
            random,
            rows: HashMap::new(),
            ready: BTreeMap::new(),
            ready_bytes: 0,
            open: BTreeMap::new(),
            blocked: HashSet::new(),
            in_flight: HashSet::new(),
            sending: HashMap::new(),
            retrying: Vec::new(),
            lanes,
            retry_budget: RetryBudget::new(),
            cost: Cost::default(),
            next_batch: 0,
            unsettled: BTreeSet::new(),
            followed: Followed::default(),
            last_record: None,
            gate_closed_at: None,
            failing_since: None,
            halt: None,
            actions: Vec::new(),
            written: None,
        }
    }

    /// Lowers (or learns) the limit of one request body, and whether there is a way for rows
    /// beyond it.
    pub(crate) fn limit_request_bytes(&mut self, bytes: u64, overflow: bool) {
        self.options.max_request_bytes = bytes.max(1);
        self.overflow = overflow;
    }

    /// Lowest sequence number that is not settled.
    pub(crate) fn oldest_pending(&self) -> Option<u64> {
        self.unsettled.first().copied()
    }

    /// A producer waits for room at this moment.
    pub(crate) fn gate_is_closed(&mut self, now: Instant) {
        self.gate_closed_at = Some(now);
    }

    /// Sets whether somebody will ask for [`Core::take_written`].
    pub(crate) fn note_written(&mut self, note: bool) {
        self.written = note.then(Vec::new);
    }

    /// What was written or parted with since the last call.
    pub(crate) fn take_written(&mut self) -> impl Iterator<Item = Written> {
        self.written.iter_mut().flat_map(|written| written.drain(..))
    }

    /// Takes in records, in the order of acceptance.
    pub(crate) fn records(&mut self, records: impl IntoIterator<Item = Record>, now: Instant) {
        for record in records {
            self.last_record = Some(now);
            self.record(record, now);
        }
    }

    fn record(&mut self, record: Record, now: Instant) {
        if !self.options.spool {
            match self.halt {
                Some(Halt::Unauthorized) => return self.refuse(record, DropReason::Unauthorized),
                Some(Halt::GivenUp { probe_at }) if now < probe_at => {
                    return self.refuse(record, DropReason::Unreachable);
                }
                _ => {}
            }
        }
        let key = record.head.key();
        if let Some(row) = self.rows.get_mut(&key) {
            let first = row.first_sequence();
            let before = row.lease.bytes();
            row.absorb(record);
            let after = row.lease.bytes();
            if self.ready.contains_key(&first) {
                self.ready_bytes = self.ready_bytes + after - before;
            } else if !row.is_open() && self.open.remove(&first).is_some() {
                self.ready.insert(first, key);
                self.ready_bytes += after;
            }
            return;
        }
        let row = PendingRow::new(record, now);
        self.unsettled.insert(row.first_sequence());
        if self.in_flight.contains(&key) {
            self.blocked.insert(key.clone());
            self.rows.insert(key, row);
        } else {
            self.place(key, row);
        }
    }

    /// Files a row under `open` or `ready`; one whose span is in the spool already follows it
    /// there, since the spool is sent later and must not overwrite what is newer.
    pub(super) fn place(&mut self, key: RowKey, row: PendingRow) {
        let head = &row.head;
        if head.is_spooled() || head.is_detached && self.followed.contains(&key) {
            return self.part_with(vec![row], DropReason::Unreachable);
        }
        if row.is_open() {
            self.open.insert(row.first_sequence(), key.clone());
        } else {
            self.ready.insert(row.first_sequence(), key.clone());
            self.ready_bytes += row.lease.bytes();
        }
        self.rows.insert(key, row);
    }

    fn refuse(&mut self, record: Record, reason: DropReason) {
        if let Some(written) = &mut self.written {
            let (head, has_ended) = (Arc::clone(&record.head), record.end.is_some());
            written.push(Written { head, has_ended, records: 1, bytes: 0 });
        }
        let journal = record.journal.into_iter().collect();
        let rows = vec![Settled { sequences: vec![record.sequence], delivered: false, journal }];
        self.actions.push(Action::Settle { rows, outcome: Outcome::Dropped(reason) });
        self.actions.push(Action::Notice { records: 1, reason, detail: None });
    }
}

#[cfg(test)]
impl Core {
    /// Records and bytes held, counted from the rows themselves.
    pub(crate) fn held(&self) -> (u64, u64) {
        let waiting = self.rows.values().map(|row| (row.sequences.len() as u64, row.lease.bytes()));
        let sending = self.sending.values().map(|sending| &sending.batch);
        let batches = sending.chain(&self.retrying).flat_map(|batch| &batch.rows);
        let sent = batches.map(|row| (row.sequences.len() as u64, row.lease.bytes()));
        waiting.chain(sent).fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1))
    }
}
