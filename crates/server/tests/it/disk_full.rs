//! A full disk: a small file system in memory, filled and freed again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::database::sqlite_only;
use crate::harness::{Collector, DEADLINE, integrity};

const EXPERIMENT: &str = "e";
/// Room for the database at first; the rest of the disk is taken by [`BALLAST_BYTES`].
const DISK: &str = "size=24m";
const BALLAST_BYTES: usize = 14 << 20;
const ROW_BYTES: usize = 60_000;
/// Far more requests than fit.
const MOST_REQUESTS: usize = 2_000;

/// Takes the mount away, whatever happens.
struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a collector that a failed test leaves behind may still have files open.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "the one setting of this test")]
fn may_skip() -> bool {
    std::env::var_os("TIDEGATE_NO_MOUNT").is_some_and(|value| value == "1")
}

/// Mounts a small file system; `None` only if it was said that this machine cannot.
#[expect(clippy::print_stderr, reason = "what is not tested must be said")]
fn small_disk(at: &Path) -> Option<Mount> {
    if may_skip() {
        eprintln!("TIDEGATE_NO_MOUNT=1: the behaviour on a full disk is NOT tested");
        return None;
    }
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(at).output();
    let mounted = mounted.expect("the program mount");
    assert!(
        mounted.status.success(),
        "a small file system is needed and cannot be mounted ({}); run this as root, or set \
         TIDEGATE_NO_MOUNT=1 to leave the behaviour on a full disk untested",
        String::from_utf8_lossy(&mounted.stderr).trim()
    );
    Some(Mount(at.to_owned()))
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing_and_freeing_it_is_enough() {
    sqlite_only!("fills the disk under the file");
    let dir = TempDir::new().expect("a directory");
    let Some(mount) = small_disk(dir.path()) else { return };
    let ballast = dir.path().join("ballast");
    fs::write(&ballast, vec![0xFF; BALLAST_BYTES]).expect("room for the ballast");
    let collector = Arc::new(Collector::start_in(dir, |options| options).await);

    // Several writers, so that a commit holds more than one request when it fails.
    let writers = (0..4).map(|writer| {
        let collector = Arc::clone(&collector);
        async move {
            let mut stored = BTreeMap::new();
            for request in 0..MOST_REQUESTS {
                let (id, row) = row(writer, request);
                let reply = upload(&collector, &row).await;
                if reply.status == StatusCode::OK {
                    stored.insert(id, row["input"].clone());
                    continue;
                }
                assert_eq!(reply.status, StatusCode::INSUFFICIENT_STORAGE, "{}", reply.body);
                assert_eq!(reply.body["code"], "disk_full");
                assert_eq!(reply.headers["retry-after"], "10");
                return stored;
            }
            panic!("the disk never filled");
        }
    });
    let mut stored: BTreeMap<String, Value> = BTreeMap::new();
    for of_one in futures(writers).await {
        stored.extend(of_one);
    }
    assert!(stored.len() > 20, "only {} requests fitted", stored.len());
    // One that did not fit beside others may fit alone: on until nothing does.
    let mut refused = 0;
    for request in 0..MOST_REQUESTS {
        let (id, row) = row(8, request);
        match upload(&collector, &row).await.status {
            StatusCode::OK => {
                stored.insert(id, row["input"].clone());
                refused = 0;
            }
            status => {
                assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE);
                refused += 1;
            }
        }
        if refused == 20 {
            break;
        }
    }
    assert_eq!(refused, 20, "the disk never filled");

    // Full: reads go on, nothing acknowledged is missing, and whoever asks is told why.
    check(&collector, &stored).await;
    let ready = collector.send(Method::GET, "/health/ready", "").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.body["code"], "disk_full");
    assert_eq!(collector.get("/health/live").await["status"], "ok");
    assert!(metric(&collector, "tidegate_store_disk_full 1").await);

    // Room again: no restart, no other help.
    fs::remove_file(ballast).expect("removed");
    let ready = async {
        while collector.send(Method::GET, "/health/ready", "").await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, ready).await.expect("ready by itself");
    assert!(metric(&collector, "tidegate_store_disk_full 0").await);
    for request in 0..50 {
        let (id, row) = row(5, request);
        let reply = upload(&collector, &row).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        stored.insert(id, row["input"].clone());
    }
    check(&collector, &stored).await;

    let collector = Arc::into_inner(collector).expect("no other user");
    let dir = collector.stop().await;
    assert_eq!(integrity(dir.path()), "ok");
    let collector = Collector::start_in(dir, |options| options).await;
    check(&collector, &stored).await;
    let dir = collector.stop().await;
    drop(mount);
    drop(dir);
}

async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures_util::future::join_all(all).await
}

async fn upload(collector: &Collector, row: &Value) -> crate::harness::Reply {
    let body = json!({"rows": [row], "api_version": 2}).to_string();
    collector.send(Method::POST, "/logs3", body).await
}

/// A row that hardly compresses, different each time and the same for the same numbers.
fn row(writer: u64, request: usize) -> (String, Value) {
    let id = format!("{writer}-{request}");
    let mut state = writer << 32 | request as u64 | 1 << 60;
    let text: String = (0..ROW_BYTES)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b' ' + 3 + (state >> 33) as u8 % 88)
        })
        .collect();
    let row = json!({"id": id, "experiment_id": EXPERIMENT, "input": text});
    (id, row)
}

/// Every acknowledged row is there as it was sent, and no refused one.
async fn check(collector: &Collector, stored: &BTreeMap<String, Value>) {
    let rows = collector.rows(EXPERIMENT, 50).await;
    let found: BTreeMap<String, Value> = rows
        .into_iter()
        .map(|row| (row["id"].as_str().expect("an id").to_owned(), row["input"].clone()))
        .collect();
    for (id, input) in stored {
        assert!(found.get(id) == Some(input), "acknowledged row {id} is missing or different");
    }
    assert_eq!(found.len(), stored.len(), "rows were stored that were refused");
}

async fn metric(collector: &Collector, line: &str) -> bool {
    collector.text("/metrics", &[]).await.lines().any(|found| found == line)
}
