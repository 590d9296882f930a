//! Every route answers as the published clients need it.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::Collector;

#[tokio::test]
async fn login_needs_neither_body_nor_content_type_and_points_back() {
    let collector = Collector::start_with(|options| options.org("acme")).await;
    let reply = collector.send(Method::POST, "/api/apikey/login", "").await;
    assert_eq!(reply.status, StatusCode::OK);
    let org = &reply.body["org_info"][0];
    assert_eq!(org["name"], "acme");
    assert_eq!(org["api_url"], collector.handle.url());
    assert_eq!(org["proxy_url"], collector.handle.url());
    assert_eq!(org["git_metadata"]["collect"], "all");
    let https = collector
        .send_with(
            Method::POST,
            "/api/apikey/login",
            "",
            &[("host", "127.0.0.1:99"), ("x-forwarded-proto", "https")],
        )
        .await;
    assert_eq!(https.body["org_info"][0]["api_url"], "https://127.0.0.1:99");
}

#[tokio::test]
async fn the_organisation_is_stored() {
    let collector = Collector::start_with(|options| options.org("acme")).await;
    let first = collector.post("/api/apikey/login", &json!({})).await;
    let dir = collector.stop().await;
    let collector = Collector::start_in(dir, |options| options).await;
    assert_eq!(
        collector.post("/api/apikey/login", &json!({})).await["org_info"][0]["id"],
        first["org_info"][0]["id"]
    );
    let again = collector.post("/api/apikey/login", &json!({})).await;
    assert_eq!(again["org_info"][0]["name"], "acme");
}

#[tokio::test]
async fn small_answers() {
    let collector = Collector::start().await;
    assert_eq!(
        collector.get("/version").await,
        json!({"logs3_content_encodings": ["zstd", "gzip"], "logs3_payload_max_bytes": 6_291_456,
            "profile_max_bytes": 67_108_864})
    );
    assert_eq!(collector.get("/ping").await["status"], "ok");
    assert_eq!(collector.get("/health/live").await["status"], "ok");
    assert_eq!(collector.get("/health/ready").await["status"], "ready");
    assert_eq!(collector.get("//version").await, collector.get("/version").await);
}

#[tokio::test]
async fn unknown_routes_and_methods_get_json() {
    let collector = Collector::start().await;
    for (method, path, status) in [
        (Method::GET, "/nothing/here", 404),
        (Method::POST, "/dataset-summary", 405),
        (Method::GET, "/logs3", 405),
        (Method::DELETE, "/v1/experiment", 405),
    ] {
        let reply = collector.send(method, path, "").await;
        assert_eq!(reply.status.as_u16(), status, "{path}");
        assert!(reply.body["error"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn projects_are_registered_once() {
    let collector = Collector::start().await;
    let old = collector.post("/api/project/register", &json!({"project_name": "p"})).await;
    let id = old["project"]["id"].as_str().expect("id").to_owned();
    let reply = collector.send(Method::POST, "/v1/project", r#"{"name":"p"}"#).await;
    assert_eq!(reply.body["id"], id.as_str());
    assert_eq!(reply.headers["x-bt-found-existing"], "true");
    let other = collector.post("/api/project/register", &json!({})).await;
    assert_eq!(other["project"]["name"], "Global");

    assert_eq!(collector.get(&format!("/v1/project/{id}")).await["name"], "p");
    assert_eq!(old["project"], collector.get(&format!("/v1/project/{id}")).await);
    for wanted in [json!({"id": id}), json!({"name": "p"})] {
        let found = collector.post("/api/project/get", &wanted).await;
        assert_eq!(found, json!([old["project"]]), "{wanted}");
    }
    assert_eq!(collector.post("/api/project/get", &json!({"id": "nope"})).await, json!([]));
    collector.refused("/api/project/get", "{}", 400).await;
    let by_query = collector.get(&format!("/api/project?id={id}")).await;
    assert_eq!((&by_query["name"], &by_query["project"]["id"]), (&json!("p"), &json!(id)));
    let listed = collector.get("/v1/project?project_name=p&org_name=local").await;
    assert_eq!(listed["objects"].as_array().map(Vec::len), Some(1));
    let first = collector.get("/v1/project?limit=1").await;
    assert_eq!(first["objects"][0]["name"], "Global");
    let rest =
        format!("/v1/project?starting_after={}", other["project"]["id"].as_str().expect("id"));
    assert_eq!(collector.get(&rest).await["objects"][0]["name"], "p");

    let missing = collector.send(Method::GET, "/v1/project/nope", "").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let nameless = collector.send(Method::GET, "/api/project", "").await;
    assert_eq!(nameless.status, StatusCode::BAD_REQUEST);
    collector.refused("/v1/project", "{}", 400).await;
    collector.refused("/v1/project", r#"{"name":7}"#, 400).await;
    let long = json!({"name": "x".repeat(2_000)}).to_string();
    collector.refused("/v1/project", &long, 400).await;
}

#[tokio::test]
async fn many_registrations_at_once_make_one_project() {
    let collector = Collector::start().await;
    let body = json!({"project_name": "p"});
    let replies = futures_util::future::join_all(
        (0..16).map(|_| collector.post("/api/project/register", &body)),
    )
    .await;
    assert!(replies.iter().all(|reply| reply["project"]["id"] == replies[0]["project"]["id"]));
}
