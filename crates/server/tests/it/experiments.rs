//! Registration of experiments: names and bases.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::Collector;

async fn base_of(collector: &Collector, experiment: &Value) -> Option<String> {
    let body = json!({"id": experiment["id"]}).to_string();
    let reply = collector.send(Method::POST, "/api/base_experiment/get_id", body).await;
    match reply.status {
        StatusCode::OK => reply.body["base_exp_name"].as_str().map(str::to_owned),
        StatusCode::BAD_REQUEST => None,
        other => panic!("{other}: {}", reply.body),
    }
}

#[tokio::test]
async fn a_taken_name_gets_a_suffix_unless_continued() {
    let collector = Collector::start().await;
    let first = collector.experiment(&json!({"experiment_name": "a"})).await;
    let second = collector.experiment(&json!({"experiment_name": "a"})).await;
    assert_eq!(first["name"], "a");
    assert_ne!(first["id"], second["id"]);
    assert!(second["name"].as_str().expect("name").starts_with("a-"), "{second}");
    let continued = collector.experiment(&json!({"experiment_name": "a", "update": true})).await;
    assert_eq!(continued["id"], first["id"]);
    let elsewhere = json!({"project_name": "q", "experiment_name": "a"});
    assert_eq!(collector.experiment(&elsewhere).await["name"], "a");
}

#[tokio::test]
async fn the_v1_family_follows_the_same_rule() {
    let collector = Collector::start().await;
    let project = collector.post("/v1/project", &json!({"name": "p"})).await;
    let body = |ensure_new: bool| {
        json!({"project_id": project["id"], "name": "a", "ensure_new": ensure_new, "public": false,
            "metadata": {"k": 1}, "tags": ["t"], "description": "d",
            "repo_info": {"commit": "c1", "branch": "main", "dirty": false}})
    };
    let first = collector.post("/v1/experiment", &body(true)).await;
    let second = collector.post("/v1/experiment", &body(true)).await;
    assert_ne!(first["name"], second["name"]);
    let reply = collector.send(Method::POST, "/v1/experiment", body(false).to_string()).await;
    assert_eq!(reply.body["id"], first["id"]);
    assert_eq!(reply.headers["x-bt-found-existing"], "true");

    let id = first["id"].as_str().expect("id");
    let read = collector.get(&format!("/v1/experiment/{id}")).await;
    assert_eq!(read["name"], "a");
    assert_eq!(read["project_id"], project["id"]);
    assert_eq!(read["metadata"], json!({"k": 1}));
    assert_eq!(read["commit"], "c1");
    assert_eq!(read["description"], "d");
    let found = collector.get("/v1/experiment?experiment_name=a&project_name=p&org_name=x").await;
    assert_eq!(found["objects"][0]["id"], first["id"]);
    let all = collector.get("/v1/experiment?project_name=p").await;
    let names: Vec<_> = all["objects"].as_array().expect("list").iter().map(|e| &e["id"]).collect();
    assert_eq!(names, [&second["id"], &first["id"]]);
    let missing = collector.send(Method::GET, "/v1/experiment/nope", "").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn get_returns_a_list() {
    let collector = Collector::start().await;
    let made = collector.experiment(&json!({"experiment_name": "a"})).await;
    let ask =
        |name: &str| json!({"project_name": "p", "org_name": "local", "experiment_name": name});
    assert_eq!(collector.post("/api/experiment/get", &ask("a")).await[0]["id"], made["id"]);
    assert_eq!(collector.post("/api/experiment/get", &ask("b")).await, json!([]));
}

#[tokio::test]
async fn a_name_is_invented_from_the_branch_or_the_project() {
    let collector = Collector::start().await;
    let branch = collector.experiment(&json!({"repo_info": {"branch": "topic"}})).await;
    assert!(branch["name"].as_str().expect("name").starts_with("topic-20"), "{branch}");
    let plain = collector.experiment(&json!({"experiment_name": ""})).await;
    assert!(plain["name"].as_str().expect("name").starts_with("p-20"), "{plain}");
}

#[tokio::test]
async fn the_base_is_the_ancestor_s_experiment_else_the_previous_one() {
    let collector = Collector::start().await;
    let at = |name: &str, commit: &str, ancestors: &[&str]| {
        json!({"experiment_name": name, "repo_info": {"commit": commit},
            "ancestor_commits": ancestors})
    };
    let first = collector.experiment(&at("first", "c1", &[])).await;
    assert_eq!(base_of(&collector, &first).await, None);
    let second = collector.experiment(&at("second", "c1", &[])).await;
    assert_eq!(base_of(&collector, &second).await.as_deref(), Some("first"));
    let side = collector.experiment(&at("side", "c9", &[])).await;
    assert_eq!(base_of(&collector, &side).await.as_deref(), Some("second"));
    let third = collector.experiment(&at("third", "c2", &["c2", "c1"])).await;
    assert_eq!(base_of(&collector, &third).await.as_deref(), Some("second"));
    let stray = collector.experiment(&at("stray", "c3", &["c7"])).await;
    assert_eq!(base_of(&collector, &stray).await.as_deref(), Some("third"));
    // Fixed at registration: later experiments change nothing.
    assert_eq!(base_of(&collector, &third).await.as_deref(), Some("second"));
    let other = collector.experiment(&json!({"project_name": "q"})).await;
    assert_eq!(base_of(&collector, &other).await, None);
}

#[tokio::test]
async fn an_explicit_base_wins_and_must_exist() {
    let collector = Collector::start().await;
    let first = collector.experiment(&json!({"experiment_name": "first"})).await;
    collector.experiment(&json!({"experiment_name": "second"})).await;
    let named = collector.experiment(&json!({"base_experiment": "first"})).await;
    assert_eq!(base_of(&collector, &named).await.as_deref(), Some("first"));
    let by_id = collector.experiment(&json!({"base_exp_id": first["id"]})).await;
    assert_eq!(base_of(&collector, &by_id).await.as_deref(), Some("first"));
    for unknown in [json!({"base_experiment": "nope"}), json!({"base_exp_id": "nope"})] {
        let mut body = unknown;
        body["project_name"] = "p".into();
        let error = collector.refused("/api/experiment/register", &body.to_string(), 400).await;
        assert!(error.contains("base experiment"), "{error}");
    }
    // What was refused left no experiment behind.
    let all = collector.get("/v1/experiment?project_name=p").await;
    assert_eq!(all["objects"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn malformed_registrations_are_refused() {
    let collector = Collector::start().await;
    for (body, status) in [
        ("{", 400),
        ("{}", 400),
        (r#"{"project_name":7}"#, 400),
        (r#"{"project_name":"p","ancestor_commits":"x"}"#, 400),
        (r#"{"project_id":"nope"}"#, 404),
    ] {
        collector.refused("/api/experiment/register", body, status).await;
    }
    assert_eq!(collector.get("/v1/experiment").await, json!({"objects": []}));
}

#[tokio::test]
async fn a_registration_repeated_under_its_key_finds_the_first() {
    let collector = Collector::start().await;
    let register = async |path: &str, key: &str, body: Value| {
        let headers = [("idempotency-key", key)];
        collector.send_with(Method::POST, path, body.to_string(), &headers).await
    };
    let body = json!({"project_name": "p", "experiment_name": "a"});
    let first = register("/api/experiment/register", "k1", body.clone()).await.body;
    let again = register("/api/experiment/register", "k1", body.clone()).await.body;
    assert_eq!(first, again);
    let other = register("/api/experiment/register", "k2", body.clone()).await.body;
    assert_ne!(other["experiment"]["id"], first["experiment"]["id"]);
    let body = json!({"project_id": first["project"]["id"], "name": "a", "ensure_new": true});
    let reply = register("/v1/experiment", "k1", body.clone()).await;
    assert_eq!(reply.body["id"], first["experiment"]["id"]);
    assert_eq!(reply.headers["x-bt-found-existing"], "true");
    let elsewhere = json!({"project_name": "q", "experiment_name": "a"});
    let elsewhere = register("/api/experiment/register", "k1", elsewhere).await.body;
    assert_ne!(elsewhere["experiment"]["id"], first["experiment"]["id"]);
    for bad in ["", &"k".repeat(256)] {
        let reply = register("/v1/experiment", bad, body.clone()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{bad:?}");
    }
}
