//! The way of noted requests out of the collector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use tidegate_model::profile::Request;

use crate::clock;

/// Requests that wait for whoever takes them.
const WAITING: usize = 16_384;

/// Takes note of uploads for a [`Recording`]; see
/// [`Options::record_requests`](crate::Options::record_requests). Never waits.
#[derive(Debug, Clone)]
pub struct Recorder {
    zero: Instant,
    sender: SyncSender<Request>,
    left_out: Arc<AtomicU64>,
}

/// The uploads that reached a collector, each once it is answered. Iterating blocks, and ends when
/// the collector has stopped.
///
/// Times are microseconds since [`recorder`] was called; a request starts when its head has
/// arrived and ends when its answer is sent. Of requests that cannot be read, rows and bytes are 0.
#[derive(Debug)]
pub struct Recording {
    receiver: Receiver<Request>,
    left_out: Arc<AtomicU64>,
}

/// Makes both ends of a recording, whose times count from now. In between, 16 384 requests wait at
/// most (2 MB).
#[must_use]
pub fn recorder() -> (Recorder, Recording) {
    let (sender, receiver) = sync_channel(WAITING);
    let left_out = Arc::<AtomicU64>::default();
    let recorder = Recorder { zero: clock::monotonic(), sender, left_out: Arc::clone(&left_out) };
    (recorder, Recording { receiver, left_out })
}

impl Recorder {
    pub(super) fn microseconds(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.zero);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) fn record(&self, request: Request) {
        if self.sender.try_send(request).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Recording {
    /// Requests that there was no room for.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }
}

impl Iterator for Recording {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        self.receiver.recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_is_counted() {
        let (recorder, mut recording) = recorder();
        let request = Request {
            number: 1,
            lane: 0,
            attempt: 0,
            rows: 0,
            bytes: 0,
            sent_bytes: 0,
            queued_us: 0,
            start_us: 0,
            first_byte_us: None,
            end_us: 0,
            status: None,
        };
        for _ in 0..WAITING + 3 {
            recorder.record(request);
        }
        assert_eq!((recording.by_ref().take(WAITING).count(), recording.left_out()), (WAITING, 3));
        drop(recorder);
        assert_eq!(recording.next(), None);
    }
}
