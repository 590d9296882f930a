//! The pipeline itself behind a simulated clock: the very state machine that sends real rows,
//! with records of the recorded size, fed as the upload thread feeds it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use tidegate_model::{Destination, RowId, SpanId, TraceId};
use uuid::Uuid;

use super::logger::{Logger, Send};
use super::settings::Settings;
use super::workload::{Part, Row, Workload};
use crate::budget::Budget;
use crate::clock::{self, WallTime};
use crate::driver::{ACTIVE, POLL};
use crate::event::Event;
use crate::http::Signed;
use crate::ids::Wire;
use crate::pipeline::{Action, Core, Options, Pressure, Reply, Stage};
use crate::record::{Head, Record, SpanIds, SpanStart, Start, wire_bytes};

/// What the end of a span adds to its row: the time and its name.
const END_BYTES: u64 = 37;
/// Around the text in the `input` of a row.
const FIELD_BYTES: u64 = 11;

#[derive(Debug)]
pub(super) struct Adaptive {
    core: Core,
    budget: Arc<Budget>,
    capacity_bytes: u64,
    /// The beginning of the simulated clock. Only differences to it matter.
    origin: Instant,
    /// The wall clock of all spans.
    wall: WallTime,
    destination: Arc<Destination>,
    /// As long as the largest row.
    filler: String,
    /// Of spans that have started and not ended.
    heads: HashMap<u32, Arc<Head>>,
    /// Steps of rows beyond the limit that are under way.
    steps: HashMap<u64, Stage>,
    inbox: Vec<Record>,
    sequence: u64,
    /// Of the last flush that was asked for.
    watermark: u64,
    waiting: usize,
    last_record_us: Option<u64>,
    /// The thread sleeps until it is told of something.
    resting: bool,
    wake_us: Option<u64>,
}

impl Adaptive {
    /// `overflow`: the server of the recording took rows beyond its limit in another way.
    pub(super) fn new(settings: &Settings, workload: &Workload, overflow: bool) -> Self {
        let largest = workload.rows.iter().map(|row| row.bytes).max().unwrap_or(0);
        let mut core = Core::new(Options {
            lanes: settings.lanes,
            budget_bytes: settings.budget_bytes,
            max_rows: settings.max_rows,
            max_request_bytes: settings.max_request_bytes,
            max_retries: None,
            give_up_after: Duration::MAX,
            sync_flush: false,
            spool: false,
            spool_when_full: false,
            // Only repeats are random, and nothing is repeated.
            seed: 1,
        });
        core.limit_request_bytes(settings.max_request_bytes, overflow);
        Self {
            core,
            budget: Budget::new(settings.budget_bytes),
            capacity_bytes: settings.budget_bytes,
            origin: clock::now(),
            wall: clock::since_epoch(UNIX_EPOCH),
            destination: Arc::new(Destination::Experiment("what-if".into())),
            filler: "x".repeat(largest as usize),
            heads: HashMap::new(),
            steps: HashMap::new(),
            inbox: Vec::new(),
            sequence: 0,
            watermark: 0,
            waiting: 0,
            last_record_us: None,
            resting: true,
            wake_us: None,
        }
    }

    fn at(&self, now: u64) -> Instant {
        self.origin + Duration::from_micros(now)
    }

    fn head(&self, row: u32) -> Arc<Head> {
        let number = u128::from(row) + 1;
        let ids = SpanIds {
            span_id: Wire::Ours(SpanId::from_bits(number as u64)),
            trace_id: Wire::Ours(TraceId::from_bits(number)),
            parent: None,
        };
        Head::span(Arc::clone(&self.destination), RowId::Uuid(Uuid::from_u128(number)), ids)
    }

    /// The first record of a row: with so much text that the row becomes as long as recorded.
    fn content(&self, head: &Head, bytes: u64) -> (Option<Start>, Event) {
        let start = Start {
            at: self.wall,
            monotonic: None,
            span: Some(SpanStart { name: "x".into(), span_type: None, purpose: None }),
        };
        let start = Some(start);
        let bare = wire_bytes(head, start.as_ref(), None, &Event::new());
        let text = bytes.saturating_sub(bare + FIELD_BYTES + END_BYTES) as usize;
        let event = match self.filler.get(..text) {
            Some(text) if !text.is_empty() => Event::new().input(text),
            _ => Event::new(),
        };
        (start, event)
    }

    fn pressure(&self) -> Pressure {
        Pressure {
            flush_watermark: (!self.is_flushed(self.watermark)).then_some(self.watermark),
            gate_waiting: self.waiting > 0,
            used_bytes: self.budget.used_bytes(),
        }
    }
}

impl Logger for Adaptive {
    fn record(&mut self, row: u32, what: Row, part: Part, now: u64) -> bool {
        let bytes = u64::from(what.bytes);
        let known = if part == Part::End { self.heads.get(&row).map(Arc::clone) } else { None };
        let head = known.unwrap_or_else(|| self.head(row));
        let end = (part != Part::Start).then_some(self.wall);
        let (start, event, wanted) = match part {
            Part::End => (None, Event::new(), wire_bytes(&head, None, end, &Event::new())),
            Part::Start | Part::Whole => {
                let (start, event) = self.content(&head, bytes);
                let rest = if part == Part::Start { END_BYTES } else { 0 };
                // As recorded: the lease counts, and a row shorter than ours never grows it.
                (start, event, bytes.saturating_sub(rest).max(1))
            }
        };
        let Some(lease) = self.budget.try_admit(wanted) else { return false };
        match part {
            Part::Start => drop(self.heads.insert(row, Arc::clone(&head))),
            Part::End => drop(self.heads.remove(&row)),
            Part::Whole => {}
        }
        self.sequence += 1;
        let sequence = self.sequence;
        self.inbox.push(Record { sequence, head, start, end, event, lease, journal: None });
        if std::mem::take(&mut self.resting) {
            self.wake_us = Some(now);
        }
        true
    }

    fn is_open(&self) -> bool {
        self.budget.used_bytes() < self.capacity_bytes
    }

    fn waiting(&mut self, producers: usize, now: u64) {
        if producers > self.waiting {
            self.wake_us = Some(now);
        }
        self.waiting = producers;
    }

    fn flush(&mut self, now: u64) -> u64 {
        self.watermark = self.sequence;
        self.wake_us = Some(now);
        self.watermark
    }

    fn is_flushed(&self, ticket: u64) -> bool {
        let queued = self.inbox.first().map(|record| record.sequence);
        let oldest = self.core.oldest_pending().into_iter().chain(queued).min();
        oldest.is_none_or(|oldest| oldest > ticket)
    }

    fn replied(&mut self, number: u64, now: u64) {
        let at = self.at(now);
        // The reply makes room, and who waited for it may be gone at the next look.
        if self.waiting > 0 {
            self.core.gate_is_closed(at);
        }
        let reply = match self.steps.remove(&number) {
            Some(Stage::Announce) => Reply::Next(Stage::Upload(Arc::new(Signed::simulated()))),
            Some(Stage::Upload(signed)) => Reply::Next(Stage::Name(Arc::clone(signed.key()))),
            _ => Reply::Acknowledged,
        };
        self.core.finished(number, reply, at);
        self.wake_us = Some(now);
    }

    fn turn(&mut self, now: u64, sends: &mut Vec<Send>) {
        let at = self.at(now);
        let pressure = self.pressure();
        let active = self.last_record_us.is_some_and(|last| at < self.at(last) + ACTIVE);
        let idle = !active && self.inbox.is_empty();
        self.resting = idle;
        if !self.inbox.is_empty() {
            self.last_record_us = Some(now);
            self.core.records(self.inbox.drain(..), at);
        }
        for action in self.core.poll(pressure, at) {
            if let Action::Send { load, stage, .. } = action {
                sends.push(Send { number: load.number, rows: load.rows, bytes: load.bytes });
                if stage.is_overflow() {
                    self.steps.insert(load.number, stage);
                }
            }
        }
        let poll = (!idle).then_some(at + POLL);
        let wake = [self.core.next_wake(pressure, at), poll].into_iter().flatten().min();
        self.wake_us = wake.map(|wake| {
            let since = wake.saturating_duration_since(self.origin);
            u64::try_from(since.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX)
        });
    }

    fn wake(&self) -> Option<u64> {
        self.wake_us
    }

    fn pending_bytes(&self) -> u64 {
        self.budget.used_bytes()
    }
}
