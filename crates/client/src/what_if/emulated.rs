//! The background logger of the JavaScript SDK as a state machine, to check the replay against
//! recordings of `tidegate bench upload`, which emulates it with real requests.
//!
//! One queue of events. Logging starts a flush if none runs: it drains the queue at once, sends
//! what it drained, and drains again until nothing is left. Who waits for a flush waits until the
//! one that runs has ended.

use std::collections::{HashMap, VecDeque};

use super::logger::{Logger, Send};
use super::settings::{Settings, Strategy};
use super::workload::{Part, Row};

/// Queued events per chunk in 3.2.0.
const CHUNK_EVENTS: usize = 25;
/// Bytes of a row that only ends a span.
const END_BYTES: u64 = 160;

#[derive(Debug, Clone, Copy)]
struct Queued {
    row: u32,
    bytes: u64,
}

#[derive(Debug)]
pub(super) struct Emulated {
    /// Events of a chunk; one chunk after another if there is such a limit.
    chunk: Option<usize>,
    max_rows: usize,
    queue: Vec<Queued>,
    /// Requests of what was drained that wait for those before.
    chunks: VecDeque<Vec<(usize, u64)>>,
    ready: Vec<(usize, u64)>,
    in_flight: HashMap<u64, u64>,
    next_number: u64,
    flushing: bool,
    flushes_ended: u64,
    pending_bytes: u64,
}

impl Emulated {
    pub(super) fn new(settings: &Settings) -> Self {
        let serial = settings.strategy == Strategy::SerialChunks;
        Self {
            chunk: serial.then_some(CHUNK_EVENTS),
            max_rows: settings.max_rows,
            queue: Vec::new(),
            chunks: VecDeque::new(),
            ready: Vec::new(),
            in_flight: HashMap::new(),
            next_number: 0,
            flushing: false,
            flushes_ended: 0,
            pending_bytes: 0,
        }
    }

    fn trigger(&mut self) {
        if !std::mem::replace(&mut self.flushing, true) {
            self.go_on();
        }
    }

    /// The next chunk, or the next drain, or the end of the flush.
    fn go_on(&mut self) {
        if self.chunks.is_empty() && !self.queue.is_empty() {
            let drained = std::mem::take(&mut self.queue);
            let chunk = self.chunk.unwrap_or(drained.len());
            self.chunks = drained.chunks(chunk).map(|chunk| self.requests(chunk)).collect();
        }
        match self.chunks.pop_front() {
            Some(requests) => self.ready.extend(requests),
            None => {
                self.flushing = false;
                self.flushes_ended += 1;
            }
        }
    }

    /// Events of one row merge within a chunk only.
    fn requests(&self, events: &[Queued]) -> Vec<(usize, u64)> {
        let (mut rows, mut known) = (Vec::new(), HashMap::new());
        for event in events {
            let at = *known.entry(event.row).or_insert_with(|| {
                rows.push(0);
                rows.len() - 1
            });
            rows[at] += event.bytes;
        }
        rows.chunks(self.max_rows).map(|rows| (rows.len(), rows.iter().sum())).collect()
    }
}

impl Logger for Emulated {
    fn record(&mut self, row: u32, what: Row, part: Part, _: u64) -> bool {
        let rest = usize::from(what.records).saturating_sub(1).max(1);
        let (events, bytes) = match part {
            Part::Start | Part::Whole => (1, u64::from(what.bytes)),
            Part::End => (rest, END_BYTES),
        };
        for _ in 0..events {
            self.queue.push(Queued { row, bytes: bytes / events as u64 });
            self.pending_bytes += bytes / events as u64;
            self.trigger();
        }
        true
    }

    fn is_open(&self) -> bool {
        true
    }

    fn waiting(&mut self, _: usize, _: u64) {}

    fn flush(&mut self, _: u64) -> u64 {
        if !self.queue.is_empty() {
            self.trigger();
        }
        self.flushes_ended + u64::from(self.flushing)
    }

    fn is_flushed(&self, ticket: u64) -> bool {
        self.flushes_ended >= ticket
    }

    fn replied(&mut self, number: u64, _: u64) {
        let Some(bytes) = self.in_flight.remove(&number) else { return };
        self.pending_bytes = self.pending_bytes.saturating_sub(bytes);
        if self.in_flight.is_empty() && self.ready.is_empty() {
            self.go_on();
        }
    }

    fn turn(&mut self, _: u64, sends: &mut Vec<Send>) {
        for (rows, bytes) in std::mem::take(&mut self.ready) {
            self.next_number += 1;
            self.in_flight.insert(self.next_number, bytes);
            sends.push(Send { number: self.next_number, rows, bytes });
        }
    }

    fn wake(&self) -> Option<u64> {
        (!self.ready.is_empty()).then_some(0)
    }

    fn pending_bytes(&self) -> u64 {
        self.pending_bytes
    }
}
