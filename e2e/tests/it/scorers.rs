//! Our scorers against PyPI `autoevals` 0.4.1.

mod cases;
mod differences;

use std::fs;

use cases::Case;
use serde_json::Value;
use tidegate_scorers::{
    JsonDiff, JsonSchema, ListContains, embedding_similarity, exact_match, json_diff, levenshtein,
    list_contains, numeric_diff, valid_json,
};

use crate::clients;

const TOLERANCE: f64 = 1e-9;

#[test]
fn scores_are_those_of_autoevals() {
    let differences = differences::all();
    let mut cases = cases::all();
    let known = |case: &Case| differences.iter().any(|difference| difference.case == *case);
    cases.retain(|case| !known(case));
    let mut wrong = Vec::new();
    for (case, answer) in cases.iter().zip(reference(&cases)) {
        let ours = ours(case);
        let same = match &answer {
            Answer::Score(theirs) => (ours - theirs).abs() <= TOLERANCE,
            // The one exception by rule: a structure and a scalar differ.
            Answer::Error(error) => {
                case.scorer == "exact_match" && error == "TypeError" && ours == 0.0
            }
        };
        if !same {
            let shown: String = case.line().chars().take(300).collect();
            wrong.push(format!("{shown}\n  ours {ours}, theirs {answer:?}"));
        }
    }
    assert!(cases.len() > 11_000, "{} cases", cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn differences_are_deliberate_and_there() {
    let differences = differences::all();
    let cases: Vec<Case> = differences.iter().map(|difference| difference.case.clone()).collect();
    for (difference, answer) in differences.iter().zip(reference(&cases)) {
        let line = format!("{}: {}", difference.reason, difference.case.line());
        match answer {
            Answer::Error(error) => assert_eq!(error, difference.python, "{line}"),
            Answer::Score(theirs) => {
                let said: f64 = difference.python.parse().expect("a float");
                assert!(
                    said.is_nan() && theirs.is_nan() || (said - theirs).abs() <= TOLERANCE,
                    "{line}: {theirs}"
                );
                assert!(
                    theirs.is_nan() || (theirs - difference.ours).abs() > TOLERANCE,
                    "{line}: no difference"
                );
            }
        }
        let ours = ours(&difference.case);
        assert!((ours - difference.ours).abs() <= TOLERANCE, "{line}: {ours}");
    }
}

#[derive(Debug)]
enum Answer {
    Score(f64),
    Error(String),
}

/// What Python says.
fn reference(cases: &[Case]) -> Vec<Answer> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("cases.jsonl");
    let lines: Vec<String> = cases.iter().map(Case::line).collect();
    fs::write(&file, lines.join("\n")).expect("a file of cases");
    let mut python = clients::python("venv-scorers", "autoevals_reference.py");
    let finished = tidegate_testkit::run(python.arg(&file), clients::DEADLINE).success();
    let answers: Vec<Answer> = finished
        .stdout
        .lines()
        .map(|line| {
            let answer: Value = serde_json::from_str(line).expect("a line of JSON");
            match answer["score"].as_str() {
                Some(score) => Answer::Score(score.parse().expect("a float")),
                None => Answer::Error(answer["error"].as_str().expect("an error").to_owned()),
            }
        })
        .collect();
    assert_eq!(answers.len(), cases.len());
    answers
}

fn ours(case: &Case) -> f64 {
    let output: Value = serde_json::from_str(&case.output).expect("JSON");
    let expected: Value = serde_json::from_str(&case.expected).expect("JSON");
    match case.scorer {
        "embedding_similarity" => {
            let minimum = number(&expected[1]);
            embedding_similarity(&numbers(&output), &numbers(&expected[0]), minimum)
                .expect("vectors of one length")
        }
        "exact_match" => exact_match(output, expected),
        "levenshtein" => levenshtein(text(&output), text(&expected)),
        "numeric_diff" => numeric_diff(number(&output), number(&expected)),
        "json_diff" => json_diff(output, expected),
        "json_diff/preserve_strings" => JsonDiff::new().preserve_strings().score(output, expected),
        "json_diff/equal" => JsonDiff::new()
            .string_scorer(|output, expected| f64::from(u8::from(output == expected)))
            .number_scorer(|output, expected| f64::from(u8::from(output == expected)))
            .score(output, expected),
        "valid_json" => valid_json(output),
        "json_schema" => JsonSchema::new(&expected).expect("a schema").score(output),
        "list_contains" => list_contains(&texts(&output), &texts(&expected)),
        "list_contains/allow_extra_entities" => {
            ListContains::new().allow_extra_entities().score(&texts(&output), &texts(&expected))
        }
        "list_contains/numbers" => {
            ListContains::new().score_by(&items(&output), &items(&expected), |output, expected| {
                numeric_diff(number(output), number(expected))
            })
        }
        other => panic!("no scorer {other}"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn items(value: &Value) -> Vec<Value> {
    value.as_array().expect("a list").clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    items(value).iter().map(number).collect()
}

fn texts(value: &Value) -> Vec<String> {
    items(value).iter().map(|item| text(item).to_owned()).collect()
}
