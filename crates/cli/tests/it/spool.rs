//! `tidegate spool`: from a dead server to a living one.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{serve, stored_rows, tidegate};

fn json(arguments: &[&str]) -> Value {
    let finished = tidegate(arguments).success();
    serde_json::from_str(&finished.stdout).expect("nothing but JSON on stdout")
}

/// Records durably towards an address where nobody answers; returns how many records.
fn record(spool: &Path) -> i64 {
    let spool = format!("--spool-dir={}", spool.display());
    let figures = json(&[
        "bench",
        "log",
        "--json",
        "--dead-server",
        "--durable",
        "--policy=spool",
        "--rate=300",
        "--seconds=1",
        "--flush-timeout=100ms",
        &spool,
    ]);
    let receipt = &figures["receipt"];
    assert_eq!(receipt["accepted"], receipt["spooled"], "{receipt}");
    receipt["spooled"].as_i64().expect("a count")
}

#[test]
fn what_a_dead_server_missed_is_drained_into_a_living_one() {
    let data = TempDir::new().expect("a directory");
    let at = data.path().to_str().expect("UTF-8");
    assert_eq!(
        tidegate(&["spool", "status", "--data-dir", at]).success().stdout,
        "the spool is empty\n"
    );
    let records = record(&data.path().join("spool"));
    assert!(records > 0);
    let status = json(&["spool", "status", "--data-dir", at, "--json"]);
    assert_eq!(status[0]["status"]["records"], records, "{status}");

    // The server it was meant for is still dead: nothing goes, nothing is lost.
    let refused = tidegate(&["spool", "drain", "--data-dir", at, "--patience=0"]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert!(refused.stderr.contains("keeps its rows") && refused.stderr.contains("hint: "));

    let collector = TempDir::new().expect("a directory");
    let server = serve(collector.path(), &[]);
    let drained = json(&["spool", "drain", "--data-dir", at, "--app-url", server.url(), "--json"]);
    assert_eq!(drained[0]["drained"]["records"], records, "{drained}");
    assert_eq!(drained[0]["drained"]["rows"].as_i64().expect("rows") * 3, records, "{drained}");
    assert!(server.terminate().success());
    // Start, event and end of each span are one row.
    assert_eq!(stored_rows(collector.path()) * 3, records);

    let again = tidegate(&["spool", "status", "--data-dir", at]).success();
    assert_eq!(again.stdout, "the spool is empty\n");
}

#[test]
fn a_spool_that_cannot_be_read_is_said() {
    let data = TempDir::new().expect("a directory");
    let spool = data.path().join("spool");
    fs::create_dir(&spool).expect("made");
    fs::create_dir(spool.join("broken")).expect("made");
    fs::write(spool.join("broken/target.json"), "{").expect("written");
    let at = data.path().to_str().expect("UTF-8");
    for what in ["status", "drain"] {
        let finished = tidegate(&["spool", what, "--data-dir", at]);
        assert_eq!(finished.status.code(), Some(3), "{finished:?}");
        let said = &finished.stderr;
        assert!(said.starts_with("error: cannot read ") && said.contains("hint: "), "{said}");
    }
}
