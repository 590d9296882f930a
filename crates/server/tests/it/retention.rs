//! Project logs of a certain age are forgotten.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Collector, DEADLINE};

const OLD: &str = "2020-01-01T00:00:00.000Z";
const NEW: &str = "2100-01-01T00:00:00.000Z";

fn row(id: &str, created: &str, more: &Value) -> Value {
    let mut row = json!({"id": id, "created": created, "input": id});
    for (name, value) in more.as_object().expect("object") {
        row[name] = value.clone();
    }
    row
}

async fn logs(collector: &Collector, project: &str) -> Vec<String> {
    let query = json!({"select": [{"op": "star"}], "limit": 1_000,
        "from": {"op": "function", "name": {"op": "ident", "name": ["project_logs"]},
            "args": [{"op": "literal", "value": project}]}});
    let page = collector.post("/btql", &json!({ "query": query })).await;
    let rows = page["data"].as_array().expect("data");
    let mut ids: Vec<_> =
        rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

async fn expired(collector: &Collector) -> u32 {
    let text = collector.text("/metrics", &[]).await;
    let name = "tidegate_store_expired_rows_total ";
    let value = text.lines().find_map(|line| line.strip_prefix(name)).expect("the counter");
    value.parse().expect("a number")
}

#[tokio::test]
async fn old_logs_go_and_everything_else_stays() {
    let age = Duration::from_secs(20);
    let collector = Collector::start_with(|options| options.retention(age)).await;
    let project = collector.post("/api/project/register", &json!({"name": "logs"})).await;
    let project = project["project"]["id"].as_str().expect("an id").to_owned();
    let log = json!({"project_id": project, "log_id": "g"});
    let experiment = json!({"experiment_id": "e"});
    let mut rows: Vec<_> = (0..250).map(|n| row(&format!("old-{n}"), OLD, &log)).collect();
    rows.push(row("new", NEW, &log));
    rows.push(row("case", OLD, &experiment));
    collector.log(&json!(rows)).await;
    // Acknowledged once more with a newer time: it stays, whenever that comes.
    collector.log(&json!([row("old-7", NEW, &log)])).await;

    let gone = async {
        while logs(&collector, &project).await != ["new", "old-7"] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.expect("the old ones go");
    assert_eq!(collector.row("e", "case").await.expect("kept")["created"], OLD);
    let counted = async {
        // One more if the round came before the newer time did.
        while !(249..=250).contains(&expired(&collector).await) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, counted).await.expect("the round is counted");
}

#[tokio::test]
async fn without_retention_nothing_is_forgotten() {
    let collector = Collector::start().await;
    let log = json!({"project_id": "p", "log_id": "g"});
    collector.log(&json!([row("old", OLD, &log)])).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(logs(&collector, "p").await, ["old"]);
}
