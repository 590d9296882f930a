//! Logs of a service in production.

use std::time::Duration;

use serde_json::json;
use tidegate_client::{Event, Logger, Policy, Span};

use crate::world::{world, world_with};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_logger_records_events_and_traces_into_the_logs_of_its_project() {
    let world = world_with(|config| config.policy(Policy::Drop)).await;
    let logger = world.client.init_logger("service").await.expect("a logger");
    let id = logger.log(Event::new().input("ping").output("pong")).expect("recorded");
    let answer = logger
        .traced("request", async {
            Span::start("lookup").log(Event::new().output(&42));
            42
        })
        .await;
    assert_eq!(answer, 42);
    logger.update_span(&id, Event::new().metadata(&json!({"late": true})));
    let receipt = logger.flush(MINUTE).await.expect("stored");
    assert_eq!(receipt.lost(), 0);

    let rows = world.rows_of("project_logs", &logger.project().id).await;
    assert_eq!(rows.len(), 3);
    let ping = rows.iter().find(|row| row["id"] == *id).expect("the event");
    assert_eq!((&ping["input"], &ping["output"]), (&json!("ping"), &json!("pong")));
    assert_eq!(ping["metadata"], json!({"late": true}));
    assert!(ping["metrics"]["end"].is_number());
    let request = rows.iter().find(|row| row["span_attributes"]["name"] == "request");
    let lookup = rows.iter().find(|row| row["span_attributes"]["name"] == "lookup");
    assert_eq!(
        lookup.expect("a span")["span_parents"],
        json!([request.expect("a span")["span_id"]])
    );
}

#[tokio::test]
async fn a_logger_of_a_known_project_asks_nobody() {
    let world = world().await;
    let project = world.client.register_project("service").await.expect("a project");
    let nowhere = tidegate_client::Config::default().app_url("http://127.0.0.1:1");
    let nowhere = nowhere.shutdown_timeout(Duration::ZERO);
    let away = tidegate_client::Client::new(nowhere).expect("a client");
    assert!(Logger::new(&away, project.clone()).log(Event::new().input(&1)).is_some());

    let logger = Logger::new(&world.client, project);
    let receipt = logger.log_and_flush(Event::new().input(&1), MINUTE).await.expect("stored");
    assert_eq!(receipt.rows, 1);
    assert_eq!(world.rows_of("project_logs", &logger.project().id).await.len(), 1);
}

#[tokio::test]
async fn only_the_sampled_part_of_the_traffic_is_recorded() {
    let world = world_with(|config| config.sample_ratio(0.0)).await;
    let logger = world.client.init_logger("service").await.expect("a logger");
    assert_eq!(logger.log(Event::new().input(&1)), None);
    assert!(!logger.start_span("request").is_recording());
    // Another process decided for the traces that it began.
    let remote = tidegate_client::Parent::remote(
        std::sync::Arc::clone(logger.destination()),
        tidegate_model::TraceId::from_bits(u128::MAX),
        tidegate_model::SpanId::from_bits(1),
    );
    world.client.start_span(remote, "continued").end();
    world.flushed().await;
    assert_eq!(world.rows_of("project_logs", &logger.project().id).await.len(), 1);
}

#[tokio::test]
async fn an_organisation_that_the_key_lacks_is_an_error_of_the_logger() {
    let world = world_with(|config| config.org_name("elsewhere")).await;
    let error = world.client.init_logger("service").await.expect_err("no such organisation");
    assert!(error.to_string().contains("\"elsewhere\""), "{error}");
    assert_eq!(error.hint(), "check BRAINTRUST_ORG_NAME");
}
