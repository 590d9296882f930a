//! `insert` and `feedback` of the `/v1` family.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Collector;

/// Makes an experiment and a dataset, and returns the paths of all three kinds of objects.
async fn objects(collector: &Collector) -> [String; 3] {
    let experiment = collector.experiment(&json!({"experiment_name": "e"})).await;
    let dataset = collector.post("/api/dataset/register", &json!({"project_name": "p"})).await;
    let id = |value: &Value| value.as_str().expect("id").to_owned();
    [
        format!("/v1/project_logs/{}", id(&dataset["project"]["id"])),
        format!("/v1/experiment/{}", id(&experiment["id"])),
        format!("/v1/dataset/{}", id(&dataset["dataset"]["id"])),
    ]
}

async fn rows(collector: &Collector, object: &str) -> Vec<Value> {
    let page = collector.get(&format!("{object}/fetch")).await;
    page["events"].as_array().expect("rows").clone()
}

#[tokio::test]
async fn inserted_rows_go_where_the_path_says() {
    let collector = Collector::start().await;
    for object in objects(&collector).await {
        let body = json!({"events": [
            {"id": "a", "input": 1, "experiment_id": "elsewhere", "log_id": "x"},
            {"input": 2},
        ]});
        let reply = collector.post(&format!("{object}/insert"), &body).await;
        let ids = reply["row_ids"].as_array().expect("ids");
        assert_eq!((ids.len(), &ids[0]), (2, &json!("a")));
        let stored = rows(&collector, &object).await;
        assert_eq!(stored.len(), 2, "{object}");
        assert!(stored.iter().all(|row| row["is_root"] == true && ids.contains(&row["id"])));
        let spans = stored.iter().filter(|row| row["root_span_id"] == row["id"]).count();
        assert_eq!(spans, if object.contains("dataset") { 0 } else { 2 });

        let delta = json!({"events": [{"id": "a", "output": 3, "_is_merge": true}]});
        collector.post(&format!("{object}/insert"), &delta).await;
        let stored = rows(&collector, &object).await;
        let row = stored.iter().find(|row| row["id"] == "a").expect("there");
        assert_eq!((&row["input"], &row["output"]), (&json!(1), &json!(3)));
    }
}

#[tokio::test]
async fn feedback_changes_the_row_and_keeps_the_comment_apart() {
    let collector = Collector::start().await;
    for object in objects(&collector).await {
        let body = json!({"events": [{"id": "a", "input": 1, "scores": {"x": 0.5}}]});
        collector.post(&format!("{object}/insert"), &body).await;
        let body = json!({"feedback": [{"id": "a", "scores": {"y": 1}, "expected": "e",
            "tags": ["t"], "comment": "nice", "source": "app", "metadata": {"user": "u"}}]});
        let reply = collector.post(&format!("{object}/feedback"), &body).await;
        assert_eq!(reply, json!({"status": "success"}));
        let stored = rows(&collector, &object).await;
        assert_eq!(stored.len(), 2, "{object}");
        let row = stored.iter().find(|row| row["id"] == "a").expect("there");
        assert_eq!(row["scores"], json!({"x": 0.5, "y": 1}));
        assert_eq!((&row["expected"], &row["tags"]), (&json!("e"), &json!(["t"])));
        assert_eq!(row["_audit_source"], "app");
        let comment = stored.iter().find(|row| row["id"] != "a").expect("there");
        assert_eq!(comment["comment"], json!({"text": "nice"}));
        assert_eq!(comment["origin"], json!({"id": "a"}));
        assert_eq!(comment["_audit_metadata"], json!({"user": "u"}));
        assert_eq!(comment["is_root"], false);
    }
}

#[tokio::test]
async fn bad_rows_are_named_and_nothing_is_stored() {
    let collector = Collector::start().await;
    for object in objects(&collector).await {
        for (route, body, word) in [
            ("insert", r#"{"events":[{"id":"a"},3]}"#, "row 2 of 2: a row must be an object"),
            ("insert", r#"{"events":[{"id":"a"},{"id":7}]}"#, "row 2 of 2"),
            ("insert", r#"{"rows":[]}"#, "events"),
            ("insert", "[]", "JSON"),
            ("feedback", r#"{"feedback":[{"id":"a","tags":[]},{"scores":{}}]}"#, "row 2 of 2"),
            ("feedback", r#"{"feedback":[{"id":"a","source":"me"}]}"#, "source"),
            ("feedback", r#"{"feedback":[{"id":"a","comment":7}]}"#, "comment"),
            ("feedback", "{}", "feedback"),
        ] {
            let error = collector.refused(&format!("{object}/{route}"), body, 400).await;
            assert!(error.contains(word), "{route} {body}: {error}");
        }
        assert!(rows(&collector, &object).await.is_empty(), "{object}");
    }
}

#[tokio::test]
async fn objects_that_nobody_made_take_no_rows() {
    let collector = Collector::start().await;
    for kind in ["project_logs", "experiment", "dataset"] {
        for route in ["insert", "feedback"] {
            let path = format!("/v1/{kind}/nope/{route}");
            let body = json!({route: [], "events": [], "feedback": []}).to_string();
            let reply = collector.send(Method::POST, &path, body).await;
            assert_eq!(reply.status.as_u16(), 404, "{path}: {}", reply.body);
        }
    }
}
