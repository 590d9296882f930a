//! `POST /logs3`: merging across requests, all or nothing, durability, group commit.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Collector;

#[tokio::test]
async fn deltas_merge_across_requests() {
    let collector = Collector::start().await;
    let first = collector
        .log(&json!([{"id": "r", "experiment_id": "e", "span_id": "s", "root_span_id": "t",
            "created": "2026-11-24T10:00:00.000Z", "input": {"a": 1}, "tags": ["x"],
            "metrics": {"start": 1.5}, "_is_merge": false}]))
        .await;
    assert_eq!(first["ids"], json!(["r"]));
    let second = collector
        .log(&json!([{"id": "r", "experiment_id": "e", "span_id": "s2", "root_span_id": "t",
            "created": "2030-01-01T00:00:00.000Z", "input": {"b": 2}, "tags": ["y"],
            "metrics": {"end": 2.5}, "_is_merge": true}]))
        .await;
    assert!(first["xact_id"].as_str() < second["xact_id"].as_str(), "{first} {second}");
    let row = collector.row("e", "r").await.expect("stored");
    assert_eq!(row["input"], json!({"a": 1, "b": 2}));
    assert_eq!(row["tags"], json!(["x", "y"]));
    assert_eq!(row["metrics"], json!({"start": 1.5, "end": 2.5}));
    assert_eq!(row["created"], "2026-11-24T10:00:00.000Z");
    assert_eq!((&row["span_id"], &row["is_root"]), (&json!("s"), &json!(true)));
    assert_eq!(row["_xact_id"], second["xact_id"]);
    assert!(row.get("_is_merge").is_none());
    assert_eq!(collector.rows("e", 10).await.len(), 1);
}

#[tokio::test]
async fn rows_of_one_request_apply_in_order_under_one_transaction() {
    let collector = Collector::start().await;
    collector
        .log(&json!([
            {"id": "r", "experiment_id": "e", "input": 1},
            {"id": "r", "experiment_id": "e", "output": 2, "_is_merge": true},
            {"id": "gone", "experiment_id": "e"},
            {"id": "gone", "experiment_id": "e", "_object_delete": true},
            {"id": "child", "experiment_id": "e", "span_parents": ["r"]},
        ]))
        .await;
    let rows = collector.rows("e", 10).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["_xact_id"], rows[1]["_xact_id"]);
    let row = collector.row("e", "r").await.expect("stored");
    assert_eq!((&row["input"], &row["output"]), (&json!(1), &json!(2)));
    assert_eq!(collector.row("e", "child").await.expect("stored")["is_root"], false);
    // A plain row replaces, and the same id elsewhere is another row.
    collector.log(&json!([{"id": "r", "experiment_id": "e", "input": 3}])).await;
    collector.log(&json!([{"id": "r", "experiment_id": "f", "input": 4}])).await;
    let row = collector.row("e", "r").await.expect("stored");
    assert_eq!((&row["input"], row.get("output")), (&json!(3), None));
}

#[tokio::test]
async fn numbers_and_texts_come_back_as_they_were_sent() {
    let collector = Collector::start().await;
    let input = json!({"f": 3.7781207142823476e-287, "i": u64::MAX, "n": -0.1,
        "t": "a\u{0}\n\"\\ü😀", "deep": [[[{}]]], "null": null});
    let row = |merge: bool| {
        json!([{"id": "r", "experiment_id": "e", "input": input,
        "_is_merge": merge}])
    };
    collector.log(&row(false)).await;
    collector.log(&row(true)).await;
    assert_eq!(collector.row("e", "r").await.expect("stored")["input"], input);
}

#[tokio::test]
async fn a_bad_request_stores_nothing() {
    let collector = Collector::start().await;
    let good = r#"{"id":"a","experiment_id":"e"}"#;
    for (body, word) in [
        (format!(r#"{{"rows":[{good},"#), "JSON"),
        (format!(r#"{{"rows":[{good},7]}}"#), "row 2 of 2"),
        (format!(r#"{{"rows":[{good},{{"id":"b"}}]}}"#), "row 2 of 2: row has no destination"),
        (format!(r#"{{"rows":[{good},{{"experiment_id":"e"}}]}}"#), "row 2 of 2: row has no id"),
        (format!(r#"{{"rows":[{good},{{"id":{{}},"experiment_id":"e"}}]}}"#), "row 2 of 2"),
        (format!(r#"{{"rows":{good}}}"#), "\"rows\""),
        ("[]".into(), "JSON"),
        (String::new(), "JSON"),
    ] {
        let error = collector.refused("/logs3", &body, 400).await;
        assert!(error.contains(word), "{body}: {error}");
    }
    let gone = collector.send(Method::POST, "/v1/experiment/e/fetch", "{}").await;
    assert_eq!(gone.status.as_u16(), 404, "{}", gone.body);
    collector.log(&json!([])).await;
}

#[tokio::test]
async fn a_restart_keeps_rows_and_transactions_increasing() {
    let collector = Collector::start().await;
    let before = collector.log(&json!([{"id": "r", "experiment_id": "e", "input": 1}])).await;
    let deleted =
        collector.log(&json!([{"id": "x", "experiment_id": "e", "_object_delete": true}])).await;
    let dir = collector.stop().await;
    let collector = Collector::start_in(dir, |options| options).await;
    assert_eq!(collector.row("e", "r").await.expect("kept")["_xact_id"], before["xact_id"]);
    let after =
        collector.log(&json!([{"id": "r", "experiment_id": "e", "n": 1, "_is_merge": true}])).await;
    assert!(after["xact_id"].as_str() > deleted["xact_id"].as_str());
    assert_eq!(collector.row("e", "r").await.expect("merged")["input"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_writers_at_once_lose_nothing() {
    let collector = Arc::new(Collector::start().await);
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64 {
        let collector = Arc::clone(&collector);
        writers.spawn(async move {
            let mut xacts = Vec::new();
            for request in 0..10 {
                // Ten rows of its own, and one that all writers merge into.
                let mut rows: Vec<Value> = (0..10)
                    .map(|n| json!({"id": format!("{writer}-{request}-{n}"), "experiment_id": "e"}))
                    .collect();
                rows.push(json!({"id": "shared", "experiment_id": "e", "_is_merge": true,
                    "metadata": {format!("{writer}-{request}"): true}}));
                xacts.push(collector.log(&json!(rows)).await["xact_id"].clone());
            }
            xacts
        });
    }
    let mut xacts: Vec<String> = Vec::new();
    for replies in writers.join_all().await {
        let texts: Vec<String> =
            replies.iter().map(|xact| xact.as_str().expect("text").to_owned()).collect();
        assert!(texts.is_sorted(), "one writer sees its transactions in order");
        xacts.extend(texts);
    }
    xacts.sort_unstable();
    xacts.dedup();
    assert_eq!(xacts.len(), 640);
    let rows = collector.rows("e", 1_000).await;
    assert_eq!(rows.len(), 64 * 10 * 10 + 1);
    let shared = rows.iter().find(|row| row["id"] == "shared").expect("shared row");
    assert_eq!(shared["metadata"].as_object().map(serde_json::Map::len), Some(640));
}
