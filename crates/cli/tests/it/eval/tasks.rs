//! Programs as tasks and scorers: what they get, what they print, and how they fail.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::Folder;

fn cases(inputs: &[&str]) -> String {
    inputs.iter().map(|input| format!("[[cases]]\ninput = \"{input}\"\n")).collect()
}

/// Runs `task.py` as a worker, one at a time, so that it sees the cases in their order.
fn worker(program: &str, inputs: &[&str]) -> Vec<Value> {
    let toml = format!(
        "task.mode = \"worker\"\ntask.timeout = \"8s\"\n[run]\nmax_concurrency = 1\n{}",
        cases(inputs)
    );
    Folder::python(program, &toml).trials(&[]).1
}

fn error(trial: &Value) -> &str {
    trial["error"].as_str().unwrap_or_else(|| panic!("no error: {trial:#}"))
}

const LOOP: &str =
    "import json, os, sys, time\nfor line in sys.stdin:\n    i = json.loads(line)['input']\n";

#[test]
fn a_program_gets_the_case_without_the_answer() {
    let folder = Folder::python(
        "import json, os, sys\nprint(json.dumps({'case': json.load(sys.stdin), 'cwd': os.getcwd(), 'v': os.environ['V']}))\n",
        "task.env = {V = \"set\"}\nrun.trials = 2\n[[cases]]\ninput = {a = 1}\nexpected = 5\nid = \"x\"\ntags = [\"t\"]\nmetadata = {m = 2}\n",
    );
    let (code, trials) = folder.trials(&[]);
    assert_eq!((code, trials.len()), (0, 2));
    let mut seen: Vec<&Value> = trials.iter().map(|trial| &trial["output"]["case"]).collect();
    seen.sort_by_key(|case| case["trial"].as_u64());
    let case = |n: u32| json!({"input": {"a": 1}, "id": "x", "tags": ["t"], "metadata": {"m": 2}, "trial": n});
    assert_eq!(seen, [&case(0), &case(1)]);
    assert_eq!(trials[0]["output"]["v"], "set");
    let cwd = trials[0]["output"]["cwd"].as_str().expect("a directory");
    assert_eq!(std::path::Path::new(cwd), folder.path("").canonicalize().expect("a path"));
    assert_eq!(trials[0]["expected"], 5);
}

#[test]
fn variables_of_a_file_reach_programs_unless_the_process_has_them() {
    let folder = Folder::python(
        "import os\nprint(os.environ['A'] + os.environ['B'])\n",
        "cases = [{input = 1}]\n",
    );
    folder.write("vars", "# two\nexport A=\"from file\"\nB=from file\n");
    let mut command =
        folder.command(&["eval.toml", "--jsonl", "--no-send-logs", "--env-file", "vars"]);
    command.env("B", " from process");
    let finished = tidegate_testkit::run(&mut command, Duration::from_secs(60)).success();
    let trial: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(trial["output"], "from file from process");
    folder.write("vars", "A=1\nnonsense\n");
    let finished = folder.eval(&["eval.toml", "--env-file", "vars"]);
    assert_eq!(finished.status.code(), Some(2));
    assert!(finished.stderr.contains("vars:2: expected NAME=value"), "{}", finished.stderr);
}

#[test]
fn output_is_json_or_text() {
    let folder = Folder::python(
        "import json, sys\ni = json.load(sys.stdin)['input']\n\
         sys.stdout.buffer.write({'text': b'two\\nlines\\n', 'json': b' {\"a\": [1]}\\n', 'none': b'', \
         'bytes': b'a\\xff', 'big': b'x' * 3_000_000, 'huge': b'x' * 17_000_000}[i])\n",
        &cases(&["text", "json", "none", "bytes", "big", "huge"]),
    );
    let (code, trials) = folder.trials(&[]);
    let by = |input: &str| trials.iter().find(|trial| trial["input"] == input).expect("a trial");
    assert_eq!(code, 0);
    assert_eq!(by("text")["output"], "two\nlines");
    assert_eq!(by("json")["output"], json!({"a": [1]}));
    assert_eq!(by("none")["output"], "");
    assert_eq!(by("big")["output"].as_str().map(str::len), Some(3_000_000));
    assert!(error(by("bytes")).contains("not UTF-8, at byte 1"));
    assert!(error(by("huge")).contains("printed more than 16777216 bytes"));
}

#[test]
fn a_failing_program_is_an_error_with_its_last_words() {
    let folder = Folder::python(
        "import json, os, signal, sys\ni = json.load(sys.stdin)['input']\n\
         if i == 'raise': raise KeyError('missing thing')\n\
         if i == 'signal': os.kill(os.getpid(), signal.SIGKILL)\n\
         if i == 'long': sys.exit('x' * 1_000_000 + 'the end')\n",
        &cases(&["raise", "signal", "long"]),
    );
    let (code, trials) = folder.trials(&[]);
    assert_eq!(code, 3);
    assert!(
        error(&trials[1]).contains("exit code 1") && error(&trials[1]).contains("missing thing")
    );
    assert!(error(&trials[2]).contains("was ended by signal 9"));
    assert!(error(&trials[0]).ends_with("the end") && error(&trials[0]).len() < 3_000);
}

#[test]
fn exit_code_75_asks_for_another_try() {
    let program = "import json, os, sys\nn = len(os.listdir('tries'))\nopen(f'tries/{n}', 'w').close()\n\
                   sys.exit(75) if n < 2 else print('done')\n";
    let folder = Folder::python(program, &cases(&["a"]));
    folder.write("tries/0", "");
    let (code, trials) = folder.trials(&[]);
    assert_eq!((code, &trials[0]["output"]), (0, &"done".into()), "{trials:#?}");
    assert_eq!(trials[0]["metadata"]["attempts"], 2);
    let folder = Folder::python(
        "import sys\nsys.exit(75)\n",
        &format!("task.retries = 0\n{}", cases(&["a"])),
    );
    assert_eq!(folder.trials(&[]).0, 3);
}

#[test]
fn a_hanging_program_is_ended_with_all_that_it_started() {
    let folder = Folder::python(
        "import subprocess, time\nchild = subprocess.Popen(['sleep', '600'])\n\
         open('pids', 'w').write(str(child.pid))\ntime.sleep(600)\n",
        &format!("task.timeout = \"15s\"\n{}", cases(&["a"])),
    );
    let (_, trials) = folder.trials(&[]);
    assert!(error(&trials[0]).contains("python3 has no answer after 15s"));
    assert_gone(&folder.read("pids"));
}

/// Waits until a process is gone, or nothing but a name that its parent has not asked for yet.
fn assert_gone(pid: &str) {
    assert!(!pid.is_empty(), "the program never said whom it started");
    for _ in 0..1_500 {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if state.is_empty() || state.contains(") Z ") {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    panic!("{pid} still runs");
}

#[test]
fn what_a_program_leaves_behind_does_not_outlive_it() {
    let folder = Folder::python(
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n\
         open('pids', 'w').write(str(child.pid))\nprint('done')\n",
        &cases(&["a"]),
    );
    let (code, trials) = folder.trials(&[]);
    assert_eq!((code, &trials[0]["output"]), (0, &"done".into()));
    assert_gone(&folder.read("pids"));
}

#[test]
fn a_worker_answers_many_cases_and_processes_one() {
    let count = format!("{LOOP}    print(json.dumps({{'output': os.getpid()}}), flush=True)\n");
    let trials = worker(&count, &["a", "b", "c"]);
    assert!(
        trials[0]["output"].is_u64() && trials[0]["output"] == trials[2]["output"],
        "{trials:#?}"
    );
    let toml = cases(&["a", "b"]);
    let (_, trials) = Folder::python("import os\nprint(os.getpid())\n", &toml).trials(&[]);
    assert!(trials[0]["output"].is_u64() && trials[0]["output"] != trials[1]["output"]);
}

#[test]
fn there_are_as_many_workers_as_cases_at_once_and_they_may_end_well() {
    let program = format!(
        "{LOOP}    time.sleep(0.05)\n    print(json.dumps({{'output': os.getpid()}}), flush=True)\n\
                           open(f'end-{{os.getpid()}}', 'w').close()\n"
    );
    let inputs: Vec<String> = (0..12).map(|n| format!("c{n:02}")).collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let toml = format!("task.mode = \"worker\"\n[run]\nmax_concurrency = 3\n{}", cases(&inputs));
    let folder = Folder::python(&program, &toml);
    let (code, trials) = folder.trials(&[]);
    let mut pids: Vec<u64> = trials.iter().filter_map(|trial| trial["output"].as_u64()).collect();
    assert_eq!((code, pids.len()), (0, 12), "{trials:#?}");
    pids.sort_unstable();
    pids.dedup();
    assert!((1..=3).contains(&pids.len()), "{pids:?}");
    // Their input ended, and they had the time to notice.
    assert!(pids.iter().all(|pid| folder.exists(&format!("end-{pid}"))), "{pids:?}");
}

#[test]
fn a_worker_that_dies_fails_its_case_and_is_replaced() {
    let program = format!(
        "{LOOP}    if i == 'b': sys.exit('fell over')\n    print(json.dumps({{'output': i}}), flush=True)\n"
    );
    let trials = worker(&program, &["a", "b", "c"]);
    assert_eq!((&trials[0]["output"], &trials[2]["output"]), (&"a".into(), &"c".into()));
    let said = error(&trials[1]);
    assert!(said.contains("exit code 1 before it answered, after 1 answers: fell over"), "{said}");
}

#[test]
fn a_worker_that_hangs_fails_its_case_and_is_replaced() {
    let program = format!(
        "{LOOP}    if i == 'b': time.sleep(600)\n    print(json.dumps({{'output': i}}), flush=True)\n"
    );
    let trials = worker(&program, &["a", "b", "c"]);
    assert!(error(&trials[1]).contains("no answer after 8s"));
    assert_eq!(trials[2]["output"], "c");
}

#[test]
fn a_worker_that_prints_garbage_says_what() {
    let program =
        format!("{LOOP}    print(i if i != 'c' else json.dumps({{'output': i}}), flush=True)\n");
    let trials = worker(&program, &["a b", "{}", "c"]);
    assert!(error(&trials[0]).contains("not JSON") && error(&trials[0]).ends_with(": a b"));
    assert!(error(&trials[2]).contains("neither an output nor an error"), "{}", error(&trials[2]));
    assert_eq!(trials[1]["output"], "c");
}

#[test]
fn an_extra_line_never_becomes_the_answer_of_the_next_case() {
    // At once, and so late that the next case is about to be given.
    let at_once = format!(
        "{LOOP}    print(json.dumps({{'output': i}}) + ('\\n{{\"output\": 0}}' if i == 'b' else ''), flush=True)\n"
    );
    let trials = worker(&at_once, &["a", "b", "c"]);
    assert!(error(&trials[1]).contains("printed more than one line for a case"));
    assert_eq!((&trials[0]["output"], &trials[2]["output"]), (&"a".into(), &"c".into()));
    let later = format!(
        "import threading\n{LOOP}    print(json.dumps({{'output': i}}), flush=True)\n    \
                         if i == 'b': threading.Timer(0.2, lambda: print('late', flush=True)).start()\n"
    );
    let toml = format!(
        "task.mode = \"worker\"\n[run]\nmax_concurrency = 1\nscorer_concurrency = 1\n{}",
        cases(&["a", "b", "c"])
    );
    let (_, trials) = Folder::python(&later, &toml).trials(&[]);
    // The line comes before or after the next case is given: either way it is no answer of it.
    let third = &trials[2];
    let is_failure = third["error"].as_str().is_some_and(|error| error.contains("line"));
    assert!(third["output"] == "c" || is_failure, "{third:#}");
}

#[test]
fn a_worker_can_fail_a_case_and_live_on() {
    let program = format!(
        "{LOOP}    print(json.dumps({{'error': 'no ' + i}} if i == 'b' else {{'output': os.getpid(), \
         'metadata': {{'seen': i}}, 'metrics': {{'tokens': 7}}}}), flush=True)\n"
    );
    let trials = worker(&program, &["a", "b", "c"]);
    assert_eq!(error(&trials[1]), "python3: no b");
    assert_eq!(trials[0]["output"], trials[2]["output"]);
    assert_eq!(trials[2]["metadata"]["seen"], "c");
    assert_eq!(trials[2]["metrics"]["tokens"], 7.0);
}

#[test]
fn scorers_may_be_programs() {
    let score = "import json, sys\nc = json.load(sys.stdin)\nassert c['expected'] == 'E' and c['metadata']['m'] == 1\n\
                 r = {'number': 0.5, 'nothing': None, 'several': [{'name': 'x', 'score': 1, 'metadata': {'why': 'w'}}, \
                 {'name': 'y', 'score': 0}], 'bad': 'text', 'far': 7}[c['output']]\nprint(json.dumps(r))\n";
    let toml = "[[scorers]]\nname = \"own\"\ncommand = [\"python3\", \"score.py\"]\nscores = [\"own\", \"x\", \"y\"]\n";
    let inputs = ["number", "nothing", "several", "bad", "far"];
    let cases: String = inputs
        .iter()
        .map(|input| {
            format!("[[cases]]\ninput = \"{input}\"\nexpected = \"E\"\nmetadata = {{m = 1}}\n")
        })
        .collect();
    let folder = Folder::python(
        "import json, sys\nprint(json.load(sys.stdin)['input'])\n",
        &format!("{toml}{cases}"),
    );
    folder.write("score.py", score);
    let (code, trials) = folder.trials(&[]);
    let by = |input: &str| trials.iter().find(|trial| trial["input"] == input).expect("a trial");
    assert_eq!(code, 0);
    assert_eq!(by("number")["scores"], json!({"own": 0.5}));
    assert_eq!(by("nothing")["scores"], json!({"own": null}));
    assert_eq!(by("several")["scores"], json!({"x": 1.0, "y": 0.0}));
    let said =
        |input: &str| by(input)["scorer_errors"]["own"].as_str().expect("an error").to_owned();
    assert!(said("bad").contains("\"text\", not a number from 0 to 1"), "{}", said("bad"));
    assert!(said("far").contains("outside of 0..=1"), "{}", said("far"));
}

#[test]
fn every_scorer_without_a_model_scores() {
    let scorers = "[[scorers]]\ntype = \"exact_match\"\noutput = \"/name\"\nexpected = \"/name\"\n\
        [[scorers]]\ntype = \"levenshtein\"\n[[scorers]]\ntype = \"json_diff\"\n[[scorers]]\ntype = \"valid_json\"\n\
        [[scorers]]\ntype = \"numeric_diff\"\noutput = \"/n\"\nexpected = \"/n\"\n\
        [[scorers]]\ntype = \"list_contains\"\noutput = \"/list\"\nexpected = \"/list\"\nallow_extra_entities = true\n\
        [[scorers]]\ntype = \"json_schema\"\nschema = {type = \"object\", required = [\"name\"]}\n";
    let cases = "[[cases]]\ninput = {name = \"Ada\", n = 1, list = [\"a\", \"b\"]}\nexpected = {name = \"Ada\", n = 3, list = [\"a\"]}\n\
        [[cases]]\ninput = {n = 1}\n";
    let program = "import json, sys\nprint(json.dumps(json.load(sys.stdin)['input']))\n";
    let (code, trials) = Folder::python(program, &format!("{scorers}{cases}")).trials(&[]);
    assert_eq!(code, 0);
    let scores = &trials[1]["scores"];
    for (name, score) in [
        ("exact_match", 1.0),
        ("valid_json", 1.0),
        ("numeric_diff", 0.5),
        ("list_contains", 1.0),
        ("json_schema", 1.0),
    ] {
        assert_eq!(scores[name], score, "{name}: {scores}");
    }
    assert!(scores["json_diff"].as_f64().is_some_and(|score| score > 0.5 && score < 1.0));
    // Nothing to compare with: skipped, not wrong.
    let scores = &trials[0]["scores"];
    assert_eq!(
        (&scores["exact_match"], &scores["json_diff"], &scores["valid_json"]),
        (&Value::Null, &Value::Null, &1.0.into())
    );
    assert_eq!(scores["json_schema"], 0.0);
}
