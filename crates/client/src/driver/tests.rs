//! The driver under paused time, with a transport that follows a script.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinHandle;

use super::*;
use crate::config::Policy;
use crate::event::Event;
use crate::inbox::{FlushGuard, Receipt};
use crate::recorder::{Owner, Recorder};
use crate::span::{Span, SpanOptions};
use tidegate_model::Destination;

mod producers;
mod profiled;
mod quiet;
mod untimely;

/// Answers each request, in order of arrival, as the script says.
struct Scripted {
    /// Of the first request, and of all later ones.
    latency: [Duration; 2],
    bodies: Mutex<Vec<Bytes>>,
    script: fn(usize) -> Reply,
    requests: AtomicUsize,
    in_flight: AtomicUsize,
    peak: AtomicUsize,
}

impl Transport for Scripted {
    async fn send(&self, body: Bytes, _: Stage) -> (Reply, Trace) {
        self.bodies.lock().expect("not poisoned").push(body);
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(now, Ordering::Relaxed);
        tokio::time::sleep(self.latency[number.min(1)]).await;
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        ((self.script)(number), Trace::default())
    }

    async fn attach(&self, _: Step, _: &Arc<Budget>) -> Verdict {
        Verdict::Done
    }

    fn max_request_bytes(&self) -> u64 {
        6_000_000
    }
}

struct World {
    recorder: Arc<Recorder>,
    shared: Arc<Shared>,
    transport: Arc<Scripted>,
    driver: JoinHandle<()>,
}

fn world(latency: Duration, script: fn(usize) -> Reply, budget_bytes: u64) -> World {
    world_with([latency; 2], script, budget_bytes)
}

/// What producers and the driver share.
fn shared(budget_bytes: u64) -> (Arc<Recorder>, Arc<Shared>) {
    let inbox = Arc::new(Inbox::default());
    let budget = Budget::new(budget_bytes);
    let notices = Arc::new(Notices::new(Duration::from_secs(60), None));
    let shared = Shared::new(Arc::clone(&inbox), Arc::clone(&budget), Arc::clone(&notices));
    let recorder = Arc::new(Recorder {
        inbox,
        budget,
        notices,
        policy: Policy::Block,
        admit_timeout: Duration::from_secs(30),
        mask: None,
        sample_ratio: 1.0,
        journal: None,
        dumps: Dumps::default(),
        owner: Owner::this_process(),
        waits: Arc::clone(&shared.profile.waits),
        server: None,
    });
    (recorder, Arc::new(shared))
}

fn options(budget_bytes: u64) -> Options {
    Options {
        lanes: 8,
        budget_bytes,
        max_rows: 10_000,
        max_request_bytes: 6_000_000,
        max_retries: None,
        give_up_after: Duration::from_secs(300),
        sync_flush: false,
        spool: false,
        spool_when_full: false,
        seed: 1,
    }
}

#[expect(clippy::disallowed_methods, reason = "the test awaits the handle")]
fn world_with(latency: [Duration; 2], script: fn(usize) -> Reply, budget_bytes: u64) -> World {
    let (recorder, shared) = shared(budget_bytes);
    let transport = Arc::new(Scripted {
        latency,
        bodies: Mutex::default(),
        script,
        requests: AtomicUsize::new(0),
        in_flight: AtomicUsize::new(0),
        peak: AtomicUsize::new(0),
    });
    let driver = tokio::spawn({
        let (shared, transport) = (Arc::clone(&shared), Arc::clone(&transport));
        async move { run(options(budget_bytes), &shared, &transport).await }
    });
    World { recorder, shared, transport, driver }
}

fn span(recorder: &Arc<Recorder>) -> Span {
    let destination = Arc::new(Destination::Experiment("e".into()));
    Span::below(Arc::clone(recorder), destination.into(), SpanOptions::new("s"))
}

impl World {
    fn span(&self) -> Span {
        span(&self.recorder)
    }

    async fn flush(&self, deadline: Duration) -> Receipt {
        let (guard, settled) = FlushGuard::begin(&self.shared.inbox);
        drop(tokio::time::timeout(deadline, settled).await);
        guard.finish()
    }

    fn stop(&self, timeout: Duration) {
        stop(&self.shared, timeout);
    }
}

/// What [`Driver::stop`] does before it waits.
fn stop(shared: &Shared, timeout: Duration) {
    shared.inbox.close();
    *shared.stop.lock().expect("not poisoned") = Some(timeout);
    shared.inbox.bell.call();
}

const SECOND: Duration = Duration::from_secs(1);

fn acknowledge(_: usize) -> Reply {
    Reply::Acknowledged
}

#[tokio::test(start_paused = true)]
async fn invariant_6_flush_covers_what_came_before_and_nothing_after() {
    let world = world(SECOND, acknowledge, 1 << 20);
    world.span().log(Event::new().input(&1));
    let flush = world.flush(60 * SECOND);
    let later = async {
        tokio::time::sleep(SECOND / 2).await;
        // A producer that never stops must not keep the flush waiting.
        for _ in 0..50 {
            world.span().end();
            tokio::time::sleep(SECOND / 10).await;
        }
    };
    let started = clock::now();
    let (receipt, ()) = tokio::join!(async { (flush.await, clock::now() - started) }, later);
    let (receipt, took) = receipt;
    assert_eq!((receipt.accepted, receipt.acknowledged, receipt.rows), (3, 3, 1));
    assert!(took < SECOND * 11 / 10, "{took:?}");
    let rest = world.flush(60 * SECOND).await;
    assert_eq!((rest.accepted, rest.rows), (100, 50));
    assert_eq!(world.recorder.budget.used_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_the_whole_flush_and_the_next_one_reports_the_fate() {
    let world = world(10 * SECOND, acknowledge, 1 << 20);
    world.span().end();
    let started = clock::now();
    let receipt = world.flush(3 * SECOND).await;
    assert_eq!(clock::now() - started, 3 * SECOND);
    assert_eq!((receipt.pending, receipt.acknowledged), (2, 0));
    let receipt = world.flush(60 * SECOND).await;
    assert_eq!((receipt.pending, receipt.acknowledged, receipt.rows), (0, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn overlapping_flushes_share_work() {
    let world = world(SECOND, acknowledge, 1 << 20);
    world.span().end();
    let started = clock::now();
    let (a, b) = tokio::join!(world.flush(60 * SECOND), world.flush(60 * SECOND));
    assert!(clock::now() - started < SECOND * 11 / 10);
    assert_eq!((a.rows, b.rows, world.transport.requests.load(Ordering::Relaxed)), (1, 1, 1));
}

/// Published clients leave rows that were queued during a failing upload behind.
#[tokio::test(start_paused = true)]
async fn rows_queued_behind_a_failing_batch_are_not_stranded() {
    let script = |number| match number {
        0..3 => Reply::Retry { after: None, detail: "503".into() },
        _ => Reply::Acknowledged,
    };
    let world = world(SECOND, script, 1 << 20);
    world.span().end();
    tokio::time::sleep(SECOND / 2).await;
    world.span().end();
    // No flush and no further record: both arrive by themselves.
    tokio::time::sleep(120 * SECOND).await;
    let stats = world.shared.inbox.stats();
    assert_eq!((stats.rows, stats.pending), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn invariant_7_a_retrying_batch_holds_back_nobody_else() {
    let script = |number| match number {
        0 => Reply::Retry { after: Some(100 * SECOND), detail: "429".into() },
        _ => Reply::Acknowledged,
    };
    let world = world(SECOND, script, 1 << 20);
    world.span().end();
    tokio::time::sleep(2 * SECOND).await;
    world.span().end();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(world.shared.inbox.stats().rows, 1);
    assert!(world.recorder.budget.used_bytes() > 0, "a row waiting for its retry is pending");
}

#[tokio::test(start_paused = true)]
async fn invariant_3_the_gate_opens_as_soon_as_bytes_are_acknowledged() {
    let world = world(SECOND, acknowledge, 16_000);
    let text = "x".repeat(1_000);
    let spans: Vec<Span> = (0..20).map(|_| world.span()).collect();
    let started = clock::now();
    for _ in 0..3 {
        for span in &spans {
            span.log_async(Event::new().output(&text)).await;
            assert!(world.recorder.budget.used_bytes() <= 16_000);
        }
    }
    assert!(clock::now() - started >= SECOND, "60 KB cannot pass a budget of 16 KB at once");
    assert!(clock::now() - started <= 12 * SECOND, "nobody waits for the whole queue");
    let receipt = world.flush(60 * SECOND).await;
    assert_eq!((receipt.accepted, receipt.rows, receipt.lost()), (80, 20, 0));
    assert!(world.transport.peak.load(Ordering::Relaxed) <= 8);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_transport_strands_nothing() {
    let script = |number| match number {
        0 => panic!("on purpose"),
        _ => Reply::Acknowledged,
    };
    let world = world(SECOND, script, 1 << 20);
    world.span().end();
    assert_eq!(world.flush(60 * SECOND).await.rows, 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_delivers_until_the_deadline_and_counts_the_rest() {
    let script = |number| match number {
        0 => Reply::Acknowledged,
        _ => Reply::Retry { after: None, detail: "down".into() },
    };
    let world = world(SECOND, script, 1 << 20);
    let span = world.span();
    span.end();
    assert_eq!(world.flush(60 * SECOND).await.rows, 1);
    world.span().end();
    let started = clock::now();
    world.stop(5 * SECOND);
    world.driver.await.expect("no panic");
    assert_eq!(clock::now() - started, 5 * SECOND);
    span.log(Event::new().output(&1));
    let stats = world.shared.inbox.stats();
    assert_eq!(stats.dropped.get(&DropReason::Shutdown), Some(&3), "{stats:?}");
    assert_eq!((stats.acknowledged, stats.pending), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_idle_driver_sleeps_until_a_record_wakes_it() {
    let world = world(SECOND, acknowledge, 1 << 20);
    tokio::time::sleep(3600 * SECOND).await;
    world.span().end();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(world.shared.inbox.stats().rows, 1);
}
