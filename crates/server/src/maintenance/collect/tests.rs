//! Collecting step by step, over a real store and real files: what a crash leaves between two
//! steps, and what the store says while the index is behind.

use std::sync::Arc;

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_model::{Destination, RowId};

use super::*;
use crate::blobs::{Blobs, Upload};
use crate::lifecycle::Lifecycle;
use crate::store::sqlite::SqliteStore;
use crate::store::{Blob, BlobStore as _, Change, Document, Progress, Purpose, RowWrite};

/// A data directory in use, without anything that works by itself but the index.
struct World {
    store: Arc<SqliteStore>,
    files: Blobs,
    dir: TempDir,
}

impl World {
    fn open(dir: TempDir) -> Self {
        let store = Arc::new(SqliteStore::open(dir.path()).expect("open"));
        let files = Blobs::open(dir.path()).expect("files");
        Self { store, files, dir }
    }

    fn new() -> Self {
        Self::open(TempDir::new().expect("directory"))
    }

    /// The directory as a crash leaves it: what was not stored or removed by now never is.
    async fn crash(self) -> TempDir {
        self.store.close(Box::new(())).await;
        self.dir
    }

    fn collection(&self) -> Collection {
        let store: Arc<dyn Store> = Arc::clone(&self.store) as _;
        Collection { store, files: self.files.clone(), metrics: Arc::default() }
    }

    /// A round in which everything is old.
    async fn round(&self) {
        let pace = Pace { lifecycle: Lifecycle::default(), metrics: Arc::default() };
        let collection = self.collection();
        let ended = collection.attachments(&pace, Duration::ZERO).await.expect("a round");
        assert_eq!(ended, Ended::Complete);
        collection.orphans(&pace, Duration::ZERO).await.expect("a round");
    }

    async fn announce(&self, key: &str) {
        let blob = Blob {
            key: key.into(),
            purpose: Purpose::Attachment,
            project: None,
            maker: None,
            filename: String::new(),
            content_type: "text/plain".into(),
            progress: Progress::Uploading,
            file: None,
            bytes: None,
            xact: None,
            created_us: 0,
        };
        self.store.announce_blob(blob).await.expect("announced");
    }

    /// The first half of an upload: its file.
    async fn file(&self, text: &str) -> crate::blobs::Claim {
        let mut upload = Upload::start(&self.files).expect("start");
        upload.write(text.as_bytes()).expect("write");
        upload.finish(None).await.expect("finish")
    }

    async fn upload(&self, key: &str, text: &str) -> String {
        self.announce(key).await;
        let claim = self.file(text).await;
        let name = claim.name().to_owned();
        let done = self.store.complete_blob(key.into(), name.clone(), 1, Box::new(claim)).await;
        assert!(done.expect("stored"));
        name
    }

    async fn put(&self, object: &Destination, rows: &[(&str, Value)]) {
        let rows = rows.iter().map(|(id, row)| RowWrite {
            destination: object.clone(),
            id: RowId::from(*id),
            change: match row {
                Value::Object(row) => Change::Replace(Document::of(row.clone())),
                _ => Change::Delete,
            },
        });
        self.store.write(rows.collect(), 1_000).await.expect("written");
    }

    async fn is_known(&self, key: &str) -> bool {
        self.store.blob(key.into()).await.expect("read").is_some()
    }

    async fn has(&self, file: &str) -> bool {
        self.files.content(file).await.is_ok()
    }

    /// The index in the hands of another program, so that it stays as it is.
    fn frozen_index(&self) -> Connection {
        let index = Connection::open(self.dir.path().join("tidegate-index.db")).expect("open");
        index.busy_timeout(Duration::from_secs(30)).expect("set");
        index.execute_batch("BEGIN IMMEDIATE").expect("locked");
        index
    }
}

fn experiment() -> Destination {
    Destination::Experiment("e".into())
}

fn dataset() -> Destination {
    Destination::Dataset("d".into())
}

fn naming(key: &str) -> Value {
    json!({"id": "r", "input": {"type": "braintrust_attachment", "key": key}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_leaves_is_collected_by_the_next_process() {
    let world = World::new();
    let named = world.upload("named", "one").await;
    world.put(&experiment(), &[("r", naming("named"))]).await;
    let unnamed = world.upload("unnamed", "two").await;
    world.announce("never uploaded").await;
    // The file is there, and the crash comes before the store knows.
    let uncommitted = world.file("three").await.name().to_owned();
    // The store has forgotten the upload, and the crash comes before its file is removed.
    let place = world.store.indexed().await;
    let keys = ["unnamed", "never uploaded"].map(str::to_owned);
    let forgotten = world.store.forget_blobs(keys.into(), 1, place).await.expect("done");
    assert_eq!(forgotten, Some(vec![Some(unnamed.clone()), None]));
    for file in [&named, &unnamed, &uncommitted] {
        assert!(world.has(file).await);
    }

    let world = World::open(world.crash().await);
    world.round().await;
    assert!(world.is_known("named").await && world.has(&named).await);
    assert!(!world.is_known("unnamed").await && !world.has(&unnamed).await);
    assert!(!world.is_known("never uploaded").await && !world.has(&uncommitted).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_of_the_same_bytes_share_a_file_until_the_last_goes() {
    let world = World::new();
    let file = world.upload("a", "same").await;
    assert_eq!(world.upload("b", "same").await, file);
    world.put(&experiment(), &[("r", naming("b"))]).await;
    world.store.indexed().await;
    world.round().await;
    assert!(!world.is_known("a").await && world.is_known("b").await && world.has(&file).await);
    // A third is about to have it when the second goes.
    world.announce("c").await;
    let claim = world.file("same").await;
    world.put(&experiment(), &[("r", Value::Null)]).await;
    world.store.indexed().await;
    world.put(&experiment(), &[("r2", naming("c"))]).await;
    world.round().await;
    assert!(!world.is_known("b").await && world.has(&file).await);
    let known = world.store.complete_blob("c".into(), file.clone(), 1, Box::new(claim)).await;
    assert!(known.expect("stored"));
    world.store.indexed().await;
    world.round().await;
    assert!(world.is_known("c").await && world.has(&file).await);
    world.put(&experiment(), &[("r2", Value::Null)]).await;
    world.store.indexed().await;
    world.round().await;
    assert!(!world.has(&file).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_lasts_until_the_commit_even_if_nobody_waits_for_it() {
    let world = World::new();
    world.announce("k").await;
    let claim = world.file("text").await;
    let file = claim.name().to_owned();
    // The writer is busy, the client leaves, and its upload is in the queue.
    let (begun, is_busy) = tokio::sync::oneshot::channel();
    let (go, wait) = std::sync::mpsc::sync_channel(1);
    let store = Arc::clone(&world.store);
    let busy = tokio::task::JoinSet::from_iter([async move { store.occupy(begun, wait).await }]);
    is_busy.await.expect("busy");
    let upload = world.store.complete_blob("k".into(), file.clone(), 1, Box::new(claim));
    assert!(tokio::time::timeout(Duration::from_millis(50), upload).await.is_err());
    assert_eq!(world.files.condemn(vec![file.clone()]).names(), [""; 0]);
    go.send(()).expect("somebody waits");
    busy.join_all().await;
    // Its answer is dropped right after the commit.
    let deadline = clock::monotonic() + Duration::from_secs(60);
    while world.files.condemn(vec![file.clone()]).names().is_empty() {
        assert!(clock::monotonic() < deadline, "still claimed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(world.store.unnamed_files(vec![file]).await.expect("read"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_index_has_not_seen_yet_counts() {
    let world = World::new();
    for key in ["row", "earlier", "nobody"] {
        world.upload(key, key).await;
    }
    world.put(&dataset(), &[("r", naming("earlier"))]).await;
    let before = world.store.indexed().await;
    let index = world.frozen_index();
    // It still says that a row names this one, whose row is gone, but for its earlier state.
    world.put(&dataset(), &[("r", json!({"id": "r"}))]).await;
    world.put(&experiment(), &[("r", naming("row"))]).await;
    let found = world.store.unnamed_blobs(String::new(), 1, 10).await.expect("read");
    assert_eq!((found.place, found.last.as_deref()), (Some(before), Some("row")));
    assert_eq!(found.keys, ["nobody", "row"]);
    let all: Vec<_> = ["nobody", "row", "earlier"].map(str::to_owned).into();
    // Even if the index had already lost what it knew of the row.
    let forgotten = world.store.forget_blobs(all, 1, before).await.expect("done");
    assert_eq!(forgotten.map(|files| files.len()), Some(1));
    assert!(world.is_known("row").await && world.is_known("earlier").await);
    assert!(!world.is_known("nobody").await);
    drop(index);
    world.crash().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_forgotten_when_too_much_is_unknown() {
    let world = World::new();
    world.upload("k", "text").await;
    let place = world.store.indexed().await;
    let forget =
        async |place| world.store.forget_blobs(vec!["k".into()], 1, place).await.expect("done");
    let index = world.frozen_index();
    let ids: Vec<_> = (0..1_001).map(|n| n.to_string()).collect();
    let rows: Vec<_> = ids.iter().map(|id| (id.as_str(), json!({"id": id}))).collect();
    world.put(&experiment(), &rows).await;
    assert_eq!(forget(place).await, None, "more rows than are read on the writer's thread");
    assert_eq!(forget(crate::store::IndexPlace { journal: 1_000, ..place }).await, None);
    drop(index);
    let place = world.store.indexed().await;
    let large = json!({"id": "large", "input": "x".repeat(5 << 20)});
    let index = world.frozen_index();
    world.put(&experiment(), &[("large", large)]).await;
    assert_eq!(forget(place).await, None, "more bytes than are read on the writer's thread");
    drop(index);
    let place = world.store.indexed().await;
    assert_eq!(forget(place).await.map(|files| files.len()), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_in_the_making_names_no_candidates() {
    let world = World::new();
    world.upload("named", "one").await;
    world.upload("unnamed", "two").await;
    let rows: Vec<_> = (0..4_000).map(|n| n.to_string()).collect();
    let mut rows: Vec<_> = rows.iter().map(|id| (id.as_str(), json!({"id": id}))).collect();
    rows.push(("the last one", naming("named")));
    world.put(&experiment(), &rows).await;
    let dir = world.crash().await;
    std::fs::remove_file(dir.path().join("tidegate-index.db")).expect("there");
    let world = World::open(dir);
    let deadline = clock::monotonic() + Duration::from_secs(60);
    loop {
        let found = world.store.unnamed_blobs(String::new(), 1, 10).await.expect("read");
        if found.place.is_some() {
            assert_eq!(found.keys, ["unnamed"]);
            break;
        }
        assert_eq!((found.keys.len(), found.last), (0, None));
        assert!(clock::monotonic() < deadline, "the index is not built");
    }
    world.round().await;
    assert!(world.is_known("named").await && !world.is_known("unnamed").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_keeps_all_files_and_they_go_afterwards() {
    let world = World::new();
    let file = world.upload("k", "text").await;
    world.store.indexed().await;
    let hold = crate::blobs::hold(world.dir.path()).expect("held");
    world.round().await;
    assert!(!world.is_known("k").await && world.has(&file).await, "what was copied names it");
    drop(hold);
    world.round().await;
    assert!(!world.has(&file).await);
}
