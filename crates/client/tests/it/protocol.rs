//! What goes over the wire, and what comes of the answers.

use std::time::{Duration, Instant};

use serde_json::json;
use tidegate_client::{
    ApiError, DropReason, Event, ExperimentOptions, FlushError, Policy, Span, SpanOptions, traced,
};

use crate::support::{Answer, Server, experiment};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_trace_arrives_as_a_tree_of_merged_rows() {
    let server = Server::start(|_, _, _| None);
    let client = server.client();
    let root = client.start_span(
        experiment(),
        SpanOptions::new("eval").span_type("eval").event(Event::new().input(&"in").tags(["t"])),
    );
    root.scope(traced(SpanOptions::new("task").span_type("task"), async {
        let span = Span::current().expect("inside of a span");
        span.log(Event::new().output(&json!({"a": 1})).metric("tokens", 3.0));
        span.log(Event::new().output(&json!({"b": 2})).metadata(&json!({"model": "m"})));
    }))
    .await;
    root.log(Event::new().output(&"out").score("exact", 1.0));
    root.end();
    let receipt = client.flush(MINUTE).await.expect("nothing lost");
    assert_eq!((receipt.accepted, receipt.acknowledged, receipt.rows), (7, 7, 2));

    server.seen(|seen| {
        let row = |kind: &str| {
            let mut rows = seen.stored.values();
            rows.find(|row| row["span_attributes"]["type"] == kind).expect(kind).clone()
        };
        let (root, task) = (row("eval"), row("task"));
        assert_eq!(root["experiment_id"], "e1");
        assert_eq!((&root["input"], &root["output"]), (&json!("in"), &json!("out")));
        assert_eq!((&root["tags"], &root["scores"]), (&json!(["t"]), &json!({"exact": 1.0})));
        assert!(!root.contains_key("span_parents"));
        assert_ne!(root["span_id"], root["root_span_id"]);
        assert_eq!(task["span_parents"], json!([root["span_id"]]));
        assert_eq!(task["root_span_id"], root["root_span_id"]);
        assert_eq!(task["output"], json!({"a": 1, "b": 2}));
        assert_eq!(task["metadata"], json!({"model": "m"}));
        assert_eq!(task["metrics"]["tokens"], 3.0);
        let (start, end) = (&task["metrics"]["start"], &task["metrics"]["end"]);
        assert!(start.as_f64().expect("start") <= end.as_f64().expect("end"));
        let upload = seen.paths.iter().position(|path| path == "/logs3").expect("an upload");
        assert!(seen.headers[upload].contains(&"content-type: application/json".to_owned()));
        assert!(seen.headers[upload].contains(&"authorization: bearer secret-key".to_owned()));
    });
    assert_eq!(client.pending_bytes(), 0);
}

#[tokio::test]
async fn login_happens_once_and_chooses_the_organisation() {
    let server = Server::start(|_, _, _| None);
    let client = server.client_with(|config| config.org_name("second"));
    let (a, b) = tokio::join!(client.login(), client.login());
    assert_eq!((a.expect("a").id, b.expect("b").id), ("o2".into(), "o2".into()));
    let logins = |path: &&String| *path == "/api/apikey/login";
    assert_eq!(server.seen(|seen| seen.paths.iter().filter(logins).count()), 1);

    let unknown = server.client_with(|config| config.org_name("third"));
    let error = unknown.login().await.expect_err("no such organisation");
    assert!(matches!(error, ApiError::NoOrganisation { .. }), "{error}");
}

#[tokio::test]
async fn registration_sends_only_what_is_set_and_retries_without_an_unknown_base() {
    let server = Server::start(|path, _, body| {
        let unknown = path == "/api/experiment/register" && !body["base_experiment"].is_null();
        unknown.then(|| Answer::Json(400, "", json!({"error": "Base experiment not found"})))
    });
    let client = server.client();
    let options = ExperimentOptions::new("p").name("wanted").base_experiment("gone");
    let experiment = client.register_experiment(options).await.expect("registered");
    assert_eq!((experiment.name.as_str(), experiment.id.as_str()), ("given", "e1"));
    let url = format!("{}/app/first/p/p/experiments/given", server.url);
    assert_eq!(experiment.url, Some(url));
    server.seen(|seen| {
        let last = seen.bodies.last().expect("a body").as_object().expect("an object");
        let members: Vec<&str> = last.keys().map(String::as_str).collect();
        // The organisation collects no git metadata, so none is sent.
        assert_eq!(members, ["org_id", "project_name", "experiment_name"]);
    });
}

#[tokio::test]
async fn a_wrong_key_loses_nothing_silently() {
    let server = Server::start(|_, _, _| Some(Answer::Json(401, "", json!({"error": "no"}))));
    let client = server.client();
    assert!(matches!(client.login().await, Err(ApiError::Unauthorized { .. })));
    client.start_span(experiment(), "s").end();
    let error = client.flush(MINUTE).await.expect_err("lost");
    assert!(matches!(error, FlushError::Lost { .. }));
    assert_eq!(error.receipt().dropped.get(&DropReason::Unauthorized), Some(&2));
    assert!(error.to_string().contains("BRAINTRUST_API_KEY"), "{error}");
}

#[tokio::test]
async fn busy_answers_and_dropped_connections_are_retried() {
    let server = Server::start(|path, number, _| match (path, number) {
        ("/logs3", 0) => Some(Answer::Json(503, "retry-after: 0\r\n", json!({}))),
        ("/logs3", 1) => Some(Answer::Close),
        ("/logs3", 2) => Some(Answer::Json(429, "retry-after: 0\r\n", json!({}))),
        _ => None,
    });
    let client = server.client();
    client.start_span(experiment(), "s").end();
    let receipt = client.flush(MINUTE).await.expect("delivered in the end");
    assert_eq!((receipt.rows, server.seen(|seen| seen.uploads)), (1, 4));
}

/// A hung connection hangs the flush of the published JavaScript client for ever.
#[tokio::test]
async fn a_hung_connection_costs_one_time_out_and_no_row() {
    let server = Server::start(|path, number, _| match (path, number) {
        ("/logs3", 0) => Some(Answer::Hang),
        _ => None,
    });
    let client = server.client_with(|config| config.request_timeout(Duration::from_millis(300)));
    client.start_span(experiment(), "s").end();
    assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 1);
}

#[tokio::test]
async fn the_flush_deadline_holds_while_the_server_hangs() {
    let server = Server::start(|path, _, _| (path == "/logs3").then_some(Answer::Hang));
    let client = server.client_with(|config| config.shutdown_timeout(Duration::ZERO));
    client.start_span(experiment(), "s").end();
    #[expect(clippy::disallowed_methods, reason = "measures the real deadline")]
    let started = Instant::now();
    let error = client.flush(Duration::from_millis(200)).await.expect_err("too late");
    assert!(matches!(&error, FlushError::Deadline { receipt } if receipt.pending == 2), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30), "not the request time-out of 60 s");
}

#[tokio::test]
async fn a_413_learns_the_limit_and_splits() {
    const LIMIT: usize = 20_000;
    let server = Server::start(|path, _, body| {
        let over = path == "/logs3" && body.to_string().len() > LIMIT;
        over.then(|| Answer::Json(413, "", json!({"error": "too large"})))
    });
    let client = server.client_with(|config| config.concurrent_requests(1));
    for number in 0..40 {
        let event = Event::new().input(&"x".repeat(1_000)).output(&number);
        client.start_span(experiment(), SpanOptions::new("s").event(event)).end();
    }
    assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 40);
    assert_eq!(server.seen(|seen| seen.stored.len()), 40);
}

#[tokio::test]
async fn the_announced_limit_bounds_every_request() {
    let server = Server::start(|path, _, _| {
        let version = json!({"logs3_payload_max_bytes": 10_000});
        (path == "/version").then_some(Answer::Json(200, "", version))
    });
    let client = server.client();
    client.start_span(experiment(), "first").end();
    client.flush(MINUTE).await.expect("delivered");
    for _ in 0..100 {
        let event = Event::new().input(&"é".repeat(500));
        client.start_span(experiment(), SpanOptions::new("s").event(event)).end();
    }
    assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 100);
    server.seen(|seen| {
        let lengths = seen.bodies.iter().map(|body| body.to_string().len());
        assert!(lengths.max().expect("bodies") <= 10_000);
    });
}

#[tokio::test]
async fn policy_drop_counts_what_it_drops() {
    let server = Server::start(|path, _, _| (path == "/logs3").then_some(Answer::Hang));
    let client = server.client_with(|config| {
        config.policy(Policy::Drop).budget_bytes(2_000).shutdown_timeout(Duration::ZERO)
    });
    for _ in 0..50 {
        client.start_span(experiment(), "s").end();
        assert!(client.pending_bytes() <= 2_000);
    }
    let stats = client.stats();
    assert_eq!(stats.accepted, 100);
    assert_eq!(stats.dropped[&DropReason::BudgetFull] + stats.pending, 100);
}
