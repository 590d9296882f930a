//! Scores and metrics against numbers worked out by hand.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Collector;

/// One case as the clients record it: root, task and scorer spans with hex ids.
fn case(experiment: &Value, name: &str, input: &Value, score: &Value, seconds: f64) -> Vec<Value> {
    let span = |kind: &str, parent: Option<&str>| {
        json!({"id": format!("{name}-{kind}"), "experiment_id": experiment["id"],
            "span_id": format!("{name}-{kind}"), "root_span_id": format!("{name}-trace"),
            "span_parents": parent.map(|parent| [format!("{name}-{parent}")]),
            "span_attributes": {"type": kind, "name": kind}, "metrics": {"start": 100.0}})
    };
    let mut root = span("eval", None);
    root["input"] = input.clone();
    let mut task = span("task", Some("eval"));
    task["metrics"] = json!({"start": 100.0, "end": 100.0 + seconds, "tokens": 10});
    let mut scorer = span("score", Some("eval"));
    scorer["span_attributes"]["purpose"] = "scorer".into();
    scorer["scores"] = json!({ "exact": score });
    vec![root, task, scorer]
}

async fn two_experiments(collector: &Collector) -> (Value, Value) {
    let base = collector.experiment(&json!({"experiment_name": "base"})).await;
    let mut rows = case(&base, "a", &json!({"q": 1, "r": 2}), &json!(0), 2.0);
    rows.extend(case(&base, "b", &json!("b"), &json!(1), 2.0));
    rows.extend(case(&base, "c", &json!("c"), &json!(0.5), 2.0));
    collector.log(&json!(rows)).await;
    let current = collector.experiment(&json!({"experiment_name": "current"})).await;
    // Case a twice, with its members the other way round; c without a score.
    let mut rows = case(&current, "a1", &json!({"r": 2, "q": 1}), &json!(1), 1.0);
    rows.extend(case(&current, "a2", &json!({"r": 2, "q": 1}), &json!(0.5), 1.0));
    rows.extend(case(&current, "b", &json!("b"), &json!(0), 1.0));
    rows.extend(case(&current, "c", &json!("c"), &Value::Null, 1.0));
    rows.extend(case(&current, "d", &json!("d"), &json!(1), 1.0));
    collector.log(&json!(rows)).await;
    (base, current)
}

#[tokio::test]
async fn comparison_by_hand() {
    let collector = Collector::start().await;
    let (base, current) = two_experiments(&collector).await;
    let path = format!("/experiment-comparison2?experiment_id={}", text(&current["id"]));
    let comparison = collector.get(&path).await;
    // (0.75 + 0 + 1) / 3 against (0 + 1 + 0.5) / 3.
    let exact = &comparison["scores"]["exact"];
    assert!((exact["score"].as_f64().expect("score") - 1.75 / 3.0).abs() < 1e-12);
    assert!((exact["diff"].as_f64().expect("diff") - 0.25 / 3.0).abs() < 1e-12);
    assert_eq!((&exact["improvements"], &exact["regressions"]), (&json!(1), &json!(1)));
    assert_eq!(
        comparison["metrics"]["duration"],
        json!({"name": "duration", "metric": 1.0, "unit": "s", "improvements": 3, "regressions": 0,
            "diff": -0.5})
    );
    assert_eq!(comparison["metrics"]["tokens"]["diff"], 0.0);
    let explicit = format!("{path}&base_experiment_id={}", text(&base["id"]));
    assert_eq!(collector.get(&explicit).await, comparison);

    let alone = format!("/experiment-comparison2?experiment_id={}", text(&base["id"]));
    let alone = collector.get(&alone).await;
    assert_eq!(
        alone["scores"]["exact"],
        json!({"name": "exact", "score": 0.5, "improvements": 0, "regressions": 0})
    );
}

#[tokio::test]
async fn summarize_has_exactly_the_members_the_python_client_takes() {
    let collector = Collector::start().await;
    let (base, current) = two_experiments(&collector).await;
    let path = format!("/v1/experiment/{}/summarize?summarize_scores=true", text(&current["id"]));
    let summary = collector.get(&path).await;
    assert_eq!(
        keys(&summary),
        [
            "comparison_experiment_name",
            "experiment_name",
            "experiment_url",
            "metrics",
            "project_name",
            "project_url",
            "scores"
        ]
    );
    assert_eq!(summary["comparison_experiment_name"], "base");
    let url = collector.handle.url();
    assert_eq!(summary["experiment_url"], format!("{url}/app/local/p/p/experiments/current"));
    let score = ["diff", "improvements", "name", "regressions", "score"];
    assert_eq!(keys(&summary["scores"]["exact"]), score);
    let metric = ["diff", "improvements", "metric", "name", "regressions", "unit"];
    assert_eq!(keys(&summary["metrics"]["duration"]), metric);
    let first = format!("/v1/experiment/{}/summarize", text(&base["id"]));
    let first = collector.get(&first).await;
    assert_eq!(first["comparison_experiment_name"], Value::Null);
    let score = ["improvements", "name", "regressions", "score"];
    assert_eq!(keys(&first["scores"]["exact"]), score);
}

#[tokio::test]
async fn unknown_experiments_and_bases_are_refused() {
    let collector = Collector::start().await;
    let made = collector.experiment(&json!({})).await;
    let id = text(&made["id"]);
    for (path, status) in [
        ("/experiment-comparison2".to_owned(), 400),
        ("/experiment-comparison2?experiment_id=nope".to_owned(), 404),
        (format!("/experiment-comparison2?experiment_id={id}&base_experiment_id=nope"), 400),
        ("/v1/experiment/nope/summarize".to_owned(), 404),
    ] {
        let reply = collector.send(Method::GET, &path, "").await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.body);
    }
    let empty = collector.get(&format!("/experiment-comparison2?experiment_id={id}")).await;
    assert_eq!(empty, json!({"scores": {}, "metrics": {}}));
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().expect("object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
