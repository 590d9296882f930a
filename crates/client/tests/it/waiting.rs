//! While a login, `/version` or a registration hangs: what goes on, and that nothing is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tidegate_client::{ApiError, Config, Event, ExperimentOptions, FlushError, SpanOptions};

use crate::support::{Answer, Gate, Server, experiment};

const MINUTE: Duration = Duration::from_secs(60);
const LOGIN: &str = "/api/apikey/login";
const REGISTER: &str = "/api/experiment/register";

/// A server that answers one path only once the gate is open.
fn held(path: &'static str) -> (Server, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let own = Arc::clone(&gate);
    let server =
        Server::start(move |asked, _, _| (asked == path).then(|| Answer::Behind(own.clone())));
    (server, gate)
}

fn requests(server: &Server, path: &str) -> usize {
    server.seen(|seen| seen.paths.iter().filter(|seen| *seen == path).count())
}

async fn until(condition: impl Fn() -> bool) {
    let polled = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(MINUTE, polled).await.expect("it comes to this");
}

#[expect(clippy::disallowed_methods, reason = "measures real deadlines")]
fn now() -> Instant {
    Instant::now()
}

/// In the official Rust SDK a span exists only after the login, at most 30 s later, and a flush
/// before it throws away what is queued.
#[tokio::test]
async fn a_slow_login_holds_up_nothing_but_the_sending() {
    let (server, gate) = held(LOGIN);
    let client = server.client();
    let started = now();
    for number in 0..1_000 {
        let span = client.start_span(experiment(), "s");
        span.log(Event::new().output(&number));
    }
    let error = client.flush(Duration::from_millis(200)).await.expect_err("nothing is sent");
    assert!(matches!(&error, FlushError::Deadline { .. }), "{error}");
    assert_eq!((error.receipt().pending, error.receipt().lost()), (3_000, 0));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    gate.open();
    let receipt = client.flush(MINUTE).await.expect("nothing was lost");
    assert_eq!((receipt.rows, receipt.acknowledged), (1_000, 3_000));
    assert_eq!(requests(&server, LOGIN), 1);
}

/// A login that fails for a while discards the drain of the JavaScript client for good.
#[tokio::test]
async fn a_login_that_fails_for_a_while_loses_nothing() {
    let failures = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |path, _, _| {
        let failing =
            path == LOGIN && failures.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 4;
        failing.then(|| Answer::Json(503, "", json!({})))
    });
    let client = server.client();
    for _ in 0..100 {
        client.start_span(experiment(), "s").end();
    }
    assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 100);
}

/// `/version` is asked in each flush of the JavaScript client, which then waits for it.
#[tokio::test]
async fn a_version_that_never_comes_costs_seconds_and_no_row() {
    let (server, _gate) = held("/version");
    let client = server.client();
    let started = now();
    for _ in 0..100 {
        client.start_span(experiment(), "s").end();
    }
    assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 100);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}, the time-out of a request is 60 s");
    client.start_span(experiment(), "s").end();
    assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 1);
    assert_eq!(requests(&server, "/version"), 1);
}

/// The official Rust SDK registers projects while it prepares rows, one after the other.
#[tokio::test]
async fn rows_are_sent_while_a_registration_hangs() {
    let (server, gate) = held(REGISTER);
    let client = server.client();
    let registered = client.register_experiment(ExperimentOptions::new("p"));
    let sent = async {
        until(|| requests(&server, REGISTER) > 0).await;
        client.start_span(experiment(), "s").end();
        let receipt = client.flush(MINUTE).await.expect("delivered");
        gate.open();
        receipt
    };
    let both = async { tokio::join!(registered, sent) };
    let (registered, receipt) = tokio::time::timeout(2 * MINUTE, both).await.expect("in time");
    assert_eq!((receipt.rows, registered.expect("registered").id.as_str()), (1, "e1"));
}

/// The official Rust SDK invents an experiment id then, and sends everything there.
#[tokio::test]
async fn a_failed_registration_is_an_error_and_no_experiment() {
    let server = Server::start(|path, _, _| {
        (path == REGISTER).then(|| Answer::Json(500, "", json!({"error": "down"})))
    });
    let client = server.client();
    let failed = client.register_experiment(ExperimentOptions::new("p")).await;
    assert!(matches!(failed, Err(ApiError::Status { status: 500, .. })), "{failed:?}");
    client.shutdown(MINUTE).expect("nothing to deliver");
    assert_eq!(server.seen(|seen| seen.uploads), 0);
}

/// One limit of 30 s holds for every request of the official Rust SDK, however large.
#[tokio::test]
async fn a_large_body_has_more_time_than_the_time_out() {
    let gate = Arc::new(Gate::default());
    let own = Arc::clone(&gate);
    let server =
        Server::start(move |path, _, _| (path == "/logs3").then(|| Answer::Behind(own.clone())));
    let time_out = Duration::from_millis(500);
    let client = server.client_with(|config: Config| config.request_timeout(time_out));
    // At 32 KiB per second this has half a minute more.
    let event = Event::new().input(&"x".repeat(1 << 20));
    client.start_span(experiment(), SpanOptions::new("s").event(event)).end();
    until(|| requests(&server, "/logs3") > 0).await;
    let arrived = now();
    until(|| arrived.elapsed() > 2 * time_out).await;
    gate.open();
    assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 1);
    assert_eq!(requests(&server, "/logs3"), 1, "it was not cut off and repeated");
}
