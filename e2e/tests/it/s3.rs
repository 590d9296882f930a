//! Uploaded files in a bucket: collectors that share a database and a bucket, and no directory.
//!
//! All of these need PostgreSQL, and so run once, in the turn of SQLite.

mod away;
mod killed;
mod migration;
mod refused;
mod shared;
mod storm;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tidegate_testkit::postgres::{self, Store, store};
use tidegate_testkit::s3::{self, Gate, Object};
use tidegate_testkit::{Reply, ServerProcess, built_binary, get, post, send};

/// Beyond what a collector itself waits for its bucket.
const PATIENCE: Duration = Duration::from_secs(90);
/// Where in the bucket everything is.
const PREFIX: &str = "some/files";
/// Who the objects belong to.
const MARK: &str = "tidegate-store";

type Environment = Vec<(&'static str, String)>;

/// Whether the other run of these tests does this one.
fn is_others() -> bool {
    store() == Store::Postgres
}

/// A database and a bucket of a test's own.
struct Place {
    database: String,
    bucket: String,
    environment: Environment,
}

impl Place {
    fn new() -> Self {
        Self::reached_by(s3::shared().environment())
    }

    fn behind(gate: &Gate) -> Self {
        Self::reached_by(gate.environment())
    }

    fn reached_by(environment: Environment) -> Self {
        let server = postgres::shared();
        let database = server.url(&server.create_database());
        Self { database, bucket: s3::shared().create_bucket(), environment }
    }

    /// The option `--blobs`.
    fn url(&self) -> String {
        format!("s3://{}/{PREFIX}", self.bucket)
    }

    /// A collector with an empty data directory.
    fn start(&self) -> Collector {
        Collector::start(&self.database, &self.url(), &self.environment)
    }

    /// What is in the bucket beside the mark, by names without the prefix.
    fn objects(&self) -> Vec<Object> {
        let all = s3::shared().objects(&self.bucket);
        let named = all.into_iter().map(|Object { key, bytes }| {
            let name = key.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('/'));
            let name = name.unwrap_or_else(|| panic!("{key} is outside of {PREFIX}")).to_owned();
            Object { key: name, bytes }
        });
        named.filter(|object| object.key != MARK).collect()
    }

    /// Asserts that these contents are in the bucket, each once, and nothing else.
    fn holds(&self, contents: &[&[u8]]) {
        let mut expected: Vec<_> =
            contents.iter().map(|bytes| (digest(bytes), bytes.len() as u64)).collect();
        expected.sort();
        let objects = self.objects();
        let mut found: Vec<_> = objects
            .iter()
            .map(|object| {
                let (group, name) = object.key.split_once('/').expect("a group");
                assert!(name.starts_with(group) && group.len() == 2, "{}", object.key);
                let (hash, end) = name.split_once('-').unwrap_or((name, "0"));
                assert!(end.parse::<u64>().is_ok(), "{}", object.key);
                (hash.to_owned(), object.bytes)
            })
            .collect();
        // Two objects of the same bytes have names of two days: midnight came in between.
        found.dedup();
        assert_eq!(found, expected, "{objects:#?}");
    }
}

fn digest(bytes: &[u8]) -> String {
    let hex = |text: String, byte: &u8| format!("{text}{byte:02x}");
    Sha256::digest(bytes).iter().fold(String::new(), hex)
}

/// No text, nothing that repeats, and other bytes for another seed.
fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // Xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A collector and its data directory, which nobody else uses.
struct Collector {
    server: ServerProcess,
    data: TempDir,
}

impl Collector {
    fn start(database: &str, blobs: &str, environment: &Environment) -> Self {
        let data = TempDir::new().expect("a temporary directory");
        let options = ["--database", database, "--blobs", blobs];
        let server = start(data.path(), &options, environment);
        Self { server, data }
    }

    fn url(&self) -> &str {
        self.server.url()
    }

    /// Files in its directory, all of which are of uploads under way.
    fn under_way(&self) -> usize {
        let mut folders = vec![self.data.path().join("blobs")];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files += 1;
                }
            }
        }
        files
    }

    /// Kills it without warning; its directory is lost with it.
    fn lose(self) {
        self.server.kill();
        self.data.close().expect("removed");
    }
}

fn start(data: &Path, options: &[&str], environment: &Environment) -> ServerProcess {
    let started =
        ServerProcess::start_with("127.0.0.1:0", &built_binary(), data, options, environment);
    started.unwrap_or_else(|error| panic!("{error}"))
}

/// Announces an attachment; the path of its upload.
fn announce(url: &str, key: &str) -> String {
    announced(url, key).expect("an answer")
}

/// As [`announce`], with a collector that may be killed.
fn announced(url: &str, key: &str) -> std::io::Result<String> {
    let body = json!({"key": key, "filename": "a.bin", "org_id": "o",
        "content_type": "application/octet-stream"});
    let reply = post(url, "/attachment", &[], &body.to_string())?;
    assert_eq!(reply.status, 200, "{}", reply.text);
    Ok(path_of(&reply.json()["signedUrl"]))
}

/// What a signed URL names, for whichever collector.
fn path_of(signed: &Value) -> String {
    let url = signed.as_str().expect("a URL");
    let path = url.splitn(4, '/').nth(3).unwrap_or_else(|| panic!("no path in {url}"));
    format!("/{path}")
}

fn put(url: &str, path: &str, bytes: &[u8]) -> std::io::Result<Reply> {
    send(url, "PUT", path, &[], bytes, PATIENCE)
}

/// Uploads an attachment to the end.
fn upload(url: &str, key: &str, bytes: &[u8]) {
    let reply = put(url, &announce(url, key), bytes).expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text);
    let done = json!({"key": key, "org_id": "o", "status": {"upload_status": "done"}});
    let reply = post(url, "/attachment/status", &[], &done.to_string()).expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// The path of an attachment's download.
fn find(url: &str, key: &str) -> String {
    let path = format!("/attachment?filename=a&content_type=b&org_id=o&key={key}");
    let reply = get(url, &path).json();
    assert_eq!(reply["status"]["upload_status"], "done", "{reply}");
    path_of(&reply["downloadUrl"])
}

/// Sends a request for an attachment, such as one for a part.
fn ask(url: &str, method: &str, key: &str, headers: &[&str]) -> Reply {
    send(url, method, &find(url, key), headers, b"", PATIENCE).expect("an answer")
}

fn check(url: &str, key: &str, expected: &[u8]) {
    let reply = ask(url, "GET", key, &[]);
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(reply.bytes == expected, "{key}: {} bytes are not those", reply.bytes.len());
}

/// Sends a row to the logs of a project.
fn log(url: &str, id: &str) -> Reply {
    let body = json!({"api_version": 2, "rows": [
        {"id": id, "experiment_id": "e", "input": {"of": id}}]});
    post(url, "/logs3", &[], &body.to_string()).expect("an answer")
}

/// Asserts that a request failed since the bucket is away.
fn is_away(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert_eq!(reply.json()["code"], "blobs_unreachable", "{}", reply.text);
}
