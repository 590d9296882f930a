use std::path::Path;
use std::sync::mpsc;

use serde_json::json;

use super::super::DATABASE_FILE;
use super::super::store::SqliteStore;
use super::*;
use crate::ingest;
use crate::store::{Store, Watch};

const SMALL: Limits =
    Limits { copy: 64, restart: 256, rest: 64, most: 1_024, long_read: Duration::ZERO };

fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open_with(dir, Watch::unread(dir), SMALL).expect("open")
}

/// Pages of the file, which never shrinks below twice [`Limits::restart`].
fn log_pages(dir: &Path) -> u64 {
    let log = dir.join(format!("{DATABASE_FILE}-wal"));
    std::fs::metadata(log).expect("a log").len() / 4_096
}

/// Writes a request of about twenty pages.
async fn write(store: &SqliteStore, number: usize) {
    let rows: Vec<_> = (0..100)
        .map(|n| {
            let id = format!("{:016x}", (number * 100 + n).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            json!({"id": id, "experiment_id": "e", "input": "x".repeat(600)})
        })
        .collect();
    let body = json!({ "rows": rows }).to_string();
    let decoded = ingest::decode(body.as_bytes()).expect("good rows");
    store.write(decoded.writes, body.len()).await.expect("written");
}

#[tokio::test]
async fn the_log_stays_short_while_writes_go_on() {
    let dir = tempfile::tempdir().expect("directory");
    let store = open(dir.path());
    for number in 0..200 {
        write(&store, number).await;
        // What one request adds beyond the limit, when the thread has not kept up.
        assert!(log_pages(dir.path()) < u64::from(SMALL.most) + 400, "{number}");
    }
    let pages = store
        .writer
        .submit(0, |session| {
            let pages = session.connection.query_row("PRAGMA page_count", [], |row| row.get(0));
            Ok(pages.map(i64::unsigned_abs)?)
        })
        .await
        .expect("pages");
    assert!(pages > 3 * u64::from(SMALL.most), "the log held less than was written: {pages}");
    store.close(Box::new(())).await;
    assert!(!dir.path().join(format!("{DATABASE_FILE}-wal")).exists());
}

#[tokio::test]
async fn a_long_read_is_ended_before_the_log_grows_without_end() {
    let dir = tempfile::tempdir().expect("directory");
    let store = open(dir.path());
    write(&store, 0).await;
    let (begun, wait) = mpsc::sync_channel(1);
    // Without an end of its own, and with a snapshot from before all that follows.
    let reading = store.readers.run(move |connection| {
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                       SELECT count(*) + (SELECT count(*) FROM rows) FROM n";
        connection.query_row("SELECT count(*) FROM rows", [], |_| Ok(()))?;
        begun.send(()).expect("somebody waits");
        Ok(connection.query_row(endless, [], |row| row.get::<_, i64>(0))?)
    });
    let writing = async {
        tokio::task::spawn_blocking(move || wait.recv()).await.expect("waited").expect("begun");
        for number in 1..200 {
            write(&store, number).await;
            assert!(log_pages(dir.path()) < u64::from(SMALL.most) + 400, "{number}");
        }
    };
    let (read, ()) = tokio::join!(reading, writing);
    assert!(matches!(read, Err(StoreError::Overloaded)), "{read:?}");
    // The connection is as good as before.
    let count = store.readers.run(|connection| {
        Ok(connection.query_row("SELECT count(*) FROM rows", [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(count.await.expect("read"), 20_000);
    store.close(Box::new(())).await;
}
