//! Ctrl-C, and watching.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::support::Folder;

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
}

fn until(mut condition: impl FnMut() -> bool, what: &str) {
    for _ in 0..3_000 {
        if condition() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("{what} never came");
}

/// A task that begins, and ends when there is a file `go`.
const WAITING: &str = "import json, os, sys, time\ni = json.load(sys.stdin)['input']\nopen(f'began-{i}', 'w').close()\n\
                       while not os.path.exists('go'): time.sleep(0.01)\nprint('done')\n";

fn waiting() -> (Folder, Child) {
    let cases: String = (0..50).map(|n| format!("[[cases]]\ninput = {n}\n")).collect();
    let folder = Folder::python(WAITING, &format!("run.max_concurrency = 2\n{cases}"));
    let mut command = folder.command(&["eval.toml", "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    until(|| folder.exists("began-0") && folder.exists("began-1"), "two cases");
    (folder, child)
}

#[test]
fn the_first_interrupt_lets_cases_end_and_keeps_them() {
    let (folder, child) = waiting();
    signal(&child, "-INT");
    let mut child = child;
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
    let found = said.any(|line| line.expect("text").contains("interrupted: cases under way end"));
    assert!(found, "it says what it does");
    folder.write("go", "");
    let mut stdout = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut stdout).expect("text");
    assert_eq!(child.wait().expect("its end").code(), Some(130));
    let value: Value = serde_json::from_str(&stdout).expect("JSON");
    let evaluation = &value["evaluations"][0];
    assert_eq!(evaluation["stopped"], true, "{evaluation:#}");
    let trials = evaluation["trials"].as_u64().expect("a number");
    assert!((2..6).contains(&trials), "{trials}");
    assert_eq!(evaluation["task_errors"], 0);
    assert_eq!(evaluation["receipt"]["acknowledged"], evaluation["receipt"]["accepted"]);
}

#[test]
fn the_second_interrupt_ends_at_once_with_all_programs() {
    let (folder, mut child) = waiting();
    signal(&child, "-INT");
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
    assert!(said.any(|line| line.expect("text").contains("interrupted")));
    signal(&child, "-TERM");
    assert_eq!(child.wait().expect("its end").code(), Some(130));
    // Nobody prints `done` any more: the programs are gone, and not waiting for this.
    // They are known by their working directory.
    let directory = folder.path("").canonicalize().expect("a path");
    let running = || {
        std::fs::read_dir("/proc").expect("readable").flatten().any(|entry| {
            let cwd = std::fs::read_link(entry.path().join("cwd"));
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            cwd.is_ok_and(|cwd| cwd == directory) && !stat.contains(") Z ")
        })
    };
    until(|| !running(), "the end of the programs");
}

#[test]
fn a_watched_evaluation_runs_again_when_its_files_change() {
    let folder = Folder::python("print('one')\n", "data.file = \"cases.jsonl\"\n");
    folder.write("cases.jsonl", "{\"input\": 1}\n");
    let mut command = folder.command(&["eval.toml", "--jsonl", "--no-send-logs", "--watch"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
    let mut output = || -> Value {
        let line = lines.next().expect("a line").expect("text");
        let value: Value = serde_json::from_str(&line).expect("JSON");
        value["output"].clone()
    };
    let mut says = |part: &str| {
        let found = said.any(|line| line.expect("text").contains(part));
        assert!(found, "{part}");
    };
    assert_eq!(output(), "one");
    says("watching 3 files");
    folder.write("task.py", "print('second')\n");
    assert_eq!(output(), "second");
    says("watching");
    folder.write("cases.jsonl", "nonsense\n");
    says("cases.jsonl:1:2");
    says("watching");
    folder.write("cases.jsonl", "{\"input\": 22}\n");
    assert_eq!(output(), "second");
    says("watching");
    signal(&child, "-INT");
    assert_eq!(child.wait().expect("its end").code(), Some(130));
}
