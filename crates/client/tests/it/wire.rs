//! Where uploads go, with whose key, and which answers are worth another try.

use std::time::Duration;

use serde_json::json;
use tidegate_client::{Config, Event, FlushError, SpanOptions};

use crate::support::{Answer, Server, experiment};

const MINUTE: Duration = Duration::from_secs(60);

/// The published clients repeat every status, and every lane of ours would log in for itself.
#[tokio::test]
async fn invariant_7_what_no_repeat_would_change_is_not_repeated() {
    for status in [400, 401, 403, 404, 422] {
        let server = Server::start(move |path, _, _| {
            (path == "/logs3").then(|| Answer::Json(status, "", json!({"error": "no"})))
        });
        let client = server.client();
        client.start_span(experiment(), "s").end();
        let error = client.flush(MINUTE).await.expect_err("lost");
        assert!(matches!(&error, FlushError::Lost { receipt } if receipt.lost() == 2), "{error}");
        client.shutdown(MINUTE).expect("nothing more");
        assert_eq!(server.seen(|seen| seen.uploads), 1, "after {status}");
    }
}

#[tokio::test]
async fn a_key_that_the_login_refuses_is_tried_once_by_all_lanes_together() {
    let server = Server::start(|_, _, _| Some(Answer::Json(401, "", json!({"error": "no"}))));
    let client = server.client();
    for _ in 0..400 {
        client.start_span(experiment(), "s").end();
    }
    let error = client.flush(MINUTE).await.expect_err("lost");
    assert_eq!(error.receipt().lost(), 800);
    assert_eq!(server.seen(|seen| seen.paths.clone()), ["/api/apikey/login"]);
}

/// All spans of the official Rust SDK go with the key and to the URL of the first login.
#[tokio::test]
async fn each_client_sends_to_its_own_server_with_its_own_key() {
    let servers = [Server::start(|_, _, _| None), Server::start(|_, _, _| None)];
    let client = |at: usize| servers[at].client_with(|config| config.api_key(format!("key-{at}")));
    let clients = [client(0), client(1)];
    let span = |at: usize, id: &str| {
        clients[at].start_span(experiment(), SpanOptions::new("s").row_id(id))
    };
    let (first, second) = (span(0, "first"), span(1, "second"));
    second.in_scope(|| first.child(SpanOptions::new("s").row_id("child of first")).end());
    drop((first, second));
    for client in &clients {
        client.flush(MINUTE).await.expect("delivered");
    }
    for (at, ids) in [(0, vec!["child of first", "first"]), (1, vec!["second"])] {
        servers[at].seen(|seen| {
            let mut stored: Vec<_> = seen.stored.keys().collect();
            stored.sort();
            assert_eq!(stored, ids);
            let key = format!("authorization: bearer key-{at}");
            assert!(seen.headers.iter().all(|headers| headers.contains(&key)));
        });
    }
}

/// In the official Rust SDK the URL of the login wins, and summaries go to yet another one.
#[tokio::test]
async fn a_set_api_url_beats_what_the_login_says() {
    let app = Server::start(|_, _, _| None);
    let api = Server::start(|_, _, _| None);
    let client = app.client_with(|config| config.api_url(&api.url));
    client.start_span(experiment(), "s").end();
    assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 1);
    // What comes back is no comparison; this is about where the question goes.
    client.experiment_comparison("e1", None).await.ok();
    assert_eq!(app.seen(|seen| seen.paths.clone()), ["/api/apikey/login"]);
    let asked = api.seen(|seen| seen.paths.clone());
    assert_eq!(asked[..2], ["/version", "/logs3"]);
    assert!(asked[2].starts_with("/experiment-comparison2"), "{asked:?}");
}

/// The queue of the official Rust SDK is unbounded, and the setting for it has no effect.
#[tokio::test]
async fn what_is_pending_is_bounded_without_any_setting() {
    const BUDGET: u64 = 10 << 20;
    let server = Server::start(|path, _, _| (path == "/logs3").then_some(Answer::Hang));
    let client = server.client_with(|config: Config| config.shutdown_timeout(Duration::ZERO));
    let text = "x".repeat(1 << 20);
    let span = client.start_span(experiment(), "s");
    for number in 0..30 {
        span.log(Event::new().field(format!("field-{number}"), &text));
        assert!(client.pending_bytes() <= BUDGET);
    }
    assert!(client.pending_bytes() > BUDGET / 2);
    let stats = client.stats();
    assert!(stats.lost() >= 20, "{stats:?}");
    assert_eq!(stats.accepted, stats.lost() + stats.pending);
}
