//! Rows too large for a request body, as the published clients send them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::Collector;

/// Asks for an upload as the Python client does.
async fn announce(collector: &Collector, bytes: usize) -> Value {
    let body = json!({"content_type": "application/json", "size_bytes": bytes, "rows": [
        {"object_ids": {"experiment_id": "e"}, "has_comment": false, "is_delete": false,
            "input_row": {"byte_size": bytes}}]});
    let reply = collector.post("/logs3/overflow", &body).await;
    assert_eq!(reply["method"], "PUT");
    assert!(reply["headers"].is_object() && reply["fields"].is_object());
    reply
}

async fn put(collector: &Collector, announced: &Value, body: String) -> StatusCode {
    let url = announced["signedUrl"].as_str().expect("URL");
    let mut request = collector.request(Method::PUT, url).body(body);
    for (name, value) in announced["headers"].as_object().expect("headers") {
        request = request.header(name, value.as_str().expect("text"));
    }
    request.send().await.expect("reply").status()
}

fn reference(key: &Value) -> Value {
    json!({"rows": {"type": "logs3_overflow", "key": key}, "api_version": 2})
}

fn rows(rows: &Value) -> String {
    json!({"rows": rows, "api_version": 2}).to_string()
}

/// Files under `blobs`.
fn files(collector: &Collector) -> usize {
    let groups = std::fs::read_dir(collector.dir.path().join("blobs")).expect("directory");
    groups
        .map(|group| std::fs::read_dir(group.expect("entry").path()).expect("group").count())
        .sum()
}

#[tokio::test]
async fn a_row_of_ten_megabytes_comes_in_and_its_upload_goes() {
    let collector = Collector::start().await;
    let text = "words ".repeat(1_750_000);
    let body = rows(&json!([{"id": "big", "experiment_id": "e", "input": text}]));
    assert!(body.len() > 10_000_000);
    let announced = announce(&collector, body.len()).await;
    assert_eq!(put(&collector, &announced, body).await, StatusCode::OK);
    assert_eq!(files(&collector), 1);
    let first = collector.post("/logs3", &reference(&announced["key"])).await;
    assert_eq!(first["ids"], json!(["big"]));
    let row = collector.row("e", "big").await.expect("stored");
    assert!(row["input"] == text.as_str());
    assert_eq!(row["_xact_id"], first["xact_id"]);
    assert_eq!(files(&collector), 0);
}

#[tokio::test]
async fn a_repeated_reference_is_answered_alike_and_stores_nothing_again() {
    let collector = Collector::start().await;
    let announced = announce(&collector, 100).await;
    let body = rows(&json!([{"id": "r", "experiment_id": "e", "input": 1}]));
    assert_eq!(put(&collector, &announced, body.clone()).await, StatusCode::OK);
    let first = collector.post("/logs3", &reference(&announced["key"])).await;
    // Somebody else's change in between must not be undone by the repeat.
    collector
        .log(&json!([{"id": "r", "experiment_id": "e", "output": 2, "_is_merge": true}]))
        .await;
    let again = collector.post("/logs3", &reference(&announced["key"])).await;
    assert_eq!(again["xact_id"], first["xact_id"]);
    assert_eq!(collector.row("e", "r").await.expect("stored")["output"], 2);
    assert_eq!(put(&collector, &announced, body).await, StatusCode::CONFLICT);
}

#[tokio::test]
async fn references_that_come_at_once_are_all_answered() {
    let collector = Collector::start().await;
    let body = rows(&json!([{"id": "r", "experiment_id": "e", "input": 1}]));
    for _ in 0..5 {
        let announced = announce(&collector, 100).await;
        assert_eq!(put(&collector, &announced, body.clone()).await, StatusCode::OK);
        let reference = reference(&announced["key"]);
        // Whoever comes second may find the upload gone already: its rows are stored all the same.
        let answers = (0..6).map(|_| collector.post("/logs3", &reference));
        futures_util::future::join_all(answers).await;
    }
    assert_eq!(collector.rows("e", 10).await.len(), 1);
}

#[tokio::test]
async fn bad_rows_in_an_upload_are_named_and_can_be_replaced() {
    let collector = Collector::start().await;
    let announced = announce(&collector, 100).await;
    let unsent = reference(&announced["key"]).to_string();
    let error = collector.refused("/logs3", &unsent, 400).await;
    assert!(error.contains("yet"), "{error}");
    let bad = rows(&json!([{"id": "a", "experiment_id": "e"}, {"id": "b"}]));
    assert_eq!(put(&collector, &announced, bad).await, StatusCode::OK);
    let error = collector.refused("/logs3", &unsent, 400).await;
    assert!(error.contains("row 2 of 2"), "{error}");
    let good = rows(&json!([{"id": "a", "experiment_id": "e"}]));
    assert_eq!(put(&collector, &announced, good).await, StatusCode::OK);
    collector.post("/logs3", &reference(&announced["key"])).await;
    assert_eq!(collector.rows("e", 10).await.len(), 1);
}

#[tokio::test]
async fn unknown_references_and_too_large_uploads_are_refused() {
    let collector = Collector::start_with(|options| options.max_body_bytes(10_000)).await;
    assert_eq!(collector.get("/version").await["logs3_payload_max_bytes"], 10_000);
    let unknown = reference(&json!("nope")).to_string();
    let error = collector.refused("/logs3", &unknown, 404).await;
    assert!(error.contains("send the rows again"), "{error}");
    // An attachment is not an overflow.
    let attachment = json!({"key": "k", "filename": "f", "content_type": "application/json"});
    collector.post("/attachment", &attachment).await;
    collector.refused("/logs3", &reference(&json!("k")).to_string(), 404).await;
    let nested = r#"{"rows":{"type":"logs3_overflow"}}"#;
    let error = collector.refused("/logs3", nested, 400).await;
    assert!(error.contains("overflow"), "{error}");

    collector.refused("/logs3/overflow", r#"{"size_bytes":10001}"#, 413).await;
    collector.refused("/logs3/overflow", r#"{"size_bytes":"x"}"#, 400).await;
    let announced = announce(&collector, 10_000).await;
    let status = put(&collector, &announced, " ".repeat(10_001)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(files(&collector), 0);
}

#[tokio::test]
async fn an_upload_counts_against_the_bytes_in_flight_when_it_is_read() {
    let collector = Collector::start_with(|options| options.max_inflight_bytes(3_000_000)).await;
    let announced = announce(&collector, 4_000_000).await;
    let input = "x".repeat(4_000_000);
    let body = rows(&json!([{"id": "r", "experiment_id": "e", "input": input}]));
    // Its own pieces are few, so that it fits; as a whole it does not.
    assert_eq!(put(&collector, &announced, body).await, StatusCode::OK);
    collector.refused("/logs3", &reference(&announced["key"]).to_string(), 503).await;
    let small = rows(&json!([{"id": "r", "experiment_id": "e", "input": 1}]));
    assert_eq!(put(&collector, &announced, small).await, StatusCode::OK);
    collector.post("/logs3", &reference(&announced["key"])).await;
}
