//! Moving a data directory into PostgreSQL: everything is there afterwards, and once.

use std::net::{Ipv4Addr, SocketAddr};

use reqwest::Method;
use serde_json::{Value, json};
use tidegate_server::maintenance::{Migration, MigrationError, MigrationStep};
use tidegate_server::{Options, start};
use tidegate_testkit::postgres::{Store, shared, store};

use crate::harness::Collector;

/// More than are moved in one transaction.
const ROWS: usize = 7_000;

async fn fresh_url() -> String {
    let made = tokio::task::spawn_blocking(|| shared().url(&shared().create_database()));
    made.await.expect("a database")
}

/// What a collector answers, of everything there is.
async fn answers(collector: &Collector, ids: &[(&str, String)]) -> Vec<Value> {
    let mut all = Vec::new();
    for (kind, id) in ids {
        all.push(json!(collector.rows_of(kind, id, 1_000).await));
    }
    let experiment = &ids[0].1;
    let mut cases =
        collector.get(&format!("/api/objects/experiment/{experiment}/cases?limit=1000")).await;
    assert_eq!(cases["exact"], true, "{cases}");
    for of_now in ["lag_rows", "lag_seconds"] {
        cases[of_now] = Value::Null;
    }
    all.push(cases);
    for path in [
        "/v1/project".to_owned(),
        "/v1/experiment".to_owned(),
        "/v1/dataset".to_owned(),
        "/v1/function".to_owned(),
        format!("/api/datasets/{}/versions", ids[1].1),
    ] {
        all.push(collector.get(&path).await);
    }
    all
}

#[tokio::test]
async fn everything_is_moved_once_even_if_it_was_interrupted() {
    if store() == Store::Postgres {
        // The other run of this suite does it.
        return;
    }
    let collector = Collector::start().await;
    let experiment = collector.experiment(&json!({"experiment_name": "e"})).await;
    let experiment = experiment["id"].as_str().expect("an id").to_owned();
    let made = json!({"project_name": "p", "dataset_name": "d"});
    let made = collector.post("/api/dataset/register", &made).await;
    let dataset = made["dataset"]["id"].as_str().expect("an id").to_owned();
    let project = made["project"]["id"].as_str().expect("an id").to_owned();
    let rows: Vec<Value> = (0..ROWS)
        .map(|n| {
            let root = format!("t{}", n / 4);
            json!({"id": format!("r{n}"), "span_id": format!("r{n}"), "root_span_id": root,
                "span_parents": if n % 4 == 0 { json!([]) } else { json!([format!("r{}", n / 4 * 4)]) },
                "experiment_id": experiment, "input": {"question": n}, "scores": {"s": 0.5}})
        })
        .collect();
    for part in rows.chunks(1_000) {
        collector.log(&json!(part)).await;
    }
    for version in 0..3 {
        let row = json!({"id": "same", "dataset_id": dataset, "input": version});
        collector.log(&json!([row])).await;
    }
    let log = json!({"id": "l", "project_id": project, "log_id": "g", "output": "x".repeat(5_000)});
    collector.log(&json!([log])).await;
    let gone = collector.experiment(&json!({"experiment_name": "gone"})).await;
    let gone = gone["id"].as_str().expect("an id").to_owned();
    collector.log(&json!([{"id": "g", "experiment_id": gone}])).await;
    collector.send(Method::DELETE, &format!("/v1/experiment/{gone}"), "").await;
    let ids = [("experiment", experiment), ("dataset", dataset), ("project_logs", project)];
    let before = answers(&collector, &ids).await;

    let url = fresh_url().await;
    let refused = Migration::new(collector.dir.path(), &url).run(|_| ()).await;
    assert!(matches!(refused, Err(MigrationError::Source(_))), "it is in use: {refused:?}");
    let dir = collector.stop().await;
    let interrupted = Migration::new(dir.path(), &url).run(|step| {
        assert!(!matches!(step, MigrationStep::Moved(..)), "interrupted on purpose");
    });
    interrupted.await.expect_err("interrupted");
    let report = Migration::new(dir.path(), &url).run(|_| ()).await.expect("moved");
    // 3 of the dataset, of which 2 are earlier states, and 1 of the logs.
    assert_eq!((report.rows, report.earlier), (ROWS as u64 + 2, 2));
    assert!(report.resumed_at > 0 && report.resumed_at < report.rows, "{report:?}");
    let again = Migration::new(dir.path(), &url).run(|_| ()).await.expect("moved before");
    assert_eq!(again.checksum, report.checksum);

    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let options = Options::new(dir.path()).listen(listen).database(&url);
    let moved = Collector::of(start(options).await.expect("started"), dir);
    assert_eq!(answers(&moved, &ids).await, before);
    // What comes now is newer than all that came along.
    moved.log(&json!([{"id": "new", "dataset_id": ids[1].1, "input": 1}])).await;
    let rows = moved.rows_of("dataset", &ids[1].1, 10).await;
    let xact = |id: &str| {
        let row = rows.iter().find(|row| row["id"] == id).expect("a row");
        row["_xact_id"].as_str().expect("a transaction").to_owned()
    };
    assert!(xact("new") > xact("same"));

    // It is a store of its own by now.
    let other = Collector::start().await.stop().await;
    let refused = Migration::new(other.path(), &url).run(|_| ()).await;
    assert!(matches!(refused, Err(MigrationError::Occupied)), "{refused:?}");
    moved
        .log(&json!([{"id": "l", "project_id": ids[2].1, "log_id": "g", "output": "other"}]))
        .await;
    let changed = Migration::new(moved.stop().await.path(), &url).run(|_| ()).await;
    assert!(matches!(changed, Err(MigrationError::Differs { .. })), "{changed:?}");
}
