//! A flush, or the end of the client, that comes between two steps of the driver.

use std::sync::Weak;

use super::*;

type Act = fn(&Arc<Recorder>, &Arc<Shared>);

/// Another thread that does something after the driver has taken what was queued, and before it
/// decides what to send: the driver asks for the limit in between.
struct Untimely {
    act: Act,
    asked: AtomicUsize,
    requests: AtomicUsize,
    recorder: Weak<Recorder>,
    shared: Weak<Shared>,
}

impl Transport for Untimely {
    async fn send(&self, _: Bytes, _: Stage) -> (Reply, Trace) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(SECOND).await;
        (Reply::Acknowledged, Trace::default())
    }

    async fn attach(&self, _: Step, _: &Arc<Budget>) -> Verdict {
        Verdict::Done
    }

    fn max_request_bytes(&self) -> u64 {
        // The first time it asks is before its loop.
        if self.asked.fetch_add(1, Ordering::Relaxed) == 1 {
            let recorder = self.recorder.upgrade().expect("alive");
            (self.act)(&recorder, &self.shared.upgrade().expect("alive"));
        }
        6_000_000
    }
}

fn untimely(act: Act) -> (Arc<Recorder>, Arc<Shared>, Arc<Untimely>) {
    let (recorder, shared) = shared(1 << 20);
    let transport = Untimely {
        act,
        asked: AtomicUsize::new(0),
        requests: AtomicUsize::new(0),
        recorder: Arc::downgrade(&recorder),
        shared: Arc::downgrade(&shared),
    };
    (recorder, shared, Arc::new(transport))
}

fn spans(recorder: &Arc<Recorder>, count: usize) {
    (0..count).for_each(|_| span(recorder).end());
}

#[tokio::test(start_paused = true)]
async fn what_is_recorded_right_before_the_stop_is_delivered() {
    let (_recorder, shared, transport) = untimely(|recorder, shared| {
        spans(recorder, 1);
        stop(shared, 60 * SECOND);
    });
    run(options(1 << 20), &shared, &transport).await;
    let stats = shared.inbox.stats();
    assert_eq!((stats.acknowledged, stats.rows, stats.lost()), (2, 1, 0), "{stats:?}");
}

/// Seen too early, it would fill all lanes with the part that was taken, and the rest would wait
/// for a whole round.
#[tokio::test(start_paused = true)]
async fn what_is_recorded_right_before_a_flush_goes_with_it_in_one_round() {
    let (recorder, shared, transport) = untimely(|recorder, shared| {
        spans(recorder, 40);
        shared.inbox.begin_flush();
    });
    spans(&recorder, 40);
    let driven = run(options(1 << 20), &shared, &transport);
    let settled = async {
        while shared.inbox.stats().rows < 80 {
            tokio::time::sleep(SECOND / 100).await;
        }
    };
    let started = clock::now();
    // Cancel safety: the test ends with either.
    tokio::select! {
        () = driven => {}
        () = settled => {}
    }
    assert!(clock::now() - started < SECOND * 11 / 10, "one round: {:?}", clock::now() - started);
    assert_eq!(transport.requests.load(Ordering::Relaxed), 8);
}
