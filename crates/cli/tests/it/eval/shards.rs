//! Shards of a run, their merge, and what is kept of runs.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_testkit::{Finished, run};

use super::resume::figures;
use super::support::Folder;
use crate::support::binary;

const TOML: &str = "project = \"shout\"\ndata.file = \"cases.jsonl\"\n\
    task = {command = [\"tr\", \"a-z\", \"A-Z\"], stdin = \"input\"}\n\
    scorers = [{type = \"exact_match\"}, {type = \"levenshtein\"}]\n\
    [gate]\nexact_match = \"mean >= 0.6\"\nlevenshtein = \">= 0.1\"\n[run]\ntrials = 2\n";

fn folder(count: u32) -> Folder {
    let case = |n: u32| {
        let expected = if n.is_multiple_of(4) { "other".to_owned() } else { format!("CASE {n}") };
        format!("{}\n", json!({"input": format!("case {n}"), "expected": expected}))
    };
    let cases: String = (0..count).map(case).collect();
    Folder::with(&[("eval.toml", TOML), ("cases.jsonl", &cases)])
}

fn tidegate(folder: &Folder, arguments: &[&str]) -> Finished {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(folder.path("")).env_remove("TIDEGATE_DATA_DIR");
    run(&mut command, Duration::from_secs(60))
}

/// The text of the figures that a merge has as well.
fn text(mut value: Value) -> String {
    let of_call = ["file", "name", "parameters", "exit_code", "error"];
    let members = value.as_object_mut().expect("an object");
    members.retain(|name, _| !of_call.contains(&name.as_str()));
    figures(value).to_string()
}

#[test]
fn eight_shards_in_eight_processes_are_one_run() {
    let folder = folder(45);
    let (code, mut whole) = folder.json(&[]);
    assert_eq!(code, 0);
    let common = ["eval.toml", "--no-send-logs", "--json", "--run-id", "nightly"];
    for pair in [[1, 2], [3, 4], [5, 6], [7, 8]] {
        let shards = pair.map(|number| {
            let shard = format!("{number}/8");
            let mut command = folder.command(&[&common[..], &["--shard", &shard]].concat());
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started")
        });
        for mut shard in shards {
            assert_eq!(shard.wait().expect("its end").code(), Some(0));
        }
    }
    let merged = tidegate(&folder, &["merge", "nightly", "--json"]).success();
    let merged: Value = serde_json::from_str(&merged.stdout).expect("JSON");
    assert_eq!(merged["cells"]["ran"], 90);
    assert_eq!(text(merged), text(whole.remove(0)));
}

#[test]
fn a_shard_leaves_gates_to_the_merge_and_may_be_empty() {
    let folder = folder(1);
    // The only case scores nothing, so no gate passes.
    let shard = |shard: &str| folder.json(&["--run-id", "n", "--shard", shard]).0;
    assert_eq!([shard("1/3"), shard("2/3"), shard("3/3")], [0, 0, 0]);
    assert_eq!(tidegate(&folder, &["merge", "n"]).status.code(), Some(1));
}

#[test]
fn runs_are_listed_and_cleaned_unless_somebody_writes_them() {
    let folder = folder(3);
    assert_eq!(tidegate(&folder, &["cells", "list"]).success().stdout.trim(), "no run is kept");
    folder.json(&["--run-id", "finished"]);
    folder.write("slow.toml", TOML.replace("\"tr\", \"a-z\", \"A-Z\"", "\"sleep\", \"60\""));
    let mut command = folder.command(&["slow.toml", "--no-send-logs", "--run-id", "locked"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    for _ in 0..6_000 {
        if folder.exists(".tidegate/cells/locked/1-of-1/run.json") {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let list = || -> Vec<(String, String)> {
        let said = tidegate(&folder, &["cells", "list", "--json"]).success().stdout;
        let value: Value = serde_json::from_str(&said).expect("JSON");
        let text = |run: &Value, member: &str| run[member].as_str().expect("a text").to_owned();
        let runs = value["runs"].as_array().expect("an array").iter();
        runs.map(|run| (text(run, "run"), text(run, "state"))).collect()
    };
    let pair = |run: &str, state: &str| (run.to_owned(), state.to_owned());
    assert_eq!(list(), [pair("finished", "finished"), pair("locked", "locked")]);
    let young = tidegate(&folder, &["cells", "clean", "--older-than", "1"]).success();
    assert!(young.stdout.contains("0 parts of runs"), "{}", young.stdout);
    let dry = tidegate(&folder, &["cells", "clean", "--dry-run"]).success();
    assert!(dry.stdout.contains("would be removed: finished (1/1)"), "{}", dry.stdout);
    assert_eq!(list().len(), 2);
    let cleaned = tidegate(&folder, &["cells", "clean", "--json"]).success();
    let cleaned: Value = serde_json::from_str(&cleaned.stdout).expect("JSON");
    assert_eq!(cleaned["removed"][0]["run"], "finished");
    assert_eq!(cleaned["locked"][0]["run"], "locked");
    assert_eq!(list(), [pair("locked", "locked")]);
    child.kill().expect("killed");
    child.wait().expect("its end");
    assert_eq!(list(), [pair("locked", "interrupted")]);
    let table = tidegate(&folder, &["cells", "list"]).success();
    assert!(table.stdout.contains("--resume locked"), "{}", table.stdout);
    let all = tidegate(&folder, &["cells", "clean"]).success();
    assert!(all.stdout.contains("removed: locked (1/1)"), "{}", all.stdout);
    assert!(list().is_empty());
    assert!(!folder.exists(".tidegate/cells/locked"));
}
