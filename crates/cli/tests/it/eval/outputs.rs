//! What a run writes beside its table: JUnit XML, the summary for GitHub, a plan, progress.

use std::time::Duration;

use serde_json::Value;
use tidegate_testkit::{Finished, run};

use super::support::{Folder, SHOUT};

/// One evaluation that works, one whose data breaks off, one without any case.
fn folder() -> Folder {
    let folder = Folder::with(&[]);
    let toml = |name: &str, data: &str| {
        let shout = SHOUT.replace("shout", name);
        let rest = "scorers = [{type = \"exact_match\"}]\ngate.exact_match = \">= 0.9\"\n";
        folder.write(&format!("{name}.toml"), format!("{shout}{rest}{data}"));
    };
    let case = |n: usize| format!("{{\"input\": \"a {n}\", \"expected\": \"A {n}\"}}\n");
    folder.write("good.jsonl", (0..60).map(case).collect::<String>());
    folder.write("broken.jsonl", case(0) + "{\"input\": \n");
    folder.write("gone.jsonl", "[not a case]\n");
    toml("good", "data.file = \"good.jsonl\"\n");
    toml("broken", "data.file = \"broken.jsonl\"\nexperiment = \"with <holes> & more\"\n");
    toml("gone", "data.file = \"gone.jsonl\"\n");
    folder
}

const ALL: [&str; 4] = ["good.toml", "broken.toml", "gone.toml", "--no-send-logs"];

fn evaluated(folder: &Folder, arguments: &[&str], variable: Option<&str>) -> Finished {
    let mut command = folder.command(arguments);
    command.env_remove("GITHUB_STEP_SUMMARY");
    if let Some(file) = variable {
        command.env("GITHUB_STEP_SUMMARY", folder.path(file));
    }
    run(&mut command, Duration::from_secs(60))
}

#[test]
fn junit_has_a_suite_for_each_evaluation_those_with_an_error_included() {
    let folder = folder();
    let finished = evaluated(&folder, &[&ALL[..], &["--junit", "out.xml"]].concat(), None);
    assert_eq!(finished.status.code(), Some(3), "{}", finished.stderr);
    let xml = folder.read("out.xml");
    let suites: Vec<&str> =
        xml.lines().filter(|line| line.trim().starts_with("<testsuite ")).collect();
    let [good, broken, gone] = suites[..] else { panic!("three suites: {xml}") };
    // 60 trials and a gate.
    let counts = "name=\"good (not recorded)\" tests=\"61\" failures=\"0\" errors=\"0\"";
    assert!(good.contains(counts), "{good}");
    // What ran before the error, the gate, and the error.
    let counts = "tests=\"3\" failures=\"1\" errors=\"1\"";
    let name = "broken / with &lt;holes&gt; &amp; more (not recorded)";
    assert!(broken.contains(counts) && broken.contains(name), "{broken}");
    assert!(gone.contains("name=\"gone\" tests=\"1\" failures=\"0\" errors=\"1\""), "{gone}");
    assert!(xml.contains("broken.jsonl:2") && xml.contains("gone.jsonl"), "{xml}");
    assert!(finished.stderr.contains("JUnit report written to out.xml"), "{}", finished.stderr);
    let left: Vec<_> = std::fs::read_dir(folder.path("."))
        .expect("readable")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(".tidegate-"))
        .collect();
    assert_eq!(left, [""; 0], "nothing half-written stays");
}

#[test]
fn an_undecided_gate_is_skipped_in_junit_if_it_counts_as_passed() {
    let folder = folder();
    folder.write("good.jsonl", "{\"input\": \"a\", \"expected\": \"A\"}\n");
    for (extra, code, counts) in [
        (&[][..], 4, "failures=\"1\" errors=\"0\" skipped=\"0\""),
        (&["--undecided", "pass"][..], 0, "failures=\"0\" errors=\"0\" skipped=\"1\""),
    ] {
        let arguments = [&["good.toml", "--no-send-logs", "--junit", "out.xml"], extra].concat();
        let finished = evaluated(&folder, &arguments, None);
        assert_eq!(finished.status.code(), Some(code), "{}", finished.stderr);
        assert!(folder.read("out.xml").contains(counts), "{}", folder.read("out.xml"));
    }
}

#[test]
fn the_summary_for_github_is_appended_to_its_file_or_to_the_one_that_is_named() {
    let folder = folder();
    folder.write("step.md", "# from an earlier command\n\n");
    let finished = evaluated(&folder, &[&ALL[..], &["--github-summary"]].concat(), Some("step.md"));
    assert_eq!(finished.status.code(), Some(3), "{}", finished.stderr);
    let text = folder.read("step.md");
    assert!(text.starts_with("# from an earlier command\n\n### good (not recorded): gates passed"));
    for part in
        ["| exact\\_match | 100.00 %", "### broken / with &lt;holes&gt; &amp; more", "gone.jsonl"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    // A word behind the flag is an evaluation, not the file.
    let arguments = ["--github-summary", "good.toml", "--no-send-logs"];
    let before = folder.read("good.toml");
    assert_eq!(evaluated(&folder, &arguments, Some("step.md")).status.code(), Some(0));
    assert_eq!(folder.read("good.toml"), before);
    let arguments = ["--github-summary=own.md", "good.toml", "--no-send-logs"];
    assert_eq!(evaluated(&folder, &arguments, None).status.code(), Some(0));
    assert!(folder.read("own.md").starts_with("### good"));
}

#[test]
fn a_report_that_cannot_be_written_is_known_before_anything_runs() {
    let folder = Folder::python("open('ran', 'w')\n", "cases = [{input = 1}]\n");
    let base = ["eval.toml", "--no-send-logs"];
    for (flag, code, part) in [
        ("--github-summary", 2, "write --github-summary=FILE"),
        ("--github-summary=no/such/file", 3, "cannot write no/such/file"),
        ("--junit=no/such/file", 3, "cannot write no/such/file"),
        ("--junit=.", 3, "cannot write"),
    ] {
        let finished = evaluated(&folder, &[&base[..], &[flag]].concat(), None);
        assert_eq!(finished.status.code(), Some(code), "{flag}: {}", finished.stderr);
        assert!(finished.stderr.contains(part), "{flag}: {}", finished.stderr);
        assert!(!folder.exists("ran"), "{flag}");
    }
}

#[test]
fn a_report_can_go_into_a_device() {
    let folder = folder();
    let arguments = ["good.toml", "--no-send-logs", "--junit", "/dev/null"];
    assert_eq!(evaluated(&folder, &arguments, None).status.code(), Some(0));
    let kind = std::fs::metadata("/dev/null").expect("there").file_type();
    assert!(!kind.is_file(), "it must not be replaced");
}

#[test]
fn a_plan_says_what_these_cases_show_and_how_many_an_effect_needs() {
    let folder = folder();
    let case = |n: usize| {
        let right = if n < 30 { "A" } else { "x" };
        format!("{{\"input\": \"a {n}\", \"expected\": \"{right} {n}\"}}\n")
    };
    folder.write("good.jsonl", (0..60).map(case).collect::<String>());
    let plan = |arguments: &[&str]| {
        evaluated(&folder, &[&["good.toml", "--no-send-logs"], arguments].concat(), None)
    };
    let finished = plan(&["--plan=0.05"]);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    let text = &finished.stdout;
    assert!(text.contains("shows a") && text.contains("cases for"), "{text}");
    assert!(text.contains("is found with 80 % probability"), "{text}");
    let value: Value =
        serde_json::from_str(&plan(&["--plan=0.05", "--json"]).stdout).expect("JSON");
    let plans = value["evaluations"][0]["plan"]["plan"].as_array().expect("an array");
    let exact = plans.iter().find(|line| line["name"] == "exact_match").expect("planned");
    // √2 · 0.504 · (t₀.₉₇₅ + t₀.₈) / √60, and the cases for 0.05 by the same formula.
    let shown = exact["minimum_detectable_effect"].as_f64().expect("a number");
    assert!((0.25..0.28).contains(&shown), "{exact}");
    let needed = exact["cases_needed"].as_u64().expect("a number");
    assert!((1_550..1_650).contains(&needed), "{exact}");
    let finished = plan(&["--plan", "--jsonl"]);
    assert!(finished.stdout.lines().all(|line| line.starts_with('{')), "stdout is data");
    assert!(finished.stderr.contains("shows a"), "{}", finished.stderr);
    folder.write("good.jsonl", (0..30).map(case).collect::<String>());
    let equal = plan(&["--plan=0.05"]).stdout;
    assert!(equal.contains("not planned: exact_match: nothing differs"), "{equal}");
    let finished = plan(&["--plan=-1"]);
    assert_eq!(finished.status.code(), Some(2));
    assert!(finished.stderr.contains("must be above 0"), "{}", finished.stderr);
}

#[test]
fn progress_goes_to_stderr_while_stdout_is_data() {
    let folder = folder();
    for flag in ["--json", "--jsonl"] {
        let finished = evaluated(&folder, &["good.toml", "--no-send-logs", flag], None).success();
        assert!(finished.stderr.contains("good: running (not recording)"), "{}", finished.stderr);
        assert!(!finished.stdout.contains("running") && !finished.stdout.contains("interval to"));
        let lines = finished.stdout.lines().next().map(str::to_owned).unwrap_or_default();
        assert!(lines.starts_with('{'), "{lines}");
    }
}

#[test]
fn without_any_file_those_that_are_here_are_offered() {
    let empty = Folder::with(&[]);
    let finished = empty.eval(&[]);
    assert_eq!(finished.status.code(), Some(2));
    assert!(finished.stderr.contains("error: no evaluation is named\nhint: write a TOML file"));
    let folder = folder();
    folder.write("Cargo.toml", "[package]\nname = \"x\"\n");
    folder.write("evals/qa.toml", folder.read("good.toml"));
    for arguments in [&[][..], &["--watch"][..]] {
        let finished = folder.eval(arguments);
        assert_eq!(finished.status.code(), Some(2));
        let hint = "try `tidegate eval broken.toml gone.toml good.toml`";
        assert!(finished.stderr.contains(hint), "{}", finished.stderr);
    }
}

#[test]
fn one_trial_is_one_trial() {
    let toml = format!("{SHOUT}cases = [{{input = \"a\"}}]\n");
    let folder = Folder::with(&[("eval.toml", &toml)]);
    let finished = evaluated(&folder, &["eval.toml", "--no-send-logs"], None).success();
    assert!(finished.stdout.contains("\n1 trial in "), "{}", finished.stdout);
    let finished = evaluated(&folder, &["eval.toml", "--dry-run"], None).success();
    assert!(finished.stdout.contains("1, 1 trial each"), "{}", finished.stdout);
}

#[test]
fn progress_knows_how_many_cases_a_file_has() {
    let folder = folder();
    // The first line of progress comes with the first trial that ends ten seconds after the start.
    folder.write(
        "slow.py",
        "import sys, time\ntime.sleep(11 if 'slow' in sys.stdin.read() else 0)\n",
    );
    let toml = "project = \"p\"\ntask.command = [\"python3\", \"slow.py\"]\n\
                data.file = \"cases.jsonl\"\nrun.max_concurrency = 1\n";
    folder.write("eval.toml", toml);
    folder.write(
        "cases.jsonl",
        "{\"input\": \"slow\"}\n{\"input\": 1}\n{\"input\": 2}\n{\"input\": 3}\n",
    );
    let finished = evaluated(&folder, &["eval.toml", "--no-send-logs", "--first", "3"], None);
    assert!(finished.success().stderr.contains("p: 1/3 33 %, "));
}
