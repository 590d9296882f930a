//! Several collectors on one database: each of them sees what any of them acknowledged.
//!
//! On SQLite there is one collector per directory; see `directory`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tidegate_server::{NewKey, Scope};
use tidegate_testkit::postgres::{Store, store};
use tokio::time::Instant;

use crate::database::keyring;
use crate::harness::{Collector, DEADLINE};
use crate::live::Events;

/// Within this a revoked key is refused by all.
const SECOND: Duration = Duration::from_secs(1);

/// Three collectors on one database; `None` where tests use SQLite.
async fn fleet() -> Option<[Collector; 3]> {
    if store() == Store::Sqlite {
        return None;
    }
    let first = Collector::start().await;
    let (second, third) = tokio::join!(first.beside(|it| it), first.beside(|it| it));
    Some([first, second, third])
}

fn row(experiment: &str, id: &str, more: &Value) -> Value {
    let mut row = json!({"id": id, "span_id": id, "root_span_id": id, "experiment_id": experiment});
    for (name, value) in more.as_object().expect("an object") {
        row[name] = value.clone();
    }
    row
}

#[tokio::test]
async fn what_one_acknowledged_all_answer_with() {
    let Some(fleet) = fleet().await else { return };
    let made = fleet[0].experiment(&json!({"experiment_name": "e"})).await;
    let experiment = made["id"].as_str().expect("an id");
    let mut last = String::new();
    for turn in 0..12_usize {
        let [one, other] = [&fleet[turn % 3], &fleet[(turn + 1) % 3]];
        let id = format!("r{turn}");
        let input = json!({"input": turn, "scores": {"s": 1}});
        one.log(&json!([row(experiment, &id, &input)])).await;
        let found = other.row(experiment, &id).await.expect("the row");
        assert_eq!(found["input"], turn);
        // Later writes have later transactions, whoever took them.
        let xact = found["_xact_id"].as_str().expect("a transaction").to_owned();
        assert!(xact > last, "{xact} after {last}");
        last = xact;
        let cases = format!("/api/objects/experiment/{experiment}/cases?limit=100");
        let cases = other.get(&cases).await;
        assert_eq!(cases["exact"], true, "{cases}");
        let listed = cases["cases"].as_array().or(cases["items"].as_array());
        assert_eq!(listed.map(Vec::len), Some(turn + 1), "{cases}");
    }
}

#[tokio::test]
async fn registering_at_once_makes_one_of_each() {
    let Some(fleet) = fleet().await else { return };
    let experiments = fleet.iter().cycle().take(24).map(|collector| async move {
        let body = json!({"project_name": "p", "experiment_name": "e", "update": true});
        let made = collector.post("/api/experiment/register", &body).await;
        let dataset = json!({"project_name": "p", "dataset_name": "d"});
        let dataset = collector.post("/api/dataset/register", &dataset).await;
        [
            made["project"]["id"].clone(),
            made["experiment"]["id"].clone(),
            dataset["dataset"]["id"].clone(),
        ]
    });
    let made = futures_util::future::join_all(experiments).await;
    assert!(made[0].iter().all(Value::is_string), "{made:?}");
    assert!(made.iter().all(|ids| *ids == made[0]), "{made:?}");
}

#[tokio::test]
async fn a_revoked_key_is_refused_by_all_within_a_second() {
    if store() == Store::Sqlite {
        return;
    }
    let first = Collector::start_with(|options| options.require_key(true)).await;
    let second = first.beside(|options| options.require_key(true)).await;
    let status = async |collector: &Collector, bearer: &str| {
        let headers = [("authorization", bearer)];
        collector.send_with(Method::GET, "/version", "", &headers).await.status.as_u16()
    };
    assert_eq!(second.handle.first_key(), None, "there was one already");
    // Made by another process.
    let keys = keyring(first.dir.path()).await;
    let made =
        keys.create(NewKey { name: None, project: None, scope: Scope::Write }).await.expect("made");
    let bearer = format!("Bearer {}", made.key);
    for collector in [&first, &second] {
        let begin = Instant::now();
        while status(collector, &bearer).await != 200 {
            assert!(begin.elapsed() < SECOND, "a new key is not known");
        }
    }
    keys.revoke(&made.id).await.expect("revoked");
    let begin = Instant::now();
    for collector in [&first, &second] {
        while status(collector, &bearer).await != 401 {
            assert!(begin.elapsed() < SECOND, "a revoked key is still good");
        }
    }
    keys.close().await;
}

#[tokio::test]
async fn collectors_that_start_at_once_make_one_first_key() {
    if store() == Store::Sqlite {
        return;
    }
    let first = Collector::start().await;
    let starts = (0..4).map(|_| first.beside(|options| options.require_key(true)));
    let fleet = futures_util::future::join_all(starts).await;
    let keys: Vec<_> = fleet.iter().filter_map(|it| it.handle.first_key()).collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    let bearer = format!("Bearer {}", keys[0]);
    for collector in &fleet {
        let headers = [("authorization", bearer.as_str())];
        let begin = Instant::now();
        while collector.send_with(Method::GET, "/version", "", &headers).await.status != 200 {
            assert!(begin.elapsed() < SECOND, "the first key is not known");
        }
    }
}

#[tokio::test]
async fn pages_of_one_hear_of_what_another_took() {
    let Some(fleet) = fleet().await else { return };
    let made = fleet[0].experiment(&json!({"experiment_name": "e"})).await;
    let experiment = made["id"].as_str().expect("an id");
    let query = format!("?experiment_id={experiment}");
    let mut events = Events::open(&fleet[1], &query, &[]).await;
    assert_eq!(events.next().await.expect("an event").name, "ready");
    fleet[2].log(&json!([row(experiment, "a", &json!({}))])).await;
    assert_eq!(events.change().await.data["rows"], 1);
}

#[tokio::test]
async fn a_deleted_object_is_gone_for_all() {
    let Some(fleet) = fleet().await else { return };
    let made = fleet[0].experiment(&json!({"experiment_name": "e"})).await;
    let experiment = made["id"].as_str().expect("an id");
    fleet[1].log(&json!([row(experiment, "a", &json!({}))])).await;
    assert!(fleet[2].row(experiment, "a").await.is_some());
    let gone = fleet[0].send(Method::DELETE, &format!("/v1/experiment/{experiment}"), "").await;
    assert_eq!(gone.status.as_u16(), 200, "{}", gone.body);
    for collector in &fleet {
        let path = format!("/v1/experiment/{experiment}");
        assert_eq!(collector.send(Method::GET, &path, "").await.status.as_u16(), 404);
        let fetch = format!("{path}/fetch");
        assert_eq!(collector.send(Method::GET, &fetch, "").await.status.as_u16(), 404);
    }
}

#[tokio::test]
async fn keys_that_are_no_longer_used_leave_no_connection() {
    if store() == Store::Sqlite {
        return;
    }
    let collector = Collector::start().await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
    let connections = || collector.database().number(count);
    for _ in 0..20 {
        keyring(collector.dir.path()).await.list().await.expect("listed");
    }
    // A collector at rest has a few: twenty more would be those that were left.
    let begin = Instant::now();
    while connections() >= 20 {
        assert!(begin.elapsed() < DEADLINE, "{} connections", connections());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
