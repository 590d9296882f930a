//! Classifiers: classes instead of numbers.

use serde_json::{Value, json};
use tidegate_eval::{Case, Classification, Eval, Outcome, Report};

use crate::world::world;

fn eval() -> Eval<u32, u32, ()> {
    Eval::new("project")
        .data((0..6).map(Case::new))
        .try_task(async |input, _cx| if *input == 5 { Err("no answer") } else { Ok(*input) })
        .scorer("small", |args| *args.output < 3)
        .classifier("parity", |args| if args.output % 2 == 0 { "even" } else { "odd" })
        .classifier_async("kind", async |args| match *args.output {
            0 => Ok(vec![]),
            1 => Err("undecided"),
            2 => panic!("broke"),
            output => Ok(vec![
                Classification::new("large").label("Large").metadata("output", &output),
                Classification::new("known"),
            ]),
        })
        .report(Report::Silent)
}

fn check(outcome: &Outcome<u32, u32, ()>) {
    let of = |input: u32| outcome.results.iter().find(|r| *r.input == input).expect("a result");
    assert_eq!(of(2).classifications["parity"], [Classification::new("even")]);
    assert_eq!(
        (of(2).scores["small"], of(2).classifier_errors["kind"].as_str()),
        (Some(1.0), "panicked: broke")
    );
    assert_eq!(of(1).classifier_errors["kind"], "undecided");
    assert!(!of(0).classifications.contains_key("kind") && of(0).classifier_errors.is_empty());
    assert_eq!(of(3).classifications["kind"][1].id(), "known");
    assert!(of(5).classifications.is_empty(), "classifiers need an output");
    let third = of(3).to_json();
    assert_eq!(third["classifications"]["parity"], json!([{"id": "odd"}]));
    assert!(third.get("classifier_errors").is_none());
    assert_eq!(of(1).to_json()["classifier_errors"], json!({"kind": "undecided"}));
    let wanted = json!({"parity": {"even": 3, "odd": 2}, "kind": {"large": 2, "known": 2}});
    let counts = outcome.to_json();
    assert_eq!(counts["classifications"], wanted);
    assert_eq!((&counts["classifier_errors"], &counts["scorer_errors"]), (&json!(2), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_are_counted_recorded_and_fail_like_scores() {
    check(&eval().run_without_sending().await.expect("runs"));

    let world = world().await;
    let outcome = eval().run_with(&world.client).await.expect("runs");
    check(&outcome);
    let rows = world.rows(&outcome.summary.experiment.as_ref().expect("recorded").id).await;
    let root = |input: u32| -> &Value {
        let mut roots = rows.iter().filter(|row| row["is_root"] == true);
        roots.find(|row| row["input"] == input).expect("a root")
    };
    let classes =
        json!([{"id": "large", "label": "Large", "metadata": {"output": 3}}, {"id": "known"}]);
    let all = json!({"kind": classes, "parity": [{"id": "odd"}]});
    assert_eq!(root(3)["classifications"], all);
    assert_eq!(root(1)["metadata"]["classifier_errors"], json!({"kind": "undecided"}));
    assert_eq!(root(5).get("classifications").filter(|classes| !classes.is_null()), None);
    let span = rows.iter().find(|row| {
        row["span_attributes"]["name"] == "kind"
            && row["span_parents"] == json!([root(3)["span_id"]])
    });
    let span = span.expect("a span of the classifier");
    let attributes = json!({"name": "kind", "type": "classifier", "purpose": "scorer"});
    assert_eq!(span["span_attributes"], attributes);
    assert_eq!((&span["output"], &span["input"]["output"]), (&classes, &json!(3)));
    assert_eq!(rows.len(), 6 * 2 + 5 * 3, "roots, tasks, a scorer and two classifiers");
    // Classes are no scores.
    let scores: Vec<_> = outcome.summary.comparison.scores.keys().collect();
    assert_eq!(scores, ["small"]);
}
