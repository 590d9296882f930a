//! What cannot be delivered waits in files, and arrives later, once and in order.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tidegate_client::spool::{self, Drained};
use tidegate_client::{
    Client, Config, DropReason, Event, Feedback, FlushError, Policy, ProblemKind, SpanOptions,
};

use crate::support::{Answer, Server, experiment};

const MINUTE: Duration = Duration::from_secs(60);

/// A server that can be switched off: it closes connections without an answer then.
fn switchable() -> (Server, Arc<AtomicBool>) {
    let up = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&up);
    let server = Server::start(move |path, _, _| {
        (path == "/logs3" && !shared.load(Ordering::Relaxed)).then_some(Answer::Close)
    });
    (server, up)
}

fn config(server: &Server, spool: &Path) -> Config {
    Config::default()
        .app_url(&server.url)
        .spool_dir(spool.to_owned())
        .shutdown_timeout(Duration::from_millis(200))
}

fn record(client: &Client, ids: std::ops::Range<usize>) {
    for id in ids {
        let options = SpanOptions::new("s").row_id(format!("row-{id}"));
        let span = client.start_span(experiment(), options);
        span.log(Event::new().input(&id).output("first"));
        span.log(Event::new().output(&format!("last {id}")));
    }
}

fn check(server: &Server, ids: std::ops::Range<usize>) {
    server.seen(|seen| {
        assert_eq!(seen.stored.len(), ids.len());
        for id in ids {
            let row = &seen.stored[&format!("row-{id}")];
            assert_eq!(row["input"], json!(id));
            assert_eq!(row["output"], json!(format!("last {id}")));
            assert!(row["metrics"]["start"].is_number() && row["metrics"]["end"].is_number());
        }
    });
}

async fn drain(server: &Server, root: &Path) -> Drained {
    let client = Client::new(Config::default().app_url(&server.url)).expect("a client");
    let mut all = Drained::default();
    for directory in spool::directories(root).expect("readable") {
        let (drained, result) = client.drain_spool(&directory.path, MINUTE).await;
        result.expect("delivered");
        all.records += drained.records;
        all.rows += drained.rows;
        all.torn_bytes += drained.torn_bytes;
        all.rejected_rows += drained.rejected_rows;
    }
    all
}

fn files(root: &Path, extension: &str) -> Vec<PathBuf> {
    let directories = fs::read_dir(root).expect("readable").flatten();
    let mut found: Vec<_> = directories
        .flat_map(|directory| fs::read_dir(directory.path()).expect("readable").flatten())
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == extension))
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn what_a_shutdown_could_not_deliver_is_sent_by_the_next_client() {
    let (server, up) = switchable();
    let spool = TempDir::new().expect("a directory");
    let client = Client::new(config(&server, spool.path())).expect("a client");
    record(&client, 0..50);
    let receipt = client.shutdown(Duration::from_millis(200)).expect("nothing is lost");
    assert_eq!((receipt.spooled, receipt.pending, receipt.lost()), (200, 0, 0), "{receipt:?}");
    assert_eq!(files(spool.path(), "seg").len(), 1);

    up.store(true, Ordering::Relaxed);
    let next = Client::new(config(&server, spool.path())).expect("a client");
    let emptied = async {
        while !files(spool.path(), "seg").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(MINUTE, emptied).await.expect("sent in the background");
    drop(next);
    check(&server, 0..50);
    assert_eq!(files(spool.path(), "lock"), [] as [PathBuf; 0], "nothing is left behind");
}

#[cfg(unix)]
#[tokio::test]
async fn the_spool_is_private_and_names_no_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let (server, _) = switchable();
    let spool = TempDir::new().expect("a directory");
    let client =
        Client::new(config(&server, spool.path()).api_key("secret-key")).expect("a client");
    record(&client, 0..1);
    client.shutdown(Duration::from_millis(100)).expect("kept");
    let directory = &spool::directories(spool.path()).expect("readable")[0];
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&directory.path), 0o700);
    for file in fs::read_dir(&directory.path).expect("readable").flatten() {
        let text = fs::read(file.path()).expect("readable");
        assert!(!text.windows(10).any(|bytes| bytes == b"secret-key"));
        if file.path().extension().is_some_and(|end| end == "seg") {
            assert_eq!(mode(&file.path()), 0o600);
        }
    }
}

#[tokio::test]
async fn policy_spool_keeps_everything_while_the_server_is_dead() {
    let (server, up) = switchable();
    let spool = TempDir::new().expect("a directory");
    let config = config(&server, spool.path()).policy(Policy::Spool).budget_bytes(20_000);
    let client = Client::new(config).expect("a client");
    record(&client, 0..2_000);
    let receipt = client.shutdown(Duration::from_millis(100)).expect("nothing is lost");
    assert_eq!(receipt.lost(), 0);
    assert_eq!(receipt.spooled, receipt.accepted);
    up.store(true, Ordering::Relaxed);
    let drained = drain(&server, spool.path()).await;
    assert_eq!(drained.records, 8_000);
    check(&server, 0..2_000);
}

/// A span whose beginning was spooled must not have its end overtaken by it.
#[tokio::test]
async fn what_follows_a_spooled_row_follows_it_into_the_spool() {
    let (server, up) = switchable();
    let spool = TempDir::new().expect("a directory");
    let config = config(&server, spool.path()).policy(Policy::Spool).budget_bytes(2_000);
    let client = Client::new(config).expect("a client");
    let span = client.start_span(experiment(), SpanOptions::new("s").row_id("long"));
    span.log(Event::new().input(&1).output("first"));
    record(&client, 0..100);
    let kept = async {
        while client.stats().spooled < client.stats().accepted / 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(MINUTE, kept).await.expect("the budget is far too small");
    up.store(true, Ordering::Relaxed);
    span.log(Event::new().output("last"));
    span.end();
    // From somebody who only knows the id.
    client.log_feedback(experiment(), "long", Feedback::new().score("helpful", 1.0));
    client.flush(MINUTE).await.expect("settled");
    client.shutdown(MINUTE).expect("settled");
    drain(&server, spool.path()).await;
    server.seen(|seen| {
        let row = &seen.stored["long"];
        assert_eq!((&row["input"], &row["output"]), (&json!(1), &json!("last")));
        assert_eq!(row["scores"], json!({"helpful": 1.0}));
        assert!(row["metrics"]["end"].is_number());
        assert_eq!(seen.stored.len(), 101);
    });
}

#[tokio::test]
async fn a_refused_key_keeps_rows_for_a_process_with_a_better_one() {
    let server = Server::start(|path, _, _| {
        (path == "/logs3").then(|| Answer::Json(401, "", json!({"error": "bad key"})))
    });
    let spool = TempDir::new().expect("a directory");
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    let config = config(&server, spool.path()).on_error(move |problem| {
        hook.lock().expect("not poisoned").push(problem.clone());
        panic!("a hook that panics is the program's own problem");
    });
    let client = Client::new(config).expect("a client");
    record(&client, 0..10);
    let receipt = client.flush(MINUTE).await.expect("kept, not lost");
    assert_eq!((receipt.spooled, receipt.lost()), (40, 0));
    // The next ones go there at once, without another request.
    let requests = server.seen(|seen| seen.uploads);
    record(&client, 10..20);
    assert_eq!(client.flush(MINUTE).await.expect("kept").spooled, 40);
    assert_eq!(server.seen(|seen| seen.uploads), requests);
    let told = told.lock().expect("not poisoned");
    assert_eq!(told[0].reason, DropReason::Unauthorized);
    assert_eq!(told[0].kind, ProblemKind::Spooled);
    assert!(told[0].to_string().contains("BRAINTRUST_API_KEY"), "{}", told[0]);
    assert_eq!(told.iter().map(|problem| problem.records).sum::<u64>(), 80);
}

#[tokio::test]
async fn a_living_process_keeps_its_segments_and_a_torn_tail_is_left_out() {
    let (server, up) = switchable();
    let spool = TempDir::new().expect("a directory");
    let living = Client::new(config(&server, spool.path()).durable(true)).expect("a client");
    record(&living, 0..5);
    let dead = Client::new(config(&server, spool.path())).expect("a client");
    record(&dead, 5..9);
    dead.shutdown(Duration::from_millis(100)).expect("kept");
    let status = spool::status(&spool::directories(spool.path()).expect("readable")[0].path);
    let status = status.expect("readable");
    assert_eq!((status.segments, status.live_segments, status.records), (1, 1, 16));

    // What a death in the middle of a write leaves.
    let segments = files(spool.path(), "seg");
    let last = segments.last().expect("two segments");
    let mut bytes = fs::read(last).expect("readable");
    bytes.extend_from_slice(&[40, 0, 0, 0, 1, 2, 3]);
    fs::write(last, bytes).expect("writable");

    up.store(true, Ordering::Relaxed);
    let drained = drain(&server, spool.path()).await;
    assert_eq!((drained.records, drained.rows, drained.torn_bytes), (16, 4, 7));
    assert_eq!(files(spool.path(), "seg").len(), 1, "the living one's");
    living.shutdown(MINUTE).expect("delivered by itself");
    check(&server, 0..9);
    assert!(files(spool.path(), "seg").is_empty(), "acknowledged segments are removed");
}

#[tokio::test]
async fn a_row_that_is_refused_for_good_is_kept_beside_the_spool() {
    let (server, up) = {
        let up = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&up);
        let server = Server::start(move |path, _, body| {
            if path != "/logs3" {
                return None;
            }
            if !shared.load(Ordering::Relaxed) {
                return Some(Answer::Close);
            }
            let rows = body["rows"].as_array().expect("rows");
            let bad = rows.iter().any(|row| row["id"] == "row-3");
            bad.then(|| Answer::Json(400, "", json!({"error": "row-3 is bad"})))
        });
        (server, up)
    };
    let spool = TempDir::new().expect("a directory");
    let client = Client::new(config(&server, spool.path())).expect("a client");
    record(&client, 0..8);
    client.shutdown(Duration::from_millis(100)).expect("kept");
    up.store(true, Ordering::Relaxed);
    let drained = drain(&server, spool.path()).await;
    assert_eq!((drained.rows, drained.rejected_rows), (7, 1));
    let rejected = fs::read_to_string(&files(spool.path(), "jsonl")[0]).expect("readable");
    assert!(rejected.contains("row-3") && rejected.lines().count() == 1);
}

#[tokio::test]
async fn a_full_or_unwritable_spool_is_a_loss_that_is_counted() {
    let (server, _) = switchable();
    let spool = TempDir::new().expect("a directory");
    let client =
        Client::new(config(&server, spool.path()).spool_max_bytes(3_000)).expect("a client");
    record(&client, 0..50);
    let error = client.shutdown(Duration::from_millis(100)).expect_err("most are lost");
    let FlushError::Lost { receipt } = error else { panic!("{error}") };
    assert!(receipt.spooled > 0 && receipt.lost() > 100, "{receipt:?}");
    assert_eq!(receipt.spooled + receipt.lost(), receipt.accepted);

    let missing = Config::default().app_url(&server.url);
    let refused = Client::new(missing.clone().durable(true)).expect_err("no directory");
    assert!(refused.to_string().contains("spool directory"), "{refused}");
    let file = spool.path().join("a-file");
    fs::write(&file, "").expect("writable");
    assert!(Client::new(missing.durable(true).spool_dir(file)).is_err());
}

#[tokio::test]
async fn durable_segments_go_away_as_rows_are_acknowledged() {
    let (server, up) = switchable();
    up.store(true, Ordering::Relaxed);
    let spool = TempDir::new().expect("a directory");
    let client = Client::new(config(&server, spool.path()).durable(true)).expect("a client");
    record(&client, 0..300);
    assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 300);
    let status = |root| {
        let directory = &spool::directories(root).expect("readable")[0];
        spool::status(&directory.path).expect("readable")
    };
    assert_eq!(status(spool.path()).live_segments, 1);
    client.shutdown(MINUTE).expect("delivered");
    assert_eq!(status(spool.path()), spool::Status::default());
    check(&server, 0..300);
}
