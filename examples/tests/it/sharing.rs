//! Several processes on one data directory: nobody fails, nothing is lost.

use std::path::Path;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;
use tidegate_testkit::{ServerProcess, built_binary, rows};

use crate::support::{command, finished, json};

/// Rows of one run: a root, a task and a scorer span for each of 2 500 cases.
const ROWS: usize = 7_500;

fn check_complete(url: &str, run: &Value) {
    assert_eq!(run["receipt"]["rows"], ROWS, "{run:#}");
    assert_eq!(run["receipt"]["acknowledged"], run["receipt"]["accepted"]);
    let id = run["experiment"]["id"].as_str().expect("an id");
    assert_eq!(rows(url, "experiment", id).len(), ROWS, "{}", run["experiment"]["name"]);
}

/// The collector's directory is `.tidegate` in the working directory, as for the example.
fn serve(directory: &Path) -> ServerProcess {
    ServerProcess::start(&built_binary(), &directory.join(".tidegate"), &[])
}

#[test]
fn a_server_and_two_evaluations_started_at_once_all_work() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path();
    let (server, first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| json(path, &["--detector", "whatlang"]));
        let server = scope.spawn(|| serve(path));
        let second = scope.spawn(|| json(path, &["--detector", "whichlang"]));
        (
            server.join().expect("the server works"),
            first.join().expect("the first evaluation works"),
            second.join().expect("the second evaluation works"),
        )
    });
    check_complete(server.url(), &first);
    check_complete(server.url(), &second);
}

#[test]
fn evaluations_without_a_server_share_the_directory_and_outlive_each_other() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path();
    // Whichever serves first ends while the others still send to it.
    let detectors = ["whichlang", "whatlang", "whatlang-24-chars", "whichlang"];
    let runs: Vec<Value> = thread::scope(|scope| {
        let started: Vec<_> = detectors
            .map(|detector| scope.spawn(move || json(path, &["--detector", detector])))
            .into();
        started.into_iter().map(|run| run.join().expect("an evaluation works")).collect()
    });
    let server = serve(path);
    runs.iter().for_each(|run| check_complete(server.url(), run));
}

#[test]
fn an_evaluation_survives_the_death_of_the_process_that_serves_it() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path();
    let server = serve(path);
    let url = server.url().to_owned();
    let run = thread::scope(|scope| {
        let run = scope.spawn(|| json(path, &[]));
        // Killed once the run has begun to store, without any warning to it.
        let begun = server_has_rows(&url);
        server.kill();
        assert!(begun, "the run never reached the server");
        run.join().expect("the evaluation takes the directory over")
    });
    let server = serve(path);
    check_complete(server.url(), &run);
}

/// Waits until the server knows an experiment.
fn server_has_rows(url: &str) -> bool {
    (0..3_000).any(|_| {
        thread::park_timeout(std::time::Duration::from_millis(10));
        let found = tidegate_testkit::get(url, "/v1/experiment?project_name=language-id");
        found.status == 200
            && found.json()["objects"].as_array().is_some_and(|objects| !objects.is_empty())
    })
}

#[test]
fn a_run_without_the_embedded_collector_uses_the_server_it_is_pointed_at() {
    let directory = TempDir::new().expect("a directory");
    let elsewhere = TempDir::new().expect("a directory");
    let server = serve(directory.path());
    let mut command = command(elsewhere.path());
    command.env("BRAINTRUST_APP_URL", server.url()).arg("--json");
    let finished = finished(&mut command).success();
    let run: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    check_complete(server.url(), &run);
    assert!(run["experiment"]["url"].as_str().is_some_and(|url| url.starts_with(server.url())));
    assert!(!elsewhere.path().join(".tidegate").exists(), "nothing is kept locally");
}
