//! The documentation, the JSON Schema and the program say the same.

use std::time::Duration;

use jsonschema::Validator;
use serde_json::{Map, Value};
use tidegate_testkit::run;
use toml::de::{DeTable, DeValue};

use super::support::{Folder, repository};

/// Name (from the line before it), language and text of each block of code.
fn blocks_of(page: &str) -> Vec<(Option<String>, String, String)> {
    let text = std::fs::read_to_string(repository().join(page)).expect("the page");
    let (mut blocks, mut open, mut name) = (Vec::new(), None::<(String, String)>, None);
    for line in text.lines() {
        let trimmed = line.trim();
        match (&mut open, trimmed.strip_prefix("```")) {
            (Some(_), Some(_)) => {
                let (language, text) = open.take().expect("open");
                blocks.push((name.take(), language, text));
            }
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) if trimmed.is_empty() => {}
            (None, None) => {
                // `NAME` alone, or in a line that ends with a colon.
                let mut words = trimmed.split('`').skip(1).step_by(2);
                let file = words.find(|word| {
                    let is_name = [".toml", ".py", ".jsonl"].iter().any(|end| word.ends_with(end));
                    is_name && !word.contains([' ', '/'])
                });
                name = file.filter(|_| trimmed.ends_with([':', '`'])).map(str::to_owned);
            }
        }
    }
    blocks
}

fn blocks() -> Vec<(Option<String>, String, String)> {
    blocks_of("docs/eval-file.md")
}

/// A fragment with what a file needs beside it.
fn completed(fragment: &str) -> String {
    let has = |parts: &[&str]| parts.iter().any(|part| fragment.contains(part));
    let mut head = String::new();
    if !has(&["project ="]) {
        head.push_str("project = \"p\"\n");
    }
    if !has(&["[task]"]) {
        head.push_str("task.command = [\"true\"]\n");
    }
    if !has(&["[data]", "[[cases]]"]) {
        head.push_str("cases = [{input = \"a\"}]\n");
    }
    head + fragment
}

fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => Value::from(number.as_str().parse::<i64>().expect("a number")),
        DeValue::Float(number) => Value::from(number.as_str().parse::<f64>().expect("a number")),
        DeValue::Boolean(value) => Value::from(*value),
        DeValue::Datetime(date) => Value::from(date.to_string()),
        DeValue::Array(values) => values.iter().map(|value| json(value.get_ref())).collect(),
        DeValue::Table(table) => Value::Object(object(table)),
    }
}

fn object(table: &DeTable<'_>) -> Map<String, Value> {
    let members =
        table.iter().map(|(name, value)| (name.get_ref().to_string(), json(value.get_ref())));
    members.collect()
}

fn faults(schema: &Validator, text: &str) -> Vec<String> {
    let parsed = DeTable::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let value = Value::Object(object(parsed.get_ref()));
    schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// As the program prints it.
fn schema() -> Validator {
    let printed = Folder::with(&[]).eval(&["--schema"]).success().stdout;
    let schema: Value = serde_json::from_str(&printed).expect("JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("a schema");
    jsonschema::validator_for(&schema).expect("a schema")
}

#[test]
fn every_example_of_the_page_is_valid_and_understood() {
    let (schema, blocks) = (schema(), blocks());
    let files: Vec<(&str, &str)> = blocks
        .iter()
        .filter_map(|(name, _, text)| Some((name.as_deref()?, text.as_str())))
        .collect();
    let folder = Folder::with(&files);
    folder.write("rows.csv", "no,question,answer,level\n1,Why?,Because,easy\n");
    folder.write("prompts/short.txt", "In short: {{input}}");
    let examples: Vec<&str> = blocks
        .iter()
        .filter(|(_, language, _)| language == "toml")
        .map(|(.., text)| text.as_str())
        .collect();
    assert!(examples.len() >= 10, "{}", examples.len());
    for example in examples {
        let text = completed(example);
        assert_eq!(faults(&schema, &text), [""; 0], "{text}");
        folder.write("example.toml", &text);
        let mut command = folder.command(&["example.toml", "--dry-run"]);
        for name in ["ANSWER_TOKEN", "MY_KEY"] {
            command.env(name, "value");
        }
        let finished = run(&mut command, Duration::from_secs(60));
        assert!(finished.status.success(), "{text}\n{}", finished.stderr);
    }
}

#[test]
fn the_complete_example_of_the_page_runs() {
    let blocks = blocks();
    let named = blocks.iter().filter_map(|(name, _, text)| Some((name.as_deref()?, text.as_str())));
    let folder = Folder::with(&named.collect::<Vec<_>>());
    let (code, evaluations) = folder.recorded(&["eval.toml", "--json"]);
    assert_eq!(code, 0, "{evaluations:#?}");
    let score = evaluations[0]["scores"]["exact_match"]["score"].as_f64().expect("a score");
    assert!((score - 2.0 / 3.0).abs() < 1e-9, "{score}");
    assert_eq!(evaluations[0]["experiment"]["name"], "first-try");
    // The programs of the page as worker and as scorer.
    let rest = "project = \"p\"\n[task]\ncommand = [\"python3\", \"worker.py\"]\nmode = \"worker\"\n\
                [[scorers]]\nname = \"length\"\ncommand = [\"python3\", \"score.py\"]\n[[cases]]\ninput = \"four\"\n";
    folder.write("eval.toml", rest);
    let (code, trials) = folder.trials(&[]);
    assert_eq!(
        (code, &trials[0]["output"], &trials[0]["scores"]["length"]),
        (0, &"FOUR".into(), &1.0.into())
    );
}

#[test]
fn the_example_of_the_readme_runs() {
    let blocks = blocks_of("README.md");
    let named = blocks.iter().filter_map(|(name, _, text)| Some((name.as_deref()?, text.as_str())));
    let folder = Folder::with(&named.collect::<Vec<_>>());
    let (code, evaluations) = folder.recorded(&["eval.toml", "--json"]);
    assert_eq!((code, &evaluations[0]["verdict"]), (0, &"pass".into()), "{evaluations:#?}");
    assert_eq!(faults(&schema(), &folder.read("eval.toml")), [""; 0]);
}

#[test]
fn the_files_of_the_repository_are_valid() {
    let schema = schema();
    let mut count = 0;
    for entry in std::fs::read_dir(repository().join("examples")).expect("readable").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".toml") && name != "Cargo.toml" {
            let text = std::fs::read_to_string(entry.path()).expect("text");
            assert_eq!(faults(&schema, &text), [""; 0], "{name}");
            count += 1;
        }
    }
    assert!(count > 0);
}

#[test]
fn what_the_program_refuses_the_schema_refuses_too() {
    let schema = schema();
    for fragment in [
        "projcet = 1",
        "tags = [1]",
        "[run]\ntrials = 0",
        "[run]\ntimeout = \"5\"",
        "[run]\nerror_score = 2",
        "[[scorers]]\ntype = \"exact_mach\"",
        "[[scorers]]\ntype = \"exact_match\"\nminimum = 1",
        "[[scorers]]\ntype = \"closed_qa\"",
        "[[scorers]]\ncommand = [\"true\"]",
        "[gate]\nno_regression = { duration = -1 }",
        "[matrix]\nmodel = []",
        "[prices.m]\ninput_per_million = 1",
        "[task]\nurl = \"ftp://h\"",
        "[task]\ncommand = []",
        "[run]\nadaptive_concurrency = [4]",
        "[run]\nadaptive_concurrency = 4",
        "[run]\nadaptive_concurrency = [0, 4]",
        "[run]\nadaptive_concurrency = [1, 4]\nmax_concurrency = 4",
        "[task]\ncommand = [\"true\"]\nurl = \"http://h\"",
        "[task]\ntimeout = 1",
        "[data]\nfile = \"a\"\n[[cases]]\ninput = 1",
        "[[cases]]\nexpected = 1",
    ] {
        let text = completed(fragment);
        assert!(!faults(&schema, &text).is_empty(), "{text}");
        let finished = Folder::with(&[("eval.toml", &text)]).eval(&["eval.toml", "--dry-run"]);
        assert_eq!(finished.status.code(), Some(2), "{text}\n{finished:?}");
    }
}
