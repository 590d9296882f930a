//! `tidegate compare` on experiments and on files.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::runs::{RECIPE, Recipe, on, record};

const WORSE: Recipe =
    Recipe { name: "worse", wrong: &[1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14], ..RECIPE };

#[test]
fn two_experiments_are_compared_with_statistics_and_the_cases_that_changed() {
    let data = TempDir::new().expect("a directory");
    record(data.path(), Recipe { wrong: &[50], ..RECIPE });
    record(data.path(), WORSE);
    let (code, text, said) = on(data.path(), &["compare", "base", "worse"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        text.starts_with(
            "base     base (100 trials)\ncurrent  worse (100 trials)\n100 cases in both"
        ),
        "{text}"
    );
    assert!(
        text.contains("vs base") && text.contains("-11.00 %") && text.contains("worse"),
        "{text}"
    );
    assert!(text.contains("\nworst regressions\n  exact 100.00 % to 0.00 %: case 1\n"), "{text}");
    assert!(text.contains("-   \"ok\": true") && text.contains("+   \"ok\": false"), "{text}");
    assert!(text.contains("\nbest improvements\n  exact 0.00 % to 100.00 %: case 50\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours without a terminal");

    let (code, text, _) = on(data.path(), &["compare", "base", "worse", "--json", "--cases", "3"]);
    assert_eq!(code, Some(0));
    let compared: Value = serde_json::from_str(&text).expect("nothing but JSON on stdout");
    assert_eq!(compared["cases"], json!({"matched": 100, "current_only": 0, "base_only": 0}));
    let exact = &compared["scores"]["exact"];
    assert_eq!(exact["base"]["mean"], 0.99);
    assert_eq!(exact["current"]["mean"], 0.88);
    assert_eq!(
        (&exact["comparison"]["improved_cases"], &exact["comparison"]["regressed_cases"]),
        (&json!(1), &json!(12))
    );
    assert_eq!(exact["comparison"]["verdict"], "worse");
    let comparison = exact["comparison"].as_object().expect("an object");
    assert!(comparison["p_value_adjusted"].as_f64() >= comparison["p_value"].as_f64());
    assert_eq!(compared["metrics"]["tokens"]["base"]["mean"], 49.5);
    assert_eq!(compared["worst_regressions"].as_array().map(Vec::len), Some(3));
    assert_eq!(compared["best_improvements"][0]["case_id"], "case 50");
    assert_eq!(compared["outcome"], "fail");

    // The other way round it is an improvement.
    let (_, text, _) = on(data.path(), &["compare", "worse", "base", "--json"]);
    let compared: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(compared["scores"]["exact"]["comparison"]["verdict"], "better");
}

#[test]
fn a_regression_fails_and_a_doubt_is_undecided_only_when_asked_for() {
    let data = TempDir::new().expect("a directory");
    record(data.path(), RECIPE);
    record(data.path(), Recipe { name: "same", ..RECIPE });
    record(data.path(), Recipe { name: "other", wrong: &[7], ..RECIPE });
    record(data.path(), WORSE);
    let gate = |extra: &[&str]| {
        let arguments: Vec<_> = ["compare"].iter().chain(extra).copied().collect();
        on(data.path(), &arguments)
    };
    assert_eq!(gate(&["base", "worse"]).0, Some(0));
    let (code, _, said) = gate(&["base", "worse", "--fail-on-regression"]);
    assert_eq!((code, said.as_str()), (Some(1), "regression: a score is worse than the base\n"));
    let (code, ..) = gate(&["base", "same", "--fail-on-regression"]);
    assert_eq!(code, Some(0), "no case changed");
    let (code, _, said) = gate(&["base", "other", "--fail-on-regression"]);
    assert_eq!(code, Some(4), "no number of cases shows that two programs are equal");
    assert!(said.contains("--margin says how much"), "{said}");
    let (code, ..) = gate(&["base", "other", "--fail-on-regression", "--margin", "0.2"]);
    assert_eq!(code, Some(0));
}

#[test]
fn files_of_results_need_no_server_and_what_is_no_run_is_said() {
    let data = TempDir::new().expect("a directory");
    let path = |name: &str| data.path().join(name).to_str().expect("UTF-8").to_owned();
    let nowhere = data.path().join("nowhere");
    let results = |wrong: u32| -> String {
        let line = |n: u32| {
            let score = u32::from(n >= wrong);
            json!({"input": n, "output": n + score, "scores": {"exact": score, "none": null}, "metrics": {"duration": 0.5}})
        };
        (0..60).map(|n| format!("{}\n", line(n))).collect()
    };
    fs::write(path("a.jsonl"), results(0)).expect("written");
    fs::write(path("b.jsonl"), results(20)).expect("written");
    let (code, text, said) =
        on(&nowhere, &["compare", &path("a.jsonl"), &path("b.jsonl"), "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let compared: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(compared["scores"]["exact"]["comparison"]["difference"], json!(-1.0 / 3.0));
    assert_eq!(compared["worst_regressions"][0]["diff"], json!(["- 1", "+ 0"]));
    assert!(!nowhere.exists(), "nothing is made where nothing was");

    for (arguments, code, wanted) in [
        (vec!["compare", "a", "b"], 2, "there is no data directory"),
        (vec!["compare", &path("a.jsonl"), &path("c.jsonl")], 2, "there is no data directory"),
        (vec!["compare", &path("a.jsonl")], 2, "required"),
        (vec!["compare", "a", "b", "--margin", "0.1"], 2, "--fail-on-regression"),
    ] {
        let (ended, text, said) = on(&nowhere, &arguments);
        assert_eq!((ended, text.as_str()), (Some(code), ""), "{arguments:?}: {said}");
        assert!(said.contains(wanted), "{said}");
    }
    fs::write(path("broken.jsonl"), "{\"input\": 1, \"scores\": {}}\n{\"input\"\n")
        .expect("written");
    let (code, _, said) = on(&nowhere, &["compare", &path("a.jsonl"), &path("broken.jsonl")]);
    assert_eq!(code, Some(3));
    assert!(said.contains("broken.jsonl:2: ") && said.contains("hint: "), "{said}");
    fs::write(path("empty.jsonl"), "").expect("written");
    let (code, _, said) = on(&nowhere, &["compare", &path("a.jsonl"), &path("empty.jsonl")]);
    assert_eq!(code, Some(3));
    assert!(said.contains("has no trials"), "{said}");
}

#[test]
fn a_name_of_several_projects_needs_the_project() {
    let data = TempDir::new().expect("a directory");
    record(data.path(), RECIPE);
    record(data.path(), Recipe { project: "q", ..RECIPE });
    let (code, _, said) = on(data.path(), &["compare", "base", "base"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("2 projects have") && said.contains("add --project NAME"), "{said}");
    let (code, _, said) = on(data.path(), &["compare", "base", "base", "--project", "q"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, _, said) = on(data.path(), &["compare", "base", "gone", "--project", "q"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("there is no experiment \"gone\" in the project \"q\""), "{said}");
}
