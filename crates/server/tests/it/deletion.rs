//! Deleting objects: gone at once, with everything in them, and nothing else.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tidegate_testkit::postgres::{Store, store};

use crate::database::Database;
use crate::harness::{Collector, DEADLINE, Reply};

async fn delete(collector: &Collector, kind: &str, id: &Value) -> Reply {
    let path = format!("/v1/{kind}/{}", id.as_str().expect("id"));
    collector.send(Method::DELETE, &path, "").await
}

async fn status(collector: &Collector, path: &str) -> StatusCode {
    collector.send(Method::GET, path, "").await.status
}

fn count(collector: &Collector, sql: &str) -> i64 {
    collector.database().number(sql)
}

/// Waits until as many rows are stored.
async fn rows_left(collector: &Collector, expected: i64) {
    let left = || count(collector, "SELECT count(*) FROM rows");
    let swept = async {
        while left() != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(DEADLINE, swept).await;
    assert!(in_time.is_ok(), "{} rows are left, not {expected}", left());
}

fn rows(member: &str, id: &Value, count: usize) -> Value {
    let row = |n| json!({"id": format!("r{n}"), member: id, "input": n});
    (0..count).map(row).collect()
}

#[tokio::test]
async fn an_experiment_goes_with_its_rows_and_its_name_is_free() {
    let collector = Collector::start().await;
    let base = collector.experiment(&json!({"experiment_name": "base"})).await;
    let other = collector.experiment(&json!({"experiment_name": "other"})).await;
    assert_eq!(other["base_exp_id"], base["id"]);
    collector.log(&rows("experiment_id", &base["id"], 1_200)).await;
    collector.log(&rows("experiment_id", &other["id"], 3)).await;

    let gone = delete(&collector, "experiment", &base["id"]).await;
    assert_eq!(gone.status, StatusCode::OK, "{}", gone.body);
    assert_eq!(gone.body["name"], "base");
    assert!(gone.body["deleted_at"].is_string(), "{}", gone.body);
    let id = base["id"].as_str().expect("id");
    for path in [format!("/v1/experiment/{id}"), format!("/v1/experiment/{id}/fetch")] {
        assert_eq!(status(&collector, &path).await, StatusCode::NOT_FOUND, "{path}");
    }
    let again = delete(&collector, "experiment", &base["id"]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let path = format!("/v1/experiment/{}", other["id"].as_str().expect("id"));
    assert!(collector.get(&path).await["base_exp_id"].is_null());
    let fresh = collector.experiment(&json!({"experiment_name": "base"})).await;
    assert_eq!(fresh["name"], "base");
    assert_ne!(fresh["id"], base["id"]);
    rows_left(&collector, 3).await;
    assert_eq!(collector.rows(other["id"].as_str().expect("id"), 10).await.len(), 3);
}

#[tokio::test]
async fn a_dataset_goes_with_its_rows_snapshots_and_environments() {
    let collector = Collector::start().await;
    let body = json!({"project_name": "p", "dataset_name": "d"});
    let dataset = collector.post("/api/dataset/register", &body).await["dataset"].clone();
    let written = collector.log(&rows("dataset_id", &dataset["id"], 300)).await;
    collector.log(&rows("dataset_id", &dataset["id"], 7)).await;
    assert_eq!(count(&collector, "SELECT count(*) FROM row_versions"), 7);
    let body = json!({"dataset_id": dataset["id"], "dataset_snapshot_name": "s",
        "xact_id": written["xact_id"]});
    collector.post("/api/dataset_snapshot/register", &body).await;
    let id = dataset["id"].as_str().expect("id");
    let path = format!("/environment-object/dataset/{id}/production");
    let body = json!({"object_version": written["xact_id"]}).to_string();
    assert_eq!(collector.send(Method::PUT, &path, body).await.status, StatusCode::OK);

    let gone = delete(&collector, "dataset", &dataset["id"]).await;
    assert!(gone.body["deleted_at"].is_string(), "{}", gone.body);
    assert_eq!(status(&collector, &format!("/v1/dataset/{id}")).await, StatusCode::NOT_FOUND);
    assert_eq!(collector.get("/v1/dataset").await, json!({"objects": []}));
    rows_left(&collector, 0).await;
    for table in ["dataset_snapshots", "dataset_environments", "row_versions"] {
        assert_eq!(count(&collector, &format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    let body = json!({"project_name": "p", "dataset_name": "d"});
    let fresh = collector.post("/api/dataset/register", &body).await["dataset"].clone();
    let path = format!("/v1/dataset/{}/fetch", fresh["id"].as_str().expect("id"));
    assert_eq!(collector.get(&path).await["events"], json!([]));
}

#[tokio::test]
async fn a_project_goes_with_all_that_is_in_it_and_nothing_else() {
    let collector = Collector::start().await;
    let experiment = collector.experiment(&json!({"experiment_name": "e"})).await;
    let project = experiment["project_id"].clone();
    let body = json!({"project_name": "p", "dataset_name": "d"});
    let dataset = collector.post("/api/dataset/register", &body).await["dataset"].clone();
    // Of another project, but compared with an experiment of this one.
    let body =
        json!({"project_name": "q", "experiment_name": "f", "base_exp_id": experiment["id"]});
    let kept = collector.experiment(&body).await;
    collector.log(&rows("experiment_id", &experiment["id"], 10)).await;
    collector.log(&rows("dataset_id", &dataset["id"], 10)).await;
    collector.log(&json!([{"id": "l", "project_id": project, "log_id": "g"}])).await;
    collector.log(&rows("experiment_id", &kept["id"], 2)).await;

    let gone = delete(&collector, "project", &project).await;
    assert_eq!(gone.body["name"], "p", "{}", gone.body);
    assert!(gone.body["deleted_at"].is_string());
    for (kind, id) in
        [("project", &project), ("experiment", &experiment["id"]), ("dataset", &dataset["id"])]
    {
        let path = format!("/v1/{kind}/{}", id.as_str().expect("id"));
        assert_eq!(status(&collector, &path).await, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(delete(&collector, kind, id).await.status, StatusCode::NOT_FOUND);
    }
    rows_left(&collector, 2).await;
    let path = format!("/v1/experiment/{}", kept["id"].as_str().expect("id"));
    assert!(collector.get(&path).await["base_exp_id"].is_null());
    let fresh = collector.post("/v1/project", &json!({"name": "p"})).await;
    assert_ne!(fresh["id"], project);
    let listed = collector.get("/v1/experiment?project_name=p").await;
    assert_eq!(listed, json!({"objects": []}));
}

#[tokio::test]
async fn rows_that_a_crash_left_are_removed_at_the_next_start() {
    let collector = Collector::start().await;
    let experiment = collector.experiment(&json!({"experiment_name": "e"})).await;
    collector.log(&rows("experiment_id", &experiment["id"], 600)).await;
    let dir = collector.stop().await;
    // What a deletion leaves before the first row is removed.
    let database = Database::of(dir.path());
    assert_eq!(database.number("SELECT count(*) FROM objects"), 1);
    database.execute(match database {
        Database::Sqlite(_) => "UPDATE objects SET kind = 'deleted', id = id || '#1'",
        Database::Postgres(_) => "UPDATE objects SET deleted = true",
    });
    let collector = Collector::start_in(dir, |options| options).await;
    rows_left(&collector, 0).await;
    // Its number is not given away: something may still go by it. SQLite keeps its entry for that;
    // in PostgreSQL a sweep removes it once the index has forgotten the object.
    collector.log(&rows("experiment_id", &experiment["id"], 1)).await;
    assert_eq!(count(&collector, "SELECT count(*) FROM objects WHERE number > 1"), 1);
    if store() == Store::Sqlite {
        assert_eq!(count(&collector, "SELECT count(*) FROM objects"), 2);
    }
    assert_eq!(collector.rows(experiment["id"].as_str().expect("id"), 10).await.len(), 1);
}

#[tokio::test]
async fn an_object_can_get_rows_and_be_deleted_again() {
    let collector = Collector::start().await;
    let project = collector.post("/v1/project", &json!({"name": "p"})).await["id"].clone();
    let log = json!([{"id": "late", "project_id": project, "log_id": "g"}]);
    for _ in 0..2 {
        collector.log(&log).await;
        // What comes after a deletion is kept, as what comes before a registration is.
        delete(&collector, "project", &project).await;
    }
    let unknown = delete(&collector, "project", &json!("nope")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
