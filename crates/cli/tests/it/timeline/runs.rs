//! Profiles of kept runs, and of experiments.

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

#[test]
fn an_experiment_stands_for_the_profile_that_is_kept_with_it() {
    let folder = Folder::with(&[(
        "eval.toml",
        "project = \"shout\"\ntask = {command = [\"tr\", \"a-z\", \"A-Z\"], stdin = \"input\"}\n\
         [[cases]]\ninput = \"a\"\n",
    )]);
    let evaluated = |more: &[&str]| {
        let (code, evaluations) =
            folder.recorded(&[&["eval.toml", "--json", "--data-dir", "data"], more].concat());
        assert_eq!(code, 0);
        let experiment = &evaluations[0]["experiment"];
        let text = |member: &str| experiment[member].as_str().expect("text").to_owned();
        (text("name"), text("id"))
    };
    let (name, id) = evaluated(&["--profile", "run.jsonl", "--run-id", "first"]);
    let (without, _) = evaluated(&[]);
    let data = folder.path("data");
    let data = data.to_str().expect("UTF-8");
    let file = folder.path("run.jsonl");
    let picture = timeline(&[file.to_str().expect("UTF-8")]).success().stdout;
    assert!(picture.starts_with(&format!("{name} · adaptive\n")), "{picture}");
    // By name, by id, and by the run whose cells are kept.
    for run in [&name, &id, &"first".to_owned()] {
        assert_eq!(timeline(&[run, "--data-dir", data]).success().stdout, picture, "{run}");
    }
    let finished = timeline(&[&without, "--data-dir", data]);
    assert_eq!(finished.status.code(), Some(2), "{finished:#?}");
    let said = format!("error: no profile is kept with the experiment {without}\n");
    assert!(finished.stderr.starts_with(&said), "{}", finished.stderr);
    let finished = timeline(&["nothing", "--data-dir", data]);
    assert_eq!(finished.status.code(), Some(2), "{finished:#?}");
    assert!(
        finished.stderr.contains("neither a file, a kept run nor an experiment"),
        "{finished:#?}"
    );
}
