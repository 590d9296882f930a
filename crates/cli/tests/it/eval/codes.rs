//! Gates, verdicts and each exit code.

use super::support::{Folder, SHOUT};

/// Cases of which some are right, in capitals or not.
fn cases(right: usize, wrong: usize) -> String {
    let case = |expected: &str, n| {
        format!("{{\"input\": \"case {n}\", \"expected\": \"{expected} {n}\"}}\n")
    };
    (0..right + wrong).map(|n| case(if n < right { "CASE" } else { "no" }, n)).collect()
}

fn folder(right: usize, wrong: usize, gate: &str) -> Folder {
    let toml = format!(
        "{SHOUT}data.file = \"cases.jsonl\"\nscorers = [{{type = \"exact_match\"}}]\n[gate]\n{gate}\n"
    );
    Folder::with(&[("eval.toml", &toml), ("cases.jsonl", &cases(right, wrong))])
}

#[test]
fn each_verdict_has_its_code() {
    for (right, wrong, gate, code, verdict) in [
        (60, 0, "exact_match = \">= 0.9\"", 0, "pass"),
        (5, 25, "exact_match = \">= 0.9\"", 1, "fail"),
        (27, 3, "exact_match = \">= 0.9\"", 4, "undecided"),
        (5, 25, "exact_match = \"<= 0.9\"\nduration = \"<= 50\"", 0, "pass"),
        (30, 0, "duration = \"<= 0.000001\"", 1, "fail"),
        (30, 0, "no_regression = true", 4, "undecided"),
        (30, 0, "no_regression = false", 0, "pass"),
    ] {
        let folder = folder(right, wrong, gate);
        let (got, evaluations) = folder.json(&[]);
        assert_eq!((got, &evaluations[0]["verdict"]), (code, &verdict.into()), "{gate}");
        assert_eq!(evaluations[0]["exit_code"], code);
    }
}

#[test]
fn undecided_counts_as_asked() {
    let folder = folder(27, 3, "exact_match = \">= 0.9\"");
    assert_eq!(folder.json(&["--undecided", "pass"]).0, 0);
    assert_eq!(folder.json(&["--undecided", "fail"]).0, 1);
}

#[test]
fn a_run_that_is_no_run_fails_whatever_its_gates_say() {
    let program = "import json, sys, time\ncase = json.load(sys.stdin)\n\
                   if case['input'] == 'bad': sys.exit('broken')\n\
                   if case['input'] == 'slow': time.sleep(60)\nprint('out')\n";
    for (cases, options, part) in [
        ("['bad', 'bad']", "", "every trial failed"),
        ("['bad', 'bad', 'good', 'good']", "max_errors = 1\nmax_concurrency = 1", "max_errors"),
        ("['good', 'slow']", "timeout = \"3s\"", "time-out"),
    ] {
        let inputs = cases.trim_matches(['[', ']']).split(", ");
        let cases: String = inputs.map(|input| format!("[[cases]]\ninput = {input}\n")).collect();
        let folder = Folder::python(program, &format!("[run]\n{options}\n{cases}"));
        let (code, evaluations) = folder.json(&[]);
        assert_eq!(code, 3, "{evaluations:#?}");
        assert!(
            evaluations[0]["error"].as_str().is_some_and(|e| e.contains(part)),
            "{evaluations:#?}"
        );
    }
}

#[test]
fn gates_do_not_pass_while_trials_failed() {
    let program = "import json, sys\ncase = json.load(sys.stdin)\n\
                   sys.exit('broken') if case['input'] == 0 else print('right')\n";
    let cases: String =
        (0..60).map(|n| format!("[[cases]]\ninput = {n}\nexpected = \"right\"\n")).collect();
    let rest = "scorers = [{type = \"exact_match\"}]\n[gate]\nexact_match = \">= 0.5\"\n";
    let folder = Folder::python(program, &format!("{rest}{cases}"));
    let (code, evaluations) = folder.json(&[]);
    assert_eq!((code, &evaluations[0]["task_errors"]), (4, &1.into()), "{evaluations:#?}");
    // Unless failures are given a score.
    let folder = Folder::python(program, &format!("{rest}[run]\nerror_score = 0\n{cases}"));
    assert_eq!(folder.json(&[]).0, 0);
}

#[test]
fn a_regression_against_the_run_before_fails() {
    let folder = folder(60, 0, "exact_match = \">= 0.1\"");
    let run = |arguments: &[&str]| folder.recorded(&[&["eval.toml", "--json"], arguments].concat());
    let (code, first) = run(&["--experiment", "good"]);
    assert_eq!((code, &first[0]["experiment"]["name"]), (0, &"good".into()), "{first:#?}");
    folder
        .write("eval.toml", folder.read("eval.toml") + "no_regression = { exact_match = 0.05 }\n");
    let (code, same) = run(&["--experiment", "same"]);
    assert_eq!((code, &same[0]["base"]["name"]), (0, &"good".into()), "{same:#?}");
    // As good as before on the first third only.
    let worse = cases(60, 0).replace("expected\": \"CASE 3", "expected\": \"x 3");
    folder.write("cases.jsonl", worse.replace("expected\": \"CASE 4", "expected\": \"x 4"));
    let (code, bad) = run(&["--experiment", "bad"]);
    assert_eq!(code, 1, "{bad:#?}");
    let gate = &bad[0]["gates"][1];
    assert_eq!((&gate["name"], &gate["outcome"]), (&"exact_match".into(), &"fail".into()));
    // Compared with the bad run it is no worse.
    let (code, again) = run(&["--baseline", "bad"]);
    assert_eq!((code, &again[0]["base"]["name"]), (0, &"bad".into()), "{again:#?}");
    let (code, unknown) = run(&["--baseline", "never-made"]);
    assert_eq!(code, 3);
    let error = unknown[0]["error"].as_str().unwrap_or_default();
    assert!(error.contains("has no experiment \"never-made\""), "{error}");
}

#[test]
fn the_worst_of_several_files_decides_and_can_be_the_last() {
    let folder = folder(60, 0, "exact_match = \">= 0.9\"");
    let good = folder.read("eval.toml");
    folder.write("1-bad.toml", good.replace(">= 0.9", "<= 0.1").replace("shout", "bad"));
    folder.write("2-good.toml", good);
    let all = ["1-bad.toml", "2-good.toml", "--json", "--no-send-logs"];
    let (code, evaluations) = folder.recorded(&all);
    let projects: Vec<&str> = evaluations.iter().filter_map(|e| e["project"].as_str()).collect();
    assert_eq!((code, projects), (1, vec!["bad", "shout"]));
    let (code, evaluations) = folder.recorded(&[&all[..], &["--terminate-on-failure"]].concat());
    assert_eq!((code, evaluations.len()), (1, 1));
}

#[test]
fn a_matrix_is_an_evaluation_for_each_combination() {
    let program = "import json, sys\nprint(json.dumps(json.load(sys.stdin)['parameters']))\n";
    let rest =
        "experiment = \"try\"\nmatrix = {a = [1, 2], b = [\"x\", \"y\"]}\ncases = [{input = 1}]\n";
    let folder = Folder::python(program, rest);
    let (code, evaluations) = folder.recorded(&["eval.toml", "--json"]);
    assert_eq!(code, 0);
    let names: Vec<&str> =
        evaluations.iter().filter_map(|e| e["experiment"]["name"].as_str()).collect();
    assert_eq!(names, ["try (a=1, b=x)", "try (a=1, b=y)", "try (a=2, b=x)", "try (a=2, b=y)"]);
    let (_, trials) = folder.trials(&[]);
    assert!(trials.iter().all(|trial| trial["output"] == trial["parameters"]), "{trials:#?}");
    assert_eq!(trials.len(), 4);
}

#[test]
fn without_a_reader_the_run_says_so() {
    use std::process::Stdio;
    let folder = folder(60, 0, "exact_match = \">= 0.9\"");
    for show in ["--json", "--jsonl", "--list"] {
        let mut command = folder.command(&["eval.toml", "--no-send-logs", show]);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().expect("started");
        let output = child.wait_with_output().expect("its end");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{show}: {stderr}");
        assert!(stderr.contains("Broken pipe") && !stderr.contains("panicked"), "{show}: {stderr}");
    }
}

#[test]
fn tables_go_to_stdout_and_errors_to_stderr() {
    let program = "import sys\nsys.exit('broken')\n";
    let folder = Folder::python(program, "cases = [{input = 1, id = \"one\"}, {input = 2}]\n");
    let finished = folder.eval(&["eval.toml", "--no-send-logs"]);
    assert_eq!(finished.status.code(), Some(3));
    assert!(!finished.stdout.contains("broken"), "{}", finished.stdout);
    let error = "p: 2 × python3 ended with exit code 1: broken";
    assert!(finished.stderr.contains(error), "{}", finished.stderr);
    assert!(!finished.stderr.contains('\u{1b}'), "no colours without a terminal");
}
