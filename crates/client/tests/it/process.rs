//! Whole processes: what they print, and what arrives when they end without a flush.

use std::process::{Command, Output};

use serde_json::json;

use crate::support::{Answer, Server, example};

fn plain(server: &Server, more: &[&str]) -> Output {
    let mut program = Command::new(example("plain"));
    program.arg(&server.url).arg("20").args(more);
    program.output().expect("the example `plain` is built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Of the records that lines about a loss name.
fn said(stderr: &str) -> u64 {
    let lines = stderr.lines().filter_map(|line| line.strip_prefix("tidegate: "));
    lines.map(|line| line.split(' ').next().expect("a word").parse::<u64>().expect(line)).sum()
}

/// The official Rust SDK tries a wrong key ten times; the JavaScript client says nothing at all.
#[test]
fn a_wrong_key_is_said_on_stderr_and_tried_once() {
    let server = Server::start(|_, _, _| Some(Answer::Json(401, "", json!({"error": "no"}))));
    let output = plain(&server, &[]);
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "telemetry does not fail its host: {stderr}");
    assert!(stderr.contains("the server refused the key (check BRAINTRUST_API_KEY)"), "{stderr}");
    assert_eq!(said(&stderr), 60, "every record, once: {stderr}");
    assert!(!stderr.contains("a-key"), "{stderr}");
    assert_eq!(text(&output.stdout), "recorded 20 spans\n", "nothing of the library's");
    assert_eq!(server.seen(|seen| seen.paths.clone()), ["/api/apikey/login"]);
}

/// The JavaScript client says "Retrying" exactly when it does not.
#[test]
fn a_retry_that_helps_is_not_worth_a_word_and_the_end_of_main_delivers() {
    let server = Server::start(|path, number, _| {
        let busy = path == "/logs3" && number < 2;
        busy.then(|| Answer::Json(503, "retry-after: 0\r\n", json!({})))
    });
    let output = plain(&server, &[]);
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), "recorded 20 spans\n");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(server.seen(|seen| seen.stored.len()), 20);
    assert!(server.seen(|seen| seen.uploads) >= 3);
}

/// The JavaScript client has only a hook for an event loop that runs dry.
#[test]
fn a_panic_that_ends_main_delivers_what_was_recorded() {
    let server = Server::start(|_, _, _| None);
    let output = plain(&server, &["panic"]);
    assert!(!output.status.success() && text(&output.stderr).contains("on purpose"));
    assert_eq!(server.seen(|seen| seen.stored.len()), 20);
}
