//! The links that clients print lead to what they name.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Collector;

/// Follows a link and returns what it leads to.
async fn follow(collector: &Collector, link: &str) -> Value {
    let url = match link.strip_prefix('/') {
        Some(_) => format!("{}{link}", collector.handle.url()),
        None => link.to_owned(),
    };
    let reply = collector.request(Method::GET, &url).send().await.expect("reply");
    assert_eq!(reply.status().as_u16(), 307, "{link}");
    collector.get(reply.headers()["location"].to_str().expect("a path")).await
}

#[tokio::test]
async fn printed_links_lead_to_the_object() {
    let collector = Collector::start_with(|options| options.org("a c/m?e")).await;
    let (project, name) = ("p/q ü", "e#1 100%");
    let experiment =
        collector.experiment(&json!({"project_name": project, "experiment_name": name})).await;
    let id = experiment["id"].as_str().expect("id");
    // As the Python client is told, and the JavaScript client builds them itself.
    let summary = collector.get(&format!("/v1/experiment/{id}/summarize")).await;
    let link = |member: &str| summary[member].as_str().expect("URL").to_owned();
    assert_eq!(follow(&collector, &link("experiment_url")).await["id"], id);
    assert_eq!(follow(&collector, &link("project_url")).await["name"], project);
    let body = json!({"project_name": project, "dataset_name": name});
    let dataset = collector.post("/api/dataset/register", &body).await["dataset"]["id"].clone();
    let path = format!("/v1/dataset/{}/summarize", dataset.as_str().expect("id"));
    let summary = collector.get(&path).await;
    let link = summary["dataset_url"].as_str().expect("URL");
    assert_eq!(follow(&collector, link).await["id"], dataset);
}

fn id_of(object: &Value) -> &str {
    object["id"].as_str().expect("id")
}

#[tokio::test]
async fn links_to_spans_and_logs_lead_to_their_rows() {
    let collector = Collector::start().await;
    let experiment = collector.experiment(&json!({"experiment_name": "e"})).await;
    let id = experiment["id"].as_str().expect("id");
    collector.log(&json!([{"id": "r", "experiment_id": id, "input": 1}])).await;
    let object = format!("/app/local/object?object_type=experiment&object_id={id}");
    assert_eq!(follow(&collector, &object).await["id"], id);
    let rows = follow(&collector, &format!("{object}&id=r")).await;
    assert!(rows.to_string().contains(r#""input":1"#), "{rows}");
    for root in ["0af7651916cd43dd8448eb211c80319c", "a b&c"] {
        let span = |id: String, input: &str| {
            json!({"id": id, "span_id": id, "root_span_id": root, "span_parents": [],
                "experiment_id": id_of(&experiment), "input": input})
        };
        collector.log(&json!([span(format!("s-{root}"), root)])).await;
        let link = format!("{object}&id=s-{}", root.replace('&', "%26").replace(' ', "%20"));
        let trace = follow(&collector, &link).await;
        assert_eq!(trace["rows"][0]["input"], root, "{trace}");
        assert_eq!(trace["rows"].as_array().map(Vec::len), Some(1), "only that trace");
    }

    let project = experiment["project_id"].as_str().expect("id");
    collector.log(&json!([{"id": "l", "project_id": project, "log_id": "g", "input": 2}])).await;
    for link in [
        "/app/local/p/p/logs".to_owned(),
        format!("/app/local/object?object_type=project_logs&object_id={project}"),
        format!("/app/local/object?object_type=project_logs&object_id={project}&id=l"),
    ] {
        let rows = follow(&collector, &link).await;
        assert!(rows.to_string().contains(r#""input":2"#), "{link}: {rows}");
    }
}

#[tokio::test]
async fn links_to_nothing_are_told_as_json() {
    let collector = Collector::start().await;
    let experiment = collector.experiment(&json!({"experiment_name": "e"})).await;
    let id = experiment["id"].as_str().expect("id");
    for (path, status) in [
        ("/app/local/p/nope".to_owned(), 404),
        ("/app/local/p/nope/logs".to_owned(), 404),
        ("/app/local/p/p/experiments/nope".to_owned(), 404),
        ("/app/local/p/nope/experiments/e".to_owned(), 404),
        ("/app/local/p/p/datasets/nope".to_owned(), 404),
        ("/app/local/p/p/prompts/x".to_owned(), 404),
        ("/app/local/p/%ff".to_owned(), 400),
        ("/app/local/object".to_owned(), 400),
        (format!("/app/local/object?object_type=prompt&object_id={id}"), 400),
        ("/app/local/object?object_type=experiment&object_id=nope".to_owned(), 404),
        (format!("/app/local/object?object_type=experiment&object_id={id}&id=nope"), 404),
    ] {
        let reply = collector.send(Method::GET, &path, "").await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.body);
        assert!(reply.body["error"].is_string(), "{path}");
    }
}
