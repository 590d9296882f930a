//! The end of a client that comes at an unfortunate moment.

use std::sync::Weak;

use super::*;

/// Another thread that records and stops after the driver has taken what was queued, and before
/// it looks whether to stop: the driver asks for the limit in between.
struct Untimely {
    asked: AtomicUsize,
    recorder: Weak<Recorder>,
    shared: Weak<Shared>,
}

impl Transport for Untimely {
    async fn send(&self, _: Bytes) -> (Reply, Trace) {
        (Reply::Acknowledged, Trace::default())
    }

    fn max_request_bytes(&self) -> u64 {
        // The first time it asks is before its loop.
        if self.asked.fetch_add(1, Ordering::Relaxed) == 1 {
            span(&self.recorder.upgrade().expect("alive")).end();
            stop(&self.shared.upgrade().expect("alive"), 60 * SECOND);
        }
        6_000_000
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_recorded_right_before_the_stop_is_delivered() {
    let (recorder, shared) = shared(1 << 20);
    let transport = Arc::new(Untimely {
        asked: AtomicUsize::new(0),
        recorder: Arc::downgrade(&recorder),
        shared: Arc::downgrade(&shared),
    });
    run(options(1 << 20), &shared, &transport).await;
    let stats = shared.inbox.stats();
    assert_eq!((stats.acknowledged, stats.rows, stats.lost()), (2, 1, 0), "{stats:?}");
}
