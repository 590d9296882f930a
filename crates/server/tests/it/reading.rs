//! Reading rows back, page by page.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Collector;

#[tokio::test]
async fn pages_are_complete_and_stable_while_rows_change() {
    let collector = Collector::start().await;
    let id = |n: u32| match n % 3 {
        0 => format!("0198c5a2-0000-7000-8000-{n:012x}"),
        1 => format!("{n:016x}"),
        _ => format!("case/{n}ä"),
    };
    let rows: Vec<_> = (0..250).map(|n| json!({"id": id(n), "experiment_id": "e"})).collect();
    collector.log(&json!(rows)).await;
    let all = collector.rows("e", 1_000).await;
    assert_eq!(all.len(), 250);
    for limit in [1, 7, 249, 250, 251] {
        assert_eq!(collector.rows("e", limit).await, all, "limit {limit}");
    }
    // Changing a row that was read, and one that was not, moves neither.
    let first = fetch(&collector, &json!({"limit": 100})).await;
    let seen = first["events"].as_array().expect("events").clone();
    let updates: Vec<_> = (0..250)
        .map(|n| json!({"id": id(n), "experiment_id": "e", "output": n, "_is_merge": true}))
        .collect();
    collector.log(&json!(updates)).await;
    let rest = fetch(&collector, &json!({"limit": 1_000, "cursor": first["cursor"]})).await;
    assert_eq!(rest["cursor"], Value::Null);
    let ids: HashSet<_> = seen
        .iter()
        .chain(rest["events"].as_array().expect("events"))
        .map(|row| row["id"].as_str().expect("id").to_owned())
        .collect();
    assert_eq!((ids.len(), seen.len()), (250, 100));
}

async fn fetch(collector: &Collector, body: &Value) -> Value {
    collector.post("/v1/experiment/e/fetch", body).await
}

#[tokio::test]
async fn large_rows_end_a_page_early() {
    let collector = Collector::start().await;
    let text = "x".repeat(12 << 20);
    for n in 0..4 {
        let row = json!([{"id": format!("r{n}"), "experiment_id": "e", "input": text}]);
        collector.log(&row).await;
    }
    let page = fetch(&collector, &json!({})).await;
    assert_eq!(page["events"].as_array().map(Vec::len), Some(2));
    let rest = fetch(&collector, &json!({"cursor": page["cursor"]})).await;
    assert_eq!(rest["events"].as_array().map(Vec::len), Some(2));
    assert_eq!(rest["cursor"], Value::Null);
}

#[tokio::test]
async fn project_logs_are_read_through_btql() {
    let collector = Collector::start().await;
    collector.log(&json!([{"id": "r", "project_id": "p1", "log_id": "g", "input": 1}])).await;
    let query = |kind: &str, id: &str| {
        json!({"query": {"select": [{"op": "star"}], "from": {"op": "function",
            "name": {"op": "ident", "name": [kind]}, "args": [{"op": "literal", "value": id}]}}})
    };
    let page = collector.post("/btql", &query("project_logs", "p1")).await;
    assert_eq!(page["data"][0]["input"], 1);
    let error = collector.refused("/btql", &query("experiment", "unknown").to_string(), 404).await;
    assert!(error.contains("unknown"), "{error}");
    collector.refused("/btql", &query("prompt", "x").to_string(), 400).await;
    collector.refused("/btql", r#"{"query":"select * from x"}"#, 400).await;
    let mut filtered = query("project_logs", "p1");
    filtered["query"]["filter"] = json!({"op": "eq"});
    let error = collector.refused("/btql", &filtered.to_string(), 400).await;
    assert!(error.contains("filter"), "{error}");
    collector.refused("/btql", "", 400).await;
}

#[tokio::test]
async fn a_registered_experiment_without_rows_is_empty() {
    let collector = Collector::start().await;
    let experiment = collector.experiment(&json!({})).await;
    assert!(collector.rows(experiment["id"].as_str().expect("id"), 10).await.is_empty());
}

#[tokio::test]
async fn an_older_version_is_refused_rather_than_answered_in_part() {
    let collector = Collector::start().await;
    let old = collector.log(&json!([{"id": "a", "experiment_id": "e"}])).await;
    let at = json!({"version": old["xact_id"]});
    assert_eq!(fetch(&collector, &at).await["events"].as_array().map(Vec::len), Some(1));
    collector.log(&json!([{"id": "a", "experiment_id": "e", "input": 1}])).await;
    let reply = collector.send(Method::POST, "/v1/experiment/e/fetch", at.to_string()).await;
    assert_eq!(reply.status.as_u16(), 400);
}
