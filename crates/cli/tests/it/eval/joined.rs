//! Shards that record through a collector: one experiment, whatever happens to their processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_testkit::{Finished, get, post, rows, run};

use super::resume::{figures, kill_group, until};
use super::support::Folder;
use crate::kill::{Random, setting};
use crate::support::{binary, serve};

const SHARDS: u32 = 8;
const CASES: usize = 68;
/// Of each shard.
const KILLS: u64 = 2;

/// Fails for some inputs; notes down who asked, so that a kill can be aimed.
const TASK: &str = "read -r input\necho \"$input\" >> \"calls.$MACHINE\"\n\
    case $input in *9) echo 'no answer' >&2; exit 1;; esac\necho \"$input\" | tr a-z A-Z\n";

const TOML: &str = "project = \"shout\"\nexperiment = \"main\"\ndata.file = \"cases.jsonl\"\n\
    task = {command = [\"sh\", \"task.sh\"], stdin = \"input\"}\n\
    scorers = [{type = \"exact_match\"}, {type = \"levenshtein\"}]\n\
    [gate]\nexact_match = \"mean >= 0.5\"\nlevenshtein = \">= 0.1\"\n\
    [run]\nmax_concurrency = 2\n";

fn folder() -> Folder {
    let case = |n: usize| {
        // Some inputs occur twice, and some of those expect another output the second time.
        let n = n % 60;
        let expected = if n.is_multiple_of(4) { "other".to_owned() } else { format!("CASE {n}") };
        format!("{}\n", json!({"input": format!("case {n}"), "expected": expected, "tags": ["t"]}))
    };
    let cases: String = (0..CASES).map(case).collect();
    Folder::with(&[("eval.toml", TOML), ("cases.jsonl", &cases), ("task.sh", TASK)])
}

fn at(url: &str, command: &mut Command) {
    command.env("BRAINTRUST_APP_URL", url).env("BRAINTRUST_API_KEY", "any");
}

/// The command of one machine, which an indexed job of Kubernetes starts again as it is.
fn shard(folder: &Folder, url: &str, number: u32) -> Command {
    let data_dir = format!("machine-{number}");
    let arguments =
        ["eval.toml", "--run-id", "nightly", "--shard", "auto", "--data-dir", &data_dir];
    let mut command = folder.command(&arguments);
    at(url, &mut command);
    command.env("JOB_COMPLETION_INDEX", (number - 1).to_string());
    command.env("TIDEGATE_SHARDS", SHARDS.to_string()).env("MACHINE", number.to_string());
    command
}

fn started(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn().expect("started")
}

fn tidegate(folder: &Folder, url: &str, arguments: &[&str]) -> Finished {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(folder.path("")).env_remove("TIDEGATE_DATA_DIR");
    at(url, &mut command);
    run(&mut command, Duration::from_secs(60))
}

/// Kills a shard at random points, loses its disk now and then, and starts it again by the same
/// command until it has ended by itself. Returns how many kills met it.
fn killed_shard(folder: &Folder, url: &str, number: u32, seed: u64) -> u64 {
    let mut random = Random(seed.wrapping_add(u64::from(number) << 32));
    let calls = || folder.read(&format!("calls.{number}")).lines().count();
    let mut met = 0;
    for _ in 0..KILLS {
        let mut child = started(shard(folder, url, number));
        // Before it has begun, after some of its cases, or while it says that it has ended.
        let wanted = calls() + (random.next() % 7) as usize;
        until(&mut child, || calls() >= wanted);
        std::thread::park_timeout(Duration::from_millis(random.next() % 40));
        met += u64::from(child.try_wait().expect("a process").is_none());
        kill_group(&mut child);
        if random.next().is_multiple_of(3) {
            fs::remove_dir_all(folder.path(&format!("machine-{number}"))).ok();
        }
    }
    let finished = run(&mut shard(folder, url, number), Duration::from_secs(60)).success();
    let merge = "tidegate merge main-nightly --recorded --project shout";
    assert!(finished.stderr.contains(merge), "{}", finished.stderr);
    met
}

/// Each trial of an experiment as text, sorted, and the number of its rows of any kind.
fn recorded(url: &str, experiment: &str) -> (Vec<String>, usize) {
    let rows = rows(url, "experiment", experiment);
    let of_span =
        |row: &Value| row["span_attributes"]["name"].as_str().unwrap_or_default().to_owned();
    let mut traces: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for row in &rows {
        traces.entry(row["root_span_id"].as_str().expect("a trace")).or_default().push(row);
    }
    let trial = |spans: &Vec<&Value>| {
        let mut roots = spans.iter().filter(|row| row["is_root"] == true);
        let (root, second) = (roots.next().expect("a root"), roots.next());
        assert!(second.is_none(), "two roots: {spans:#?}");
        assert!(root["metrics"]["end"].is_number(), "not ended: {root:#}");
        let mut names: Vec<String> = spans.iter().map(|row| of_span(row)).collect();
        names.sort_unstable();
        let scores: BTreeMap<String, &Value> =
            spans.iter().map(|row| (of_span(row), &row["scores"])).collect();
        let member = |name: &str| root[name].clone();
        let members = ["input", "output", "expected", "error", "tags", "metadata"].map(member);
        json!([members, names, scores]).to_string()
    };
    let mut trials: Vec<String> = traces.values().map(trial).collect();
    trials.sort_unstable();
    let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().expect("an id")).collect();
    assert_eq!(ids.len(), rows.len());
    (trials, rows.len())
}

/// The figures of a JSON value that do not depend on when and where something ran.
fn text(mut value: Value) -> String {
    let of_call = ["file", "name", "parameters", "exit_code", "error"];
    let members = value.as_object_mut().expect("an object");
    members.retain(|name, _| !of_call.contains(&name.as_str()));
    figures(value).to_string()
}

fn merged(folder: &Folder, url: &str, arguments: &[&str]) -> Value {
    let merged = tidegate(folder, url, &[&["merge", "--json"], arguments].concat());
    assert_eq!(merged.status.code(), Some(4), "{merged:?}");
    serde_json::from_str(&merged.stdout).expect("JSON")
}

#[test]
fn eight_shards_from_eight_processes_with_random_kills_and_restarts_equal_one_run() {
    let seed = setting("TIDEGATE_KILL_SEED", 9);
    eprintln!("TIDEGATE_KILL_SEED={seed}");
    let (folder, data) = (folder(), TempDir::new().expect("a directory"));
    let server = serve(data.path(), &[]);
    let met: u64 = std::thread::scope(|scope| {
        let shards: Vec<_> = (1..=SHARDS)
            .map(|number| {
                let (folder, url) = (&folder, server.url());
                scope.spawn(move || killed_shard(folder, url, number, seed))
            })
            .collect();
        shards.into_iter().map(|shard| shard.join().expect("it ends well")).sum()
    });
    let all = KILLS * u64::from(SHARDS);
    eprintln!("{met} of {all} kills met a running shard");
    // The others met one that had ended.
    assert!(met * 4 >= all, "{met} of {all} kills met a running shard");

    // One process, on a collector of its own, so that neither is the other's base.
    let whole_data = TempDir::new().expect("another");
    let whole_server = serve(whole_data.path(), &[]);
    let mut whole = folder.command(&["eval.toml", "--json", "--data-dir", "whole"]);
    at(whole_server.url(), whole.env("MACHINE", "whole"));
    let whole = run(&mut whole, Duration::from_secs(60));
    // One of the gates passes; tasks that failed leave the other one open.
    assert_eq!(whole.status.code(), Some(4), "{whole:?}");
    let mut whole: Value = serde_json::from_str(&whole.stdout).expect("JSON");
    let whole = whole["evaluations"][0].take();
    assert_eq!((&whole["trials"], &whole["verdict"]), (&CASES.into(), &"undecided".into()));
    assert!(whole["task_errors"].as_u64().expect("a number") > 0);

    let from_experiment = merged(&folder, server.url(), &["main-nightly"]);
    let id = |run: &Value| run["experiment"]["id"].as_str().expect("an id").to_owned();
    let one = recorded(whole_server.url(), &id(&whole));
    assert_eq!(one.0.len(), CASES);
    assert_eq!(recorded(server.url(), &id(&from_experiment)), one, "TIDEGATE_KILL_SEED={seed}");
    // What the web pages list.
    let project = from_experiment["experiment"]["project"]["id"].as_str().expect("an id");
    let listed = get(server.url(), &format!("/api/projects/{project}/experiments")).json();
    let listed = listed["experiments"].as_array().expect("a list").clone();
    let shown = |member: &str| listed.iter().map(|one| one[member].clone()).collect::<Vec<_>>();
    assert_eq!((shown("name"), shown("cases")), (vec!["main-nightly".into()], vec![CASES.into()]));
    assert_eq!(shown("progress"), [json!({"planned": CASES, "running": false})]);
    assert_eq!(text(from_experiment), text(whole.clone()), "TIDEGATE_KILL_SEED={seed}");

    let parts = (1..=SHARDS).map(|number| format!("machine-{number}/cells/nightly"));
    let parts: Vec<String> = parts.collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut from_records = merged(&folder, server.url(), &parts);
    // Records alone have no name of an experiment to tell a run by.
    from_records["experiment"] = whole["experiment"].clone();
    assert_eq!(text(from_records), text(whole), "TIDEGATE_KILL_SEED={seed}");
}

#[test]
fn a_merge_from_the_experiment_refuses_what_is_missing_or_not_finished() {
    let (folder, data) = (folder(), TempDir::new().expect("a directory"));
    let server = serve(data.path(), &[]);
    let ended = |number: u32| {
        let ended = run(&mut shard(&folder, server.url(), number), Duration::from_secs(60));
        assert!(ended.status.success(), "{ended:?}");
    };
    ended(1);
    let merge = |arguments: &[&str]| {
        let merged = tidegate(&folder, server.url(), &[&["merge"], arguments].concat());
        assert_eq!(merged.status.code(), Some(3), "{merged:?}");
        merged.stderr
    };
    let said = merge(&["main-nightly"]);
    assert!(said.contains("missing: shard 2/8, 3/8"), "{said}");
    let mut second = started(shard(&folder, server.url(), 2));
    until(&mut second, || folder.exists("calls.2"));
    kill_group(&mut second);
    let said = merge(&["main-nightly"]);
    assert!(said.contains("shard 2/8 in the experiment main-nightly is not finished"), "{said}");
    // What is here is not all, and says where to look.
    let said = merge(&["nightly", "--data-dir", "machine-1"]);
    assert!(said.contains("missing: shard 2/8") && said.contains("--recorded"), "{said}");
    let said = merge(&["nothing"]);
    assert!(said.contains("there is no experiment \"nothing\""), "{said}");
    ended(2);
    let said = merge(&["main-nightly"]);
    assert!(said.contains("missing: shard 3/8"), "{said}");

    // Another evaluation under the same name does not get into the experiment.
    folder.write("task.sh", TASK.replace("tr a-z A-Z", "tr A-Z a-z"));
    let other = run(&mut shard(&folder, server.url(), 3), Duration::from_secs(60));
    assert_eq!(other.status.code(), Some(2), "{other:?}");
    assert!(other.stderr.contains("the version of the task"), "{}", other.stderr);
    assert!(!folder.exists("machine-3/cells/nightly"), "nothing is left of what did not begin");
    // Nor does a run of shards take an experiment that is none of theirs.
    folder.write("plain.toml", TOML.replace("\"main\"", "\"main-plain\""));
    let mut plain = folder.command(&["plain.toml", "--first", "2"]);
    at(server.url(), &mut plain);
    assert!(run(&mut plain, Duration::from_secs(60)).status.code().is_some_and(|code| code != 3));
    let mut sharded = folder.command(&["eval.toml", "--run-id", "plain", "--shard", "1/2"]);
    at(server.url(), &mut sharded);
    let sharded = run(&mut sharded, Duration::from_secs(60));
    assert_eq!(sharded.status.code(), Some(2), "{sharded:?}");
    assert!(sharded.stderr.contains("shards have not recorded it"), "{}", sharded.stderr);
}

/// What a process was killed over: one of the rows of a trial is of the try before.
#[test]
fn rows_of_an_earlier_try_are_replaced_when_a_shard_goes_on() {
    let (folder, data) = (folder(), TempDir::new().expect("a directory"));
    let server = serve(data.path(), &[]);
    let shard = || {
        let mut command =
            folder.command(&["eval.toml", "--run-id", "r", "--shard", "1/8", "--json"]);
        at(server.url(), command.env("MACHINE", "1"));
        let finished = run(&mut command, Duration::from_secs(60)).success();
        let value: Value = serde_json::from_str(&finished.stdout).expect("JSON");
        value["evaluations"][0]["experiment"]["id"].as_str().expect("an id").to_owned()
    };
    let experiment = shard();
    let whole = recorded(server.url(), &experiment);
    let mut rows = rows(server.url(), "experiment", &experiment);
    for name in ["eval", "task", "exact_match"] {
        let of_name = |row: &&mut Value| row["span_attributes"]["name"] == name;
        let row = rows.iter_mut().find(of_name).expect("one of each");
        let earlier = json!({
            "id": row["id"], "experiment_id": experiment, "span_id": "0123456789abcdef",
            "root_span_id": format!("of an earlier {name}"), "span_parents": row["span_parents"],
            "span_attributes": row["span_attributes"], "metrics": row["metrics"],
            "input": row["input"], "scores": row["scores"],
        });
        let body = json!({"rows": [earlier], "api_version": 2}).to_string();
        assert_eq!(post(server.url(), "/logs3", &[], &body).expect("an answer").status, 200);
    }
    assert_eq!(shard(), experiment);
    assert_eq!(recorded(server.url(), &experiment), whole);
    assert_eq!(folder.read("calls.1").lines().count(), whole.0.len(), "no task ran again");
}

#[test]
fn the_environment_says_which_shard_of_which_run_this_is() {
    let folder = folder();
    let eval = |variables: &[(&str, &str)], arguments: &[&str]| {
        let arguments = [&["eval.toml", "--no-send-logs"], arguments].concat();
        let mut command = folder.command(&arguments);
        command.envs(variables.iter().copied());
        let finished = run(&mut command, Duration::from_secs(60));
        (finished.status.code(), finished.stderr)
    };
    let gitlab = |index: &'static str| {
        [
            ("GITLAB_CI", "true"),
            ("CI_PIPELINE_ID", "77"),
            ("CI_NODE_INDEX", index),
            ("CI_NODE_TOTAL", "2"),
        ]
    };
    let (code, said) = eval(&gitlab("2"), &["--shard", "auto"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("run shout-gitlab-77, shard 2/2, is kept"), "{said}");
    assert!(
        said.contains("once all shards are finished: tidegate merge shout-gitlab-77"),
        "{said}"
    );
    let (_, said) = eval(&gitlab("2"), &["--shard", "auto"]);
    assert!(said.contains("run shout-gitlab-77, shard 2/2, continues"), "{said}");
    // Names on the command line win.
    let (_, said) = eval(&gitlab("1"), &["--shard", "2/3", "--run-id", "x"]);
    assert!(said.contains("run x, shard 2/3, is kept"), "{said}");
    let (code, said) = eval(&[("TIDEGATE_SHARD", "3/3")], &["--run-id", "x"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("run x, shard 3/3, is kept"), "{said}");
    for (variables, arguments, parts) in [
        (
            &[][..],
            &["--shard", "auto", "--run-id", "y"][..],
            &["no variable", "TIDEGATE_SHARD"][..],
        ),
        (
            &[("JOB_COMPLETION_INDEX", "1")],
            &["--shard", "auto"],
            &["TIDEGATE_SHARDS", "completions"],
        ),
        (&[("TIDEGATE_SHARD", "4/3")], &["--run-id", "y"], &["TIDEGATE_SHARD", "4/3"]),
        (&[("TIDEGATE_SHARD", "1/3")], &["--no-cells"], &["TIDEGATE_SHARD", "--no-cells"]),
        (&[("TIDEGATE_SHARD", "1/3")], &[], &["--shard", "--run-id"]),
        (
            &[("TIDEGATE_SHARD", "1/3")],
            &["--run-id", "y", "--update"],
            &["TIDEGATE_SHARD", "--update"],
        ),
    ] {
        let (code, said) = eval(variables, arguments);
        assert_eq!(code, Some(2), "{variables:?} {arguments:?}: {said}");
        assert!(
            parts.iter().all(|part| said.contains(part)),
            "{variables:?} {arguments:?}: {said}"
        );
    }
}
