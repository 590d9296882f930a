//! Bad input: one error line, one hint line, a non-zero exit code, nothing half-written.

use std::fs;

use tempfile::TempDir;
use tidegate_testkit::{Finished, ServerProcess, built_binary};

use crate::support::{command, finished};

/// Asserts the two lines and returns them.
fn failed(finished: &Finished) -> (String, String) {
    assert_eq!(finished.status.code(), Some(3), "{finished:?}");
    let said = |prefix: &str| {
        let lines: Vec<&str> =
            finished.stderr.lines().filter(|line| line.starts_with(prefix)).collect();
        assert_eq!(lines.len(), 1, "{}", finished.stderr);
        lines[0].to_owned()
    };
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    (said("error: "), said("hint: "))
}

#[test]
fn a_wrong_key() {
    let directory = TempDir::new().expect("a directory");
    let server = ServerProcess::start(&built_binary(), directory.path(), &["--require-key"]);
    let mut command = command(directory.path());
    command.env("BRAINTRUST_APP_URL", server.url()).env("BRAINTRUST_API_KEY", "wrong");
    let (error, hint) = failed(&finished(&mut command));
    assert!(error.contains("refused the key"), "{error}");
    assert!(hint.contains("BRAINTRUST_API_KEY"), "{hint}");
}

#[test]
fn the_right_key() {
    let directory = TempDir::new().expect("a directory");
    let server = ServerProcess::start(&built_binary(), directory.path(), &["--require-key"]);
    let key = server.line_with("first key");
    let key = key.rsplit(' ').next().expect("a key");
    let mut command = command(directory.path());
    command.env("BRAINTRUST_APP_URL", server.url()).env("BRAINTRUST_API_KEY", key);
    let _finished = finished(&mut command).success();
}

#[test]
fn an_unreachable_server() {
    let directory = TempDir::new().expect("a directory");
    let mut command = command(directory.path());
    // A port that nothing listens on.
    command.env("BRAINTRUST_APP_URL", "http://127.0.0.1:1");
    let (error, hint) = failed(&finished(&mut command));
    assert!(error.contains("cannot reach http://127.0.0.1:1"), "{error}");
    assert!(hint.contains("tidegate serve"), "{hint}");
    assert!(!directory.path().join(".tidegate").exists());
}

#[test]
fn a_url_that_is_none() {
    let directory = TempDir::new().expect("a directory");
    let mut command = command(directory.path());
    command.env("BRAINTRUST_APP_URL", "localhost:8787");
    let (error, hint) = failed(&finished(&mut command));
    assert!(error.contains("\"localhost:8787\" is not an http or https URL"), "{error}");
    assert!(hint.contains("http://127.0.0.1:8787"), "{hint}");
}

#[test]
fn a_malformed_line_and_a_missing_file() {
    let directory = TempDir::new().expect("a directory");
    let data = directory.path().join("data.jsonl");
    let good = "{\"input\": \"Guten Morgen zusammen\", \"expected\": \"deu\"}\n";
    fs::write(&data, format!("{good}{good}{{\"input\": oops}}\n")).expect("written");
    let run = finished(command(directory.path()).arg("--data").arg(&data));
    let (error, hint) = failed(&run);
    assert!(error.contains("data.jsonl:3:11: expected value"), "{error}");
    assert!(hint.contains("correct the data"), "{hint}");
    assert!(run.stdout.contains("2 trials"), "what ran before is shown: {}", run.stdout);

    let missing = finished(command(directory.path()).args(["--data", "none.jsonl"]));
    assert!(failed(&missing).0.contains("cannot open none.jsonl"), "{}", missing.stderr);
}

#[test]
fn a_data_directory_that_is_not_writable() {
    let directory = TempDir::new().expect("a directory");
    // Below a file, since permissions do not stop root.
    fs::write(directory.path().join("file"), "").expect("written");
    let mut command = command(directory.path());
    command.env("TIDEGATE_DATA_DIR", directory.path().join("file/data"));
    let (error, hint) = failed(&finished(&mut command));
    assert!(error.contains("file/data is not writable"), "{error}");
    assert!(hint.contains("TIDEGATE_DATA_DIR"), "{hint}");
}

#[test]
fn a_malformed_settings_file() {
    let directory = TempDir::new().expect("a directory");
    fs::write(directory.path().join(".env.braintrust"), "BRAINTRUST_API_KEY\n").expect("written");
    let (error, _) = failed(&finished(&mut command(directory.path())));
    assert!(error.contains(".env.braintrust:1: expected NAME=value"), "{error}");
}
