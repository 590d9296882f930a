//! Renaming and describing objects.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Collector, Reply};

async fn patch(collector: &Collector, path: &str, body: Value) -> Reply {
    collector.send(Method::PATCH, path, body.to_string()).await
}

#[tokio::test]
async fn members_replace_objects_merge_and_null_changes_nothing() {
    let collector = Collector::start().await;
    let experiment = collector
        .experiment(&json!({"experiment_name": "e", "metadata": {"a": {"b": 1}}, "tags": ["x"]}))
        .await;
    let dataset = collector
        .post("/v1/dataset", &json!({"project_id": experiment["project_id"], "name": "d"}))
        .await;
    let path = |kind: &str, id: &Value| format!("/v1/{kind}/{}", id.as_str().expect("id"));
    for path in [
        path("project", &experiment["project_id"]),
        path("experiment", &experiment["id"]),
        path("dataset", &dataset["id"]),
    ] {
        let first = json!({"name": "n", "description": "d", "metadata": {"a": {"b": 1, "c": 2}}});
        let reply = patch(&collector, &path, first).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
        let second = json!({"name": null, "description": null, "metadata": {"a": {"c": 3}},
            "tags": ["y"], "id": "z", "created": "never", "deleted_at": "now"});
        let changed = patch(&collector, &path, second).await.body;
        assert_eq!(changed["name"], "n", "{path}");
        assert_eq!(changed["description"], "d");
        assert_eq!(changed["metadata"], json!({"a": {"b": 1, "c": 3}}));
        assert!(path.ends_with(changed["id"].as_str().expect("id")));
        assert!(changed["deleted_at"].is_null() && changed["created"] != "never");
        assert_eq!(collector.get(&path).await, changed);
    }
    let changed = collector.get(&path("experiment", &experiment["id"])).await;
    assert_eq!(changed["tags"], json!(["y"]));
    let named = collector.get("/v1/experiment?project_name=n&experiment_name=n").await;
    assert_eq!(named["objects"][0]["id"], experiment["id"]);
}

#[tokio::test]
async fn an_experiment_gets_another_base_and_commit() {
    let collector = Collector::start().await;
    let base = collector.experiment(&json!({"experiment_name": "base"})).await;
    collector.experiment(&json!({"experiment_name": "between"})).await;
    let experiment = collector.experiment(&json!({"experiment_name": "e"})).await;
    let path = format!("/v1/experiment/{}", experiment["id"].as_str().expect("id"));
    let body = json!({"base_exp_id": base["id"], "repo_info": {"commit": "c2"}, "public": true});
    let changed = patch(&collector, &path, body).await.body;
    assert_eq!((&changed["base_exp_id"], &changed["commit"]), (&base["id"], &json!("c2")));
    assert_eq!(changed["public"], true);
    let refused = patch(&collector, &path, json!({"name": "x", "base_exp_id": "nope"})).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(collector.get(&path).await, changed, "nothing of a refused change is kept");
}

#[tokio::test]
async fn taken_names_wrong_types_and_unknown_objects_are_refused() {
    let collector = Collector::start().await;
    let first = collector.experiment(&json!({"experiment_name": "a"})).await;
    collector.experiment(&json!({"experiment_name": "b"})).await;
    let path = format!("/v1/experiment/{}", first["id"].as_str().expect("id"));
    for (body, status) in [
        (json!({"name": "b"}), 409),
        (json!({"name": 7}), 400),
        (json!({"metadata": []}), 400),
        (json!({"tags": "x"}), 400),
        (json!([]), 400),
        (json!({"name": "x".repeat(2_000)}), 400),
    ] {
        let reply = patch(&collector, &path, body.clone()).await;
        assert_eq!(reply.status.as_u16(), status, "{body}: {}", reply.body);
    }
    assert_eq!(collector.get(&path).await["name"], "a");
    for kind in ["project", "experiment", "dataset"] {
        let reply = patch(&collector, &format!("/v1/{kind}/nope"), json!({"name": "x"})).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
    }
}
