//! Which cases run, and what is said about them without running any.

use serde_json::Value;

use super::support::{Folder, SHOUT};

fn folder() -> Folder {
    let cases: String = (0..20)
        .map(|n| {
            let tag = if n % 2 == 0 { "even" } else { "odd" };
            format!("{{\"input\": \"case {n}\", \"id\": \"c{n}\", \"tags\": [\"{tag}\"], \"metadata\": {{\"n\": {n}}}}}\n")
        })
        .collect();
    let toml =
        format!("{SHOUT}data.file = \"cases.jsonl\"\nscorers = [{{type = \"valid_json\"}}]\n");
    Folder::with(&[("eval.toml", &toml), ("cases.jsonl", &cases)])
}

fn ids(folder: &Folder, arguments: &[&str]) -> Vec<String> {
    let finished = folder.eval(&[&["eval.toml", "--list"], arguments].concat()).success();
    let ids =
        finished.stdout.lines().map(|line| line.split('\t').next().expect("an id").to_owned());
    assert!(!folder.exists(".tidegate"), "--list records nothing");
    ids.collect()
}

#[test]
fn filters_must_all_match_and_cut_before_the_first_ones_are_taken() {
    let folder = folder();
    assert_eq!(ids(&folder, &[]).len(), 20);
    assert_eq!(ids(&folder, &["--filter", "tags=odd", "--first", "2"]), ["c1", "c3"]);
    let both = ["--filter", "tags=even", "--filter", "input=1[0-9]$"];
    assert_eq!(ids(&folder, &both), ["c10", "c12", "c14", "c16", "c18"]);
    assert_eq!(ids(&folder, &["--filter", "metadata.n=^7$"]), ["c7"]);
    assert_eq!(ids(&folder, &["--filter", "id=^c1$"]), ["c1"]);
    let (code, trials) = folder.trials(&["--filter", "metadata.n=^7$"]);
    assert_eq!(
        (code, trials.len(), &trials[0]["output"]),
        (0, 1, &"\"CASE 7\"".parse().expect("JSON"))
    );
}

#[test]
fn samples_depend_on_the_seed_only() {
    let folder = folder();
    let sample = |seed: &str| ids(&folder, &["--sample", "5", "--seed", seed]);
    assert_eq!(sample("1").len(), 5);
    assert_eq!(sample("1"), sample("1"));
    assert_ne!(sample("1"), sample("2"));
    assert_eq!(ids(&folder, &["--sample", "50"]).len(), 20);
}

#[test]
fn filters_that_cannot_be_used_are_usage_errors() {
    let folder = folder();
    for (filter, part) in [
        ("tags", "has no ="),
        ("tgas=x", "did you mean \"tags\"?"),
        ("id=(", "bad regex"),
        ("tags=nothing", "no case matches the filters"),
    ] {
        let finished = folder.eval(&["eval.toml", "--filter", filter]);
        assert_eq!(finished.status.code(), Some(2), "{finished:?}");
        assert!(finished.stderr.contains(part), "{}", finished.stderr);
        assert!(!folder.exists(".tidegate"));
    }
    assert_eq!(folder.eval(&["eval.toml", "--first", "0"]).status.code(), Some(2));
    assert_eq!(folder.eval(&["eval.toml", "--first", "1", "--sample", "1"]).status.code(), Some(2));
    assert_eq!(folder.eval(&[]).status.code(), Some(2));
}

#[test]
fn a_dry_run_checks_everything_and_runs_nothing() {
    let folder = folder();
    folder.write("eval.toml", "project = \"p\"\ndata.file = \"cases.jsonl\"\n\
        task.command = [\"touch\", \"{{parameters.name}}\"]\nmatrix.name = [\"one\", \"two\"]\n\
        scorers = [{type = \"exact_match\"}]\n[gate]\nexact_match = \">= 0.5\"\n[run]\ntrials = 3\n");
    let said = folder.eval(&["eval.toml", "--dry-run", "--first", "4"]).success();
    for part in
        ["p / name=one", "p / name=two", "4, 3 trials each", "touch", "exact_match at least 0.5"]
    {
        assert!(said.stdout.contains(part), "no {part:?} in {}", said.stdout);
    }
    let json = folder.eval(&["eval.toml", "--dry-run", "--json"]).success();
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["evaluations"][1]["cases"], 20);
    assert_eq!(json["evaluations"][1]["parameters"]["name"], "two");
    assert!(!folder.exists("one") && !folder.exists(".tidegate"), "nothing ran");
    folder.eval(&["eval.toml", "--no-send-logs", "--first", "1"]);
    assert!(folder.exists("one") && folder.exists("two"), "the same without --dry-run runs");
}
