use std::sync::Arc;

use tidegate_model::{Destination, RowId};
use tokio::sync::Notify;

use super::super::testing::{fresh, sum};
use super::super::writer::Writer;
use super::*;
use crate::store::{Change, Document, RowWrite, Watch};

fn log(id: usize, created: &str) -> RowWrite {
    let row = serde_json::json!({"created": created, "root_span_id": (id / 2).to_string()});
    let serde_json::Value::Object(row) = row else { panic!("an object") };
    RowWrite {
        destination: Destination::ProjectLogs("p".into()),
        id: RowId::from(id.to_string().as_str()),
        change: Change::Replace(Document::of(row)),
    }
}

#[tokio::test]
async fn only_old_rows_of_logs_in_the_range_expire_and_the_index_gets_word() {
    let (database, _) = fresh().await;
    let bell = Arc::new(Notify::new());
    let writer = Writer::start(database.clone(), bell, Watch::unread("".as_ref()));
    assert_eq!(newest_number(&database).await.expect("read"), 0);
    // One after another, so that their numbers are known.
    for n in 0..16 {
        let created = if n < 10 { "2020-01-01T00:00:00Z" } else { "2026-01-01T00:00:00Z" };
        let mut row = log(n, created);
        if n == 15 {
            row = log(n, "2020-01-01T00:00:00Z");
            row.destination = Destination::Experiment("e".into());
        }
        writer.write(vec![row], 0).await.expect("written");
    }
    writer.close().await;
    assert_eq!(newest_number(&database).await.expect("read"), 16);
    let before_us = 1_700_000_000_000_000;
    let oldest = async |numbers| oldest_log(&database, &numbers).await.expect("read");
    assert_eq!(oldest(11..17).await, Some(1_767_225_600_000_000));
    assert_eq!(oldest(16..17).await, None, "an experiment's row");
    let client = database.client().await.expect("a connection");
    client.batch_execute("DELETE FROM changes").await.expect("indexed");
    let expire =
        async |limit| expire_logs(&database, &(3..100), before_us, limit).await.expect("removed");
    // A row that somebody is writing stays until they are done.
    let mut other = database.client().await.expect("a connection");
    let held = other.transaction().await.expect("a transaction");
    held.batch_execute("SELECT 1 FROM rows WHERE number = 5 FOR UPDATE").await.expect("locked");
    assert_eq!(expire(5).await, 5);
    assert_eq!(expire(5).await, 2);
    assert_eq!(expire(5).await, 0);
    held.rollback().await.expect("unlocked");
    assert_eq!(expire(5).await, 1);
    assert_eq!(sum(&database, "SELECT count(*) FROM rows").await, 8);
    let word = "SELECT sum(rows)::bigint * 100 + sum(cardinality(gone))::bigint * 10 + count(*)
        FROM changes WHERE object = (SELECT number FROM objects WHERE kind = 'project_logs')
          AND rows = cardinality(gone) AND numbers = '{}' AND earlier = '{}'";
    assert_eq!(sum(&database, word).await, 883);
    // Rows 3 to 10 are of the traces 1 to 4.
    let traces = "SELECT count(DISTINCT trace) FROM changes, unnest(traces) AS trace";
    assert_eq!(sum(&database, traces).await, 4);
}

#[tokio::test]
async fn logs_of_deleted_projects_are_left_to_the_sweep() {
    let (database, _) = fresh().await;
    let bell = Arc::new(Notify::new());
    let writer = Writer::start(database.clone(), bell, Watch::unread("".as_ref()));
    writer.write(vec![log(1, "2020-01-01T00:00:00Z")], 0).await.expect("written");
    writer.close().await;
    let client = database.client().await.expect("a connection");
    client.batch_execute("UPDATE objects SET deleted = true").await.expect("deleted");
    assert_eq!(oldest_log(&database, &(0..100)).await.expect("read"), None);
    assert_eq!(expire_logs(&database, &(0..100), i64::MAX, 10).await.expect("looked"), 0);
}
