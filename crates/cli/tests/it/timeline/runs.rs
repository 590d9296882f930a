//! Profiles of kept runs.

use std::fs;

use crate::eval::support::Folder;

use super::{fixture, timeline};

#[test]
fn a_kept_run_stands_for_its_profile() {
    let folder = Folder::with(&[(
        "eval.toml",
        "project = \"shout\"\ntask = {command = [\"tr\", \"a-z\", \"A-Z\"], stdin = \"input\"}\n\
         [[cases]]\ninput = \"a\"\n[[cases]]\ninput = \"b\"\n",
    )]);
    let run = |shard: &str| {
        let arguments = [
            "eval.toml",
            "--no-send-logs",
            "--run-id",
            "night",
            "--shard",
            shard,
            "--data-dir",
            "data",
        ];
        drop(folder.eval(&arguments).success());
    };
    run("1/2");
    let data = folder.path("data");
    let data = data.to_str().expect("UTF-8");
    let finished = timeline(&["night", "--data-dir", data]);
    assert_eq!(finished.status.code(), Some(2));
    assert!(
        finished.stderr.starts_with("error: the run night was kept without a profile\n"),
        "{}",
        finished.stderr
    );

    fs::copy(fixture("serial"), folder.path("data/cells/night/1-of-2/profile.jsonl"))
        .expect("copied");
    let text = timeline(&["night", "--data-dir", data]).success().stdout;
    assert!(text.starts_with("seed · serial-chunks"), "{text}");
    // The same by its directory.
    let directory = folder.path("data/cells/night/1-of-2");
    assert_eq!(timeline(&[directory.to_str().expect("UTF-8")]).success().stdout, text);

    run("2/2");
    fs::copy(fixture("busy"), folder.path("data/cells/night/2-of-2/profile.jsonl"))
        .expect("copied");
    let finished = timeline(&["night", "--data-dir", data]);
    assert_eq!(finished.status.code(), Some(2));
    assert!(
        finished.stderr.contains("each shard of the run night has a profile"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("1-of-2/profile.jsonl"), "{}", finished.stderr);
}
