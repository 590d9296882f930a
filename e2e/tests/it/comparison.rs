//! `summarize()` of experiments that are logged by hand, against a base of the caller's choice.

use serde_json::{Value, json};

use crate::clients::{Client, World};
use crate::stored::Stored;

#[test]
fn a_summary_compares_with_the_base_that_the_caller_names() {
    check(Client::NPM, &json!("base"));
}

#[test]
fn a_summary_of_an_older_package_compares_with_the_base_that_the_caller_names() {
    // It asks for a base's name only if it has to ask for the base itself.
    check(Client::NPM_3_3, &Value::Null);
}

#[test]
fn a_summary_of_python_compares_with_the_base_that_the_caller_names() {
    check(Client::PyPi, &json!("base"));
}

/// `name` is the base that is shown when the caller passes its id to `summarize()`.
fn check(client: Client, name: &Value) {
    let world = World::start();
    let report = world.report(client, "comparison", "compared");
    // Cases b and c rose and d fell, from a mean of two in four to three in four.
    let chosen = &report["chosen"];
    assert_eq!(chosen.get("base").cloned().unwrap_or_default(), *name);
    check_score(&chosen["scores"]["right"], [0.75, 0.25], [2, 1]);
    // The experiment between them is nobody's base, though it is the last one before.
    let declared = &report["declared"];
    assert_eq!(declared["base"], "base");
    check_score(&declared["scores"]["right"], [0.5, 0.0], [1, 1]);
    let project = format!("{}/app/local/p/compared", world.url());
    assert_eq!(declared["links"], json!([project, format!("{project}/experiments/declared")]));

    for (experiment, case, right) in [("base", "a", 1), ("chosen", "d", 0), ("declared", "c", 1)] {
        let stored = Stored::experiment(world.url(), "compared", experiment);
        assert_eq!(stored.len(), 4);
        let [row] = stored.roots(case)[..] else { panic!("one row for {case}") };
        assert_eq!((&row["output"], &row["scores"]["right"]), (&json!(right), &json!(right)));
    }
}

fn check_score(score: &Value, [mean, change]: [f64; 2], counts: [u64; 2]) {
    assert_eq!((score["score"].as_f64(), score["diff"].as_f64()), (Some(mean), Some(change)));
    assert_eq!(json!([score["improvements"], score["regressions"]]), json!(counts));
}
