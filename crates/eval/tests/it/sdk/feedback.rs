//! Feedback: scores, tags and an expected answer join the row, a comment is a row of its own.

use serde_json::{Value, json};
use tidegate_client::{Event, ExperimentOptions, Feedback, FeedbackSource};

use crate::world::{world, world_with};

fn feedback() -> Feedback {
    Feedback::new()
        .score("helpful", 0.25)
        .expected("a better answer")
        .tags(["reviewed"])
        .comment("too short")
        .metadata(&json!({"user": "u1"}))
        .source(FeedbackSource::App)
}

fn answer() -> Event {
    Event::new().input("question").output("answer").score("automatic", 1.0)
}

fn check(rows: &[Value], id: &str) {
    assert_eq!(rows.len(), 2, "the row and the comment: {rows:#?}");
    let row = rows.iter().find(|row| row["id"] == id).expect("the row");
    assert_eq!((&row["input"], &row["output"]), (&json!("question"), &json!("answer")));
    assert_eq!(row["scores"], json!({"automatic": 1.0, "helpful": 0.25}));
    assert_eq!(row["expected"], "a better answer");
    assert_eq!(row["tags"], json!(["reviewed"]));
    assert_eq!(row["is_root"], true);
    // Who said it does not become metadata of the answer.
    assert_eq!(row["_audit_source"], "app");
    assert_eq!(row["_audit_metadata"], json!({"user": "u1"}));
    assert!(row.get("metadata").is_none_or(Value::is_null));
    let comment = rows.iter().find(|row| row["id"] != id).expect("the comment");
    assert_eq!(comment["comment"], json!({"text": "too short"}));
    assert_eq!(comment["origin"], json!({"id": id}));
    assert_eq!(comment["_audit_source"], "app");
    assert!(comment["created"].is_string());
    // A reader that counts roots must not take it for a case.
    assert_eq!(comment["is_root"], false);
}

#[tokio::test]
async fn feedback_joins_the_row_and_a_comment_stands_beside_it() {
    let world = world().await;
    let logger = world.client.init_logger("judged").await.expect("a logger");
    let logged = logger.log(answer()).expect("recorded");
    world.flushed().await;
    logger.log_feedback(&logged, feedback());

    let options = ExperimentOptions::new("judged").name("reviewed");
    let experiment = world.client.init_experiment(options).await.expect("an experiment");
    let span = experiment.start_span("answer");
    span.log(answer());
    // While the span runs: it may be one row on the wire.
    span.log_feedback(feedback());
    span.end();
    world.flushed().await;

    check(&world.rows_of("project_logs", &logger.project().id).await, &logged);
    let rows = world.rows(&experiment.experiment().id).await;
    check(&rows, &span.row_id().expect("recorded"));
}

#[tokio::test]
async fn feedback_that_says_nothing_records_nothing() {
    let world = world().await;
    let logger = world.client.init_logger("judged").await.expect("a logger");
    logger.log_feedback("row", Feedback::new().source(FeedbackSource::Api));
    world.flushed().await;
    assert_eq!(world.client.stats().accepted, 0);
}

#[tokio::test]
async fn what_people_write_is_masked_too() {
    let world = world_with(|config| {
        config.mask(|value| {
            let text = value.to_string().replace("secret", "****");
            serde_json::from_str(&text).expect("still JSON")
        })
    })
    .await;
    let logger = world.client.init_logger("judged").await.expect("a logger");
    let id = logger.log(Event::new().input("a secret")).expect("recorded");
    let feedback = Feedback::new().expected("secret").comment("my secret");
    logger.log_feedback(&id, feedback.metadata(&json!({"user": "secret"})));
    world.flushed().await;
    let rows = world.rows_of("project_logs", &logger.project().id).await;
    assert_eq!(rows.len(), 2);
    let text = json!(rows).to_string();
    assert!(!text.contains("secret") && text.contains("my ****"), "{text}");
}
