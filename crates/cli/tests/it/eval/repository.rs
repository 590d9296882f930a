//! The examples of the repository.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tidegate_testkit::{Finished, run};

use super::support::{Folder, command, repository};

/// A loaded machine takes its time for some dozen starts of Python.
const DEADLINE: Duration = Duration::from_secs(240);

fn example(arguments: &[&str]) -> Finished {
    run(&mut command(&repository(), arguments), DEADLINE)
}

#[test]
fn the_example_passes_its_gate_and_is_recorded() {
    let data = Folder::with(&[]);
    let data_dir = data.path("data").to_str().expect("UTF-8").to_owned();
    let arguments = ["examples/language_id.toml", "--json", "--data-dir", &data_dir];
    let finished = example(&arguments).success();
    let value: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let evaluation = &value["evaluations"][0];
    assert_eq!(evaluation["trials"], 2_500);
    assert_eq!(evaluation["task_errors"], 0);
    assert_eq!(evaluation["gates"][0]["outcome"], "pass", "{:#}", evaluation["gates"]);
    // A root, a task and a scorer span for each case, all acknowledged.
    assert_eq!(evaluation["receipt"]["acknowledged"], evaluation["receipt"]["accepted"]);
    assert_eq!(evaluation["receipt"]["rows"], 7_500);
    assert_eq!(evaluation["experiment"]["name"], "frequent-words");
}

/// Around the stand-in for a model, as the comment of the example says.
fn questions(arguments: &[&str]) -> Finished {
    let inner = command(&repository(), &[&["examples/qa.toml"], arguments].concat());
    let mut outer = Command::new("python3");
    outer.arg("examples/programs/model_server.py");
    outer.arg(inner.get_program()).args(inner.get_args()).current_dir(repository());
    for (name, _) in inner.get_envs() {
        outer.env_remove(name);
    }
    run(&mut outer, DEADLINE)
}

#[test]
fn questions_are_answered_and_graded_by_a_model() {
    let data = Folder::with(&[]);
    let data_dir = data.path("data").to_str().expect("UTF-8").to_owned();
    let finished = questions(&["--json", "--data-dir", &data_dir]).success();
    let value: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let evaluation = &value["evaluations"][0];
    assert_eq!((&evaluation["trials"], &evaluation["task_errors"]), (&25.into(), &0.into()));
    assert_eq!(evaluation["scorer_errors"], 0, "{evaluation:#}");
    // Sydney is wrong and the sky unknown to it; Leonardo leaves out a name, 1600 adds a year.
    let factuality = (25.0 - 1.0 - 1.0 - 0.6 - 0.4) / 25.0;
    let got = evaluation["scores"]["factuality"]["score"].as_f64().expect("a score");
    assert!((got - factuality).abs() < 1e-9, "{got}");
    assert_eq!(evaluation["scores"]["brief"]["score"], 24.0 / 25.0);
    assert_eq!(evaluation["verdict"], "pass");
    assert!(evaluation["metrics"]["estimated_cost"]["metric"].as_f64() > Some(0.0));
    let table = questions(&["--no-send-logs", "--first", "2"]);
    // Of two cases no interval is narrow enough.
    assert_eq!(table.status.code(), Some(4), "{}", table.stderr);
    for line in ["questions / one-sentence (not recorded)\n2 trials in ", "gate undecided: brief"] {
        assert!(table.stdout.contains(line), "{}", table.stdout);
    }
}

#[test]
fn a_flaky_task_is_tried_again_and_its_gate_stays_undecided() {
    let finished = example(&["examples/flaky.toml", "--no-send-logs", "--jsonl"]);
    assert_eq!(finished.status.code(), Some(4), "{}", finished.stderr);
    let trials: Vec<Value> = finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect();
    assert_eq!(trials.len(), 40);
    for trial in &trials {
        let celsius = trial["input"].as_i64().expect("a number");
        let failures = (celsius.abs() / 5 % 4 - 1).max(0);
        let attempts = trial["metadata"]["attempts"].as_i64().unwrap_or(1);
        assert_eq!((attempts, &trial["error"]), (failures + 1, &Value::Null), "{trial:#}");
    }
    let wrong = trials.iter().filter(|trial| trial["scores"]["exact_match"] != 1.0).count();
    assert_eq!(wrong, 3);
    let table = example(&["examples/flaky.toml", "--no-send-logs", "--undecided", "pass"]);
    assert_eq!(table.status.code(), Some(0), "{}", table.stderr);
    let line = "gate undecided: exact_match at least 0.9: 0.925 with an interval of 0.80";
    assert!(table.stdout.contains(line), "{}", table.stdout);
    assert!(table.stdout.contains("cases would decide"), "{}", table.stdout);
}
