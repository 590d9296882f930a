//! What is sent, in which cut and when.

use std::time::{Duration, Instant};

use crate::inbox::DropReason;
use crate::pipeline::batch::Batch;
use crate::pipeline::core::{Action, Core, Halt, PROBE_EVERY, Pressure, Sending, Written};
use crate::pipeline::row::PendingRow;
use crate::requests::Load;

/// A burst counts as over after this long without a new record.
const QUIESCENCE: Duration = Duration::from_millis(5);
/// No ready row waits longer than this for company.
const MAX_LINGER: Duration = Duration::from_millis(25);
/// The first row of a span still open waits this long for its end.
pub(super) const OPEN_SPAN_WAIT: Duration = Duration::from_millis(200);
/// A span that is open because its producer waits at the gate gets the same time again once the
/// gate has opened, up to this long in all.
const GATED_SPAN_WAIT: Duration = Duration::from_secs(5);
/// Before any request was answered, a burst of more than so many rows is worth a second one.
const UNKNOWN_ROWS: usize = 25;
/// Most bytes that one turn writes to the spool, so that replies do not wait for the disk.
const SPILL_BYTES: u64 = 1 << 20;

impl Core {
    /// Decides what to send now and hands over all that is to be done.
    pub(crate) fn poll(&mut self, pressure: Pressure, now: Instant) -> Vec<Action> {
        if let (Some(since), None) = (self.failing_since, self.halt)
            && now.saturating_duration_since(since) >= self.options.give_up_after
        {
            self.halt = Some(Halt::GivenUp { probe_at: now + PROBE_EVERY });
            self.part_with_pending(DropReason::Unreachable);
        }
        self.open_to_ready(pressure, now);
        self.resend_due(now);
        self.send_ready(pressure, now);
        self.spill(pressure);
        std::mem::take(&mut self.actions)
    }

    /// Rows of spans that waited long enough for their end, or that somebody waits for.
    ///
    /// A span sent without its end costs a second row, which cannot go before the first one is
    /// acknowledged: that would double the time of the last spans of a run. So a full budget
    /// alone does not send them, unless nothing else is there to make room.
    fn open_to_ready(&mut self, pressure: Pressure, now: Instant) {
        if pressure.gate_waiting {
            self.gate_is_closed(now);
        }
        let stuck = pressure.gate_waiting
            && self.ready.is_empty()
            && self.sending.is_empty()
            && self.retrying.is_empty();
        while let Some((&first, key)) = self.open.first_key_value() {
            let Some(row) = self.rows.get(key) else { break };
            let asked =
                stuck || pressure.flush_watermark.is_some_and(|watermark| first <= watermark);
            if !asked && now < self.open_ends(row.queued_at) {
                break;
            }
            self.ready_bytes += row.lease.bytes();
            if let Some(key) = self.open.remove(&first) {
                self.ready.insert(first, key);
            }
        }
    }

    /// Until when a span that began to wait at the given moment may wait for its end.
    fn open_ends(&self, queued_at: Instant) -> Instant {
        let from = self.gate_closed_at.map_or(queued_at, |closed| closed.max(queued_at));
        (from + OPEN_SPAN_WAIT).min(queued_at + GATED_SPAN_WAIT)
    }

    fn free_lanes(&self) -> usize {
        match self.halt {
            Some(Halt::GivenUp { .. }) => usize::from(self.sending.is_empty()),
            Some(Halt::Unauthorized) => 0,
            None => self.lanes.free(),
        }
    }

    fn repeats(&self) -> usize {
        self.sending.values().filter(|sending| sending.batch.tries > 0).count()
    }

    /// Batches that may go again as far as the retry budget is concerned. The halves of a split
    /// batch that never failed are no repeats: they pass those that have to wait.
    fn may_repeat(&self, repeats: usize) -> impl Fn(&Batch) -> bool + use<> {
        let allowed = self.retry_budget.allows(repeats);
        move |batch| allowed || batch.tries == 0
    }

    fn resend_due(&mut self, now: Instant) {
        let mut repeats = self.repeats();
        while self.free_lanes() > 0 {
            let may = self.may_repeat(repeats);
            let due = self.retrying.iter().enumerate();
            let due = due.filter(|(_, batch)| batch.due <= now && may(batch));
            let Some((position, _)) = due.min_by_key(|(_, batch)| batch.due) else { break };
            let batch = self.retrying.swap_remove(position);
            if batch.tries > 0 {
                self.retry_budget.repeat();
                repeats += 1;
            }
            self.send(batch, now);
        }
    }

    fn send(&mut self, batch: Batch, now: Instant) {
        self.next_batch += 1;
        let lane = self.lanes.take();
        let load = Load {
            number: self.next_batch,
            lane,
            attempt: batch.tries,
            rows: batch.rows.len(),
            bytes: batch.body.len() as u64,
            queued_at: batch.queued_at,
        };
        self.actions.push(Action::Send { load, body: batch.body.clone() });
        self.sending.insert(load.number, Sending { batch, lane, sent_at: now });
    }

    /// When ready rows go without further waiting, unless somebody asks earlier.
    fn linger_ends(&self) -> Option<Instant> {
        let (_, key) = self.ready.first_key_value()?;
        let oldest = self.rows.get(key)?.queued_at;
        let oldest = self.gate_closed_at.map_or(oldest, |closed| closed.max(oldest)) + MAX_LINGER;
        Some(self.quiet_from()?.min(oldest))
    }

    /// When the burst of records counts as over. Those who waited at the gate begin when it
    /// opens; their silence before says nothing.
    fn quiet_from(&self) -> Option<Instant> {
        let last = self.last_record?;
        Some(self.gate_closed_at.map_or(last, |closed| closed.max(last)) + QUIESCENCE)
    }

    fn is_quiet(&self, now: Instant) -> bool {
        self.quiet_from().is_some_and(|quiet| quiet <= now)
    }

    /// Whether a server that was given up, or that refused the key, is left alone for now.
    fn halted(&self, now: Instant) -> Option<DropReason> {
        match self.halt? {
            Halt::Unauthorized => Some(DropReason::Unauthorized),
            Halt::GivenUp { probe_at } if now < probe_at || !self.sending.is_empty() => {
                Some(DropReason::Unreachable)
            }
            Halt::GivenUp { .. } => None,
        }
    }

    fn send_ready(&mut self, pressure: Pressure, now: Instant) {
        let free = self.free_lanes();
        let halted = self.halted(now);
        if self.ready.is_empty() || (free == 0 && halted.is_none()) {
            return;
        }
        let cap = self.batch_bytes_cap();
        let flushing = pressure
            .flush_watermark
            .zip(self.ready.first_key_value())
            .is_some_and(|(watermark, (&first, _))| first <= watermark);
        let full = self.ready_bytes >= cap.saturating_mul(free as u64);
        // At the gate producers are silent because they have to be.
        let quiet = !self.options.sync_flush && !pressure.gate_waiting && self.is_quiet(now);
        let overdue = !self.options.sync_flush && self.linger_ends().is_some_and(|end| end <= now);
        if !(flushing || pressure.gate_waiting || full || quiet || overdue) {
            return;
        }
        if let Some(reason) = halted {
            while !self.ready.is_empty() {
                let rows = self.take_ready(SPILL_BYTES, usize::MAX);
                self.part_with(rows, reason);
            }
        } else if flushing {
            self.send_all(free, true, now);
        } else if quiet {
            // What looks like the end of a burst may be a pause in it.
            let lanes = if self.cost.is_known() { free } else { free.div_ceil(2) };
            self.send_all(lanes, false, now);
        } else if pressure.gate_waiting || full {
            self.send_shares(free, now);
        } else {
            // Rows have waited long enough, and others will come, for which lanes are kept free.
            self.send_all(free.div_ceil(2), false, now);
        }
    }

    /// All rows go, cut evenly over the lanes.
    fn send_all(&mut self, free: usize, flushing: bool, now: Instant) {
        let cap = self.batch_bytes_cap();
        let least = usize::try_from(self.ready_bytes / cap).unwrap_or(usize::MAX);
        let rows = self.ready.len();
        // Before anything is known, only a flush is worth all lanes whatever the number of rows.
        let unknown = if flushing { free } else { (rows / UNKNOWN_ROWS).clamp(1, free) };
        let requests = self.cost.requests_for(rows, free).unwrap_or(unknown).max(least).min(free);
        // A lane that is free in a moment should find something left to do.
        let waits = self.sending.values().filter_map(|sending| {
            let takes = self.cost.expect(sending.batch.rows.len())?;
            Some((sending.sent_at + takes).saturating_duration_since(now))
        });
        let share = self.cost.share(rows, requests, waits.collect());
        for _ in 0..requests {
            let left = rows.div_ceil(requests).min(share);
            if !self.send_batch(cap, left.min(self.options.max_rows), now) {
                break;
            }
        }
    }

    /// More will come: only full shares go, each of a lane's part of the budget, so that the
    /// lanes are not taken up by small requests when the bulk arrives. Producers refill what is
    /// acknowledged. If no lane is busy, one goes in any case.
    fn send_shares(&mut self, free: usize, now: Instant) {
        let share = self.full_share();
        let is_whole = self.ready_bytes >= share;
        // One per turn: it is on its way while the next one is being written.
        if free > 0 && (is_whole || self.sending.is_empty()) {
            self.send_batch(share, self.options.max_rows, now);
        }
    }

    /// A lane's part of the budget.
    fn full_share(&self) -> u64 {
        let lanes = self.lanes.limit() as u64;
        (self.options.budget_bytes / lanes).clamp(1, self.batch_bytes_cap())
    }

    /// Sends the oldest ready rows, up to about so many bytes; `false` if there are none.
    fn send_batch(&mut self, target_bytes: u64, most: usize, now: Instant) -> bool {
        let rows = self.take_ready(target_bytes, most);
        if rows.is_empty() {
            return false;
        }
        self.in_flight.extend(rows.iter().map(|row| row.head.key()));
        self.retry_budget.first_try();
        let batch = Batch::build(rows, now);
        if let Some(written) = &mut self.written {
            written.extend(batch.rows.iter().map(Written::of));
        }
        self.send(batch, now);
        true
    }

    /// Makes room through the spool where the policy says so: what failed before goes first,
    /// then the oldest rows that are not on their way.
    fn spill(&mut self, pressure: Pressure) {
        let high = self.options.budget_bytes / 8 * 7;
        let full = pressure.gate_waiting || pressure.used_bytes >= high;
        if !(self.options.spool_when_full && self.options.spool && full) {
            return;
        }
        let mut bytes = 0;
        while bytes < SPILL_BYTES {
            let Some(oldest) = (0..self.retrying.len()).min_by_key(|&at| self.retrying[at].due)
            else {
                break;
            };
            let batch = self.retrying.swap_remove(oldest);
            bytes += batch.body.len() as u64;
            self.part_with_batch(batch, DropReason::BudgetFull, None);
        }
        if bytes < SPILL_BYTES {
            let rows = self.take_ready(SPILL_BYTES - bytes, usize::MAX);
            self.part_with(rows, DropReason::BudgetFull);
        }
    }

    /// Half the request limit: the wire length of coalesced rows is an estimate until written.
    fn batch_bytes_cap(&self) -> u64 {
        (self.options.max_request_bytes / 2).max(1)
    }

    /// Takes the oldest ready rows up to about the given bytes; a row larger than that alone.
    fn take_ready(&mut self, target_bytes: u64, most: usize) -> Vec<PendingRow> {
        let cap = self.batch_bytes_cap();
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
    pub(crate) fn next_wake(&self, pressure: Pressure, now: Instant) -> Option<Instant> {
        let open = self.open.first_key_value().and_then(|(_, key)| self.rows.get(key));
        let open = open.map(|row| self.open_ends(row.queued_at));
        let (mut retry, mut ready) = (None, None);
        if self.free_lanes() > 0 {
            // By the very rule of `resend_due`, or the driver would wake up for nothing, and again.
            let may = self.may_repeat(self.repeats());
            retry = self.retrying.iter().filter(|batch| may(batch)).map(|batch| batch.due).min();
        }
        let may_go = self.free_lanes() > 0 || self.halted(now).is_some();
        if may_go && pressure.gate_waiting && !self.sending.is_empty() {
            // Until a share is full, only a record or a reply changes anything.
            ready = (self.ready_bytes >= self.full_share()).then_some(now);
        } else if may_go && !self.options.sync_flush {
            ready = self.linger_ends();
        }
        let pending = !self.unsettled.is_empty() && self.halt.is_none();
        // `Duration::MAX` means never, and has no moment.
        let give_up = self.failing_since.filter(|_| pending);
        let give_up = give_up.and_then(|since| since.checked_add(self.options.give_up_after));
        [open, retry, ready, give_up].into_iter().flatten().min()
    }
}
