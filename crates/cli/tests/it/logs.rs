//! Log lines of the collector.

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_testkit::{get, post, rows};

use crate::support::{experiment, serve, tidegate};

const SECRET: &str = "content-that-no-log-may-hold";

#[test]
fn each_request_is_one_event_with_route_status_and_duration() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &["--log-level", "info", "--log-format", "json"]);
    let id = experiment(server.url());
    assert_eq!(get(server.url(), &format!("/v1/experiment/{id}")).status, 200);
    let event = json_line(&server.line_with("/v1/experiment/{id}"));
    assert_eq!(event["message"], "answered");
    assert_eq!(event["level"], "INFO");
    assert_eq!(event["target"], "server::request");
    assert_eq!((&event["method"], &event["status"]), (&json!("GET"), &json!(200)));
    assert!(event["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{event}");
    assert!(event["request_id"].is_string(), "{event}");
    assert!(!event.to_string().contains(&id), "the path itself is not logged: {event}");
}

#[test]
fn slow_reads_are_logged_by_kind_and_object_without_content() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &["--slow-query", "0ms", "--log-format", "json"]);
    let experiment = experiment(server.url());
    let row = json!({"id": SECRET, "experiment_id": experiment, "input": SECRET});
    let body = json!({"rows": [row], "api_version": 2}).to_string();
    assert_eq!(post(server.url(), "/logs3", &[], &body).expect("an answer").status, 200);
    assert_eq!(rows(server.url(), "experiment", &experiment).len(), 1);
    let line = server.line_with("\"kind\":\"read\"");
    let event = json_line(&line);
    assert_eq!(event["level"], "WARN");
    assert_eq!(
        (&event["object_kind"], &event["object_id"]),
        (&json!("experiment"), &json!(experiment))
    );
    assert!(event["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{event}");
    assert_eq!(event["span"]["route"], "/btql", "which request it was");
    assert!(!line.contains(SECRET), "{line}");
}

#[test]
fn log_formats_and_times_are_checked() {
    assert_eq!(tidegate(&["serve", "--log-format", "xml"]).status.code(), Some(2));
    let wrong = tidegate(&["serve", "--slow-query", "5"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stderr.contains("500") || wrong.stderr.contains("250ms"), "{}", wrong.stderr);
}

fn json_line(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
