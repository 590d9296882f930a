//! What a user can switch on: sampling, masking, compression, copies of payloads.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_client::env::Settings;
use tidegate_client::{Client, Compression, Config, Event, Policy};

use crate::support::{Answer, Server, experiment};

const MINUTE: Duration = Duration::from_secs(60);
const SECRET: &str = "s3cr3t";

/// The contents of all files below a directory.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => {
                let bytes = fs::read(path).expect("readable");
                found.push(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
    found
}

#[tokio::test]
async fn sampling_keeps_whole_traces_or_nothing_of_them() {
    let server = Server::start(|_, _, _| None);
    let client = server.client_with(|config| config.sample_ratio(0.5));
    for _ in 0..400 {
        let root = client.start_span(experiment(), "root");
        let child = root.child("child");
        assert_eq!(root.is_recording(), child.is_recording());
        child.child("grandchild").log(Event::new().output(&1));
    }
    client.flush(MINUTE).await.expect("delivered");
    server.seen(|seen| {
        let mut traces: HashMap<&str, usize> = HashMap::new();
        for row in seen.stored.values() {
            *traces.entry(row["root_span_id"].as_str().expect("a trace")).or_default() += 1;
        }
        assert!(traces.values().all(|rows| *rows == 3), "{traces:?}");
        // Eight standard deviations around the half.
        assert!((120..=280).contains(&traces.len()), "{} of 400 traces", traces.len());
    });
    let none = server.client_with(|config| config.sample_ratio(0.0));
    none.start_span(experiment(), "root").end();
    assert_eq!(none.flush(MINUTE).await.expect("nothing to deliver").accepted, 0);
}

async fn encoding_of(announced: &'static [&'static str], compression: Compression) -> Vec<String> {
    let server = Server::start(move |path, _, _| {
        let version = json!({"logs3_content_encodings": announced});
        (path == "/version").then_some(Answer::Json(200, "", version))
    });
    let client = server.client_with(|config| config.compression(compression));
    let text = "the tide turns at the gate; ".repeat(500);
    client.start_span(experiment(), "s").log(Event::new().input(&text));
    assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 1);
    server.seen(|seen| {
        let row = seen.stored.values().next().expect("a row");
        assert_eq!(row["input"], text, "it arrives as it was");
        let upload = seen.paths.iter().position(|path| path == "/logs3").expect("an upload");
        let headers = seen.headers[upload].iter();
        headers.filter(|header| header.starts_with("content-encoding")).cloned().collect()
    })
}

#[tokio::test]
async fn bodies_are_compressed_only_as_the_server_announces() {
    use Compression::{Always, Auto, Off};
    assert_eq!(encoding_of(&["gzip", "zstd"], Always).await, ["content-encoding: zstd"]);
    assert_eq!(encoding_of(&["gzip"], Always).await, ["content-encoding: gzip"]);
    let none: [&str; 0] = [];
    assert_eq!(encoding_of(&[], Always).await, none);
    assert_eq!(encoding_of(&["zstd"], Off).await, none);
    assert_eq!(encoding_of(&["zstd"], Auto).await, none, "on loopback bytes are free");
}

fn with_copies(server: &Server, all: &Path, failed: &Path) -> Config {
    let settings = Settings {
        app_url: Some(server.url.clone()),
        all_publish_payloads_dir: Some(all.to_owned()),
        failed_publish_payloads_dir: Some(failed.to_owned()),
        ..Settings::default()
    };
    Config::from_settings(&settings).spool_dir(None).on_error(|_| {})
}

fn copies(directory: &Path) -> Vec<Value> {
    let names = fs::read_dir(directory).into_iter().flatten().flatten();
    for name in names.map(|entry| entry.file_name().into_string().expect("UTF-8")) {
        let middle = name.strip_prefix("payload_").and_then(|rest| rest.strip_suffix(".json"));
        let (seconds, random) = middle.and_then(|middle| middle.split_once('_')).expect(&name);
        assert!(seconds.parse::<f64>().expect("seconds") > 1.7e9, "{name}");
        assert!(random.len() == 8 && u32::from_str_radix(random, 16).is_ok(), "{name}");
    }
    files(directory).iter().map(|text| serde_json::from_str(text).expect("JSON")).collect()
}

#[tokio::test]
async fn payloads_are_copied_before_they_are_sent_and_when_they_are_given_up() {
    let server = Server::start(|path, number, _| {
        let refused = Answer::Json(400, "", json!({"error": "bad row"}));
        (path == "/logs3" && number == 1).then_some(refused)
    });
    let copied = TempDir::new().expect("a directory");
    let (all, failed) = (copied.path().join("all"), copied.path().join("failed"));
    let client = Client::new(with_copies(&server, &all, &failed)).expect("a client");
    client.start_span(experiment(), "good").end();
    client.flush(MINUTE).await.expect("delivered");
    assert_eq!((copies(&all).len(), copies(&failed).len()), (1, 0));
    client.start_span(experiment(), "bad").end();
    client.flush(MINUTE).await.expect_err("refused");
    assert_eq!((copies(&all).len(), copies(&failed).len()), (2, 1));
    let given_up = &copies(&failed)[0];
    assert_eq!(given_up["rows"][0]["span_attributes"]["name"], "bad");
    assert_eq!(given_up["api_version"], 2);
}

#[tokio::test]
async fn rows_that_never_were_in_a_request_are_copied_to_both_places() {
    let server = Server::start(|path, _, _| (path == "/logs3").then_some(Answer::Hang));
    let copied = TempDir::new().expect("a directory");
    let (all, failed) = (copied.path().join("all"), copied.path().join("failed"));
    let config = with_copies(&server, &all, &failed).budget_bytes(600).policy(Policy::Drop);
    let client = Client::new(config.shutdown_timeout(Duration::ZERO)).expect("a client");
    let span = client.start_span(experiment(), "fits");
    span.log(Event::new().output(&"x".repeat(2_000)));
    for directory in [&all, &failed] {
        let dropped = copies(directory);
        let wrapped = dropped.iter().find(|copy| copy["data"].is_object()).expect("a copy");
        assert_eq!(wrapped["data"]["rows"][0]["output"].as_str().expect("text").len(), 2_000);
        assert_eq!(wrapped["attachments"], json!([]));
    }
}

#[tokio::test]
async fn what_the_mask_took_out_is_in_no_body_spool_or_copy() {
    let server =
        Server::start(|path, number, _| (path == "/logs3" && number > 0).then_some(Answer::Close));
    let place = TempDir::new().expect("a directory");
    let (all, failed) = (place.path().join("all"), place.path().join("failed"));
    let config = with_copies(&server, &all, &failed)
        .spool_dir(place.path().join("spool"))
        .durable(true)
        .shutdown_timeout(Duration::from_millis(100))
        .mask(|value| match value {
            Value::String(text) => text.replace(SECRET, "***").into(),
            // Everything else may hide it deeper: it fails, and nothing of it passes.
            other => panic!("not text: {other}"),
        });
    let client = Client::new(config).expect("a client");
    for _ in 0..2 {
        let span = client.start_span(experiment(), "s");
        span.log(Event::new().input(SECRET).output(&json!({"deep": [SECRET]})));
        span.log(Event::new().metadata(&json!({"token": SECRET})));
        span.end();
        // The first one arrives, the second goes to the spool.
        client.flush(Duration::from_millis(500)).await.ok();
    }
    drop(client);
    let kept = files(place.path());
    assert!(kept.iter().any(|text| text.contains("***")), "something was written");
    assert!(kept.iter().any(|text| text.contains("Failed to mask field 'output' - panic")));
    assert!(kept.iter().all(|text| !text.contains(SECRET)));
    server.seen(|seen| {
        assert!(!seen.stored.is_empty());
        assert!(seen.bodies.iter().all(|body| !body.to_string().contains(SECRET)));
    });
}
