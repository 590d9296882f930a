//! The record of every upload: when it was queued, started, answered and finished.
//!
//! What proved the cause of the upload regression in the JavaScript SDK was not a CPU profile
//! but the timeline of its requests, so every client keeps one, bounded, from the start.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::clock;

/// How many requests are kept; at about 150 bytes each this is under 1 MiB.
const CAPACITY: usize = 4096;

/// One upload request. All times are since the client was made, on the monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// Counts requests from 1; a retry is a request of its own.
    pub number: u64,
    /// Which of the parallel lanes carried it, from 0. Two requests of a lane never overlap.
    pub lane: usize,
    /// 0 for the first try of a batch.
    pub attempt: u32,
    /// Rows that its success acknowledges; 0 for the first two steps of an overflow, by which a row
    /// beyond the server's limit is uploaded before a last request names it.
    pub rows: usize,
    /// Length of the body before compression.
    pub bytes: u64,
    /// Length of the body as it was sent.
    pub sent_bytes: u64,
    /// When its oldest row began to wait.
    pub queued: Duration,
    /// When it was handed to a connection.
    pub started: Duration,
    /// When the first byte of an answer was there.
    pub first_byte: Option<Duration>,
    /// When the answer was complete, or the request had failed; `None` while under way.
    pub finished: Option<Duration>,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
}

/// What the transport knows about a request that ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trace {
    pub(crate) sent_bytes: u64,
    pub(crate) first_byte: Option<Instant>,
    pub(crate) status: Option<u16>,
}

/// A bounded ring of [`Request`]s; the oldest make room for new ones.
#[derive(Debug)]
pub(crate) struct Requests {
    origin: Instant,
    ring: Mutex<VecDeque<Request>>,
}

impl Requests {
    pub(crate) fn new() -> Self {
        Self { origin: clock::now(), ring: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Request>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The zero of all times.
    pub(crate) fn zero(&self) -> Instant {
        self.origin
    }

    fn since_start(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.origin)
    }

    pub(crate) fn started(&self, load: &Load, now: Instant) {
        let mut ring = self.lock();
        if ring.len() >= CAPACITY {
            ring.pop_front();
        }
        ring.push_back(Request {
            number: load.number,
            lane: load.lane,
            attempt: load.attempt,
            rows: load.rows,
            bytes: load.bytes,
            sent_bytes: load.bytes,
            queued: self.since_start(load.queued_at),
            started: self.since_start(now),
            first_byte: None,
            finished: None,
            status: None,
        });
    }

    /// Enters how a request ended, and returns it, unless newer ones have pushed it out.
    pub(crate) fn finished(&self, number: u64, trace: Trace, now: Instant) -> Option<Request> {
        let mut ring = self.lock();
        let position = ring.binary_search_by_key(&number, |request| request.number).ok()?;
        let request = &mut ring[position];
        request.sent_bytes = trace.sent_bytes;
        // A step of an overflow that carries no rows has a body of its own.
        if request.bytes == 0 {
            request.bytes = trace.sent_bytes;
        }
        request.first_byte = trace.first_byte.map(|moment| self.since_start(moment));
        request.finished = Some(self.since_start(now));
        request.status = trace.status;
        Some(request.clone())
    }

    /// Forgets a request that was not sent after all.
    pub(crate) fn withdraw(&self, number: u64) -> Option<Request> {
        let mut ring = self.lock();
        if let Ok(position) = ring.binary_search_by_key(&number, |request| request.number) {
            ring.remove(position);
        }
        None
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        self.lock().iter().cloned().collect()
    }

    /// Those that are under way.
    pub(crate) fn unfinished(&self) -> Vec<Request> {
        self.lock().iter().filter(|request| request.finished.is_none()).cloned().collect()
    }
}

/// What a request carries, as the pipeline knows it before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) number: u64,
    pub(crate) lane: usize,
    pub(crate) attempt: u32,
    pub(crate) rows: usize,
    pub(crate) bytes: u64,
    pub(crate) queued_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariant_10_every_request_is_recorded_in_a_bounded_ring() {
        let requests = Requests::new();
        let now = clock::now();
        let load =
            |number| Load { number, lane: 2, attempt: 1, rows: 3, bytes: 100, queued_at: now };
        for number in 1..=CAPACITY as u64 + 10 {
            requests.started(&load(number), now);
        }
        let trace = Trace { sent_bytes: 40, first_byte: Some(now), status: Some(200) };
        requests.finished(5, trace, now);
        requests.finished(20, trace, now);
        let all = requests.all();
        assert_eq!((all.len(), all[0].number), (CAPACITY, 11));
        assert_eq!((all[9].status, all[9].sent_bytes), (Some(200), 40));
        assert!(all[9].finished.is_some() && all[8].finished.is_none());
    }
}
