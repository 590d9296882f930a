//! Profiles of runs, kept with their experiments.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tidegate_server::maintenance::{Depth, Verdict, backup, doctor};

use tidegate_testkit::postgres::{Store, store};

use crate::database::sqlite_only;
use crate::harness::{Collector, DEADLINE, Reply};

const HEADER: &str = r#"{"header":{"format":"tidegate-profile","version":1,"name":"a run","source":"sdk","started_unix_us":0}}"#;

fn profile(requests: usize) -> String {
    let mut text = format!("{HEADER}\n");
    for number in 1..=requests {
        let (start, end) = (number * 100, number * 100 + 90);
        let line = json!({"request": {"number": number, "lane": 0, "rows": 1, "bytes": 10,
            "sent_bytes": 10, "queued_us": start, "start_us": start, "end_us": end,
            "status": 200}});
        text.push_str(&format!("{line}\n"));
    }
    text
}

async fn put(collector: &Collector, path: &str, body: impl Into<Vec<u8>>) -> Reply {
    collector.send(Method::PUT, path, body).await
}

async fn path_of(collector: &Collector, name: &str) -> String {
    let experiment = collector.experiment(&json!({"experiment_name": name})).await;
    format!("/api/experiments/{}/profile", experiment["id"].as_str().expect("id"))
}

fn files(data_dir: &Path) -> usize {
    let groups = std::fs::read_dir(data_dir.join("blobs")).expect("directory");
    groups
        .map(|group| std::fs::read_dir(group.expect("entry").path()).expect("group").count())
        .sum()
}

async fn files_left(data_dir: &Path, count: usize) {
    let left = async {
        while files(data_dir) != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(DEADLINE, left).await;
    assert!(in_time.is_ok(), "{} files are left, not {count}", files(data_dir));
}

#[tokio::test]
async fn a_profile_comes_back_as_it_went_until_another_replaces_it() {
    let collector = Collector::start().await;
    let path = path_of(&collector, "run").await;
    let missing = collector.send(Method::GET, &path, "").await;
    assert_eq!(
        (missing.status, &missing.body["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
    let first = profile(3);
    let kept = put(&collector, &path, first.clone()).await;
    assert_eq!(kept.status, StatusCode::OK, "{}", kept.body);
    let bytes = first.len();
    assert_eq!(kept.body["bytes"], bytes);
    assert_eq!((&kept.body["spans"], &kept.body["requests"]), (&json!(0), &json!(3)));
    let read = collector.send_any(Method::GET, &path, "", &[]).await;
    assert_eq!((read.status, read.text()), (StatusCode::OK, first.clone()));
    assert_eq!(read.headers["content-type"], "application/x-ndjson");
    assert_eq!(read.headers["content-length"], bytes.to_string());
    // Again is fine, packed too.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(first.as_bytes()).expect("packed");
    let packed = encoder.finish().expect("packed");
    let headers = [("content-encoding", "gzip")];
    let again = collector.send_with(Method::PUT, &path, packed, &headers).await;
    assert_eq!((again.status, &again.body["bytes"]), (StatusCode::OK, &json!(bytes)));
    assert_eq!(files(collector.dir.path()), 1);

    // One that is still being written.
    let second = format!("{}{{\"queue\":", profile(5));
    assert_eq!(put(&collector, &path, second.clone()).await.body["requests"], 5);
    // Collectors that share a directory leave files alone that another could just have made.
    let left = if store() == Store::Sqlite { 1 } else { 2 };
    assert_eq!(files(collector.dir.path()), left, "the old one is gone");
    let collector = Collector::start_in(collector.stop().await, |options| options).await;
    let read = collector.send_any(Method::GET, &path, "", &[]).await;
    assert_eq!(read.text(), second);
}

#[tokio::test]
async fn what_is_no_profile_is_refused_and_nothing_is_left() {
    let collector = Collector::start().await;
    let path = path_of(&collector, "run").await;
    assert_eq!(put(&collector, &path, profile(1)).await.status, StatusCode::OK);
    for (body, said) in [
        (String::new(), "empty"),
        ("{}".into(), "empty"),
        ("{}\n".into(), "no header"),
        (HEADER.replace(":1,", ":99,") + "\n", "version 99"),
        (format!("{HEADER}\n{{\"request\":{{}}}}\n"), "line 2: "),
        (format!("{HEADER}\n{}\n", "x".repeat(70_000)), "line 2 is longer"),
    ] {
        let refused = put(&collector, &path, body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
        let message = refused.body["error"].as_str().expect("a text");
        assert!(message.contains(said), "{message:?} does not say {said:?}");
    }
    let unknown = put(&collector, "/api/experiments/nobody/profile", profile(1)).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{}", unknown.body);
    // A bomb: a few kilobytes that unpack to more than may be.
    let bomb = zstd::bulk::compress(&vec![b'\n'; (64 << 20) + 1], 1).expect("packed");
    let headers = [("content-encoding", "zstd")];
    let refused = collector.send_with(Method::PUT, &path, bomb, &headers).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", refused.body);
    let read = collector.send_any(Method::GET, &path, "", &[]).await;
    assert_eq!(read.text(), profile(1), "the one before stays");
    assert_eq!(files(collector.dir.path()), 1);
}

#[tokio::test]
async fn a_profile_goes_with_its_experiment_and_not_before() {
    let often = |options: tidegate_server::Options| {
        options.unnamed_uploads(Duration::from_millis(1), Duration::from_millis(20))
    };
    let collector = Collector::start_with(often).await;
    let (one, other) = (path_of(&collector, "one").await, path_of(&collector, "other").await);
    for (path, requests) in [(&one, 1), (&other, 2)] {
        assert_eq!(put(&collector, path, profile(requests)).await.status, StatusCode::OK);
    }
    // No row names it, and what no row names is collected meanwhile.
    collector.post("/attachment", &json!({"key": "zz-nobody"})).await;
    let gone = async {
        let path = "/attachment?key=zz-nobody";
        while collector.send(Method::GET, path, "").await.status != StatusCode::NOT_FOUND {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.expect("collected");
    let read = collector.send_any(Method::GET, &one, "", &[]).await;
    assert_eq!(read.text(), profile(1));

    sqlite_only!("a backup is a copy of the directory");
    let to = tempfile::tempdir().expect("directory");
    let copy = to.path().join("copy");
    let report = backup(collector.dir.path(), &copy).expect("a backup");
    assert_eq!((report.blobs, report.missing_blobs), (2, 0));
    let blobs = |data_dir: &Path| {
        let checks = doctor(data_dir, Depth::Quick);
        checks.into_iter().find(|check| check.name == "blobs").expect("a check").verdict
    };
    assert_eq!((blobs(&copy), blobs(collector.dir.path())), (Verdict::Ok, Verdict::Ok));

    let experiment = |path: &str| {
        let id = path.split('/').nth(3).expect("an id");
        format!("/v1/experiment/{id}")
    };
    let deleted = collector.send(Method::DELETE, &experiment(&one), "").await;
    assert_eq!(deleted.status, StatusCode::OK, "{}", deleted.body);
    assert_eq!(files(collector.dir.path()), 1, "the file goes at once");
    assert_eq!(collector.send(Method::GET, &one, "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(put(&collector, &one, profile(1)).await.status, StatusCode::NOT_FOUND);

    let project = collector.get(&experiment(&other)).await["project_id"].clone();
    let project = format!("/v1/project/{}", project.as_str().expect("id"));
    let deleted: Value = collector.send(Method::DELETE, &project, "").await.body;
    assert!(deleted["deleted_at"].is_string(), "{deleted}");
    assert_eq!(collector.send(Method::GET, &other, "").await.status, StatusCode::NOT_FOUND);
    files_left(collector.dir.path(), 0).await;
}

#[tokio::test]
async fn a_timeline_says_what_the_run_was_waiting_for() {
    let collector = Collector::start().await;
    let path = path_of(&collector, "run").await;
    let timeline = path.replace("/profile", "/timeline");
    assert_eq!(collector.send(Method::GET, &timeline, "").await.status, StatusCode::NOT_FOUND);
    // One after the other, each as soon as the one before is answered.
    let mut text = HEADER.replace("\"sdk\"", "\"server\"") + "\n";
    for number in 0..20 {
        let (start, end) = (number * 260_000, number * 260_000 + 254_000);
        let line = json!({"request": {"number": number + 1, "lane": 0, "rows": 1, "bytes": 900,
            "sent_bytes": 900, "queued_us": start, "start_us": start, "end_us": end,
            "status": 200}});
        text.push_str(&format!("{line}\n"));
    }
    assert_eq!(put(&collector, &path, text).await.status, StatusCode::OK);
    let explained = collector.get(&timeline).await;
    assert_eq!(explained["shape"]["overlapping_pairs"], 0, "{explained}");
    assert_eq!(explained["wall_us"], 19 * 260_000 + 254_000);
    assert_eq!(explained["diagnosis"][0]["cause"], "serial_uploads", "{explained}");
    let opened = collector.get(&path.replace("/profile", "/speedscope")).await;
    assert_eq!(opened["$schema"], "https://www.speedscope.app/file-format-schema.json");
    assert_eq!(opened["profiles"][0]["name"], "upload lane 0", "{opened}");
    let other = path_of(&collector, "other").await.replace("/profile", "/speedscope");
    assert_eq!(collector.send(Method::GET, &other, "").await.status, StatusCode::NOT_FOUND);
}
