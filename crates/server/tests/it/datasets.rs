//! Datasets as the published clients use them: found or made by name, filled through `/logs3`, read
//! back, counted, and named versions of them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::Collector;

/// Registers a dataset as the JavaScript client does and returns its id.
async fn register(collector: &Collector, name: &str) -> String {
    let body = json!({"org_id": "o", "project_name": "p", "dataset_name": name});
    let reply = collector.post("/api/dataset/register", &body).await;
    reply["dataset"]["id"].as_str().expect("id").to_owned()
}

async fn status(collector: &Collector, method: Method, path: &str, body: &Value) -> u16 {
    collector.send(method, path, body.to_string()).await.status.as_u16()
}

#[tokio::test]
async fn a_dataset_is_found_again_by_name_in_both_families() {
    let collector = Collector::start().await;
    let body = json!({"org_id": "o", "project_name": "p", "dataset_name": "d",
        "description": "words", "metadata": {"k": 1}});
    let made = collector.post("/api/dataset/register", &body).await;
    assert_eq!((&made["project"]["name"], &made["dataset"]["name"]), (&json!("p"), &json!("d")));
    let project = made["project"]["id"].clone();
    let again = collector
        .send(
            Method::POST,
            "/v1/dataset",
            json!({"project_id": project, "name": "d", "description": "other"}).to_string(),
        )
        .await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.body);
    assert_eq!(again.headers["x-bt-found-existing"], "true");
    assert_eq!(again.body["id"], made["dataset"]["id"]);
    assert_eq!(again.body["description"], "words", "registering changes nothing");

    let id = made["dataset"]["id"].as_str().expect("id");
    let read = collector.get(&format!("/v1/dataset/{id}")).await;
    assert_eq!(read["project_id"], project);
    assert_eq!((&read["name"], &read["metadata"]), (&json!("d"), &json!({"k": 1})));
    let found = collector.get("/v1/dataset?dataset_name=d&project_name=p&org_name=local").await;
    assert_eq!(found["objects"][0]["id"], id);
    let by_id = collector.post("/api/dataset/get", &json!({ "id": id })).await;
    assert_eq!((&by_id[0]["project_id"], &by_id[0]["name"]), (&project, &json!("d")));
    assert_eq!(collector.post("/api/dataset/get", &json!({"id": "nope"})).await, json!([]));
}

#[tokio::test]
async fn the_default_name_is_logs_and_the_same_name_in_another_project_is_another_dataset() {
    let collector = Collector::start().await;
    let one = collector.post("/api/dataset/register", &json!({"project_name": "p"})).await;
    assert_eq!(one["dataset"]["name"], "logs");
    let other = collector.post("/api/dataset/register", &json!({"project_name": "q"})).await;
    assert_ne!(one["dataset"]["id"], other["dataset"]["id"]);
    let all = collector.get("/v1/dataset").await;
    let ids: Vec<_> = all["objects"].as_array().expect("list").iter().map(|d| &d["id"]).collect();
    assert_eq!(ids, [&other["dataset"]["id"], &one["dataset"]["id"]]);
    let page = collector.get("/v1/dataset?limit=1").await;
    let after = page["objects"][0]["id"].as_str().expect("id").to_owned();
    let rest = collector.get(&format!("/v1/dataset?starting_after={after}")).await;
    assert_eq!(rest["objects"][0]["id"], one["dataset"]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_registrations_at_once_make_one_dataset() {
    let collector = Collector::start().await;
    let ids = futures_util::future::join_all((0..16).map(|_| register(&collector, "d"))).await;
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn malformed_registrations_are_refused_and_leave_nothing() {
    let collector = Collector::start().await;
    for (body, status) in [
        ("{", 400),
        ("{}", 400),
        (r#"{"project_name":"p","dataset_name":7}"#, 400),
        (r#"{"project_name":"p","metadata":"x"}"#, 400),
        (r#"{"project_id":"nope","dataset_name":"d"}"#, 404),
    ] {
        collector.refused("/api/dataset/register", body, status).await;
        collector.refused("/v1/dataset", body, status).await;
    }
    assert_eq!(collector.get("/v1/dataset").await, json!({"objects": []}));
    assert_eq!(collector.get("/v1/project").await, json!({"objects": []}));
}

#[tokio::test]
async fn rows_are_inserted_changed_deleted_read_back_and_counted() {
    let collector = Collector::start().await;
    let id = register(&collector, "d").await;
    let path = format!("/v1/dataset/{id}");
    assert_eq!(
        collector.get(&format!("/dataset-summary?dataset_id={id}")).await,
        json!({"total_records": 0})
    );
    let empty = collector.post(&format!("{path}/fetch"), &json!({"limit": 10})).await;
    assert_eq!(empty, json!({"events": [], "cursor": null}));
    let row = |n: u32| {
        json!({"id": format!("r{n}"), "input": {"n": n}, "expected": "e", "tags": ["t"],
            "dataset_id": id, "created": "2026-11-25T09:00:00.000Z"})
    };
    collector.log(&json!([row(1), row(2), row(3)])).await;
    collector
        .log(&json!([
            {"id": "r2", "dataset_id": id, "expected": "changed", "_is_merge": true},
            {"id": "r3", "dataset_id": id, "created": "2026-11-25T09:00:00.000Z",
                "_object_delete": true},
            {"id": "c", "dataset_id": id, "origin": {"id": "r1"}, "comment": {"text": "hm"}},
        ]))
        .await;
    assert_eq!(
        collector.get(&format!("/dataset-summary?dataset_id={id}")).await,
        json!({"total_records": 2})
    );

    let first = collector.post(&format!("{path}/fetch"), &json!({"limit": 1})).await;
    let rest = format!("{path}/fetch?limit=10&cursor={}", first["cursor"].as_str().expect("more"));
    let rest = collector.get(&rest).await;
    assert!(rest["cursor"].is_null());
    let mut events = first["events"].as_array().expect("rows").clone();
    events.extend(rest["events"].as_array().expect("rows").clone());
    let find = |id: &str| events.iter().find(|row| row["id"] == id).expect("there").clone();
    assert_eq!(find("r1")["is_root"], true);
    assert_eq!(
        (&find("r2")["input"], &find("r2")["expected"]),
        (&json!({"n": 2}), &json!("changed"))
    );
    assert!(!events.iter().any(|row| row["id"] == "r3"));

    let summary = collector.get(&format!("{path}/summarize?summarize_data=true")).await;
    assert_eq!(summary["data_summary"], json!({"total_records": 2}));
    assert_eq!((&summary["project_name"], &summary["dataset_name"]), (&json!("p"), &json!("d")));
    let url = summary["dataset_url"].as_str().expect("URL");
    assert!(url.ends_with("/app/local/p/p/datasets/d"), "{url}");
    assert!(collector.get(&format!("{path}/summarize")).await["data_summary"].is_null());
}

#[tokio::test]
async fn unknown_datasets_and_bad_pages_are_told() {
    let collector = Collector::start().await;
    let id = register(&collector, "d").await;
    for path in [
        "/v1/dataset/nope",
        "/v1/dataset/nope/fetch",
        "/v1/dataset/nope/summarize",
        "/v1/project_logs/nope/fetch",
        "/v1/experiment/nope/fetch",
        "/dataset-summary?dataset_id=nope",
        "/environment-object/dataset/nope/production",
    ] {
        assert_eq!(status(&collector, Method::GET, path, &json!({})).await, 404, "{path}");
    }
    assert_eq!(status(&collector, Method::GET, "/dataset-summary", &json!({})).await, 400);
    for query in ["limit=0", "limit=x", "cursor=zz", "version=now"] {
        let path = format!("/v1/dataset/{id}/fetch?{query}");
        assert_eq!(status(&collector, Method::GET, &path, &json!({})).await, 400, "{path}");
    }
    assert_eq!(status(&collector, Method::GET, "/v1/dataset/%ff", &json!({})).await, 400);
}

#[tokio::test]
async fn what_an_id_stands_for() {
    let collector = Collector::start().await;
    let id = register(&collector, "d").await;
    let ask = |kind: &str, ids: Value| json!({"object_type": kind, "object_ids": ids});
    let path = "/api/self/get_object_info";
    let found = collector.post(path, &ask("dataset", json!([id, "nope"]))).await;
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!((&found[0]["object_id"], &found[0]["object_name"]), (&json!(id), &json!("d")));
    let project = &found[0]["parent_cols"]["project"];
    assert_eq!(project["name"], "p");
    let same = collector.post(path, &ask("project", json!([project["id"]]))).await;
    assert_eq!(same[0]["object_name"], "p");
    let experiment = collector.experiment(&json!({"experiment_name": "e"})).await;
    let found = collector.post(path, &ask("experiment", json!(experiment["id"]))).await;
    assert_eq!(found[0]["object_name"], "e");
    collector.refused(path, &ask("prompt", json!([id])).to_string(), 400).await;
    collector.refused(path, "{}", 400).await;
    let many = ask("dataset", json!(vec!["x"; 101]));
    collector.refused(path, &many.to_string(), 400).await;
}

#[tokio::test]
async fn snapshots_name_versions() {
    let collector = Collector::start().await;
    let id = register(&collector, "d").await;
    let before = collector.get("/xact-id").await.to_string();
    let xact = collector.log(&json!([{"id": "r", "dataset_id": id}])).await["xact_id"].clone();
    let now = collector.get("/xact-id").await.to_string();
    assert!(before.as_str() < xact.as_str().expect("text"));
    assert_eq!(now, xact.as_str().expect("text"));

    let body = json!({"dataset_id": id, "dataset_snapshot_name": "s", "description": "first",
        "xact_id": xact, "update": false});
    let made = collector.post("/api/dataset_snapshot/register", &body).await;
    assert_eq!(made["found_existing"], false);
    let snapshot = &made["dataset_snapshot"];
    assert_eq!((&snapshot["dataset_id"], &snapshot["xact_id"]), (&json!(id), &xact));
    let mut other = body.clone();
    other["xact_id"] = json!(before);
    let same = collector.post("/api/dataset_snapshot/register", &other).await;
    assert_eq!((&same["found_existing"], &same["dataset_snapshot"]), (&json!(true), snapshot));
    other["update"] = json!(true);
    let moved = collector.post("/api/dataset_snapshot/register", &other).await;
    assert_eq!(moved["dataset_snapshot"]["xact_id"], before.as_str());
    assert_eq!(moved["dataset_snapshot"]["id"], snapshot["id"]);

    let get = |filter: Value| {
        let collector = &collector;
        async move { collector.post("/api/dataset_snapshot/get", &filter).await }
    };
    assert_eq!(get(json!({"dataset_id": id})).await[0]["id"], snapshot["id"]);
    assert_eq!(get(json!({"dataset_id": id, "name": "s"})).await.as_array().map(Vec::len), Some(1));
    assert_eq!(get(json!({"dataset_id": id, "xact_id": xact})).await, json!([]));
    assert_eq!(get(json!({"id": "nope"})).await, json!([]));

    let renamed = json!({"id": snapshot["id"], "name": "t", "description": null});
    let renamed = collector.post("/api/dataset_snapshot/patch_id", &renamed).await;
    assert_eq!((&renamed["name"], &renamed["description"]), (&json!("t"), &Value::Null));
    collector.post("/api/dataset_snapshot/register", &body).await;
    let taken = json!({"id": snapshot["id"], "name": "s"}).to_string();
    collector.refused("/api/dataset_snapshot/patch_id", &taken, 409).await;

    let gone = json!({"id": snapshot["id"]});
    let removed = collector.post("/api/dataset_snapshot/delete_id", &gone).await;
    assert_eq!(removed["name"], "t");
    collector.refused("/api/dataset_snapshot/delete_id", &gone.to_string(), 404).await;
    for (body, status) in [
        (json!({"dataset_id": id, "dataset_snapshot_name": "s", "xact_id": "12"}), 400),
        (json!({"dataset_id": id, "dataset_snapshot_name": " ", "xact_id": xact}), 400),
        (json!({"dataset_id": "nope", "dataset_snapshot_name": "s", "xact_id": xact}), 404),
    ] {
        collector.refused("/api/dataset_snapshot/register", &body.to_string(), status).await;
    }
    collector.refused("/api/dataset_snapshot/get", "{}", 400).await;
}

#[tokio::test]
async fn environments_point_at_a_version_once_one_is_set() {
    let collector = Collector::start().await;
    let id = register(&collector, "d").await;
    let path = format!("/environment-object/dataset/{id}/production?org_name=local");
    assert_eq!(status(&collector, Method::GET, &path, &json!({})).await, 404);
    let version = collector.get("/xact-id").await.to_string();
    for _ in 0..2 {
        let body = json!({"object_version": version, "org_name": "local"}).to_string();
        let set = collector.send(Method::PUT, &path, body).await;
        assert_eq!(set.status, StatusCode::OK, "{}", set.body);
    }
    assert_eq!(collector.get(&path).await["object_version"], version.as_str());
    let all = collector.get(&format!("/environment-object/dataset/{id}")).await;
    assert_eq!(all["objects"][0]["environment_slug"], "production");
    let bad = json!({"object_version": "x"});
    assert_eq!(status(&collector, Method::PUT, &path, &bad).await, 400);
    assert_eq!(status(&collector, Method::DELETE, &path, &json!({})).await, 200);
    assert_eq!(status(&collector, Method::DELETE, &path, &json!({})).await, 404);
}

#[tokio::test]
async fn datasets_survive_a_restart() {
    let collector = Collector::start().await;
    let id = register(&collector, "d").await;
    collector.log(&json!([{"id": "r", "dataset_id": id, "input": 1}])).await;
    let collector = Collector::start_in(collector.stop().await, |options| options).await;
    assert_eq!(register(&collector, "d").await, id);
    let rows = collector.get(&format!("/v1/dataset/{id}/fetch")).await;
    assert_eq!(rows["events"][0]["input"], 1);
}

#[tokio::test]
async fn a_version_comes_back_and_the_history_stays() {
    let collector = Collector::start().await;
    let id = register(&collector, "d").await;
    let row = |name: &str, n: u32| json!({"id": name, "dataset_id": id, "input": n});
    let first = collector.log(&json!([row("same", 1), row("changed", 1), row("gone", 1)])).await;
    let long = "words ".repeat(1_000);
    let second = collector
        .log(&json!([
            {"id": "changed", "dataset_id": id, "input": 2, "output": long, "_is_merge": true},
            {"id": "gone", "dataset_id": id, "_object_delete": true},
            row("new", 2),
        ]))
        .await;
    let restore = async |version: &Value| {
        let body = json!({ "version": version });
        let preview = collector.post(&format!("/v1/dataset/{id}/restore/preview"), &body).await;
        let done = collector.post(&format!("/v1/dataset/{id}/restore"), &body).await;
        assert_eq!(
            (&preview["rows_to_restore"], &preview["rows_to_delete"]),
            (&done["rows_restored"], &done["rows_deleted"])
        );
        done
    };
    let read = async |version: &Value| {
        let body = json!({ "version": version });
        let page = collector.post(&format!("/v1/dataset/{id}/fetch"), &body).await;
        let mut rows: Vec<(String, Value, Value)> = page["events"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| {
                let id = row["id"].as_str().expect("id").to_owned();
                (id, row["input"].clone(), row["output"].clone())
            })
            .collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    };
    let (then, later) = (read(&first["xact_id"]).await, read(&Value::Null).await);
    assert_eq!(then.len(), 3);

    let done = restore(&first["xact_id"]).await;
    assert_eq!((&done["rows_restored"], &done["rows_deleted"]), (&json!(2), &json!(1)));
    assert!(done["xact_id"].as_str() > second["xact_id"].as_str(), "{done}");
    assert_eq!(read(&Value::Null).await, then);
    assert_eq!(read(&second["xact_id"]).await, later, "the history stays");
    let again = restore(&first["xact_id"]).await;
    assert_eq!(again, json!({"xact_id": null, "rows_restored": 0, "rows_deleted": 0}));
    restore(&second["xact_id"]).await;
    assert_eq!(read(&Value::Null).await, later);

    let path = format!("/v1/dataset/{id}/restore");
    collector.refused(&path, "{}", 400).await;
    collector.refused(&path, r#"{"version":"soon"}"#, 400).await;
    let version = json!({"version": first["xact_id"]}).to_string();
    collector.refused("/v1/dataset/nope/restore", &version, 404).await;
}
