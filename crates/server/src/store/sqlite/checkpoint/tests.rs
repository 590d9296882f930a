use std::path::Path;
use std::sync::mpsc;

use futures_util::FutureExt;
use serde_json::json;

use super::super::writer::Writer;
use super::super::{DATABASE_FILE, objects, open, readers::Readers, row_tables};
use super::*;
use crate::ingest;
use crate::store::Watch;

const SMALL: Limits =
    Limits { copy: 64, restart: 256, rest: 64, most: 1_024, long_read: Duration::ZERO };

/// Pages that one request can add to a log that is already too long.
const REQUEST_PAGES: u64 = 400;

/// A writer and readers without an index: the thread that follows the rows reads them too, and how
/// long it keeps the log from starting over is a matter of how busy the machine is.
struct Store {
    writer: Writer,
    readers: Readers,
}

impl Store {
    fn open(dir: &Path) -> Self {
        let (path, watch) = (dir.join(DATABASE_FILE), Watch::unread(dir));
        let mut connection = open::for_writing(&path).expect("open");
        objects::initialise(&connection).expect("initialised");
        let other = open::for_writing(&path).expect("open");
        let readers = Readers::new(path, watch.clone());
        let checkpoints = Checkpoints::start(&mut connection, other, readers.running(), SMALL);
        let writer = Writer::start(connection, checkpoints.expect("a thread"), watch);
        Self { writer: writer.expect("a thread"), readers }
    }

    /// Writes a request of about twenty pages.
    async fn write(&self, number: usize) {
        let rows: Vec<_> = (0..100)
            .map(|n| {
                let id = format!("{:016x}", (number * 100 + n).wrapping_mul(0x9E37_79B9_7F4A_7C15));
                json!({"id": id, "experiment_id": "e", "input": "x".repeat(600)})
            })
            .collect();
        let body = json!({ "rows": rows }).to_string();
        let writes = ingest::decode(body.as_bytes()).expect("good rows").writes;
        let write = move |session: &mut _| row_tables::write(session, writes).map(drop);
        self.writer.submit(body.len(), write).await.expect("written");
    }

    async fn close(self) {
        self.readers.close().await;
        self.writer.close();
    }
}

/// Pages of the file, which never shrinks below twice [`Limits::restart`].
fn log_pages(dir: &Path) -> u64 {
    let log = dir.join(format!("{DATABASE_FILE}-wal"));
    std::fs::metadata(log).expect("a log").len() / 4_096
}

/// How often the log has started over, as its header counts it.
fn starts(dir: &Path) -> u32 {
    let log = std::fs::read(dir.join(format!("{DATABASE_FILE}-wal"))).expect("a log");
    u32::from_be_bytes(log[12..16].try_into().expect("four bytes"))
}

#[tokio::test]
async fn the_log_stays_short_while_writes_go_on() {
    let dir = tempfile::tempdir().expect("directory");
    let store = Store::open(dir.path());
    for number in 0..200 {
        store.write(number).await;
        // What one request adds beyond the limit, when the thread has not kept up.
        assert!(log_pages(dir.path()) < u64::from(SMALL.most) + REQUEST_PAGES, "{number}");
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
    store.close().await;
    assert!(!dir.path().join(format!("{DATABASE_FILE}-wal")).exists());
}

#[tokio::test]
async fn a_long_read_is_ended_before_the_log_grows_without_end() {
    let dir = tempfile::tempdir().expect("directory");
    let store = Store::open(dir.path());
    store.write(0).await;
    let (begun, wait) = mpsc::sync_channel(1);
    // Without an end of its own, and with a snapshot from before all that follows.
    let reading = store.readers.run(move |connection| {
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                       SELECT count(*) + (SELECT count(*) FROM rows) FROM n";
        connection.query_row("SELECT count(*) FROM rows", [], |_| Ok(()))?;
        begun.send(()).expect("somebody waits");
        Ok(connection.query_row(endless, [], |row| row.get::<_, i64>(0))?)
    });
    let (mut written, mut longest, started);
    let read = {
        let mut reading = std::pin::pin!(reading);
        let begun = tokio::task::spawn_blocking(move || wait.recv());
        tokio::select! {
            begun = begun => begun.expect("waited").expect("begun"),
            read = &mut reading => panic!("it has ended: {read:?}"),
        }
        (written, longest, started) = (1, 0, starts(dir.path()));
        // How many requests it takes depends on when the reading thread gets to see that it is to
        // end, not on what is tested here. Each of them waits for it.
        loop {
            store.write(written).await;
            written += 1;
            longest = longest.max(log_pages(dir.path()));
            if let Some(read) = (&mut reading).now_or_never() {
                break read;
            }
        }
    };
    assert!(matches!(read, Err(StoreError::Overloaded)), "{read:?}");
    assert!(longest >= u64::from(SMALL.most), "ended without need");
    // Now nothing is in the way: at the limit at the latest the log starts over.
    for _ in 0..SMALL.most / 10 {
        store.write(written).await;
        written += 1;
        assert!(log_pages(dir.path()) <= longest + REQUEST_PAGES, "the log goes on growing");
    }
    assert!(starts(dir.path()) > started, "the log does not start over");
    // The connection is as good as before.
    let count = store.readers.run(|connection| {
        Ok(connection.query_row("SELECT count(*) FROM rows", [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(count.await.expect("read"), i64::try_from(written * 100).expect("a number"));
    store.close().await;
}
