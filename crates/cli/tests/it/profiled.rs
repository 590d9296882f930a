//! `--profile`: the files that runs leave, whole ones and those of runs that were killed.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_analysis::profile::Profile;
use tidegate_model::profile::Cause;
use tidegate_testkit::get;

use crate::eval::support::{Folder, SHOUT};
use crate::support::{binary, serve, tidegate};

fn read(path: impl AsRef<Path>) -> Profile {
    Profile::read(BufReader::new(File::open(path).expect("a file"))).expect("a profile")
}

fn count(profile: &Profile, kind: &str) -> usize {
    profile.spans.iter().filter(|span| profile.name_of(span.kind) == kind).count()
}

#[test]
fn each_run_of_a_bench_has_a_profile() {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("run.jsonl");
    let profile = format!("--profile={}", path.display());
    let finished = tidegate(&[
        "bench",
        "upload",
        "--json",
        "--runs=2",
        "--cases=12",
        "--base=20ms",
        "--per-row=0ms",
        "--flush-every-task",
        &profile,
    ]);
    assert!(finished.status.success(), "{finished:?}");
    assert!(!path.exists(), "each has its number");
    for number in 1..=2 {
        let profile = read(dir.path().join(format!("run-{number}.jsonl")));
        assert_eq!((profile.spans.len(), count(&profile, "eval")), (12 * 11, 12));
        assert_eq!(profile.header.strategy.as_deref(), Some("adaptive"));
        assert_eq!(profile.waits.iter().filter(|wait| wait.cause == Cause::Flush).count(), 12);
        assert!(profile.requests.iter().all(|request| request.end_us - request.start_us >= 20_000));
        let rows: u32 = profile.requests.iter().map(|request| request.rows).sum();
        assert!(rows as usize >= profile.spans.len(), "{rows}");
        assert!(profile.end.is_some_and(|end| end.produced_us.is_some()));
    }
    let nothing = tidegate(&["bench", "upload", "--strategy=none", &profile]);
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");
    let finished =
        tidegate(&["bench", "log", "--rate=200", "--seconds=1", "--json", &profile]).success();
    let figures: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(figures["spans"].as_u64(), Some(count(&read(&path), "llm") as u64));
}

/// Nothing says goodbye, and half a line may be in the file.
#[expect(clippy::disallowed_methods, reason = "waits for a real process")]
#[test]
fn a_killed_run_leaves_a_profile_up_to_then() {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("run.jsonl");
    let mut child = Command::new(binary())
        .args(["bench", "upload", "--cases=1000000", "--base=1ms", "--per-row=0ms"])
        .arg("--profile")
        .arg(&path)
        .stdout(Stdio::null())
        .spawn()
        .expect("started");
    let deadline = Instant::now() + Duration::from_secs(60);
    // Whoever reads along has whole lines already.
    let has_much = || {
        let long = fs::metadata(&path).is_ok_and(|found| found.len() > 50_000);
        long && !read(&path).requests.is_empty()
    };
    while !has_much() {
        assert!(Instant::now() < deadline, "no profile");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    child.kill().expect("alive until now");
    child.wait().expect("its end");
    let profile = read(&path);
    assert!(profile.spans.len() > 100 && !profile.requests.is_empty());
    assert_eq!(profile.end, None);
    // As if the last line had been cut.
    let bytes = fs::read(&path).expect("a file");
    let cut = dir.path().join("cut.jsonl");
    fs::write(&cut, &bytes[..bytes.len() - 5]).expect("written");
    assert!(read(&cut).spans.len() + 1 >= profile.spans.len());
}

fn folder() -> Folder {
    let folder = Folder::with(&[]);
    for name in ["one", "two"] {
        let shout = SHOUT.replace("shout", name);
        let rest = "scorers = [{type = \"exact_match\"}]\nexperiment = ";
        let cases =
            "cases = [{input = \"a\", expected = \"A\"}, {input = \"b\", expected = \"b\"}]";
        folder.write(&format!("{name}.toml"), format!("{shout}{rest}\"{name}-run\"\n{cases}\n"));
    }
    folder
}

#[test]
fn each_evaluation_has_a_profile() {
    let folder = folder();
    let finished = folder.eval(&["one.toml", "--profile", "run.jsonl"]);
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains("profile written to run.jsonl"), "{}", finished.stderr);
    let profile = read(folder.path("run.jsonl"));
    assert_eq!(&*profile.header.name, "one-run");
    let kinds = ["eval", "task", "score"].map(|kind| count(&profile, kind));
    assert_eq!((kinds, profile.spans.len()), ([2, 2, 2], 6));

    let (code, evaluations) =
        folder.recorded(&["one.toml", "two.toml", "--json", "--profile", "run.jsonl"]);
    assert_eq!(code, 0);
    for (number, name) in [(1, "one"), (2, "two")] {
        let profile = read(folder.path(&format!("run-{number}.jsonl")));
        assert!(profile.header.name.starts_with(name), "{:?}", profile.header);
        assert_eq!(profile.spans.len(), 6);
    }
    for evaluation in &evaluations {
        let (cpu, idle) = (evaluation["cpu_s"].as_f64(), evaluation["cpu_idle_ratio"].as_f64());
        assert_eq!(cpu.is_some() && idle.is_some(), cfg!(target_os = "linux"), "{evaluation}");
        assert!(idle.is_none_or(|idle| (0.0..=1.0).contains(&idle)), "{evaluation}");
    }
}

#[test]
fn a_profile_that_cannot_be_written_is_known_before_anything_runs() {
    let folder = Folder::python("open('ran', 'w')\n", "cases = [{input = 1}]\n");
    folder.write("held/run.jsonl/file", "");
    for (flags, code, part) in [
        (&["--profile=no/such/file"][..], 3, "cannot write no/such/file"),
        (&["--profile=held/run.jsonl"][..], 3, "Is a directory"),
        (&["--profile=run.jsonl", "--no-send-logs"][..], 2, "--no-send-logs"),
    ] {
        let finished = folder.eval(&[&["eval.toml"], flags].concat());
        assert_eq!(finished.status.code(), Some(code), "{flags:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(part), "{flags:?}: {}", finished.stderr);
        assert!(!folder.exists("ran"), "{flags:?}");
    }
    // Another process is writing it.
    let lock = File::create(folder.path("taken.jsonl")).expect("a file");
    lock.try_lock().expect("free");
    let finished = folder.eval(&["eval.toml", "--profile=taken.jsonl"]);
    assert_eq!(finished.status.code(), Some(3), "{}", finished.stderr);
    let said = "cannot write the profile taken.jsonl: another process is writing it";
    assert!(finished.stderr.contains(said), "{}", finished.stderr);
    assert!(!folder.exists("ran"));
}

#[test]
fn the_profile_of_an_evaluation_is_kept_with_its_experiment() {
    let folder = folder();
    let (code, evaluations) = folder.recorded(&["one.toml", "--json", "--profile", "run.jsonl"]);
    assert_eq!(code, 0);
    assert_eq!(evaluations[0]["warnings"], serde_json::json!([]));
    let id = evaluations[0]["experiment"]["id"].as_str().expect("an id");
    // It was recorded into the data directory, by a collector inside of the program.
    let server = serve(&folder.path(".tidegate"), &[]);
    let kept = get(server.url(), &format!("/api/experiments/{id}/profile"));
    assert_eq!(kept.status, 200, "{}", kept.text);
    assert_eq!(kept.text, fs::read_to_string(folder.path("run.jsonl")).expect("a file"));
    let timeline = get(server.url(), &format!("/api/experiments/{id}/timeline")).json();
    assert_eq!(timeline["is_complete"], true, "{timeline}");
    assert!(timeline["critical_path"].is_object() && timeline["diagnosis"][0]["cause"].is_string());
}
