//! Datasets are read as they were.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Collector, DEADLINE};

/// Pseudo-random numbers, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Some writes to a dataset of a few rows, several of one row in a request included.
fn request(numbers: &mut Numbers, step: u64) -> Value {
    let count = 1 + numbers.below(4);
    let rows: Vec<_> = (0..count)
        .map(|n| {
            let id = match numbers.below(6) {
                id @ 0..3 => format!("r{id}"),
                id => format!("0198c5a2-0000-7000-8000-{id:012x}"),
            };
            let mut row = json!({"id": id, "dataset_id": "d", "created": "2026-01-01T00:00:00Z"});
            match numbers.below(10) {
                0..3 => row["_object_delete"] = true.into(),
                3..7 => {
                    row["_is_merge"] = true.into();
                    row["metadata"] = json!({format!("m{}", numbers.below(3)): [step, n]});
                }
                _ => row["input"] = json!({"step": step, "n": n}),
            }
            row
        })
        .collect();
    json!(rows)
}

/// Reads a dataset page by page.
async fn read(collector: &Collector, version: Option<&Value>, more: Value) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let mut query = json!({"from": "dataset('d')", "limit": 2, "cursor": cursor});
        for (name, value) in more.as_object().expect("object") {
            query[name] = value.clone();
        }
        let body = json!({"query": query, "version": version});
        let page = collector.post("/btql", &body).await;
        rows.extend(page["data"].as_array().expect("data").clone());
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            return rows;
        }
    }
}

#[tokio::test]
async fn every_pinned_read_returns_what_was_there() {
    let collector = Collector::start().await;
    let mut numbers = Numbers(0x5DEE_CE66_D1CE_4E5B);
    let mut remembered = Vec::new();
    for step in 0..60 {
        let reply = collector.log(&request(&mut numbers, step)).await;
        remembered.push((reply["xact_id"].clone(), read(&collector, None, json!({})).await));
    }
    assert!(remembered.iter().any(|(_, rows)| rows.len() > 3));
    for (version, rows) in &remembered {
        assert_eq!(read(&collector, Some(version), json!({})).await, *rows, "{version}");
    }
    // The same, filtered and sorted: a deleted row must be found by what it was.
    for (version, rows) in remembered.iter().step_by(7) {
        let filter = json!({"filter": {"btql": "id in ('r0', 'r1') and is_root"},
            "sort": [{"expr": {"btql": "id"}, "dir": "desc"}]});
        let mut expected: Vec<_> =
            rows.iter().filter(|row| row["id"] == "r0" || row["id"] == "r1").cloned().collect();
        expected.reverse();
        assert_eq!(read(&collector, Some(version), filter).await, expected, "{version}");
    }
    let before = json!("1000000000000000001");
    assert!(read(&collector, Some(&before), json!({})).await.is_empty());
}

#[tokio::test]
async fn versions_survive_a_restart() {
    let collector = Collector::start().await;
    let row = |input: u32| json!([{"id": "a", "dataset_id": "d", "input": input}]);
    let first = collector.log(&row(1)).await["xact_id"].clone();
    collector.log(&json!([{"id": "a", "dataset_id": "d", "_object_delete": true}])).await;
    let dir = collector.stop().await;
    let collector = Collector::start_in(dir, |options| options).await;
    assert!(read(&collector, None, json!({})).await.is_empty());
    let then = read(&collector, Some(&first), json!({})).await;
    assert_eq!((then.len(), &then[0]["input"], &then[0]["_xact_id"]), (1, &json!(1), &first));
}

#[tokio::test]
async fn other_objects_keep_no_versions_and_say_so() {
    let collector = Collector::start().await;
    let old = collector.log(&json!([{"id": "a", "experiment_id": "e"}])).await;
    let body = json!({"query": "select * from experiment('e')", "version": old["xact_id"]});
    let page = collector.post("/btql", &body).await;
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
    collector.log(&json!([{"id": "a", "experiment_id": "e", "input": 1}])).await;
    let message = collector.refused("/btql", &body.to_string(), 400).await;
    assert!(message.contains("only datasets"), "{message}");
}

#[tokio::test]
async fn a_restored_dataset_is_what_it_was_and_keeps_its_history() {
    let collector = Collector::start().await;
    let body = json!({"project_name": "p", "dataset_name": "d"});
    let registered = collector.post("/api/dataset/register", &body).await;
    let id = registered["dataset"]["id"].as_str().expect("id").to_owned();
    let row = |row: &str, more: Value| {
        let mut row = json!({"id": row, "dataset_id": id, "created": "2026-01-01T00:00:00Z"});
        for (name, value) in more.as_object().expect("object") {
            row[name] = value.clone();
        }
        row
    };
    let all = |version: Option<&Value>| {
        let body = json!({"query": format!("select * from dataset('{id}')"), "version": version});
        let collector = &collector;
        async move { collector.post("/btql", &body).await["data"].as_array().expect("rows").clone() }
    };
    // Long enough to be packed.
    let long = json!({"input": "words ".repeat(1_000)});
    let rows = json!([row("a", json!({"input": 1})), row("b", long), row("c", json!({}))]);
    // With spaces, as Python writes it.
    let body = format!("{{ \"rows\" : {} }}", rows.to_string().replace("\":", "\" : "));
    let reply = collector.send(Method::POST, "/logs3", body).await;
    let first = reply.body["xact_id"].clone();
    let before = all(None).await;
    let gone = json!({"_object_delete": true});
    let rows = json!([row("a", json!({"input": 2})), row("b", gone), row("new", json!({}))]);
    let second = collector.log(&rows).await["xact_id"].clone();
    let between = all(None).await;
    let (restore, version) = (format!("/v1/dataset/{id}/restore"), json!({"version": first}));
    let preview = collector.post(&format!("{restore}/preview"), &version).await;
    assert_eq!(preview, json!({"rows_to_restore": 2, "rows_to_delete": 1}));
    assert_eq!(all(None).await, between);
    let done = collector.post(&restore, &version).await;
    assert_eq!((&done["rows_restored"], &done["rows_deleted"]), (&json!(2), &json!(1)));
    assert!(done["xact_id"].as_str() > second.as_str(), "{done}");
    let bare = |mut rows: Vec<Value>| {
        for row in &mut rows {
            row["_xact_id"] = Value::Null;
        }
        rows
    };
    assert_eq!(bare(all(None).await), bare(before.clone()));
    assert_eq!(all(Some(&first)).await, before);
    assert_eq!(all(Some(&second)).await, between);
    let again = collector.post(&restore, &version).await;
    assert_eq!(again, json!({"xact_id": null, "rows_restored": 0, "rows_deleted": 0}));
    collector.refused(&restore, "{}", 400).await;
    collector.refused("/v1/dataset/none/restore", &version.to_string(), 404).await;
    // And the fetch routes read versions too.
    let fetched = collector.post(&format!("/v1/dataset/{id}/fetch"), &version).await;
    assert_eq!(fetched["events"], json!(before));
}

#[tokio::test]
async fn a_deleted_dataset_takes_its_earlier_states_along() {
    let collector = Collector::start().await;
    let body = json!({"project_name": "p", "dataset_name": "d"});
    let registered = collector.post("/api/dataset/register", &body).await;
    let id = registered["dataset"]["id"].as_str().expect("id").to_owned();
    for input in 0..4 {
        let row = |n| json!({"id": format!("r{n}"), "dataset_id": id, "input": input});
        collector.log(&(0..100).map(row).collect()).await;
    }
    let database = collector.database();
    let kept = || database.number("SELECT count(*) FROM row_versions");
    assert_eq!(kept(), 300);
    let gone = collector.send(Method::DELETE, &format!("/v1/dataset/{id}"), "").await;
    assert_eq!(gone.status, StatusCode::OK, "{}", gone.body);
    let swept = async {
        while kept() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, swept).await.expect("swept in time");
}
