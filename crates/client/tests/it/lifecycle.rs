//! Sync code, every kind of runtime, shutdown and drop: nothing blocks past its deadline.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use tidegate_client::{Client, Config, DropReason, FlushError, Policy};
use tokio::runtime::Builder;

use crate::support::{Answer, Server, experiment};

const MINUTE: Duration = Duration::from_secs(60);

fn one_row(client: &Client) {
    client.start_span(experiment(), "s").end();
}

#[expect(clippy::disallowed_methods, reason = "measures real deadlines")]
fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    (run(), started.elapsed())
}

#[test]
fn works_from_sync_code_without_any_runtime() {
    let server = Server::start(|_, _, _| None);
    let client = server.client();
    one_row(&client);
    assert_eq!(client.flush_blocking(MINUTE).expect("delivered").rows, 1);
    one_row(&client);
    drop(client);
    assert_eq!(server.seen(|seen| seen.stored.len()), 2, "the drop delivers what is pending");
}

#[test]
fn works_on_a_current_thread_runtime_and_after_it_ended() {
    let server = Server::start(|_, _, _| None);
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let client = runtime.block_on(async {
        let client = server.client();
        one_row(&client);
        // Neither timers nor I/O are enabled here: the client brings its own.
        assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 1);
        one_row(&client);
        assert_eq!(client.flush_blocking(MINUTE).expect("delivered").rows, 1);
        client
    });
    drop(runtime);
    one_row(&client);
    assert_eq!(client.flush_blocking(MINUTE).expect("delivered").rows, 1);
}

/// The official Rust SDK builds and blocks on runtimes in `Drop`, and skips it on this flavour.
#[test]
fn invariant_9_making_and_dropping_a_client_works_anywhere_on_a_current_thread_runtime() {
    let server = Server::start(|_, _, _| None);
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let url = server.url.clone();
    let recorded = move || {
        let config = Config::default().app_url(&url).shutdown_timeout(MINUTE);
        one_row(&Client::new(config).expect("a client"));
    };
    runtime.block_on(async {
        recorded();
        let (task, blocking) = (recorded.clone(), recorded.clone());
        #[expect(clippy::disallowed_methods, reason = "awaited right here")]
        tokio::spawn(async move { task() }).await.expect("no panic");
        tokio::task::spawn_blocking(blocking).await.expect("no panic");
    });
    drop(runtime);
    recorded();
    assert_eq!(server.seen(|seen| seen.stored.len()), 4);
}

/// Which handle is the last one is a race in the official Rust SDK.
#[test]
fn whichever_clone_is_dropped_last_delivers() {
    for _ in 0..10 {
        let server = Server::start(|_, _, _| None);
        let client = server.client_with(|config| config.shutdown_timeout(MINUTE));
        let together = Barrier::new(8);
        thread::scope(|scope| {
            for own in std::iter::repeat_n(client, 8) {
                let together = &together;
                scope.spawn(move || {
                    one_row(&own);
                    together.wait();
                    drop(own);
                });
            }
        });
        assert_eq!(server.seen(|seen| seen.stored.len()), 8);
    }
}

#[test]
fn dropping_inside_of_a_task_delivers() {
    let server = Server::start(|_, _, _| None);
    let runtime = Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    runtime.block_on(async {
        let client = server.client();
        one_row(&client);
    });
    assert_eq!(server.seen(|seen| seen.stored.len()), 1);
}

#[test]
fn dropping_with_a_dead_server_ends_by_its_deadline() {
    let server = Server::start(|path, _, _| (path == "/logs3").then_some(Answer::Hang));
    let client = server.client_with(|config| config.shutdown_timeout(Duration::from_millis(300)));
    one_row(&client);
    let ((), took) = timed(|| drop(client));
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn shutdown_tells_what_was_lost_and_later_events_are_counted() {
    let server = Server::start(|path, _, _| (path == "/logs3").then_some(Answer::Close));
    let client = server.client();
    one_row(&client);
    let error = client.shutdown(Duration::from_millis(300)).expect_err("undelivered");
    assert!(matches!(&error, FlushError::Lost { .. }), "{error}");
    one_row(&client);
    let stats = client.stats();
    assert_eq!(stats.dropped.get(&DropReason::Shutdown), Some(&4));
    assert_eq!((stats.accepted, stats.pending), (4, 0));
    let (flushed, took) = timed(|| client.flush_blocking(MINUTE));
    assert!(flushed.is_err() && took < Duration::from_secs(10));
}

#[test]
fn a_span_that_outlives_its_client_neither_blocks_nor_panics() {
    let server = Server::start(|_, _, _| None);
    let client = server.client();
    let span = client.start_span(experiment(), "s");
    drop(client);
    span.end();
    assert_eq!(server.seen(|seen| seen.stored.len()), 1);
}

/// A test of the host program may pause its runtime's clock, which then never reaches a deadline
/// while a thread is parked.
#[test]
fn deadlines_hold_in_a_runtime_whose_clock_is_paused() {
    let server = Server::start(|path, _, _| (path == "/logs3").then_some(Answer::Hang));
    let client = server.client_with(|config| {
        config
            .policy(Policy::Block)
            .budget_bytes(500)
            .admit_timeout(Duration::from_millis(100))
            .shutdown_timeout(Duration::from_millis(100))
    });
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        tokio::time::advance(Duration::from_secs(3600)).await;
        let (stats, took) = timed(|| {
            one_row(&client);
            one_row(&client);
            client.stats()
        });
        assert!(stats.dropped[&DropReason::BudgetFull] > 0, "{stats:?}");
        assert!(took < Duration::from_secs(10), "{took:?}");
        let (flushed, took) = timed(|| client.flush_blocking(Duration::from_millis(100)));
        assert!(flushed.is_err() && took < Duration::from_secs(10), "{took:?}");
        let ((), took) = timed(|| drop(client));
        assert!(took < Duration::from_secs(10), "{took:?}");
    });
}

#[test]
fn endless_time_outs_are_no_overflow() {
    let server = Server::start(|path, number, _| match (path, number) {
        ("/logs3", 0) => Some(Answer::Close),
        _ => None,
    });
    let client = server.client_with(|config| {
        config
            .give_up_after(Duration::MAX)
            .admit_timeout(Duration::MAX)
            .shutdown_timeout(Duration::MAX)
            .policy(Policy::Block)
    });
    one_row(&client);
    assert_eq!(client.flush_blocking(Duration::MAX).expect("delivered").rows, 1);
    one_row(&client);
    assert_eq!(client.shutdown(Duration::MAX).expect("delivered").rows, 1);
}
