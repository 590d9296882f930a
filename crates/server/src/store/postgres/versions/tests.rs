use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate_model::RowId;
use tokio::sync::Notify;

use super::super::testing::{fresh, sum};
use super::super::writer::Writer;
use super::*;
use crate::store::Watch;

fn writer(database: &Database) -> Writer {
    Writer::start(database.clone(), Arc::new(Notify::new()), Watch::unread("".as_ref()))
}

fn dataset() -> Destination {
    Destination::Dataset("d".into())
}

fn put(id: &str, value: i32) -> RowWrite {
    let members = json!({"input": value, "created": "2026-01-01T00:00:00Z"});
    let Value::Object(row) = members else { panic!("an object") };
    let change = Change::Replace(Document::of(row));
    RowWrite { destination: dataset(), id: RowId::from(id), change }
}

fn delete(id: &str) -> RowWrite {
    RowWrite { destination: dataset(), id: RowId::from(id), change: Change::Delete }
}

/// Ids and inputs of all rows.
async fn rows(database: &Database) -> Vec<(String, i64)> {
    let client = database.client().await.expect("a connection");
    let sql = "SELECT row_id, document FROM rows ORDER BY row_id";
    let found = database::rows(&client, sql, &[]).await.expect("read");
    let read = |row: &tokio_postgres::Row| {
        let text = columns::text(row.get(1)).expect("a document").into_owned();
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let id = columns::read_row_id(row.get(0)).expect("an id").to_string();
        (id, document["input"].as_i64().expect("a number"))
    };
    found.iter().map(read).collect()
}

#[tokio::test]
async fn a_restored_dataset_is_what_it_was_and_its_history_says_so() {
    let (database, _) = fresh().await;
    let writer = writer(&database);
    let first = vec![put("a", 1), put("b", 1), put("same", 1)];
    let first = writer.write(first, 0).await.expect("written");
    let second = vec![put("a", 2), delete("b"), put("c", 2)];
    let second = writer.write(second, 0).await.expect("written");
    let third = writer.write(vec![put("c", 3)], 0).await.expect("written");
    let expected = Restoration { restored: 2, deleted: 1, xact: None };
    let preview = preview_restore(&database, &dataset(), first).await.expect("compared");
    assert_eq!(preview, expected);
    let restored = restore(&database, &dataset(), first).await.expect("restored");
    let fourth = restored.xact.expect("a transaction");
    assert_eq!(restored, Restoration { xact: Some(fourth), ..expected });
    assert!(fourth > third);
    let all = [("a", 1), ("b", 1), ("same", 1)].map(|(id, input)| (id.to_owned(), input));
    assert_eq!(rows(&database).await, all);
    let again = restore(&database, &dataset(), first).await.expect("restored");
    assert_eq!(again, NOTHING);
    // The states in between are there as well.
    let back = restore(&database, &dataset(), third).await.expect("restored");
    let fifth = back.xact.expect("a transaction");
    assert_eq!((back.restored, back.deleted), (2, 1));
    let all = [("a", 2), ("c", 3), ("same", 1)].map(|(id, input)| (id.to_owned(), input));
    assert_eq!(rows(&database).await, all);

    let client = database.client().await.expect("a connection");
    let name = "INSERT INTO projects (id, name, created) VALUES ('p', 'p', '');
        INSERT INTO datasets (id, project, name, created, details)
          SELECT 'd', number, 'd', '', '{}' FROM projects;";
    client.batch_execute(name).await.expect("registered");
    for (id, xact) in [("s1", second), ("s2", first), ("s0", second)] {
        let sql = "INSERT INTO dataset_snapshots (id, dataset, name, xact, created)
            SELECT $1, number, $1, $2, '' FROM datasets";
        client.execute(sql, &[&id, &columns::xact(xact)]).await.expect("stored");
    }
    // Of a moment when nothing was written.
    let later = columns::xact(fifth) + 1;
    let sql = "INSERT INTO dataset_environments (id, dataset, environment, xact, created)
        SELECT 'e', number, 'prod', $1, '' FROM datasets";
    client.execute(sql, &[&later]).await.expect("stored");
    let history = async |before, limit| {
        let found = super::history(&database, "d", before, limit).await.expect("read");
        let short = |version: DatasetVersion| {
            let names = [version.snapshots, version.environments].concat().join(" ");
            (version.xact, version.changed, version.deleted, names)
        };
        found.into_iter().map(short).collect::<Vec<_>>()
    };
    let all = [
        (fifth, 2, 1, "prod".to_owned()),
        (fourth, 2, 1, String::new()),
        (third, 1, 0, String::new()),
        (second, 2, 1, "s0 s1".to_owned()),
        (first, 3, 0, "s2".to_owned()),
    ];
    assert_eq!(history(None, 10).await, all);
    assert_eq!(history(Some(fourth), 2).await, all[2..4]);
    assert_eq!(history(Some(first), 10).await, []);
    let none = super::history(&database, "nobody", None, 10).await.expect("read");
    assert_eq!(none, []);
    writer.close().await;
}

#[tokio::test]
async fn restoring_while_others_write_leaves_no_state_out() {
    let (database, url) = fresh().await;
    let other = Database::new(&url).expect("a URL");
    let writers = [writer(&database), writer(&other)];
    let start = (0..20).map(|n| put(&n.to_string(), 0)).collect();
    let first = writers[0].write(start, 0).await.expect("written");
    let writes = join_all(
        (1..60).map(|n| writers[n as usize % 2].write(vec![put(&(n % 20).to_string(), n)], 0)),
    );
    let restores = async {
        let mut restored = Vec::new();
        for n in 0..10 {
            let on = [&database, &other][n % 2];
            restored.push(restore(on, &dataset(), first).await.expect("restored"));
        }
        restored
    };
    let (written, restored) = tokio::join!(writes, restores);
    for one in written {
        one.expect("written");
    }
    // Each state ends where another begins, in the order of ids; none ends before it began.
    let broken = "SELECT count(*) FROM row_versions AS past WHERE until <= xact OR NOT EXISTS (
          SELECT 1 FROM rows WHERE rows.row_id = past.row_id AND rows.xact = past.until
          UNION ALL SELECT 1 FROM row_versions AS next
            WHERE next.row_id = past.row_id AND next.xact = past.until)";
    assert_eq!(sum(&database, broken).await, 0, "{restored:?}");
    let last = restore(&other, &dataset(), first).await.expect("restored");
    assert_eq!(last.deleted, 0);
    assert!(rows(&database).await.iter().all(|(_, input)| *input == 0));
    for writer in writers {
        writer.close().await;
    }
}
