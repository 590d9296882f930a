//! `tidegate profile`: with a stand-in for perf that records nothing and prints what perf has
//! printed, without perf, and with the real one, which may be there and allowed or not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tidegate_testkit::{Finished, run};

use crate::support::binary;

const DEADLINE: Duration = Duration::from_secs(120);

/// Says that it records, and prints samples from a file beside it.
const STAND_IN: &str = include_str!("../fixtures/perf.sh");

/// As Debian's perf 6.1 says it.
const FORBIDDEN: &str = r#"#!/bin/sh
cat >&2 <<'END'
Error:
Access to performance monitoring and observability operations is limited.
Consider adjusting /proc/sys/kernel/perf_event_paranoid setting to open
access to performance monitoring and observability operations for processes
without CAP_PERFMON, CAP_SYS_PTRACE or CAP_SYS_ADMIN Linux capability.
END
exit 255
"#;

struct World {
    directory: TempDir,
}

impl World {
    /// With a program `perf`, or without one.
    fn with(perf: Option<&str>) -> Self {
        let world = Self { directory: TempDir::new().expect("a directory") };
        fs::create_dir(world.path("bin")).expect("a directory");
        fs::copy(samples(), world.path("bin/samples")).expect("copied");
        if let Some(text) = perf {
            fs::write(world.path("bin/perf"), text).expect("written");
            let executable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(world.path("bin/perf"), executable).expect("executable");
        }
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("profile").args(arguments).current_dir(self.directory.path());
        command.env_remove("TIDEGATE_LOG").env("PATH", self.path("bin"));
        command
    }

    /// With `bin` before everything else.
    fn run(&self, arguments: &[&str]) -> Finished {
        let path = std::env::join_paths([self.path("bin"), "/usr/bin".into(), "/bin".into()]);
        run(self.command(arguments).env("PATH", path.expect("a path")), DEADLINE)
    }

    fn json(&self, name: &str) -> Value {
        let text = fs::read_to_string(self.path(name)).expect("a file");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// What perf 6.1 printed of `tidegate bench upload`, shortened.
fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/perf-script.txt")
}

fn profiles(file: &Value) -> Vec<&Value> {
    file["profiles"].as_array().expect("an array").iter().collect()
}

#[test]
fn samples_become_a_profile_per_thread_on_one_axis() {
    let world = World::with(Some(STAND_IN));
    let finished =
        world.run(&["-o", "cpu.json", "--frequency", "499", "--", "sh", "-c", "echo out; exit 7"]);
    assert_eq!(finished.status.code(), Some(7), "{finished:#?}");
    assert_eq!(finished.stdout, "out\n");
    for part in [
        "8 samples of 3 threads at 499 Hz",
        "50 % of it in our own logger: 4.01 ms on its upload thread, 4.01 ms on threads that record",
        "tidegate_client::recorder::Recorder::accept",
        "cpu.json: open it at speedscope.app",
    ] {
        assert!(finished.stderr.contains(part), "{part} is not in\n{}", finished.stderr);
    }
    let asked = fs::read_to_string(world.path("bin/asked")).expect("asked");
    assert!(asked.contains("--clockid=CLOCK_MONOTONIC") && asked.contains("--freq=499"), "{asked}");

    let file = world.json("cpu.json");
    let profiles = profiles(&file);
    let names: Vec<_> =
        profiles.iter().map(|profile| profile["name"].as_str().expect("a name")).collect();
    assert_eq!(
        names,
        ["tokio-rt-worker 20369 (CPU)", "tidegate-upload 20375 (CPU)", "tidegate 20367 (CPU)"]
    );
    let frames = file["shared"]["frames"].as_array().expect("an array");
    for profile in &profiles {
        assert_eq!(profile["type"], "sampled");
        assert_eq!(
            (&profile["startValue"], &profile["endValue"]),
            (&profiles[0]["startValue"], &profiles[0]["endValue"])
        );
        let weights = profile["weights"].as_array().expect("an array");
        let stacks = profile["samples"].as_array().expect("an array");
        assert_eq!(weights.len(), stacks.len());
        let sum: f64 = weights.iter().map(|weight| weight.as_f64().expect("a number")).sum();
        let length = profile["endValue"].as_f64().expect("a number")
            - profile["startValue"].as_f64().expect("a number");
        assert!((sum - length).abs() < 1.0, "{sum} of {length}");
        let functions = stacks.iter().flat_map(|stack| stack.as_array().expect("an array"));
        for function in functions {
            assert!((function.as_u64().expect("a number") as usize) < frames.len());
        }
    }
}

#[test]
fn lanes_of_the_run_stand_beside_it_at_their_moment() {
    let world = World::with(Some(STAND_IN));
    // A run that begins now, with one request from 1 ms to 3 ms.
    let program = r#"
import time, sys
now = time.time_ns() // 1000
open(sys.argv[2], 'w').write('{"header":{"format":"tidegate-profile","version":1,"name":"n","source":"sdk","started_unix_us":%d}}\n' % now
  + '{"request":{"number":1,"lane":2,"rows":5,"bytes":9,"sent_bytes":9,"queued_us":0,"start_us":1000,"end_us":3000,"status":200}}\n')
"#;
    let arguments = ["-o", "cpu.json", "--", "python3", "-c", program, "--profile", "run.jsonl"];
    let finished = world.run(&arguments).success();
    assert!(!finished.stderr.contains("warning"), "{}", finished.stderr);
    let file = world.json("cpu.json");
    let profiles = profiles(&file);
    let lane = profiles.last().expect("a lane");
    assert_eq!((&lane["name"], &lane["type"]), (&"upload lane 2".into(), &"evented".into()));
    assert_eq!(lane["startValue"], profiles[0]["startValue"]);
    let events = lane["events"].as_array().expect("an array");
    assert_eq!((&events[0]["at"], &events[1]["at"]), (&1_000.into(), &3_000.into()));
    let frame = events[0]["frame"].as_u64().expect("a number") as usize;
    assert_eq!(file["shared"]["frames"][frame]["name"], "#1 5 rows 9 B 200");
    // Samples of the stand-in are from the second in which it began; the zero is the run's.
    let start = lane["startValue"].as_f64().expect("a number");
    let end = lane["endValue"].as_f64().expect("a number");
    assert!((-10e6..0.0).contains(&start) && end < 60e6, "{start} to {end}");

    // A file of another run is not taken for it.
    let finished = world.run(&["-o", "cpu.json", "--run", "run.jsonl", "--", "true"]).success();
    assert!(finished.stderr.contains("run.jsonl is of another run"), "{}", finished.stderr);
    let finished = world.run(&["-o", "cpu.json", "--run", "none.jsonl", "--", "true"]).success();
    assert!(finished.stderr.contains("cannot read none.jsonl"), "{}", finished.stderr);
}

fn refused(code: i32, finished: &Finished) -> (String, String) {
    assert_eq!(
        (finished.status.code(), finished.stdout.as_str()),
        (Some(code), ""),
        "{finished:#?}"
    );
    let lines: Vec<&str> = finished.stderr.lines().collect();
    let [error, hint] = lines[..] else { panic!("two lines, not {lines:#?}") };
    assert!(error.starts_with("error: ") && hint.starts_with("hint: "), "{lines:#?}");
    (error.to_owned(), hint.to_owned())
}

#[test]
fn without_perf_or_without_permission_the_command_does_not_run() {
    let absent = World::with(None);
    let touch = ["--", "/bin/sh", "-c", "echo ran > ran"];
    let (error, hint) = refused(125, &run(&mut absent.command(&touch), DEADLINE));
    assert_eq!(error, "error: there is no perf in PATH");
    assert!(hint.contains("apt-get install linux-perf"), "{hint}");
    assert!(!absent.path("ran").exists());

    let forbidden = World::with(Some(FORBIDDEN));
    let (error, hint) = refused(125, &forbidden.run(&touch));
    assert!(error.starts_with("error: perf is not allowed to record: Access to perf"), "{error}");
    assert!(hint.contains("kernel.perf_event_paranoid=1"), "{hint}");
    assert!(!forbidden.path("ran").exists() && !forbidden.path("profile.speedscope.json").exists());

    let old = World::with(Some("#!/bin/sh\necho 'unknown option control' >&2\nexit 129\n"));
    let (error, hint) = refused(125, &old.run(&touch));
    assert_eq!(error, "error: perf does not record: unknown option control");
    assert!(hint.contains("perf 5.10"), "{hint}");
}

#[test]
fn commands_that_cannot_run_and_places_that_cannot_be_written() {
    let world = World::with(Some(STAND_IN));
    let (error, _) = refused(127, &world.run(&["--", "no-such-program"]));
    assert!(error.contains("cannot find the program \"no-such-program\""), "{error}");
    let (error, _) = refused(126, &world.run(&["--", "./bin/samples"]));
    assert!(error.contains("is not executable"), "{error}");
    let (error, _) = refused(3, &world.run(&["-o", "none/x.json", "--", "true"]));
    assert!(error.contains("cannot write"), "{error}");
    assert_eq!(world.run(&[]).status.code(), Some(2));
    assert_eq!(world.run(&["--frequency", "0", "--", "true"]).status.code(), Some(2));
    assert!(!world.path("bin/asked").exists(), "perf was not started for any of these");
}

#[test]
fn signals_reach_the_command_and_its_end_is_passed_on() {
    let world = World::with(Some(STAND_IN));
    let finished = world.run(&["--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(finished.status.code(), Some(128 + 9), "{finished:#?}");

    let path = std::env::join_paths([world.path("bin"), "/usr/bin".into(), "/bin".into()]);
    for (name, code) in [("-INT", 5), ("-TERM", 6)] {
        // It stops politely, which takes a while.
        let polite = "trap 'sleep 0.2; exit 5' INT; trap 'sleep 0.2; exit 6' TERM; echo ready; \
                      while :; do sleep 0.05; done";
        let mut command = world.command(&["--", "sh", "-c", polite]);
        command.env("PATH", path.as_ref().expect("a path"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("started");
        let mut stdout = std::io::BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        std::io::BufRead::read_line(&mut stdout, &mut line).expect("a line");
        assert_eq!(line, "ready\n");
        let sent = Command::new("kill").args([name, &child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
        assert_eq!(child.wait().expect("its end").code(), Some(code), "{name}");
        assert!(world.path("profile.speedscope.json").exists());
    }
}

/// Machines differ in whether perf is there and allowed; in what this does about it they do not.
#[test]
fn the_real_perf_records_or_is_said_to_be_missing() {
    let world = World::with(None);
    let program = "import threading\nthreading.Thread(target=lambda: sum(range(10**7))).start()\nsum(range(10**7))";
    let finished = world.run(&["-o", "cpu.json", "--", "python3", "-c", program]);
    if finished.status.code() == Some(125) {
        let (error, _) = refused(125, &finished);
        let known = ["there is no perf", "not allowed to record", "perf does not record"];
        assert!(known.iter().any(|known| error.contains(known)), "{error}");
        return;
    }
    assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(0), ""), "{finished:#?}");
    assert!(finished.stderr.contains("nothing of it in our own logger"), "{}", finished.stderr);
    let file = world.json("cpu.json");
    let profiles = profiles(&file);
    assert!(profiles.len() >= 2, "two threads, not {file:#}");
    let length = profiles[0]["endValue"].as_f64().expect("a number");
    assert!((1e4..120e6).contains(&length), "{length} µs");
    let frames = file["shared"]["frames"].to_string();
    assert!(frames.contains("PyEval") || frames.contains("python"), "{frames}");
}
