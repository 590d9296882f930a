//! Runs that are cut off and go on, and what later runs take over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::support::Folder;

/// `cargo xtask soak` sets more.
#[expect(clippy::disallowed_methods, reason = "the one setting of these tests")]
fn kill_points() -> u32 {
    let points = std::env::var("TIDEGATE_KILL_POINTS").ok();
    points.map_or(5, |points| points.parse().expect("a number of kill points"))
}

/// Answers with the input, and notes down who asked for what. One short line is one write, which
/// `O_APPEND` keeps apart from those of others. Without an input it was started and not asked: the
/// evaluation was killed in between.
const TASK: &str =
    "read -r input\n[ \"$input\" ] || exit 1\necho \"$PPID $input\" >> calls\necho \"$input\"\n";
/// Scores 1 if output and expected output are the same text, and notes down its calls.
const SCORE: &str = "read -r line\necho scored >> scored\n\
    case \"$line\" in *'\"output\":7,\"expected\":7'*) echo 0.5;; *) echo 1;; esac\n";

fn toml(scorers: &str) -> String {
    format!(
        "project = \"echo\"\ndata.file = \"cases.jsonl\"\nrun.max_concurrency = 4\n\
         task = {{command = [\"sh\", \"task.sh\"], stdin = \"input\", format = \"json\"}}\n{scorers}"
    )
}

const EXACT: &str = "[[scorers]]\ntype = \"exact_match\"\n[gate]\nexact_match = \"mean >= 0.5\"\n";

fn cases(count: u32) -> String {
    (0..count)
        .map(|n| {
            format!("{}\n", json!({"input": n, "expected": if n % 4 == 3 { 1000 } else { n }}))
        })
        .collect()
}

fn folder(scorers: &str, count: u32) -> Folder {
    let (toml, cases) = (toml(scorers), cases(count));
    Folder::with(&[("eval.toml", &toml), ("cases.jsonl", &cases), ("task.sh", TASK)])
}

/// Calls of the task: the process that made them, and the input.
fn calls(folder: &Folder) -> Vec<(u32, u32)> {
    let text = folder.read("calls");
    let call = |line: &str| {
        let (process, input) = line.split_once(' ')?;
        Some((process.parse().ok()?, input.parse().ok()?))
    };
    text.lines().map(|line| call(line).unwrap_or_else(|| panic!("half a line: {line:?}"))).collect()
}

fn lines(folder: &Folder, name: &str) -> usize {
    folder.read(name).lines().count()
}

/// Inputs of the cells that have a whole record.
fn recorded(folder: &Folder, run: &str) -> BTreeSet<u32> {
    let path = folder.path(&format!(".tidegate/cells/{run}/1-of-1/records.log"));
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    // A last line without its end is torn.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let input = |line: &str| -> Option<u32> {
        let record: Value = serde_json::from_str(&line[line.find('{')?..]).ok()?;
        Some(u32::try_from(record["input"].as_u64()?).expect("small"))
    };
    whole.lines().filter_map(input).collect()
}

/// Without ids, times, and what says where results come from; in the order it had.
pub(super) fn figures(mut evaluation: Value) -> Value {
    let own = [
        "duration_s",
        "cpu_s",
        "cpu_idle_ratio",
        "metrics",
        "metric_estimates",
        "cells",
        "receipt",
    ];
    let of_records = ["experiment", "base", "comparisons", "metric_comparisons"];
    let members = evaluation.as_object_mut().expect("an object");
    assert!(own.iter().all(|name| members.contains_key(*name)), "{members:#?}");
    members.retain(|name, _| !own.iter().chain(&of_records).any(|other| other == name));
    evaluation
}

fn start(folder: &Folder, arguments: &[&str]) -> Child {
    let mut command = folder.command(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn().expect("started")
}

pub(super) fn kill_group(child: &mut Child) {
    let group = format!("-{}", child.id());
    Command::new("kill").args(["-KILL", "--", &group]).status().expect("kill");
    child.wait().expect("its end");
}

/// Waits for a condition, or for the end of the process.
pub(super) fn until(child: &mut Child, mut condition: impl FnMut() -> bool) {
    for _ in 0..60_000 {
        if condition() || child.try_wait().expect("a process").is_some() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    panic!("nothing happens any more");
}

/// A few kills of one run, then its end. Returns how many kills met it before its end, and how many
/// calls of the task were made twice.
fn killed_run(whole: &Value, chain: u32, kills: u32, send: bool) -> (u32, usize) {
    const CASES: u32 = 60;
    let folder = folder(EXACT, CASES);
    let logs: &[&str] = if send { &[] } else { &["--no-send-logs"] };
    let (mut met, mut started) = (0, false);
    for kill in 0..kills {
        let name = if started { ["--resume", "r"] } else { ["--run-id", "r"] };
        let before = recorded(&folder, "r");
        let calls_before = lines(&folder, "calls");
        let mut child = start(&folder, &[&["eval.toml", "--json"], &name[..], logs].concat());
        // At another point each time: after some calls, or after some milliseconds more.
        let chance = (chain * 31 + kill * 17) * 2_654_435 % 97;
        let wanted = calls_before + (chance % 9) as usize;
        until(&mut child, || {
            lines(&folder, "calls") >= wanted && (wanted > 0 || chance.is_multiple_of(2))
        });
        std::thread::park_timeout(Duration::from_millis(u64::from(chance % 23)));
        let ended = child.try_wait().expect("a process").is_some();
        let process = child.id();
        kill_group(&mut child);
        met += u32::from(!ended);
        started |= folder.exists(".tidegate/cells/r/1-of-1/run.json");
        checked(&folder, process, &before);
    }
    let before = recorded(&folder, "r");
    let name = if started { ["--resume", "r"] } else { ["--run-id", "r"] };
    let mut command = folder.command(&[&["eval.toml", "--json"], &name[..], logs].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let process = child.id();
    let output = child.wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let evaluation = value["evaluations"][0].clone();
    assert_eq!(evaluation["cells"]["complete"], true);
    assert_eq!(&figures(evaluation), whole, "chain {chain}");
    checked(&folder, process, &before);
    let own = calls(&folder).into_iter().filter(|(caller, _)| *caller == process).count();
    assert_eq!(own, CASES as usize - before.len(), "exactly what was missing ran");
    let inputs: BTreeSet<u32> = calls(&folder).into_iter().map(|(_, input)| input).collect();
    assert_eq!(inputs.len(), CASES as usize);
    assert_eq!(recorded(&folder, "r").len(), CASES as usize);
    (met, lines(&folder, "calls") - CASES as usize)
}

/// No process calls the task for what was recorded before it began, or twice for one case.
fn checked(folder: &Folder, process: u32, before: &BTreeSet<u32>) {
    let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
    for (_, input) in calls(folder).into_iter().filter(|(caller, _)| *caller == process) {
        *counts.entry(input).or_default() += 1;
        assert!(!before.contains(&input), "case {input} was finished and ran again");
    }
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}

#[test]
fn a_run_that_is_killed_at_any_point_goes_on_without_running_a_finished_case_again() {
    const KILLS: u32 = 5;
    let whole = folder(EXACT, 60);
    let (code, mut evaluations) = whole.recorded(&["eval.toml", "--json", "--no-send-logs"]);
    assert_eq!(code, 0);
    let whole = figures(evaluations.remove(0));
    assert_eq!(whole["trials"], 60);
    let (points, mut met, mut twice) = (kill_points(), 0, 0);
    for chain in 0..points.div_ceil(KILLS) {
        let kills = KILLS.min(points - chain * KILLS);
        let (kills_met, calls_twice) = killed_run(&whole, chain, kills, chain % 2 == 1);
        met += kills_met;
        twice += calls_twice;
    }
    // The others met a run that had ended.
    assert!(met * 2 >= points, "{met} of {points} kills met a running process");
    println!("{met} of {points} kills met a running process; {twice} calls were made again");
}

#[test]
fn a_resumed_run_is_recorded_once() {
    let folder = folder(EXACT, 40);
    let mut child = start(&folder, &["eval.toml", "--run-id", "r"]);
    until(&mut child, || lines(&folder, "calls") >= 15);
    kill_group(&mut child);
    let (code, evaluations) = folder.recorded(&["eval.toml", "--json", "--resume", "last"]);
    assert_eq!(code, 0, "{evaluations:#?}");
    let name = evaluations[0]["experiment"]["name"].as_str().expect("a name").to_owned();
    let mut command = folder.command(&[]);
    let binary = command.get_program().to_owned();
    command = Command::new(binary);
    command.args(["export", &name, "--project", "echo"]).current_dir(folder.path(""));
    let exported = tidegate_testkit::run(&mut command, Duration::from_secs(60)).success();
    let mut inputs: Vec<u64> = exported
        .stdout
        .lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).expect("JSON");
            value["input"].as_u64().expect("a number")
        })
        .collect();
    inputs.sort_unstable();
    assert_eq!(inputs, (0..40).collect::<Vec<u64>>());
}

#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let slow = "read -r input\necho \"$PPID $input\" >> calls\nsleep 0.05\necho \"$input\"\n";
    let folder = folder(EXACT, 500);
    folder.write("task.sh", slow);
    let mut command = folder.command(&["eval.toml", "--json", "--no-send-logs", "--run-id", "r"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    until(&mut child, || lines(&folder, "calls") >= 8);
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    let output = child.wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("run r is kept in .tidegate/cells"), "{said}");
    let command = "resume with: tidegate eval eval.toml --json --no-send-logs --resume r";
    assert!(said.contains(command), "{said}");
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let ran = value["evaluations"][0]["trials"].as_u64().expect("a number");
    assert_eq!(value["evaluations"][0]["cells"]["complete"], false);
    folder.write("task.sh", TASK);
    let refused = folder.eval(&["eval.toml", "--json", "--no-send-logs", "--resume", "r"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(refused.stderr.contains("--same-task"), "{}", refused.stderr);
    let (code, evaluations) = folder.json(&["--resume", "r", "--same-task"]);
    let cells = &evaluations[0]["cells"];
    assert_eq!((code, &cells["taken_over"]), (0, &json!(ran)));
    assert_eq!(cells["ran"], 500 - ran);
}

#[test]
fn the_cache_runs_what_has_changed_and_nothing_else() {
    let scorers = "[[scorers]]\nname = \"s\"\ncommand = [\"sh\", \"score.sh\"]\n\
                   [[scorers]]\ntype = \"json_diff\"\n";
    let folder = folder(scorers, 20);
    folder.write("score.sh", SCORE);
    let cached = |arguments: &[&str]| {
        let before = (lines(&folder, "calls"), lines(&folder, "scored"));
        let (code, evaluations) = folder.json(&[&["--cache"], arguments].concat());
        assert_eq!(code, 0, "{evaluations:#?}");
        let cells = evaluations[0]["cells"].clone();
        let counts =
            ["ran", "taken_over", "rescored"].map(|name| cells[name].as_u64().expect(name));
        let after = (lines(&folder, "calls"), lines(&folder, "scored"));
        (counts, after.0 - before.0, after.1 - before.1)
    };
    assert_eq!(cached(&[]), ([20, 0, 0], 20, 20));
    assert_eq!(cached(&[]), ([0, 20, 0], 0, 0), "nothing has changed");
    let patient = scorers.replace("score.sh\"]\n", "score.sh\"]\ntimeout = \"9s\"\n");
    assert_ne!(patient, scorers);
    folder.write("eval.toml", toml(&patient));
    assert_eq!(cached(&[]), ([0, 20, 0], 0, 0), "a time limit decides nothing");
    let changed = scorers.replace("\"json_diff\"\n", "\"json_diff\"\npreserve_strings = true\n");
    folder.write("eval.toml", toml(&changed));
    assert_eq!(cached(&[]), ([0, 0, 20], 0, 0), "only the changed scorer runs, which is built in");
    folder.write("score.sh", SCORE.replace("0.5", "0.25"));
    assert_eq!(cached(&[]), ([0, 0, 20], 0, 20), "a program that scores");
    let corrected =
        cases(20).replace("{\"input\":7,\"expected\":1000}", "{\"input\":7,\"expected\":7}");
    assert_ne!(corrected, cases(20));
    folder.write("cases.jsonl", corrected);
    assert_eq!(cached(&[]), ([0, 19, 1], 0, 1), "a corrected expected value");
    folder.write("task.sh", TASK.to_owned() + "# changed\n");
    assert_eq!(cached(&[]), ([20, 0, 0], 20, 20), "the program of the task");
    let versioned = toml(&changed).replace("\"task.sh\"]", "\"task.sh\"], version = \"2\"");
    folder.write("eval.toml", versioned);
    assert_eq!(cached(&[]), ([20, 0, 0], 20, 20), "its version");
    let (_, evaluations) = folder.json(&["--only-scorers", "s"]);
    assert_eq!(evaluations[0]["cells"]["rescored"], 20);
    assert_eq!(lines(&folder, "calls"), 60);
}

#[test]
fn only_errors_run_again() {
    let folder = folder(EXACT, 20);
    let fails = "read -r input\necho \"$PPID $input\" >> calls\n\
                 [ -e good ] || case $input in *3) exit 1;; esac\necho \"$input\"\n";
    folder.write("task.sh", fails);
    let (_, evaluations) = folder.json(&["--run-id", "r"]);
    assert_eq!(evaluations[0]["task_errors"], 2);
    folder.write("good", "");
    let (code, evaluations) = folder.json(&["--only-errors", "r"]);
    assert_eq!((code, &evaluations[0]["task_errors"]), (0, &json!(0)));
    assert_eq!(evaluations[0]["cells"]["ran"], 2);
    assert_eq!(lines(&folder, "calls"), 22);
}

#[test]
fn several_evaluations_are_resumed_by_one_name() {
    let folder = folder(EXACT, 12);
    let matrix = toml(&format!("matrix.kind = [\"one\", \"two\"]\n{EXACT}"));
    folder.write("matrix.toml", matrix);
    let all = ["eval.toml", "matrix.toml", "--json", "--no-send-logs"];
    let mut child = start(&folder, &[&all[..], &["--run-id", "r"]].concat());
    until(&mut child, || lines(&folder, "calls") >= 16);
    kill_group(&mut child);
    let (code, evaluations) = folder.recorded(&[&all[..], &["--resume", "r"]].concat());
    assert_eq!((code, evaluations.len()), (0, 3), "{evaluations:#?}");
    let count = |index: usize, member: &str| {
        evaluations[index]["cells"][member].as_u64().expect("a number")
    };
    assert_eq!(count(0, "taken_over"), 12, "the first one had ended");
    assert!(count(1, "taken_over") + count(1, "ran") == 12);
    let (code, again) = folder.recorded(&[&all[..], &["--resume", "last"]].concat());
    assert_eq!(code, 0);
    assert!(again.iter().all(|one| one["cells"]["taken_over"] == 12), "{again:#?}");
    // One of them alone is found by the name of all.
    let (code, alone) =
        folder.recorded(&["eval.toml", "--json", "--no-send-logs", "--resume", "r"]);
    assert_eq!((code, &alone[0]["cells"]["taken_over"]), (0, &json!(12)));
}

#[test]
fn what_makes_no_sense_is_a_usage_error_that_names_the_flags() {
    let folder = folder(EXACT, 4);
    assert_eq!(folder.json(&["--run-id", "r"]).0, 0);
    for (arguments, parts) in [
        (&["--resume", "r", "--run-id", "x"][..], &["--resume", "--run-id"][..]),
        (&["--no-cells", "--cache"], &["--no-cells", "--cache"]),
        (&["--no-cells", "--resume", "r"], &["--no-cells", "--resume"]),
        (&["--resume", "r", "--only-errors", "r"], &["--resume", "--only-errors"]),
        (&["--shard", "1/2"], &["--shard", "--run-id", "--resume"]),
        (&["--shard", "3/2"], &["--shard", "2/8"]),
        (&["--same-task"], &["--same-task", "--resume"]),
        (&["--watch", "--resume", "r"], &["--watch", "--resume"]),
        (&["--run-id", "r"], &["there is a run r", "--resume"]),
        (&["--run-id", "a/b"], &["a/b"]),
        (&["--run-id", "last"], &["--resume last"]),
        (&["--resume", "nothing"], &["no run nothing", "tidegate cells list"]),
        (&["--resume", "r", "--shard", "1/2"], &["no run r", "shard 1/2"]),
        (&["--only-scorers", "exactly"], &["exactly", "exact_match"]),
    ] {
        let arguments = [&["eval.toml", "--no-send-logs"], arguments].concat();
        let finished = folder.eval(&arguments);
        assert_eq!(finished.status.code(), Some(2), "{arguments:?}: {finished:?}");
        for part in parts {
            assert!(finished.stderr.contains(part), "{arguments:?}: {}", finished.stderr);
        }
    }
    assert_eq!(lines(&folder, "calls"), 4, "nothing ran");
    let before = fs::read_dir(folder.path(".tidegate/cells")).expect("there").count();
    assert_eq!(folder.json(&["--no-cells"]).0, 0);
    assert_eq!(fs::read_dir(folder.path(".tidegate/cells")).expect("there").count(), before);
}
