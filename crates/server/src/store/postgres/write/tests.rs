use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tidegate_model::{Destination, RowId};
use tokio::sync::Notify;

use super::super::database::{Database, rows as query};
use super::super::testing::fresh;
use super::super::writer::Writer;
use super::*;
use crate::store::Watch;

fn writer(database: &Database) -> Writer {
    Writer::start(database.clone(), Arc::new(Notify::new()), Watch::unread("".as_ref()))
}

fn object(value: Value) -> Row {
    let Value::Object(row) = value else { panic!("not an object: {value}") };
    row
}

fn logs() -> Destination {
    Destination::ProjectLogs("p".into())
}

fn dataset() -> Destination {
    Destination::Dataset("d".into())
}

fn put(destination: &Destination, id: &str, value: Value) -> RowWrite {
    let change = Change::Replace(Document::of(object(value)));
    RowWrite { destination: destination.clone(), id: RowId::from(id), change }
}

fn merge_into(destination: &Destination, id: &str, value: Value) -> RowWrite {
    let change = Change::Merge(object(value));
    RowWrite { destination: destination.clone(), id: RowId::from(id), change }
}

fn delete(destination: &Destination, id: &str) -> RowWrite {
    let change = Change::Delete;
    RowWrite { destination: destination.clone(), id: RowId::from(id), change }
}

/// All present rows of all objects: id, transaction and document.
async fn stored(database: &Database) -> Vec<(String, i64, Value)> {
    let client = database.client().await.expect("a connection");
    let sql = "SELECT row_id, xact, document FROM rows ORDER BY object, row_id";
    let found = query(&client, sql, &[]).await.expect("read");
    let read = |row: &tokio_postgres::Row| {
        let text = columns::text(row.get(2)).expect("a document").into_owned();
        let id = columns::read_row_id(row.get(0)).expect("an id").to_string();
        (id, row.get(1), serde_json::from_str(&text).expect("JSON"))
    };
    found.iter().map(read).collect()
}

async fn count(database: &Database, sql: &str) -> i64 {
    let client = database.client().await.expect("a connection");
    one(&client, sql, &[]).await.expect("read").get(0)
}

#[tokio::test]
async fn changes_of_one_request_apply_in_order() {
    let (database, _) = fresh().await;
    let writer = writer(&database);
    let logs = logs();
    let first = writer
        .write(
            vec![
                put(&logs, "a", json!({"input": 1})),
                merge_into(&logs, "a", json!({"output": 2, "_is_merge": true})),
                put(&logs, "b", json!({"input": 1})),
                delete(&logs, "b"),
                merge_into(&logs, "c", json!({"input": 3, "_is_merge": true})),
            ],
            0,
        )
        .await
        .expect("written");
    let second = writer
        .write(vec![merge_into(&logs, "a", json!({"scores": {"s": 1}, "_is_merge": true}))], 0)
        .await
        .expect("written");
    assert!(first < second);
    let found = stored(&database).await;
    let ids: Vec<_> = found.iter().map(|(id, xact, _)| (id.as_str(), *xact)).collect();
    assert_eq!(ids, [("a", columns::xact(second)), ("c", columns::xact(first))]);
    let a = &found[0].2;
    assert_eq!((&a["input"], &a["output"], &a["scores"]["s"]), (&json!(1), &json!(2), &json!(1)));
    writer.close().await;
}

#[tokio::test]
async fn datasets_keep_what_each_request_ended() {
    let (database, _) = fresh().await;
    let writer = writer(&database);
    let dataset = dataset();
    // All at once, so that several are in one group.
    let writes = (0..6).map(|n| writer.write(vec![put(&dataset, "r", json!({"input": n}))], 0));
    let xacts = futures_util::future::try_join_all(writes).await.expect("written");
    writer.write(vec![delete(&dataset, "r")], 0).await.expect("deleted");
    assert_eq!(stored(&database).await, []);
    let sql = "SELECT count(*) FROM row_versions WHERE until > xact";
    assert_eq!(count(&database, sql).await, 6);
    let client = database.client().await.expect("a connection");
    let kept = query(&client, "SELECT xact FROM row_versions ORDER BY xact", &[]).await;
    let kept: Vec<i64> = kept.expect("read").iter().map(|row| row.get(0)).collect();
    let mut expected: Vec<i64> = xacts.into_iter().map(columns::xact).collect();
    expected.sort_unstable();
    assert_eq!(kept, expected);
    // Each state ends where the next begins.
    let sql = "SELECT count(*) FROM row_versions AS one
               JOIN row_versions AS next ON next.xact = one.until";
    assert_eq!(count(&database, sql).await, 5);
    writer.close().await;
}

#[tokio::test]
async fn a_request_that_cannot_be_applied_takes_no_other_with_it() {
    let (database, _) = fresh().await;
    let writer = writer(&database);
    let logs = logs();
    let text = "x".repeat(ROW_LIMIT_BYTES / 2 + 1);
    writer.write(vec![put(&logs, "large", json!({"input": text}))], 0).await.expect("written");
    let grow = merge_into(&logs, "large", json!({"output": text, "_is_merge": true}));
    let (one, grown, other) = tokio::join!(
        writer.write(vec![put(&logs, "one", json!({}))], 0),
        writer.write(vec![put(&logs, "with it", json!({})), grow], 0),
        writer.write(vec![put(&logs, "other", json!({}))], 0),
    );
    one.expect("kept");
    other.expect("kept");
    assert!(matches!(grown, Err(StoreError::RowTooLarge { .. })), "{grown:?}");
    let ids: Vec<String> = stored(&database).await.into_iter().map(|(id, ..)| id).collect();
    assert_eq!(ids, ["large", "one", "other"]);
    writer.close().await;
}

/// Many writers of many collectors merge into, replace and delete the same few rows: every merge
/// counts once, nothing waits in a circle for ever, and later transactions have later ids.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn collectors_write_the_same_rows_at_once() {
    const COLLECTORS: usize = 3;
    const REQUESTS: u64 = 40;
    let (database, _) = fresh().await;
    let newest = Arc::new(AtomicU64::new(0));
    let mut all = tokio::task::JoinSet::new();
    for collector in 0..COLLECTORS {
        let (database, newest) = (database.clone(), Arc::clone(&newest));
        all.spawn(async move {
            let writer = writer(&database);
            for number in 0..REQUESTS {
                let key = format!("k{collector}-{number}");
                let delta = json!({"metrics": {key: 1}, "_is_merge": true});
                // In another order each time.
                let mut rows: Vec<_> = (0..8)
                    .map(|row| merge_into(&logs(), &format!("r{row}"), delta.clone()))
                    .collect();
                rows.rotate_left((number as usize + collector) % 8);
                rows.push(put(&logs(), &format!("own{collector}"), json!({"input": number})));
                let before = newest.load(Ordering::SeqCst);
                let xact = writer.write(rows, 0).await.expect("written").as_u64();
                assert!(xact > before, "{xact} after {before}");
                newest.fetch_max(xact, Ordering::SeqCst);
            }
            writer.close().await;
        });
    }
    while let Some(done) = all.join_next().await {
        done.expect("no panic");
    }
    let found = stored(&database).await;
    assert_eq!(found.len(), 8 + COLLECTORS);
    let merges = COLLECTORS * REQUESTS as usize;
    for (id, _, row) in found.iter().filter(|(id, ..)| id.starts_with('r')) {
        assert_eq!(row["metrics"].as_object().map(serde_json::Map::len), Some(merges), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_object_is_made_once_by_all_who_write_to_it_first() {
    let (database, _) = fresh().await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..8 {
        let database = database.clone();
        all.spawn(async move {
            let writer = writer(&database);
            let both = vec![
                put(&logs(), &format!("row{number}"), json!({})),
                put(&dataset(), &format!("row{number}"), json!({})),
            ];
            writer.write(both, 0).await.expect("written");
            writer.close().await;
        });
    }
    while let Some(done) = all.join_next().await {
        done.expect("no panic");
    }
    assert_eq!(count(&database, "SELECT count(*) FROM objects").await, 2);
    assert_eq!(stored(&database).await.len(), 16);
    // One entry for the index for each commit and object, with all that it has to look at.
    let sql = "SELECT count(*) FROM changes, unnest(traces)";
    assert_eq!(count(&database, sql).await, 16);
}
