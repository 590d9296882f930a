//! What is wrong with a file is said with its line, before anything runs.

use super::support::{Folder, SHOUT};

/// A task, a case, and then what is wrong from line 4 on.
fn fault(text: &str) -> (String, String) {
    let whole = format!("{SHOUT}cases = [{{input = \"a\"}}]\n{text}\n");
    whole_fault(&whole)
}

fn whole_fault(text: &str) -> (String, String) {
    let folder = Folder::with(&[("eval.toml", text), ("text.json", "nope")]);
    let finished = folder.eval(&["eval.toml", "--no-send-logs"]);
    assert_eq!(finished.status.code(), Some(2), "{text}: {finished:#?}");
    assert_eq!(finished.stdout, "", "{text}");
    let lines: Vec<&str> = finished.stderr.lines().collect();
    let [error, hint] = lines[..] else { panic!("two lines, not {lines:#?}") };
    let error = error.strip_prefix("error: eval.toml:").unwrap_or_else(|| panic!("{error}"));
    (error.to_owned(), hint.strip_prefix("hint: ").expect("a hint").to_owned())
}

#[test]
fn every_fault_has_its_line_column_and_hint() {
    for (text, place, message, hint) in [
        ("projcet = 1", "4:1", "unknown key \"projcet\" in the file", "did you mean \"project\"?"),
        ("tags = [1]", "4:9", "tags[0] must be a text, not a number", "write a text"),
        ("experiment = \"\"", "4:14", "experiment is empty", "give it a value"),
        ("[run]\ntrials = 0", "5:10", "run.trials must be a whole number", "from 1 to"),
        ("[run]\ntimeout = \"5\"", "5:11", "run.timeout must be a duration", "30s"),
        (
            "[run]\nerror_score = 2",
            "5:15",
            "run.error_score must be a number from 0 to 1",
            "0 to 1",
        ),
        (
            "[run]\nmax_concurency = 2",
            "5:1",
            "unknown key \"max_concurency\" in run",
            "did you mean",
        ),
        (
            "[[scorers]]\ntype = \"exact_mach\"",
            "5:8",
            "unknown type of scorer \"exact_mach\"",
            "did you mean \"exact_match\"?",
        ),
        ("[[scorers]]\nname = \"x\"", "4:1", "has no \"type\"", "exact_match"),
        (
            "[[scorers]]\ntype = \"json_schema\"\nschema = \"text.json\"",
            "6:10",
            "cannot read the schema text.json: no JSON",
            "relative",
        ),
        (
            "[[scorers]]\ntype = \"json_schema\"\nschema = {type = \"objekt\"}",
            "6:10",
            "invalid JSON Schema",
            "json-schema.org",
        ),
        (
            "[[scorers]]\ntype = \"exact_match\"\nminimum = 1",
            "6:1",
            "unknown key \"minimum\"",
            "known are",
        ),
        (
            "[[scorers]]\ntype = \"closed_qa\"",
            "4:1",
            "closed_qa needs the variable \"criteria\"",
            "variables",
        ),
        (
            "[[scorers]]\ntype = \"exact_match\"\n[[scorers]]\ntype = \"exact_match\"",
            "6:1",
            "two scorers give a score named \"exact_match\"",
            "another name",
        ),
        (
            "[[scorers]]\ntype = \"humor\"",
            "4:1",
            "nothing says which model \"humor\" asks",
            "judge.model",
        ),
        (
            "[[scorers]]\ncommand = [\"nosuchprogram\"]\nname = \"x\"",
            "5:11",
            "cannot find the program \"nosuchprogram\" in PATH",
            "PATH",
        ),
        (
            "[[scorers]]\ntype = \"exact_match\"\n[gate]\nexact_mach = \">= 0.9\"",
            "7:1",
            "no scorer gives a score named \"exact_mach\"",
            "did you mean \"exact_match\"?",
        ),
        ("[gate]\nduration = \"< 2\"", "5:12", "\"< 2\" is no condition", ">= 0.9"),
        ("[gate]\nno_regression = true", "5:17", "there is no score to compare", "scorers"),
        (
            "[gate]\nno_regression = { duration = -1 }",
            "5:30",
            "must be a margin of at least 0",
            "margin",
        ),
        ("[matrix]\nmodel = []", "5:9", "matrix.model has no value", "at least one"),
        (
            "[prices.m]\ninput_per_million = 1",
            "4:1",
            "prices.m has no \"output_per_million\"",
            "both prices",
        ),
        ("a = ", "4:5", "", "TOML"),
        ("project = \"again\"", "4:1", "duplicate key", "TOML"),
    ] {
        let (error, said) = fault(text);
        assert!(error.starts_with(&format!("{place}: ")), "{text}: not {place} in {error}");
        assert!(error.contains(message), "{text}: no {message:?} in {error}");
        assert!(said.contains(hint), "{text}: no {hint:?} in {said}");
    }
}

#[test]
fn what_is_missing_or_double_is_named() {
    for (text, place, message) in [
        ("", "1:1", "the key \"project\" is missing"),
        ("project = \"p\"", "1:1", "the key \"task\" is missing"),
        ("project = \"p\"\n[task]\ntimeout = 1\n", "2:1", "the task does not say what to run"),
        ("project = \"p\"\ntask.command = [\"true\"]", "1:1", "the key \"data\" is missing"),
        ("project = \"p\"\n[task]\ncommand = []", "3:11", "task.command is empty"),
        (
            "project = \"p\"\n[task]\ncommand = [\"./no\"]\n[[cases]]\ninput = 1",
            "3:11",
            "cannot run ./no",
        ),
        (
            "project = \"p\"\n[task]\ncommand = [\"./eval.toml\"]\n[[cases]]\ninput = 1",
            "3:11",
            "it is not executable",
        ),
        (
            "project = \"p\"\n[task]\nurl = \"http://h\"\ncommand = [\"true\"]",
            "2:1",
            "both a command and a url",
        ),
        (
            "project = \"p\"\n[task]\nurl = \"ftp://h\"\n[[cases]]\ninput = 1",
            "3:7",
            "must be http or https",
        ),
        (
            "project = \"p\"\n[task]\nurl = \"http://h\"\nheaders_from_env = {a = \"NOPE\"}\n[[cases]]\ninput = 1",
            "4:25",
            "the variable NOPE is not set",
        ),
        (
            "project = \"p\"\n[task]\nprompt = \"{{input\"\nmodel=\"m\"\n[[cases]]\ninput = 1",
            "3:10",
            "is not closed",
        ),
        (
            "project = \"p\"\n[task]\nprompt = \"no.txt\"\nmodel=\"m\"\n[[cases]]\ninput = 1",
            "3:10",
            "cannot read the prompt no.txt",
        ),
        (
            "project = \"p\"\n[task]\nprompt = \"x\"\n[[cases]]\ninput = 1",
            "2:1",
            "the task has no \"model\"",
        ),
        (
            "project = \"p\"\n[task]\ncommand = [\"cat\"]\nmode = \"worker\"\nformat = \"text\"",
            "5:10",
            "lines of JSON",
        ),
        (
            "project = \"p\"\ntask.command = [\"true\"]\ndata.file = \"no.jsonl\"",
            "3:13",
            "cannot read no.jsonl",
        ),
        (
            "project = \"p\"\ntask.command = [\"true\"]\n[[cases]]\nexpected = 1",
            "3:1",
            "has no \"input\"",
        ),
        (
            "project = \"p\"\ntask.command = [\"true\"]\ncases = [{input = nan}]",
            "3:19",
            "not finite",
        ),
    ] {
        let (error, _) = whole_fault(text);
        assert!(error.starts_with(&format!("{place}: ")), "{text}: not {place} in {error}");
        assert!(error.contains(message), "{text}: no {message:?} in {error}");
    }
}

#[test]
fn faults_of_all_files_are_said_and_nothing_runs() {
    let folder = Folder::with(&[
        ("a/one.toml", "x = 1"),
        ("a/two.toml", "y = 1"),
        ("a/good.toml", &format!("{SHOUT}cases = [{{input = \"a\"}}]")),
    ]);
    let finished = folder.eval(&["a/*.toml", "missing.toml"]);
    assert_eq!(finished.status.code(), Some(2));
    for part in
        ["a/one.toml:1:1: unknown", "a/two.toml:1:1: unknown", "cannot read missing.toml: No"]
    {
        assert!(finished.stderr.contains(part), "{}", finished.stderr);
    }
    assert!(!folder.exists(".tidegate"), "nothing is left behind");
    let nothing = folder.eval(&["b/*.toml"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(nothing.stderr.contains("no file matches"), "{}", nothing.stderr);
}

#[test]
fn data_with_a_fault_is_named_with_its_line() {
    let toml = format!("{SHOUT}data.file = \"cases.jsonl\"");
    let folder = Folder::with(&[("d/eval.toml", &toml), ("d/cases.jsonl", "{\"input\": }\n")]);
    let first = folder.eval(&["d/eval.toml"]);
    assert_eq!(first.status.code(), Some(3));
    assert!(first.stderr.contains("d/cases.jsonl:1:11: expected value"), "{}", first.stderr);
    assert!(!folder.exists(".tidegate"), "no experiment was made");
    // Later ones end the run, and what ran before is kept.
    folder.write("d/cases.jsonl", "{\"input\": \"a\"}\n{\"inptu\": 1}\n");
    let (code, evaluations) = folder.recorded(&["d/eval.toml", "--json", "--no-send-logs"]);
    assert_eq!(code, 3);
    assert_eq!(evaluations[0]["trials"], 1);
    let error = evaluations[0]["error"].as_str().expect("an error");
    assert!(error.contains("d/cases.jsonl:2:12: missing field `input`"), "{error}");
    let checked = folder.eval(&["d/eval.toml", "--dry-run"]);
    assert_eq!(checked.status.code(), Some(3));
    assert!(checked.stderr.contains("d/cases.jsonl:2:12"), "{}", checked.stderr);
}

#[test]
fn columns_may_have_other_names() {
    let toml = format!(
        "{SHOUT}[data]\nfile = \"c.jsonl\"\ninput = \"text\"\nexpected = \"loud\"\nid = \"no\"\ntags = \"kind\"\n\
         [[scorers]]\ntype = \"exact_match\""
    );
    let lines = "{\"text\": \"a\", \"loud\": \"A\", \"no\": 7, \"kind\": \"short\", \"lang\": \"de\"}\n\n\
                 {\"text\": \"b\", \"loud\": \"b\", \"no\": \"8\", \"kind\": [\"x\"], \"metadata\": {\"m\": 1}}\n";
    let folder = Folder::with(&[("eval.toml", &toml), ("c.jsonl", lines)]);
    let (code, trials) = folder.trials(&[]);
    assert_eq!((code, trials.len()), (0, 2));
    assert_eq!(trials[0]["scores"]["exact_match"], 1.0);
    assert_eq!((&trials[0]["case_id"], &trials[0]["tags"][0]), (&"7".into(), &"short".into()));
    assert_eq!(trials[0]["metadata"]["lang"], "de");
    assert_eq!(
        (&trials[1]["scores"]["exact_match"], &trials[1]["metadata"]["m"]),
        (&0.0.into(), &1.into())
    );
    folder.write("c.jsonl", "{\"text\": \"a\", \"tags\": 1}\n{\"loud\": \"A\"}\n");
    let finished = folder.eval(&["eval.toml", "--no-send-logs"]);
    assert_eq!(finished.status.code(), Some(3));
    assert!(
        finished.stderr.contains("c.jsonl:2:1: there is no member \"text\""),
        "{}",
        finished.stderr
    );
}

#[test]
fn cases_may_come_from_csv() {
    let toml = format!(
        "{SHOUT}data = {{file = \"c.csv\", input = \"text\", separator = \";\", json_cells = true}}\n"
    );
    let folder = Folder::with(&[("eval.toml", &toml)]);
    folder.write("c.csv", "text;expected;level\n\"a;\nb\";A;3\n");
    let (code, trials) = folder.trials(&[]);
    assert_eq!(
        (code, &trials[0]["output"], &trials[0]["metadata"]["level"]),
        (0, &"A;\nB".into(), &3.into())
    );
    folder.write("c.csv", "txt;expected\n1;2\n");
    let finished = folder.eval(&["eval.toml"]);
    assert_eq!(finished.status.code(), Some(3));
    assert!(finished.stderr.contains("c.csv:1:"), "{}", finished.stderr);
}
