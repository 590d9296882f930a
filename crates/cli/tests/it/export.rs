//! `tidegate export`: every trial, in a form that is read back.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::runs::{RECIPE, Recipe, on, record};

const EXPORTED: Recipe = Recipe { wrong: &[3], trials: 2, failing: true, ..RECIPE };

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A reader of RFC 4180 of its own, so that the writer is not its own judge.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut characters = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted => {
                assert_eq!(characters.next(), Some('\n'));
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            c => field.push(c),
        }
    }
    assert!(!quoted && field.is_empty() && record.is_empty(), "the last record is complete");
    records
}

#[test]
fn every_trial_is_exported_with_all_its_members() {
    let data = TempDir::new().expect("a directory");
    record(data.path(), EXPORTED);
    let (code, text, said) = on(data.path(), &["export", "base"]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let results = lines(&text);
    assert_eq!(results.len(), 200);
    let of = |n: u32| -> Vec<&Value> {
        let mut of: Vec<_> = results.iter().filter(|one| one["input"]["n"] == n).collect();
        of.sort_by_key(|one| one["trial"].as_u64());
        of
    };
    for n in 0..100 {
        let trials = of(n);
        assert_eq!(trials.iter().map(|one| &one["trial"]).collect::<Vec<_>>(), [0, 1], "{n}");
        for one in trials {
            assert_eq!(one["case_id"], format!("case {n}"));
            assert_eq!(one["expected"], json!({"n": n, "ok": true}));
            assert_eq!(one["metrics"]["tokens"], f64::from(n));
            assert_eq!(one["tags"], json!(["t", "u"]));
            assert!(one["metrics"]["duration"].as_f64().is_some_and(|seconds| seconds >= 0.0));
            assert!(one["id"].is_string() && one["root_span_id"].is_string());
            assert!(one["created"].is_string() && one["experiment_id"].is_string());
            if n.is_multiple_of(10) {
                assert_eq!(
                    (&one["error"], &one["output"]),
                    (&json!("no answer,\nsorry"), &Value::Null)
                );
                assert_eq!(one["scores"], json!({}));
            } else {
                assert_eq!(one["output"], json!({"n": n, "ok": n != 3}));
                assert_eq!(one["scores"]["exact"], f64::from(u8::from(n != 3)));
            }
        }
    }
    let seventh = of(7)[0];
    assert_eq!(seventh["scorer_errors"], json!({"picky": "cannot judge"}));
    assert_eq!(seventh["metadata"], json!({"case_id": "case 7"}));
}

#[test]
fn an_export_compares_as_the_experiment_itself() {
    let data = TempDir::new().expect("a directory");
    record(data.path(), EXPORTED);
    record(data.path(), Recipe { name: "now", wrong: &[3, 4, 5, 6], ..EXPORTED });
    let file = |name: &str| {
        let path = data.path().join(format!("{name}.jsonl")).to_str().expect("UTF-8").to_owned();
        let (code, text, said) = on(data.path(), &["export", name, "--output", &path]);
        assert_eq!((code, text.as_str()), (Some(0), ""), "{said}");
        assert!(said.starts_with("200 trials of "), "{said}");
        path
    };
    let (base, now) = (file("base"), file("now"));
    let compare = |base: &str, now: &str| -> Value {
        let (code, text, said) = on(data.path(), &["compare", base, now, "--json"]);
        assert_eq!(code, Some(0), "{said}");
        let mut compared: Value = serde_json::from_str(&text).expect("JSON");
        for run in ["base", "current"] {
            compared[run]["id"].take();
            compared[run]["name"].take();
        }
        compared
    };
    let recorded = compare("base", "now");
    assert_eq!(recorded["worst_regressions"].as_array().map(Vec::len), Some(3));
    assert_eq!(compare(&base, &now), recorded);
    assert_eq!(compare(&base, "now"), recorded, "a file and an experiment");
}

#[test]
fn csv_has_one_column_per_score_and_metric_and_holds_every_text() {
    let data = TempDir::new().expect("a directory");
    record(data.path(), EXPORTED);
    let (code, text, said) = on(data.path(), &["export", "base", "--format", "csv"]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let mut records = csv(&text).into_iter();
    let header = records.next().expect("a header");
    assert_eq!(
        header.join(" "),
        "id root_span_id experiment_id created case_id trial input output expected error \
         scorer_errors classifications classifier_errors metadata tags scores.exact scores.length scores.picky metrics.duration \
         metrics.tokens"
    );
    let (_, exported, _) = on(data.path(), &["export", "base"]);
    let exported: BTreeMap<_, _> =
        lines(&exported).into_iter().map(|one| (one["id"].to_string(), one)).collect();
    let mut count = 0;
    for record in records {
        assert_eq!(record.len(), header.len());
        count += 1;
        let cell = |name: &str| {
            &record[header.iter().position(|column| column == name).expect("a column")]
        };
        let result = &exported[&json!(cell("id")).to_string()];
        assert_eq!(serde_json::from_str::<Value>(cell("input")).expect("JSON"), result["input"]);
        assert_eq!(*cell("error"), result["error"].as_str().unwrap_or_default());
        let score =
            result["scores"]["exact"].as_f64().map(|_| result["scores"]["exact"].to_string());
        assert_eq!(*cell("scores.exact"), score.unwrap_or_default());
        assert_eq!(*cell("metrics.tokens"), result["metrics"]["tokens"].to_string());
    }
    assert_eq!(count, 200);
}

#[test]
fn a_file_is_written_completely_or_not_at_all() {
    let data = TempDir::new().expect("a directory");
    record(data.path(), RECIPE);
    let at = |name: &str| data.path().join(name).to_str().expect("UTF-8").to_owned();
    fs::create_dir(at("taken")).expect("made");
    for output in ["taken", "no/such/directory/file"] {
        let (code, _, said) = on(data.path(), &["export", "base", "-o", &at(output)]);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("cannot write") && said.contains("hint: "), "{said}");
    }
    fs::write(at("old.jsonl"), "old").expect("written");
    fs::write(at("broken.jsonl"), "{\"input\": 1, \"scores\": {}}\n{").expect("written");
    let (code, ..) = on(data.path(), &["export", &at("broken.jsonl"), "-o", &at("old.jsonl")]);
    assert_eq!(code, Some(3));
    assert_eq!(fs::read_to_string(at("old.jsonl")).expect("still there"), "old");
    let names = fs::read_dir(data.path())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> =
        names.filter(|name| name.to_string_lossy().contains("tidegate-export")).collect();
    assert!(left.is_empty(), "{left:?}");
    let (code, ..) = on(data.path(), &["export", "base", "-o", &at("old.jsonl")]);
    assert_eq!(code, Some(0));
    assert_eq!(lines(&fs::read_to_string(at("old.jsonl")).expect("a file")).len(), 100);
    let (code, _, said) = on(data.path(), &["export", "gone"]);
    assert_eq!(code, Some(2), "{said}");
}
