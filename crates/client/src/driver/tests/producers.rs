//! Producers beside slow and failing uploads: what they hold, when they wait, and what arrives.

use serde_json::json;

use super::*;
use crate::span::traced;

impl World {
    fn requests(&self) -> usize {
        self.transport.requests.load(Ordering::Relaxed)
    }

    fn bodies(&self) -> Vec<String> {
        let bodies = self.transport.bodies.lock().expect("not poisoned");
        bodies.iter().map(|body| String::from_utf8(body.to_vec()).expect("UTF-8")).collect()
    }
}

/// The JavaScript client counts bytes once a flush has serialized them: whatever queues behind a
/// slow one counts as nothing, and its brake never engages.
#[tokio::test(start_paused = true)]
async fn invariant_2_queued_rows_count_while_a_slow_upload_is_out() {
    let world = world_with([1000 * SECOND, SECOND], acknowledge, 1 << 20);
    world.span().end();
    tokio::time::sleep(SECOND).await;
    assert_eq!(world.requests(), 1, "a small row is on its way for long");
    let span = world.span();
    let before = world.recorder.budget.used_bytes();
    let text = "x".repeat(1_000);
    for number in 1..=100 {
        span.log(Event::new().field(format!("field-{number}"), &text));
        let held = world.recorder.budget.used_bytes() - before;
        assert!(held >= number * 1_000, "{held} bytes after {number} calls");
    }
    // The uploader has them now, unsent at first and then in flight.
    tokio::time::sleep(SECOND / 2).await;
    assert!(world.recorder.budget.used_bytes() - before >= 100_000);
}

/// The JavaScript client looks at its brake only when a case ends.
#[tokio::test(start_paused = true)]
async fn invariant_3_one_case_that_logs_without_end_is_slowed() {
    let world = world(SECOND, acknowledge, 50_000);
    let case = world.span();
    let text = "x".repeat(2_000);
    let started = clock::now();
    for number in 0..200 {
        case.log_async(Event::new().field(format!("field-{number}"), &text)).await;
        assert!(world.recorder.budget.used_bytes() <= 50_000);
    }
    let took = clock::now() - started;
    assert!(took >= 7 * SECOND, "400 KB in {took:?} through a budget of 50 KB");
    case.end();
    let receipt = world.flush(60 * SECOND).await;
    assert_eq!((receipt.accepted, receipt.rows, receipt.lost()), (202, 1, 0));
}

/// Cycles of the JavaScript client end with their slowest batch.
#[tokio::test(start_paused = true)]
async fn a_slow_request_holds_back_no_later_row() {
    let world = world_with([1000 * SECOND, SECOND], acknowledge, 1 << 20);
    world.span().end();
    tokio::time::sleep(SECOND).await;
    for rows in 1..=20 {
        world.span().end();
        tokio::time::sleep(2 * SECOND).await;
        assert_eq!(world.shared.inbox.stats().rows, rows);
    }
    assert_eq!(world.flush(2000 * SECOND).await.rows, 21);
}

/// 440 rows at 25 per request, one request after the other, took the JavaScript client 18 s.
#[tokio::test(start_paused = true)]
async fn a_burst_takes_all_lanes_at_once() {
    let world = world(SECOND, acknowledge, 1 << 20);
    for _ in 0..440 {
        world.span().end();
    }
    let started = clock::now();
    assert_eq!(world.flush(60 * SECOND).await.rows, 440);
    let took = clock::now() - started;
    assert!(took < SECOND * 11 / 10, "{took:?}");
    assert_eq!((world.requests(), world.transport.peak.load(Ordering::Relaxed)), (8, 8));
}

/// Three tries within three seconds are all that the published clients make.
#[tokio::test(start_paused = true)]
async fn an_outage_of_many_tries_loses_nothing() {
    let script = |number| match number {
        0..15 => Reply::Retry { after: None, detail: "503".into() },
        _ => Reply::Acknowledged,
    };
    let world = world(SECOND, script, 1 << 20);
    world.span().end();
    let receipt = world.flush(300 * SECOND).await;
    assert_eq!((receipt.rows, receipt.lost(), world.requests()), (1, 0, 16));
}

/// The Python client keeps 25 000 rows, whatever it is told, and loses the oldest unsaid.
#[tokio::test(start_paused = true)]
async fn more_rows_than_a_fixed_queue_holds_all_arrive() {
    let world = world(10 * SECOND, acknowledge, 64 << 20);
    for _ in 0..40_000 {
        world.span().end();
    }
    let receipt = world.flush(600 * SECOND).await;
    assert_eq!((receipt.accepted, receipt.rows, receipt.lost()), (80_000, 40_000, 0));
}

/// `traced` of the official Rust SDK flushes once per call.
#[tokio::test(start_paused = true)]
async fn tracing_a_call_neither_flushes_nor_waits() {
    let world = world(SECOND, acknowledge, 1 << 20);
    let root = world.span();
    let started = clock::now();
    root.scope(async {
        for _ in 0..100 {
            traced("step", async {}).await;
        }
    })
    .await;
    assert_eq!(clock::now(), started);
    root.end();
    assert_eq!(world.flush(60 * SECOND).await.rows, 101);
    assert!(world.requests() <= 8, "{} requests", world.requests());
}

/// The official Rust SDK has no row before the first `log` or `end`, and nothing on drop.
#[tokio::test(start_paused = true)]
async fn a_span_that_never_ends_is_delivered_and_a_dropped_one_ends() {
    let world = world(SECOND, acknowledge, 1 << 20);
    let open = world.span();
    // Nobody flushes: it goes by itself.
    tokio::time::sleep(2 * SECOND).await;
    let stats = world.shared.inbox.stats();
    assert_eq!((stats.accepted, stats.acknowledged, stats.rows), (1, 1, 1));
    drop(open);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(world.shared.inbox.stats().acknowledged, 2);
    let [created, ended] = &world.bodies()[..] else { panic!("{:?}", world.bodies()) };
    assert!(created.contains("\"created\":") && !created.contains("\"end\":"), "{created}");
    assert!(ended.contains("\"_is_merge\":true") && ended.contains("\"end\":"), "{ended}");
}

/// In the Python client a retry sleeps inside the lock that every flush takes.
#[tokio::test(start_paused = true)]
async fn a_flush_waits_for_no_retry_of_rows_that_came_later() {
    let script = |number| match number {
        1 => Reply::Retry { after: Some(100 * SECOND), detail: "429".into() },
        _ => Reply::Acknowledged,
    };
    let world = world_with([2 * SECOND, SECOND], script, 1 << 20);
    world.span().end();
    let started = clock::now();
    let flush = async { (world.flush(60 * SECOND).await, clock::now() - started) };
    let later = async {
        tokio::time::sleep(SECOND / 10).await;
        world.span().log(Event::new().output(&json!({"later": true})));
    };
    let ((receipt, took), ()) = tokio::join!(flush, later);
    assert_eq!((receipt.rows, receipt.pending), (1, 0));
    assert!(took < 3 * SECOND, "{took:?}");
    assert_eq!(world.flush(200 * SECOND).await.rows, 1);
}
