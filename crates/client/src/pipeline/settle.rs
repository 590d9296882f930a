//! What becomes of a reply: settled, tried again, cut in two, kept in the spool or dropped.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::inbox::{DropReason, Outcome};
use crate::pipeline::backoff;
use crate::pipeline::batch::{Batch, ENVELOPE_BYTES, Haste, SentRow};
use crate::pipeline::core::{Action, Core, Halt, PROBE_EVERY, Sending, Settled, Spooled, Written};
use crate::pipeline::row::PendingRow;
use crate::pipeline::{Reply, Stage};

/// How often an upload begins anew because the server forgot it or refused its URL.
const MOST_RESTARTS: u32 = 2;

/// What a row gives up when its fate is known.
struct Parted {
    settled: Settled,
    json: Bytes,
    lease: crate::budget::Lease,
}

impl Core {
    /// Takes in the reply to a batch.
    pub(crate) fn finished(&mut self, number: u64, reply: Reply, now: Instant) {
        let Some(Sending { batch, lane, sent_at }) = self.sending.remove(&number) else { return };
        match &reply {
            Reply::Acknowledged => {
                self.lanes.succeeded(sent_at);
                // What a step of several takes says nothing about requests of rows.
                if !batch.stage.is_overflow() {
                    let took = now.saturating_duration_since(sent_at);
                    self.cost.observe(batch.rows.len(), took);
                }
            }
            Reply::Next(_) => self.lanes.succeeded(sent_at),
            Reply::Retry { .. } => self.lanes.failed(sent_at, now),
            _ => {}
        }
        self.lanes.give_back(lane);
        match reply {
            Reply::Acknowledged => {
                self.reached(now);
                self.acknowledge(batch.rows);
            }
            Reply::Next(stage) => {
                self.reached(now);
                self.go_on(batch, stage, now);
            }
            Reply::OverLimit => match batch.split(now) {
                Ok((first, second)) => self.retrying.extend([first, second]),
                Err(batch) => self.go_on(*batch, Stage::Announce, now),
            },
            Reply::Restart { detail } if batch.restarts < MOST_RESTARTS => {
                let (stage, restarts) = (Stage::Announce, batch.restarts + 1);
                self.retry(Batch { stage, restarts, ..batch }, None, &detail, now);
            }
            // Another process, or another day, may find the upload's host in order.
            Reply::Restart { detail } => {
                self.part_with_batch(batch, DropReason::Unreachable, Some(detail));
            }
            Reply::Retry { after, detail } => self.retry(batch, after, &detail, now),
            Reply::TooLarge if batch.stage.is_overflow() => {
                self.split(batch, DropReason::TooLarge, None, now);
            }
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
                self.part_with_batch(batch, DropReason::Rejected, Some(detail));
            }
            Reply::Unauthorized { detail } => {
                self.halt = Some(Halt::Unauthorized);
                self.part_with_batch(batch, DropReason::Unauthorized, Some(detail));
                self.part_with_pending(DropReason::Unauthorized);
            }
        }
    }

    /// The server is there. Others that failed meanwhile need not wait as long as they would have.
    fn reached(&mut self, now: Instant) {
        if self.failing_since.take().is_some() {
            for batch in self.retrying.iter_mut().filter(|batch| batch.haste == Haste::Left) {
                let soon = now + backoff::delay(1, None, &mut self.random);
                if soon < batch.due {
                    batch.due = soon;
                    batch.haste = Haste::Spent;
                }
            }
        }
        if matches!(self.halt, Some(Halt::GivenUp { .. })) {
            self.halt = None;
        }
    }

    /// Has the next step of a delivery done, as soon as a lane is free.
    fn go_on(&mut self, mut batch: Batch, stage: Stage, now: Instant) {
        if matches!(stage, Stage::Name(_)) {
            batch.tries = 0;
            batch.failing_since = None;
        }
        self.retrying.push(Batch { stage, due: now, ..batch });
    }

    fn retry(&mut self, mut batch: Batch, after: Option<Duration>, detail: &str, now: Instant) {
        batch.tries += 1;
        let failing_since = *self.failing_since.get_or_insert(now);
        let detail = Some(detail.to_owned());
        let own = *batch.failing_since.get_or_insert(now);
        batch.stage = batch.stage.after_failure();
        if now.saturating_duration_since(failing_since) >= self.options.give_up_after
            || matches!(self.halt, Some(Halt::GivenUp { .. }))
        {
            self.halt = Some(Halt::GivenUp { probe_at: now + PROBE_EVERY });
            self.part_with_batch(batch, DropReason::Unreachable, detail);
            self.part_with_pending(DropReason::Unreachable);
        } else if now.saturating_duration_since(own) >= self.options.give_up_after {
            // The server is there for others: it is some row that it fails at, or the place for
            // uploads that is out of reach. Neither may keep its bytes of the budget for ever.
            self.split(batch, DropReason::Unreachable, detail, now);
        } else if self.options.max_retries.is_some_and(|most| batch.tries > most) {
            self.part_with_batch(batch, DropReason::Unreachable, detail);
        } else {
            batch.due = now + backoff::delay(batch.tries, after, &mut self.random);
            batch.haste = match (batch.haste, after) {
                (Haste::Spent, _) => Haste::Spent,
                (_, Some(_)) => Haste::Forbidden,
                (_, None) => Haste::Left,
            };
            self.retrying.push(batch);
        }
    }

    /// Sends the halves instead, down to the one row that the server will not have.
    fn split(&mut self, batch: Batch, reason: DropReason, detail: Option<String>, now: Instant) {
        match batch.split(now) {
            Ok((first, second)) => self.retrying.extend([first, second]),
            Err(batch) => self.part_with_batch(*batch, reason, detail),
        }
    }

    fn acknowledge(&mut self, rows: Vec<SentRow>) {
        let mut settled = Vec::with_capacity(rows.len());
        let mut keys = Vec::with_capacity(rows.len());
        for SentRow { key, head, sequences, journal, .. } in rows {
            self.unsettled.remove(&sequences[0]);
            let delivered = !head.delivered.swap(true, Ordering::Relaxed);
            settled.push(Settled { sequences, delivered, journal });
            keys.push(key);
        }
        self.actions.push(Action::Settle { rows: settled, outcome: Outcome::Acknowledged });
        self.unblock(keys);
    }

    /// Lets rows that queued behind those of the same keys go.
    fn unblock(&mut self, keys: Vec<crate::record::RowKey>) {
        for key in keys {
            self.in_flight.remove(&key);
            if self.blocked.remove(&key)
                && let Some(row) = self.rows.remove(&key)
            {
                self.place(key, row);
            }
        }
    }

    pub(super) fn part_with_batch(
        &mut self,
        batch: Batch,
        reason: DropReason,
        detail: Option<String>,
    ) {
        let Batch { body, rows, .. } = batch;
        let spool = self.options.spool && reason.may_pass();
        self.actions.push(Action::Failed { body: body.clone() });
        let mut keys = Vec::with_capacity(rows.len());
        let mut parted = Vec::with_capacity(rows.len());
        for SentRow { key, head, sequences, journal, lease, range, .. } in rows {
            self.unsettled.remove(&sequences[0]);
            if spool {
                head.spooled();
                self.followed.insert(key.clone());
            }
            let settled = Settled { sequences, delivered: false, journal };
            parted.push(Parted { settled, json: body.slice(range), lease });
            keys.push(key);
        }
        self.part(parted, spool, reason, detail);
        // After the batch itself, so that what follows a row follows it into the spool.
        self.unblock(keys);
    }

    /// Gives up rows that are in no batch.
    pub(super) fn part_with(&mut self, rows: Vec<PendingRow>, reason: DropReason) {
        if rows.is_empty() {
            return;
        }
        let spool = self.options.spool && reason.may_pass();
        let parted = rows.into_iter().map(|row| {
            self.unsettled.remove(&row.first_sequence());
            let mut json = Vec::new();
            if spool {
                row.head.spooled();
                self.followed.insert(row.head.key());
                row.write(&mut json);
            }
            let has_ended = row.has_ended();
            let PendingRow { head, sequences, journal, lease, .. } = row;
            if let Some(written) = &mut self.written {
                let records = u32::try_from(sequences.len()).unwrap_or(u32::MAX);
                let bytes = json.len() as u64;
                written.push(Written { head, has_ended, records, bytes });
            }
            let settled = Settled { sequences, delivered: false, journal };
            Parted { settled, json: json.into(), lease }
        });
        let parted = parted.collect();
        self.part(parted, spool, reason, None);
    }

    fn part(&mut self, rows: Vec<Parted>, spool: bool, reason: DropReason, detail: Option<String>) {
        if spool {
            let rows = rows.into_iter().map(|row| {
                let Settled { sequences, journal, .. } = row.settled;
                Spooled { sequences, journal, json: row.json, _lease: row.lease }
            });
            self.actions.push(Action::Spool { rows: rows.collect(), reason, detail });
            return;
        }
        let records = rows.iter().map(|row| row.settled.sequences.len() as u64).sum();
        let rows = rows.into_iter().map(|row| row.settled).collect();
        self.actions.push(Action::Settle { rows, outcome: Outcome::Dropped(reason) });
        self.actions.push(Action::Notice { records, reason, detail });
    }

    /// Parts with everything that is not being sent at this moment.
    pub(super) fn part_with_pending(&mut self, reason: DropReason) {
        for batch in std::mem::take(&mut self.retrying) {
            self.part_with_batch(batch, reason, None);
        }
        self.ready.clear();
        self.ready_bytes = 0;
        self.open.clear();
        // Rows behind one in flight share its fate in the spool, so they wait for it.
        let (kept, rows): (Vec<_>, Vec<_>) = std::mem::take(&mut self.rows)
            .into_iter()
            .partition(|(key, _)| self.options.spool && self.in_flight.contains(key));
        self.rows = kept.into_iter().collect();
        self.blocked.retain(|key| self.rows.contains_key(key));
        let mut rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
        rows.sort_unstable_by_key(PendingRow::first_sequence);
        self.part_with(rows, reason);
    }

    /// Gives up what is left at shutdown, batches on their way included.
    pub(crate) fn abandon(&mut self, reason: DropReason) {
        let mut sending: Vec<u64> = self.sending.keys().copied().collect();
        sending.sort_unstable();
        for number in sending {
            if let Some(sending) = self.sending.remove(&number) {
                self.lanes.give_back(sending.lane);
                self.part_with_batch(sending.batch, reason, None);
            }
        }
        self.part_with_pending(reason);
    }
}
