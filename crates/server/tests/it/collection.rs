//! Uploads that no row names are removed, and no others.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tidegate_server::Options;

use crate::database::Database;
use crate::harness::{Collector, DEADLINE};

const DAY: Duration = Duration::from_secs(86_400);
/// How old uploads must be here. Whoever uploads something has logged the row before.
const AGE: Duration = Duration::from_millis(1);
const PAUSE: Duration = Duration::from_millis(20);

fn reference(key: &str) -> Value {
    json!({"type": "braintrust_attachment", "filename": "a", "content_type": "text/plain",
        "key": key})
}

/// A row of an experiment that names attachments.
fn naming(id: &str, keys: &[&str]) -> Value {
    let keys: Vec<_> = keys.iter().map(|key| reference(key)).collect();
    json!({"id": id, "experiment_id": "e", "output": keys})
}

/// Announces and uploads what a row names already.
async fn upload(collector: &Collector, key: &str, text: &str) {
    let announced = collector.post("/attachment", &json!({"key": key, "filename": "a"})).await;
    let url = announced["signedUrl"].as_str().expect("URL");
    let put = collector.request(Method::PUT, url).body(text.to_owned()).send().await;
    assert_eq!(put.expect("reply").status(), StatusCode::OK, "{key}");
}

async fn announce(collector: &Collector, key: &str) {
    collector.post("/attachment", &json!({"key": key, "filename": "a"})).await;
}

async fn is_known(collector: &Collector, key: &str) -> bool {
    let reply = collector.send(Method::GET, &format!("/attachment?key={key}"), "").await;
    assert!(matches!(reply.status.as_u16(), 200 | 404), "{}", reply.body);
    reply.status == StatusCode::OK
}

async fn content(collector: &Collector, key: &str) -> String {
    let found = collector.get(&format!("/attachment?key={key}")).await;
    let url = found["downloadUrl"].as_str().expect("URL");
    let reply = collector.request(Method::GET, url).send().await.expect("reply");
    assert_eq!(reply.status(), StatusCode::OK, "{key}");
    reply.text().await.expect("text")
}

/// Waits until an upload is gone.
async fn gone(collector: &Collector, key: &str) {
    let gone = async {
        while is_known(collector, key).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, gone).await.is_ok(), "{key} is still there");
}

/// Waits until everything that may go now is gone: of what no row names, the last by its key goes
/// with the others or after them.
async fn collected(collector: &Collector) {
    announce(collector, "zz-nobody").await;
    gone(collector, "zz-nobody").await;
}

/// Files of uploads.
fn files(data_dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for group in std::fs::read_dir(data_dir.join("blobs")).expect("directory") {
        for file in std::fs::read_dir(group.expect("entry").path()).expect("directory") {
            found.push(file.expect("entry").path());
        }
    }
    found
}

async fn files_left(collector: &Collector, count: usize) {
    let left = async {
        while files(collector.dir.path()).len() != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(DEADLINE, left).await;
    assert!(in_time.is_ok(), "{:?} are left, not {count}", files(collector.dir.path()));
}

#[tokio::test]
async fn attachments_go_when_no_row_names_them_any_more() {
    let collector = Collector::start_with(|options| options.unnamed_uploads(AGE, PAUSE)).await;
    let rows = [naming("one", &["a", "shared"]), naming("two", &["shared", "b"])];
    collector.log(&json!(rows)).await;
    collector.log(&json!([naming("three", &["c", "never uploaded"])])).await;
    for (key, text) in [("a", "same"), ("b", "same"), ("c", "other"), ("shared", "third")] {
        upload(&collector, key, text).await;
    }
    announce(&collector, "never uploaded").await;
    announce(&collector, "forgotten").await;
    collected(&collector).await;
    assert!(!is_known(&collector, "forgotten").await);
    for key in ["a", "b", "c", "shared", "never uploaded"] {
        assert!(is_known(&collector, key).await, "{key}");
    }

    let deleted = json!({"id": "one", "experiment_id": "e", "_object_delete": true});
    collector.log(&json!([deleted])).await;
    gone(&collector, "a").await;
    collected(&collector).await;
    // The same bytes, and another row that names the same upload.
    assert_eq!(content(&collector, "b").await, "same");
    assert_eq!(content(&collector, "shared").await, "third");
    assert_eq!(files(collector.dir.path()).len(), 3);

    // Replaced by a row that names something else.
    collector.log(&json!([naming("two", &["shared"])])).await;
    gone(&collector, "b").await;
    files_left(&collector, 2).await;
    // A merge that leaves the attachment where it is.
    let merged = json!({"id": "three", "experiment_id": "e", "_is_merge": true, "tags": ["t"]});
    collector.log(&json!([merged])).await;
    collected(&collector).await;
    assert_eq!(content(&collector, "c").await, "other");
    assert!(is_known(&collector, "never uploaded").await);
    let metrics = collector.text("/metrics", &[]).await;
    let figure = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse::<u64>().ok()).expect("a figure")
    };
    // a, b, what was never named, and the three that were waited for.
    assert_eq!(figure("tidegate_blobs_deleted_total "), 6);
    assert_eq!(figure("tidegate_blobs_deleted_files_total "), 1);
    assert_eq!(figure("tidegate_blobs_deleted_bytes_total "), 4);
}

#[tokio::test]
async fn an_earlier_version_of_a_dataset_keeps_its_attachments_until_the_dataset_goes() {
    let collector = Collector::start_with(|options| options.unnamed_uploads(AGE, PAUSE)).await;
    let body = json!({"project_name": "p", "dataset_name": "d"});
    let dataset = collector.post("/api/dataset/register", &body).await["dataset"]["id"].clone();
    let row =
        |id: &str, key: &str| json!({"id": id, "dataset_id": dataset, "input": reference(key)});
    let written = collector.log(&json!([row("r", "before"), row("s", "deleted")])).await;
    for key in ["before", "deleted"] {
        upload(&collector, key, key).await;
    }
    let s = json!({"id": "s", "dataset_id": dataset, "_object_delete": true});
    collector.log(&json!([row("r", "after"), s])).await;
    upload(&collector, "after", "after").await;
    collected(&collector).await;
    let query = json!({"from": format!("dataset('{}')", dataset.as_str().expect("id"))});
    let body = json!({"query": query, "version": written["xact_id"]});
    let then = collector.post("/btql", &body).await;
    let mut keys = Vec::new();
    for row in then["data"].as_array().expect("rows") {
        let key = row["input"]["key"].as_str().expect("a key");
        assert_eq!(content(&collector, key).await, key);
        keys.push(key);
    }
    keys.sort_unstable();
    assert_eq!(keys, ["before", "deleted"]);

    let path = format!("/v1/dataset/{}", dataset.as_str().expect("id"));
    assert_eq!(collector.send(Method::DELETE, &path, "").await.status, StatusCode::OK);
    for key in ["before", "deleted", "after"] {
        gone(&collector, key).await;
    }
    files_left(&collector, 0).await;
}

/// Uploads code and returns the id that functions name it by.
async fn bundle(collector: &Collector, code: &str) -> String {
    let announced = collector.post("/function/code", &json!({"org_id": "o"})).await;
    let url = announced["url"].as_str().expect("URL");
    let put = collector.request(Method::PUT, url).body(code.to_owned()).send().await;
    assert_eq!(put.expect("reply").status(), StatusCode::OK);
    announced["bundleId"].as_str().expect("an id").to_owned()
}

async fn has_code(collector: &Collector, bundle: &str) -> bool {
    let reply = collector.send(Method::GET, &format!("/function/code/{bundle}"), "").await;
    assert!(matches!(reply.status.as_u16(), 200 | 404), "{}", reply.body);
    reply.status == StatusCode::OK
}

#[tokio::test]
async fn code_goes_when_no_version_of_a_function_names_it() {
    let collector = Collector::start().await;
    let (kept, replaced) = (bundle(&collector, "same").await, bundle(&collector, "same").await);
    let nobodys = bundle(&collector, "nobody's").await;
    let mut ids = Vec::new();
    for (slug, bundle) in [("a", &kept), ("b", &replaced), ("b", &kept)] {
        let data = json!({"type": "bundle", "bundle_id": bundle});
        let function = json!({"project_name": "p", "slug": slug, "name": slug,
            "if_exists": "replace", "function_data": {"type": "code", "data": data}});
        let stored = collector.post("/insert-functions", &json!({"functions": [function]})).await;
        ids.push(stored["functions"][0]["id"].as_str().expect("an id").to_owned());
    }
    let dir = collector.stop().await;
    age_uploads(dir.path());
    let often = |options: Options| options.unnamed_uploads(DAY, PAUSE);
    let collector = Collector::start_in(dir, often).await;
    files_left(&collector, 1).await;
    assert!(!has_code(&collector, &nobodys).await);
    // An earlier version names it still.
    assert!(has_code(&collector, &kept).await && has_code(&collector, &replaced).await);

    let path = format!("/v1/function/{}", ids[1]);
    assert_eq!(collector.send(Method::DELETE, &path, "").await.status, StatusCode::OK);
    let gone = async {
        while has_code(&collector, &replaced).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, gone).await.is_ok());
    assert!(has_code(&collector, &kept).await);
    assert_eq!(files(collector.dir.path()).len(), 1, "the same bytes");
}

/// Makes uploads older, in the database and by the times of their files.
fn age_uploads(data_dir: &Path) {
    let days = 2 * DAY.as_micros();
    Database::of(data_dir).execute(&format!("UPDATE blobs SET created_us = created_us - {days}"));
    for path in files(data_dir) {
        let file = std::fs::File::options().write(true).open(path).expect("a file");
        let now = file.metadata().and_then(|file| file.modified()).expect("a time");
        file.set_modified(now - 2 * DAY).expect("set");
    }
}

#[tokio::test]
async fn an_upload_that_is_announced_again_is_new() {
    let collector = Collector::start().await;
    announce(&collector, "again").await;
    announce(&collector, "old").await;
    let dir = collector.stop().await;
    age_uploads(dir.path());
    let collector = Collector::start_in(dir, |options| options).await;
    announce(&collector, "again").await;
    announce(&collector, "new").await;
    let dir = collector.stop().await;
    let often = |options: Options| options.unnamed_uploads(DAY, PAUSE);
    let collector = Collector::start_in(dir, often).await;
    gone(&collector, "old").await;
    assert!(is_known(&collector, "again").await && is_known(&collector, "new").await);
}

#[tokio::test]
async fn files_of_nobody_go_when_they_are_old() {
    let collector = Collector::start().await;
    collector.log(&json!([naming("r", &["k"])])).await;
    upload(&collector, "k", "named").await;
    let dir = collector.stop().await;
    let blobs = dir.path().join("blobs");
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let set_old = |path: &Path| {
        let file = std::fs::File::options().append(true).open(path).expect("there");
        file.set_modified(old).expect("older");
    };
    let put = |name: &str| {
        let path = blobs.join(&name[..2]).join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(&path, "orphan").expect("written");
        path
    };
    files(dir.path()).iter().for_each(|named| set_old(named));
    let (young, orphan) = (put(&"ab".repeat(32)), put(&"cd".repeat(32)));
    let strange = put("ce-not-ours");
    set_old(&orphan);
    set_old(&strange);
    let often = |options: Options| options.unnamed_uploads(DAY, PAUSE);
    let collector = Collector::start_in(dir, often).await;
    let removed = async {
        while orphan.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, removed).await.is_ok());
    assert!(young.exists() && strange.exists());
    assert_eq!(content(&collector, "k").await, "named");
}

/// What many clients at once see, while uploads of the same bytes come and go all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_can_be_uploaded_while_they_are_collected() {
    let often =
        |options: Options| options.unnamed_uploads(Duration::ZERO, Duration::from_millis(1));
    let collector = Arc::new(Collector::start_with(often).await);
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..3 {
        let collector = Arc::clone(&collector);
        clients.spawn(async move {
            for turn in 0..25 {
                let (row, key) = (format!("row-{client}"), format!("{client}-{turn}"));
                // What the row named before is garbage from here on.
                collector.log(&json!([naming(&row, &[&key])])).await;
                upload(&collector, &key, "the same").await;
                assert_eq!(content(&collector, &key).await, "the same", "{key}");
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.expect("a client");
    }
    for client in 0..3 {
        gone(&collector, &format!("{client}-23")).await;
        assert_eq!(content(&collector, &format!("{client}-24")).await, "the same");
    }
    assert_eq!(files(collector.dir.path()).len(), 1);
}
