//! The state machine: which rows wait, which are on their way, and what to do next.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::inbox::{DropReason, Outcome};
use crate::pipeline::Reply;
use crate::pipeline::backoff::{self, Random};
use crate::pipeline::batch::{Batch, ENVELOPE_BYTES, SentRow};
use crate::pipeline::row::PendingRow;
use crate::record::{Record, RowKey};

/// A burst counts as over after this long without a new record.
const QUIESCENCE: Duration = Duration::from_millis(5);
/// No ready row waits longer than this for company.
const MAX_LINGER: Duration = Duration::from_millis(25);
/// The first row of a span still open waits this long for its end.
const OPEN_SPAN_WAIT: Duration = Duration::from_millis(200);
/// After giving up, one batch is tried this often to see whether the server is back.
const PROBE_EVERY: Duration = Duration::from_secs(30);

/// Bounds of the pipeline.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Uploads at once.
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
}

/// What the driver has to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send a batch and report the reply under its number.
    Send { batch: u64, body: Bytes },
    /// Enter the fate of a row's records into the ledger.
    Settle { sequences: Vec<u64>, outcome: Outcome, delivered: bool },
    /// Tell the user about lost records.
    Notice { records: u64, reason: DropReason, detail: Option<String> },
}

/// Why new records are not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halt {
    Unauthorized,
    /// Unreachable for too long; probing again at the given moment.
    GivenUp {
        probe_at: Instant,
    },
}

#[derive(Debug)]
pub(crate) struct Core {
    options: Options,
    random: Random,
    /// Rows not in a batch, by key. Each is in exactly one of `ready`, `open`, `blocked`.
    rows: HashMap<RowKey, PendingRow>,
    /// By first sequence number, so that older rows go first.
    ready: BTreeMap<u64, RowKey>,
    ready_bytes: u64,
    /// Created spans that wait for their end.
    open: BTreeMap<u64, RowKey>,
    /// Rows whose key is in flight.
    blocked: HashSet<RowKey>,
    in_flight: HashSet<RowKey>,
    /// Batches being sent.
    sending: HashMap<u64, Batch>,
    /// Batches waiting for another try, or for a lane.
    retrying: Vec<Batch>,
    next_batch: u64,
    /// First sequence number of every row not settled.
    unsettled: BTreeSet<u64>,
    last_record: Option<Instant>,
    /// Since when nothing but failures came back.
    failing_since: Option<Instant>,
    halt: Option<Halt>,
    actions: Vec<Action>,
}

impl Core {
    pub(crate) fn new(options: Options) -> Self {
        let random = Random::new(options.seed);
        Self {
            options,
            random,
            rows: HashMap::new(),
            ready: BTreeMap::new(),
            ready_bytes: 0,
            open: BTreeMap::new(),
            blocked: HashSet::new(),
            in_flight: HashSet::new(),
            sending: HashMap::new(),
            retrying: Vec::new(),
            next_batch: 0,
            unsettled: BTreeSet::new(),
            last_record: None,
            failing_since: None,
            halt: None,
            actions: Vec::new(),
        }
    }

    /// Lowers (or learns) the limit of one request body.
    pub(crate) fn limit_request_bytes(&mut self, bytes: u64) {
        self.options.max_request_bytes = bytes.max(1);
    }

    /// Lowest sequence number that is not settled.
    pub(crate) fn oldest_pending(&self) -> Option<u64> {
        self.unsettled.first().copied()
    }

    /// Takes in records, in the order of acceptance.
    pub(crate) fn records(&mut self, records: Vec<Record>, now: Instant) {
        for record in records {
            self.last_record = Some(now);
            self.record(record, now);
        }
    }

    fn record(&mut self, record: Record, now: Instant) {
        match self.halt {
            Some(Halt::Unauthorized) => return self.refuse(&record, DropReason::Unauthorized),
            Some(Halt::GivenUp { probe_at }) if now < probe_at => {
                return self.refuse(&record, DropReason::Unreachable);
            }
            _ => {}
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
        } else {
            self.place(&key, &row);
        }
        self.rows.insert(key, row);
    }

    /// Files a row under `open` or `ready`.
    fn place(&mut self, key: &RowKey, row: &PendingRow) {
        if row.is_open() {
            self.open.insert(row.first_sequence(), key.clone());
        } else {
            self.ready.insert(row.first_sequence(), key.clone());
            self.ready_bytes += row.lease.bytes();
        }
    }

    fn refuse(&mut self, record: &Record, reason: DropReason) {
        let outcome = Outcome::Dropped(reason);
        let sequences = vec![record.sequence];
        self.actions.push(Action::Settle { sequences, outcome, delivered: false });
        self.actions.push(Action::Notice { records: 1, reason, detail: None });
    }

    /// Takes in the reply to a batch.
    pub(crate) fn finished(&mut self, number: u64, reply: Reply, now: Instant) {
        let Some(batch) = self.sending.remove(&number) else { return };
        match reply {
            Reply::Acknowledged => {
                self.failing_since = None;
                if matches!(self.halt, Some(Halt::GivenUp { .. })) {
                    self.halt = None;
                }
                self.settle(batch.rows, Outcome::Acknowledged);
            }
            Reply::Retry { after, detail } => self.retry(batch, after, &detail, now),
            Reply::TooLarge => {
                // Half of what was refused is the best guess at what is accepted.
                let half = batch.body.len() as u64 / 2;
                self.options.max_request_bytes =
                    self.options.max_request_bytes.min(half).max(ENVELOPE_BYTES + 2);
                self.split(batch, DropReason::TooLarge, None, now);
            }
            Reply::Rejected { detail } => {
                self.split(batch, DropReason::Rejected, Some(detail), now);
            }
            Reply::Refused { detail } => {
                self.drop_batch(batch, DropReason::Rejected, Some(detail));
            }
            Reply::Unauthorized { detail } => {
                self.halt = Some(Halt::Unauthorized);
                self.drop_batch(batch, DropReason::Unauthorized, Some(detail));
                self.drop_pending(DropReason::Unauthorized);
            }
        }
    }

    fn retry(&mut self, mut batch: Batch, after: Option<Duration>, detail: &str, now: Instant) {
        batch.tries += 1;
        let failing_since = *self.failing_since.get_or_insert(now);
        let detail = Some(detail.to_owned());
        if now.saturating_duration_since(failing_since) >= self.options.give_up_after
            || matches!(self.halt, Some(Halt::GivenUp { .. }))
        {
            self.halt = Some(Halt::GivenUp { probe_at: now + PROBE_EVERY });
            self.drop_batch(batch, DropReason::Unreachable, detail);
            self.drop_pending(DropReason::Unreachable);
        } else if self.options.max_retries.is_some_and(|most| batch.tries > most) {
            self.drop_batch(batch, DropReason::Unreachable, detail);
        } else {
            batch.due = now + backoff::delay(batch.tries, after, &mut self.random);
            self.retrying.push(batch);
        }
    }

    /// Sends the halves instead, down to the one row that the server will not have.
    fn split(&mut self, batch: Batch, reason: DropReason, detail: Option<String>, now: Instant) {
        match batch.split(now) {
            Ok((first, second)) => self.retrying.extend([first, second]),
            Err(batch) => self.drop_batch(batch, reason, detail),
        }
    }

    fn drop_batch(&mut self, batch: Batch, reason: DropReason, detail: Option<String>) {
        let records = batch.rows.iter().map(|row| row.sequences.len() as u64).sum();
        self.settle(batch.rows, Outcome::Dropped(reason));
        self.actions.push(Action::Notice { records, reason, detail });
    }

    /// Settles rows and lets those of the same keys that queued behind them go.
    fn settle(&mut self, rows: Vec<SentRow>, outcome: Outcome) {
        for SentRow { key, head, sequences, lease, .. } in rows {
            self.unsettled.remove(&sequences[0]);
            drop(lease);
            let delivered =
                outcome == Outcome::Acknowledged && !head.delivered.swap(true, Ordering::Relaxed);
            self.actions.push(Action::Settle { sequences, outcome, delivered });
            self.in_flight.remove(&key);
            if self.blocked.remove(&key)
                && let Some(row) = self.rows.remove(&key)
            {
                self.place(&key, &row);
                self.rows.insert(key, row);
            }
        }
    }

    /// Drops everything that is not being sent at this moment.
    pub(crate) fn drop_pending(&mut self, reason: DropReason) {
        for batch in std::mem::take(&mut self.retrying) {
            self.drop_batch(batch, reason, None);
        }
        let mut records = 0;
        self.ready.clear();
        self.ready_bytes = 0;
        self.open.clear();
        self.blocked.clear();
        for (_, row) in self.rows.drain() {
            records += row.sequences.len() as u64;
            self.unsettled.remove(&row.first_sequence());
            let outcome = Outcome::Dropped(reason);
            let sequences = row.sequences;
            self.actions.push(Action::Settle { sequences, outcome, delivered: false });
        }
        if records > 0 {
            self.actions.push(Action::Notice { records, reason, detail: None });
        }
    }

    /// Gives up what is left at shutdown, batches on their way included.
    pub(crate) fn abandon(&mut self, reason: DropReason) {
        let sending: Vec<u64> = self.sending.keys().copied().collect();
        for number in sending {
            if let Some(batch) = self.sending.remove(&number) {
                self.drop_batch(batch, reason, None);
            }
        }
        self.drop_pending(reason);
    }

    /// Decides what to send now and hands over all that is to be done.
    pub(crate) fn poll(&mut self, pressure: Pressure, now: Instant) -> Vec<Action> {
        if let (Some(since), None) = (self.failing_since, self.halt)
            && now.saturating_duration_since(since) >= self.options.give_up_after
        {
            self.halt = Some(Halt::GivenUp { probe_at: now + PROBE_EVERY });
            self.drop_pending(DropReason::Unreachable);
        }
        self.open_to_ready(pressure, now);
        self.resend_due(now);
        self.send_ready(pressure, now);
        std::mem::take(&mut self.actions)
    }

    /// Rows of spans that waited long enough for their end, or that somebody waits for.
    fn open_to_ready(&mut self, pressure: Pressure, now: Instant) {
        while let Some((&first, key)) = self.open.first_key_value() {
            let Some(row) = self.rows.get(key) else { break };
            let asked = pressure.gate_waiting
                || pressure.flush_watermark.is_some_and(|watermark| first <= watermark);
            if !asked && now < row.queued_at + OPEN_SPAN_WAIT {
                break;
            }
            self.ready_bytes += row.lease.bytes();
            if let Some(key) = self.open.remove(&first) {
                self.ready.insert(first, key);
            }
        }
    }

    fn free_lanes(&self) -> usize {
        let lanes = match self.halt {
            Some(Halt::GivenUp { .. }) => 1,
            _ => self.options.lanes,
        };
        lanes.saturating_sub(self.sending.len())
    }

    fn resend_due(&mut self, now: Instant) {
        while self.free_lanes() > 0 {
            let due = self.retrying.iter().enumerate().filter(|(_, batch)| batch.due <= now);
            let Some((position, _)) = due.min_by_key(|(_, batch)| batch.due) else { break };
            let batch = self.retrying.swap_remove(position);
            self.send(batch);
        }
    }

    fn send(&mut self, batch: Batch) {
        self.next_batch += 1;
        let number = self.next_batch;
        self.actions.push(Action::Send { batch: number, body: batch.body.clone() });
        self.sending.insert(number, batch);
    }

    /// When ready rows go without further waiting, unless somebody asks earlier.
    fn linger_ends(&self) -> Option<Instant> {
        let (_, key) = self.ready.first_key_value()?;
        let oldest = self.rows.get(key)?.queued_at + MAX_LINGER;
        let quiet = self.last_record? + QUIESCENCE;
        Some(oldest.min(quiet))
    }

    fn send_ready(&mut self, pressure: Pressure, now: Instant) {
        let free = self.free_lanes();
        if free == 0 || self.ready.is_empty() {
            return;
        }
        let cap = self.batch_bytes_cap();
        let flushing = pressure
            .flush_watermark
            .zip(self.ready.first_key_value())
            .is_some_and(|(watermark, (&first, _))| first <= watermark);
        let asked = flushing || pressure.gate_waiting;
        let full = self.ready_bytes >= cap.saturating_mul(free as u64);
        let lingered =
            !self.options.sync_flush && self.linger_ends().is_some_and(|ends| ends <= now);
        if !(asked || full || lingered) {
            return;
        }
        let batches = if pressure.gate_waiting && !flushing {
            // Producers refill what is acknowledged, so lanes stay busy with this share each.
            let share = (self.options.budget_bytes / self.options.lanes as u64).clamp(1, cap);
            let whole = usize::try_from(self.ready_bytes / share).unwrap_or(usize::MAX);
            let least = usize::from(self.sending.is_empty());
            whole.max(least).min(free)
        } else {
            free.min(self.ready.len())
        };
        for left in (1..=batches).rev() {
            let target = self.ready_bytes.div_ceil(left as u64).min(cap);
            let rows = self.take_ready(target);
            if rows.is_empty() {
                break;
            }
            self.in_flight.extend(rows.iter().map(|row| row.head.key()));
            self.send(Batch::build(rows, now));
        }
    }

    /// Half the request limit: the wire length of coalesced rows is an estimate until written.
    fn batch_bytes_cap(&self) -> u64 {
        (self.options.max_request_bytes / 2).max(1)
    }

    /// Takes the oldest ready rows up to about the given bytes; a row larger than that alone.
    fn take_ready(&mut self, target_bytes: u64) -> Vec<PendingRow> {
        let cap = self.batch_bytes_cap();
        let most = self.options.max_rows;
        let mut bytes = 0;
        let mut rows = Vec::new();
        while let Some((&first, key)) = self.ready.first_key_value() {
            let Some(row) = self.rows.get(key) else { break };
            let size = row.lease.bytes();
            let over = bytes + size > cap || bytes >= target_bytes || rows.len() >= most;
            if over && !rows.is_empty() {
                break;
            }
            bytes += size;
            self.ready_bytes -= size;
            if let Some(row) = self.ready.remove(&first).and_then(|key| self.rows.remove(&key)) {
                rows.push(row);
            }
        }
        rows
    }

    /// When [`Core::poll`] would do something new without an event from outside.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let open = self.open.first_key_value().and_then(|(_, key)| self.rows.get(key));
        let open = open.map(|row| row.queued_at + OPEN_SPAN_WAIT);
        let (mut retry, mut ready) = (None, None);
        if self.free_lanes() > 0 {
            retry = self.retrying.iter().map(|batch| batch.due).min();
            if !self.options.sync_flush {
                ready = self.linger_ends();
            }
        }
        let pending = !self.unsettled.is_empty() && self.halt.is_none();
        // `Duration::MAX` means never, and has no moment.
        let give_up = self.failing_since.filter(|_| pending);
        let give_up = give_up.and_then(|since| since.checked_add(self.options.give_up_after));
        [open, retry, ready, give_up].into_iter().flatten().min()
    }
}

#[cfg(test)]
impl Core {
    /// Records and bytes held, counted from the rows themselves.
    pub(crate) fn held(&self) -> (u64, u64) {
        let waiting = self.rows.values().map(|row| (row.sequences.len() as u64, row.lease.bytes()));
        let batches = self.sending.values().chain(&self.retrying).flat_map(|batch| &batch.rows);
        let sent = batches.map(|row| (row.sequences.len() as u64, row.lease.bytes()));
        waiting.chain(sent).fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1))
    }
}
