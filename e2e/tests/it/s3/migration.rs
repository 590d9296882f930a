//! A data directory becomes a database and a bucket.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tidegate_testkit::s3::{self, Gate};
use tidegate_testkit::{Finished, ServerProcess, built_binary, post, rows, run};

use super::{Environment, Place, check, content, is_others, log, start, upload};

/// Many small ones, a few larger ones, and one that goes in parts.
const LENGTHS: [usize; 9] =
    [0, 1, 1_000, 300_000, 2_000_000, 2_000_001, 2_000_002, 2_000_003, 20_000_003];

fn key(at: usize) -> String {
    format!("k{at}")
}

fn bytes(at: usize) -> Vec<u8> {
    content(at as u64, LENGTHS[at])
}

fn migrate(data: &Path, place: &Place, environment: &Environment) -> Command {
    let mut command = Command::new(built_binary());
    command.args(["migrate-store", "--database", &place.database, "--blobs", &place.url()]);
    command.arg("--data-dir").arg(data);
    s3::configure(&mut command, environment);
    command
}

fn migrated(data: &Path, place: &Place) -> Finished {
    run(&mut migrate(data, place, &place.environment), Duration::from_secs(300)).success()
}

#[test]
fn files_of_a_directory_are_served_from_the_bucket_even_if_the_move_was_interrupted() {
    if is_others() {
        return;
    }
    let data = TempDir::new().expect("a temporary directory");
    let old = ServerProcess::start_at("127.0.0.1:0", &built_binary(), data.path(), &[]);
    let old = old.expect("a collector with a directory");
    for at in 0..LENGTHS.len() {
        upload(old.url(), &key(at), &bytes(at));
    }
    // Bytes that are there already are shared.
    upload(old.url(), "again", &bytes(4));
    let references = (0..LENGTHS.len()).map(|at| {
        json!({"type": "braintrust_attachment", "filename": "a", "key": key(at),
            "content_type": "text/plain"})
    });
    let row = json!({"id": "r", "experiment_id": "e", "input": references.collect::<Vec<_>>()});
    let body = json!({"api_version": 2, "rows": [row]}).to_string();
    assert_eq!(post(old.url(), "/logs3", &[], &body).expect("an answer").status, 200);
    assert!(old.terminate().success());

    let mut gate = Gate::before(s3::shared());
    let place = Place::new();
    // Somewhere among the files.
    gate.hang_after(9 << 20);
    let mut interrupted = migrate(data.path(), &place, &gate.environment());
    let mut interrupted =
        interrupted.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    gate.wait_until_hanging(Duration::from_secs(60));
    interrupted.kill().expect("alive until now");
    interrupted.wait().expect("reaped");
    gate.refuse();
    assert!(place.objects().len() < LENGTHS.len());

    let finished = migrated(data.path(), &place);
    assert!(finished.stdout.contains("9 uploaded files"), "{}", finished.stdout);
    let all: Vec<_> = (0..LENGTHS.len()).map(bytes).collect();
    let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    place.holds(&all);
    migrated(data.path(), &place);
    place.holds(&all);

    let served = |url: &str| {
        for (at, bytes) in all.iter().enumerate() {
            check(url, &key(at), bytes);
        }
        check(url, "again", all[4]);
        assert!(rows(url, "experiment", "e").iter().any(|row| row["id"] == "r"));
    };
    // The directory is as it was.
    let old = start(data.path(), &[], &place.environment);
    served(old.url());
    assert!(old.terminate().success());
    data.close().expect("removed");
    let (one, two) = (place.start(), place.start());
    served(one.url());
    served(two.url());
    assert_eq!(log(one.url(), "new").status, 200);
    upload(one.url(), "new", &bytes(3));
    check(two.url(), "new", all[3]);
    served(two.url());
}

#[test]
fn files_that_are_missing_or_damaged_are_counted_and_the_rest_moves() {
    if is_others() {
        return;
    }
    let data = TempDir::new().expect("a temporary directory");
    let old = ServerProcess::start_at("127.0.0.1:0", &built_binary(), data.path(), &[]);
    let old = old.expect("a collector with a directory");
    for (key, text) in [("gone", "one"), ("damaged", "two"), ("whole", "three")] {
        upload(old.url(), key, text.as_bytes());
    }
    assert!(old.terminate().success());
    let file = |text: &str| {
        let hash = super::digest(text.as_bytes());
        data.path().join("blobs").join(&hash[..2]).join(hash)
    };
    std::fs::remove_file(file("one")).expect("removed");
    std::fs::write(file("two"), "owt").expect("written");

    let place = Place::new();
    let finished = migrated(data.path(), &place);
    for said in ["1 uploaded files are missing", "1 uploaded files are not what they were"] {
        assert!(finished.stderr.contains(said), "{}", finished.stderr);
    }
    place.holds(&[b"three"]);
    check(place.start().url(), "whole", b"three");
}
