//! Experiments that are recorded and read by hand.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_client::{
    Event, ExperimentOptions, OpenExperiment, Select, Span, SpanOptions, SummaryError,
};

use crate::world::{World, world};

const MINUTE: Duration = Duration::from_secs(60);

async fn experiment(world: &World, name: &str) -> OpenExperiment {
    let options = ExperimentOptions::new("by hand").name(name);
    world.client.init_experiment(options).await.expect("an experiment")
}

fn case(input: &str, output: &str, score: f64) -> Event {
    let event = Event::new().input(input).output(output).score("exact", score);
    event.metadata(&json!({"length": input.len()})).tags([input])
}

#[tokio::test]
async fn rows_are_logged_by_hand_and_summarized_against_the_run_before() {
    let world = world().await;
    let first = experiment(&world, "first").await;
    first.log(case("a", "A", 1.0)).expect("recorded");
    first.log(case("b", "x", 0.0)).expect("recorded");
    let summary = first.summarize(MINUTE).await.expect("a summary");
    assert_eq!((&*summary.project_name, &*summary.experiment_name), ("by hand", "first"));
    assert_eq!(summary.comparison_experiment_name, None);
    assert_eq!(summary.comparison.scores["exact"].score, 0.5);

    let second = experiment(&world, "second").await;
    second.log(case("a", "A", 1.0)).expect("recorded");
    let traced = second.traced(SpanOptions::new("case").event(case("b", "B", 1.0)), async {
        Span::start("step").log(Event::new().output(&1));
    });
    traced.await;
    let summary = second.summarize(MINUTE).await.expect("a summary");
    assert_eq!(summary.comparison_experiment_name.as_deref(), Some("first"));
    let exact = &summary.comparison.scores["exact"];
    assert_eq!((exact.score, exact.improvements, exact.regressions), (1.0, 1, 0));
    assert_eq!(exact.diff, Some(0.5));
    assert!(world.opens(&summary.experiment_url.expect("an address")).await);
    assert_eq!(world.rows(&second.experiment().id).await.len(), 3);
}

#[tokio::test]
async fn an_experiment_that_goes_on_is_the_same_one() {
    let world = world().await;
    let first = experiment(&world, "same").await;
    let id = first.log(case("a", "A", 1.0)).expect("recorded");
    world.flushed().await;
    let options = ExperimentOptions::new("by hand").name("same").update(true);
    let again = world.client.init_experiment(options).await.expect("the same");
    assert_eq!(again.experiment().id, first.experiment().id);
    again.update_span(&id, Event::new().output("B"));
    world.flushed().await;
    let rows = world.rows(&first.experiment().id).await;
    assert_eq!((rows.len(), &rows[0]["output"], &rows[0]["input"]), (1, &json!("B"), &json!("a")));
}

#[tokio::test]
async fn an_experiment_is_read_without_being_changed_and_serves_as_a_dataset() {
    let world = world().await;
    assert!(world.client.open_experiment("by hand", "read").await.expect("asked").is_none());
    let written = experiment(&world, "read").await;
    let span = written.start_span(SpanOptions::new("case").event(case("a", "A", 1.0)));
    span.child("step").end();
    span.end();
    written.log(case("b", "x", 0.0).expected("B")).expect("recorded");
    world.flushed().await;

    let read = world.client.open_experiment("by hand", "read").await.expect("asked");
    let read = read.expect("written above");
    assert_eq!((read.id(), read.name()), (&*written.experiment().id, "read"));
    let mut pages = read.fetch(Select::Outlines);
    let mut spans = 0;
    while let Some(rows) = pages.next(MINUTE).await.expect("a page") {
        spans += rows.len();
    }
    assert_eq!(spans, 3);

    let mut cases = Vec::new();
    let mut pages = read.as_dataset().page_rows(1);
    while let Some(rows) = pages.next(MINUTE).await.expect("a page") {
        cases.extend(rows);
    }
    cases.sort_by_key(|case| case.input.to_string());
    let found: Vec<_> = cases.iter().map(|case| (&case.input, &case.expected)).collect();
    // Where nothing was expected, the output is.
    assert_eq!(found, [(&json!("a"), &json!("A")), (&json!("b"), &json!("B"))]);
    assert_eq!(cases[0].tags, ["a"]);
    assert_eq!(Value::Object(cases[0].metadata.clone()), json!({"length": 1}));
    let origin = &cases[0].origin;
    assert_eq!(
        (&origin["object_type"], &origin["object_id"], &origin["id"]),
        (&json!("experiment"), &json!(read.id()), &json!(span.row_id()))
    );
    assert!(origin["_xact_id"].is_string());
}

#[tokio::test]
async fn figures_of_a_part_are_no_summary() {
    let world = world().await;
    let experiment = experiment(&world, "part").await;
    experiment.log(case("a", "A", 1.0)).expect("recorded");
    world.flushed().await;
    // Nothing is left to send: it blocks the thread that the collector runs on.
    world.client.shutdown(MINUTE).expect("stored");
    // Too late: nobody sends it any more.
    experiment.log(case("b", "B", 1.0)).expect("recorded");
    let summary = experiment.summarize(MINUTE).await;
    assert!(matches!(&summary, Err(SummaryError::Flush(_))), "{summary:?}");
}
