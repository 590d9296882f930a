//! Uploads of rows as they arrive: noted, so that the requests of any client can be looked at as a
//! timeline, and answered as late as a slow network would. Both are for tests of clients.

mod recorder;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tidegate_model::profile::Request;

pub use recorder::{Recorder, Recording, recorder};

use crate::clock;

/// Longest time for which an answer is held, whatever it is made of.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// How late uploads of rows are answered; see [`Options`](crate::Options::simulate_latency).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    fixed: Duration,
    per_row: Duration,
}

impl Latency {
    /// So much for a request, and so much for each of its rows; together a minute at most.
    #[must_use]
    pub fn new(fixed: Duration, per_row: Duration) -> Self {
        Self { fixed, per_row }
    }

    fn of(self, rows: u32) -> Duration {
        self.fixed.saturating_add(self.per_row.saturating_mul(rows)).min(LONGEST_HOLD)
    }
}

/// The uploads that are under way, and what becomes of them.
#[derive(Debug)]
pub(crate) struct Arrivals {
    latency: Option<Latency>,
    /// `None` if nobody wants them, and at the end.
    recorder: Mutex<Option<Recorder>>,
    /// Number of the last one.
    last: AtomicU64,
    /// Which lanes are taken.
    lanes: Mutex<Vec<bool>>,
}

impl Arrivals {
    /// `None` if there is nothing to do.
    pub(crate) fn new(latency: Option<Latency>, recorder: Option<Recorder>) -> Option<Arc<Self>> {
        (latency.is_some() || recorder.is_some()).then(|| {
            Arc::new(Self {
                latency,
                recorder: Mutex::new(recorder),
                last: AtomicU64::new(0),
                lanes: Mutex::default(),
            })
        })
    }

    /// Notes that the head of a request is there.
    pub(crate) fn begin(self: &Arc<Self>) -> Arrival {
        let start = clock::monotonic();
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let size = Arc::default();
        Arrival { lane: self.take_lane(), all: Arc::clone(self), number, start, size, answer: None }
    }

    /// Lets go of the recorder, so that the recording ends.
    pub(crate) fn close(&self) {
        drop(lock(&self.recorder).take());
    }

    fn take_lane(&self) -> usize {
        let mut lanes = lock(&self.lanes);
        let lane = lanes.iter().position(|taken| !taken).unwrap_or(lanes.len());
        if lane == lanes.len() {
            lanes.push(true);
        } else {
            lanes[lane] = true;
        }
        lane
    }
}

/// A request under way. Dropped when its answer is sent, or its client has left.
#[derive(Debug)]
pub(crate) struct Arrival {
    all: Arc<Arrivals>,
    number: u64,
    lane: usize,
    start: Instant,
    size: Arc<Size>,
    /// When the answer began, and its status.
    answer: Option<(Instant, u16)>,
}

impl Arrival {
    /// What whoever reads the request fills in.
    pub(crate) fn size(&self) -> Arc<Size> {
        Arc::clone(&self.size)
    }

    /// Waits until the answer may go.
    pub(crate) async fn hold(&self) {
        if let Some(latency) = self.all.latency {
            let rows = self.size.rows.load(Ordering::Relaxed);
            tokio::time::sleep_until((self.start + latency.of(rows)).into()).await;
        }
    }

    /// Notes that the answer begins.
    pub(crate) fn answers(&mut self, status: u16) {
        self.answer = Some((clock::monotonic(), status));
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let all = &self.all;
        let end = clock::monotonic();
        if let Some(recorder) = &*lock(&all.recorder) {
            let start_us = recorder.microseconds(self.start);
            recorder.record(Request {
                number: self.number,
                lane: u32::try_from(self.lane).unwrap_or(u32::MAX),
                attempt: 0,
                rows: self.size.rows.load(Ordering::Relaxed),
                bytes: self.size.bytes.load(Ordering::Relaxed),
                sent_bytes: self.size.sent_bytes.load(Ordering::Relaxed),
                queued_us: start_us,
                start_us,
                first_byte_us: self.answer.map(|(began, _)| recorder.microseconds(began)),
                end_us: recorder.microseconds(end),
                status: self.answer.map(|(_, status)| status),
            });
        }
        // Only now: the next on this lane starts after this one's end.
        lock(&all.lanes)[self.lane] = false;
    }
}

/// How large a request is, as far as it has been read.
#[derive(Debug, Default)]
pub(crate) struct Size {
    rows: AtomicU32,
    /// Of the body, unpacked and as it came.
    bytes: AtomicU64,
    sent_bytes: AtomicU64,
}

impl Size {
    pub(crate) fn has_rows(&self, rows: usize) {
        self.rows.store(u32::try_from(rows).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    pub(crate) fn has_bytes(&self, unpacked: usize, sent: usize) {
        self.bytes.store(unpacked as u64, Ordering::Relaxed);
        self.sent_bytes.store(sent as u64, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> (Arc<Arrivals>, Recording) {
        let (recorder, recording) = recorder();
        (Arrivals::new(None, Some(recorder)).expect("something to do"), recording)
    }

    #[test]
    fn requests_take_the_lowest_lane_that_is_free() {
        let (arrivals, recording) = recorded();
        let (first, mut second, third) = (arrivals.begin(), arrivals.begin(), arrivals.begin());
        second.size().has_rows(7);
        second.size().has_bytes(700, 70);
        second.answers(200);
        drop(second);
        let again = arrivals.begin();
        drop((third, again, first));
        arrivals.close();
        let requests: Vec<_> = recording.collect();
        let lanes: Vec<_> = requests.iter().map(|r| (r.number, r.lane)).collect();
        assert_eq!(lanes, [(2, 1), (3, 2), (4, 1), (1, 0)]);
        let Request { rows, bytes, sent_bytes, status, first_byte_us, .. } = requests[0];
        assert_eq!((rows, bytes, sent_bytes, status), (7, 700, 70, Some(200)));
        assert!(first_byte_us.is_some_and(|at| requests[0].start_us <= at));
        assert_eq!((requests[1].status, requests[1].first_byte_us), (None, None));
        assert!(requests[2].start_us >= requests[0].end_us, "requests of one lane never overlap");
        assert!(requests.iter().all(|r| r.queued_us == r.start_us && r.start_us <= r.end_us));
    }

    #[test]
    fn an_answer_is_late_by_what_was_said_and_a_minute_at_most() {
        let second = Duration::from_secs(1);
        let latency = Latency::new(second, Duration::from_millis(4));
        assert_eq!(latency.of(0), second);
        assert_eq!(latency.of(100), Duration::from_millis(1_400));
        assert_eq!(latency.of(u32::MAX), LONGEST_HOLD);
        assert_eq!(Latency::new(Duration::MAX, Duration::MAX).of(2), LONGEST_HOLD);
    }
}
