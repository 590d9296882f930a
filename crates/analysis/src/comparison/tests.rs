use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_model::Row;

use super::*;

fn row(value: Value) -> Row {
    let Value::Object(members) = value else { panic!("not an object: {value}") };
    members
}

fn trial(case: &str, scores: &[(&str, f64)], seconds: Option<f64>) -> Trial {
    Trial {
        case_key: case.into(),
        scores: scores.iter().map(|(name, score)| ((*name).to_owned(), *score)).collect(),
        metrics: seconds
            .map(|value| ("duration".to_owned(), Metric { value, unit: "s".into() }))
            .into_iter()
            .collect(),
    }
}

/// One case as the published clients record it: root, task with a model call, two scorers.
fn trace() -> Vec<Row> {
    vec![
        row(json!({"id": "1", "span_id": "r", "root_span_id": "t", "input": {"q": 1},
            "span_attributes": {"type": "eval"}, "metrics": {"start": 10.0, "end": 19.0}})),
        row(json!({"id": "2", "span_id": "k", "root_span_id": "t", "span_parents": ["r"],
            "span_attributes": {"type": "task"}, "metrics": {"start": 10.5, "end": 12.0}})),
        row(json!({"id": "3", "span_id": "l", "root_span_id": "t", "span_parents": ["k"],
            "span_attributes": {"type": "llm"}, "scores": {"ignored": 1},
            "metrics": {"start": 11.0, "end": 11.5, "tokens": 30, "prompt_tokens": 10,
                "estimated_cost": 0.25, "time_to_first_token": 0.1}})),
        row(json!({"id": "4", "span_id": "s", "root_span_id": "t", "span_parents": ["r"],
            "span_attributes": {"type": "score", "purpose": "scorer"},
            "scores": {"exact": 0.5}, "metrics": {"start": 12.0, "end": 13.0, "tokens": 99}})),
        row(json!({"id": "5", "span_id": "u", "root_span_id": "t", "span_parents": ["r"],
            "span_attributes": {"type": "score", "purpose": "scorer"},
            "scores": {"unsure": null}, "metrics": {"start": 12.0, "end": 13.0}})),
    ]
}

#[test]
fn a_trace_becomes_one_trial_whatever_the_order_of_its_rows() {
    let mut rows = trace();
    let trials = trials_from_rows(&rows);
    assert_eq!(trials.len(), 1);
    assert_eq!(trials[0].case_key, r#"{"q":1}"#);
    assert_eq!(trials[0].scores, [("exact", 0.5)].into());
    let metrics: Vec<_> = trials[0].metrics.iter().map(|(n, m)| (n, m.value, &*m.unit)).collect();
    assert_eq!(
        metrics,
        [
            ("duration", 1.5, "s"),
            ("estimated_cost", 0.25, "$"),
            ("prompt_tokens", 10.0, "tok"),
            ("tokens", 30.0, "tok")
        ]
    );
    rows.reverse();
    assert_eq!(trials_from_rows(&rows), trials);
}

#[test]
fn without_a_task_span_the_root_gives_the_duration() {
    let root = row(json!({"id": "1", "input": 1, "metrics": {"start": 1.0, "end": 3.0}}));
    assert_eq!(trials_from_rows([&root])[0].metrics["duration"].value, 2.0);
    let open = row(json!({"id": "1", "input": 1, "metrics": {"start": 1.0}}));
    assert!(trials_from_rows([&open])[0].metrics.is_empty());
    let backwards = row(json!({"id": "1", "metrics": {"start": 3.0, "end": 1.0}}));
    assert!(trials_from_rows([&backwards])[0].metrics.is_empty());
}

#[test]
fn an_unfinished_task_has_no_duration_even_if_its_root_has_one() {
    let mut rows = trace();
    rows[1].remove("metrics");
    assert!(!trials_from_rows(&rows)[0].metrics.contains_key("duration"));
}

#[test]
fn the_root_s_own_task_beats_a_nested_one() {
    let mut rows = trace();
    rows.push(row(json!({"id": "0", "span_id": "n", "root_span_id": "t", "span_parents": ["k"],
        "created": "2000", "span_attributes": {"type": "task"},
        "metrics": {"start": 0.0, "end": 100.0}})));
    assert_eq!(trials_from_rows(&rows)[0].metrics["duration"].value, 1.5);
}

#[test]
fn orphans_and_comments_are_no_trials() {
    let orphan = row(json!({"id": "9", "root_span_id": "x", "span_parents": ["gone"]}));
    let comment = row(json!({"id": "8", "origin": {"id": "1"}, "comment": {"text": "hm"}}));
    assert!(trials_from_rows([&orphan, &comment]).is_empty());
}

#[test]
fn scores_are_means_over_cases_of_means_over_trials() {
    let current = [
        trial("a", &[("s", 1.0)], Some(1.0)),
        trial("a", &[("s", 0.0)], Some(3.0)),
        trial("b", &[("s", 1.0)], Some(4.0)),
    ];
    let summary = compare(&current, None);
    assert_eq!(summary.scores["s"].score, 0.75);
    assert_eq!(summary.scores["s"].diff, None);
    assert_eq!(summary.metrics["duration"].metric, 3.0);
    assert_eq!(summary.metrics["duration"].unit, "s");
}

#[test]
fn comparison_by_hand() {
    let base = [
        trial("a", &[("s", 0.0)], Some(2.0)),
        trial("b", &[("s", 1.0)], Some(2.0)),
        trial("c", &[("s", 0.5)], Some(2.0)),
        trial("only in base", &[("s", 1.0), ("old", 1.0)], None),
    ];
    let current = [
        trial("a", &[("s", 1.0)], Some(1.0)),
        trial("b", &[("s", 0.0)], Some(1.0)),
        trial("c", &[("s", 1.0)], Some(2.0)),
        trial("only here", &[("s", 0.0), ("new", 1.0)], None),
    ];
    let summary = compare(&current, Some(&base));
    let score = &summary.scores["s"];
    assert_eq!((score.improvements, score.regressions), (2, 1));
    assert_eq!(score.diff, Some(0.5 - 0.625));
    assert_eq!(summary.scores["new"].diff, None);
    assert!(!summary.scores.contains_key("old"));
    let duration = &summary.metrics["duration"];
    assert_eq!((duration.improvements, duration.regressions), (2, 0));
    assert!((duration.diff.expect("base has it") - (4.0 / 3.0 - 2.0) / 2.0).abs() < 1e-12);
}

#[test]
fn a_metric_whose_base_is_zero_has_no_relative_difference() {
    let zero = [trial("a", &[], Some(0.0))];
    let one = [trial("a", &[], Some(1.0))];
    assert_eq!(compare(&one, Some(&zero)).metrics["duration"].diff, None);
    assert_eq!(compare(&zero, Some(&zero)).metrics["duration"].diff, Some(0.0));
}

#[test]
fn rounding_is_no_improvement() {
    let thrice = vec![trial("a", &[("s", 0.1)], None); 3];
    let once = [trial("a", &[("s", 0.1)], None)];
    let score = &compare(&thrice, Some(&once)).scores["s"];
    assert_eq!((score.score, score.improvements, score.regressions), (0.1, 0, 0));
}

fn any_trials() -> impl Strategy<Value = Vec<Trial>> {
    let value = prop_oneof![0.0..=1.0_f64, Just(0.0), Just(1.0), Just(f64::MAX), Just(f64::NAN)];
    let one = ("[abc]", proptest::collection::btree_map("[xy]", value, 0..3), any::<bool>());
    proptest::collection::vec(
        one.prop_map(|(case_key, scores, measured)| {
            let metrics = scores
                .iter()
                .filter(|_| measured)
                .map(|(name, value)| (name.as_str(), Metric { value: *value, unit: "s".into() }))
                .collect();
            Trial { case_key, scores: scores.into_iter().collect(), metrics }
        }),
        0..12,
    )
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("\\PC{0,3}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().rev().map(|(k, v)| (k.clone(), reversed(v))).collect())
        }
        Value::Array(values) => values.iter().map(reversed).collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn the_order_of_trials_does_not_matter(a in any_trials(), b in any_trials()) {
        let (mut c, mut d) = (a.clone(), b.clone());
        c.reverse();
        d.reverse();
        prop_assert_eq!(compare(&a, Some(&b)), compare(&c, Some(&d)));
    }

    #[test]
    fn swapping_sides_negates_score_diffs_and_swaps_counts(a in any_trials(), b in any_trials()) {
        let (ab, ba) = (compare(&a, Some(&b)), compare(&b, Some(&a)));
        for (name, one) in &ab.scores {
            let Some(other) = ba.scores.get(name) else {
                prop_assert_eq!(one.diff, None);
                continue;
            };
            prop_assert_eq!(one.diff, other.diff.map(|diff| -diff));
            prop_assert_eq!(one.improvements, other.regressions);
            prop_assert_eq!(one.regressions, other.improvements);
        }
        for (name, one) in &ab.metrics {
            let Some(other) = ba.metrics.get(name) else { continue };
            prop_assert_eq!((one.improvements, one.regressions), (other.regressions, other.improvements));
        }
    }

    #[test]
    fn every_number_is_finite_and_a_run_equals_itself(a in any_trials(), b in any_trials()) {
        for summary in [compare(&a, None), compare(&a, Some(&b)), compare(&a, Some(&a))] {
            for score in summary.scores.values() {
                prop_assert!(score.score.is_finite() && score.diff.is_none_or(f64::is_finite));
            }
            for metric in summary.metrics.values() {
                prop_assert!(metric.metric.is_finite() && metric.diff.is_none_or(f64::is_finite));
            }
        }
        for score in compare(&a, Some(&a)).scores.values() {
            prop_assert_eq!((score.improvements, score.regressions, score.diff), (0, 0, Some(0.0)));
        }
    }

    #[test]
    fn equal_json_gives_equal_keys(value in any_json()) {
        prop_assert_eq!(case_key(&value), case_key(&reversed(&value)));
        let parsed: Value = serde_json::from_str(&case_key(&value)).expect("the key is JSON");
        prop_assert_eq!(case_key(&parsed), case_key(&value));
    }
}

proptest! {
    #[test]
    fn matched_cases_have_the_changes_that_a_comparison_counts(
        current in any_trials(), base in any_trials(),
    ) {
        let cases = matched_cases(&current, &base);
        let summary = compare(&current, Some(&base));
        for (name, score) in &summary.scores {
            let changes = cases.iter().filter_map(|case| case.scores.get(&**name)?.difference());
            let changes: Vec<_> = changes.collect();
            prop_assert_eq!(changes.iter().filter(|d| **d > 0.0).count() as u64, score.improvements);
            prop_assert_eq!(changes.iter().filter(|d| **d < 0.0).count() as u64, score.regressions);
        }
        let trials: usize = cases.iter().map(|case| case.current_trials + case.base_trials).sum();
        prop_assert_eq!(trials, current.len() + base.len());
    }
}
