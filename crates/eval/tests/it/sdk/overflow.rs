//! Rows beyond the limit of a request body, through a collector that announces one.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_client::{Event, SpanOptions};

use crate::world::world;

const MINUTE: Duration = Duration::from_secs(60);
const LARGE: usize = 10 << 20;

// A span that ends without an await parks its thread while the large row fills the budget; the
// collector needs another one then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_ten_megabytes_comes_back_whole_among_small_ones() {
    let world = world().await;
    let logger = world.client.init_logger("service").await.expect("a logger");
    let small = |number: u32| {
        logger.log(Event::new().input(&number).output("small")).expect("recorded");
    };
    (0..50).for_each(small);
    // No text that compresses to nothing, and with characters of several bytes.
    let text: String = (0..LARGE as u32 / 8).map(|number| format!("{number:06}ü")).collect();
    let options = SpanOptions::new("large").row_id("large");
    let span = logger.start_span(options);
    span.log_async(Event::new().input(&text)).await;
    span.end();
    (50..100).for_each(small);
    let receipt = world.client.flush(MINUTE).await.expect("stored");
    assert_eq!((receipt.rows, receipt.lost(), receipt.acknowledged), (101, 0, receipt.accepted));
    assert_eq!(world.client.pending_bytes(), 0);

    let rows = world.rows_of("project_logs", &logger.project().id).await;
    assert_eq!(rows.len(), 101);
    let large = rows.iter().find(|row| row["id"] == "large").expect("the large row");
    assert!(large["input"] == Value::String(text), "whole");
    assert!(large["metrics"]["end"].is_number());
    // What comes later for the same row finds it.
    logger.update_span("large", Event::new().metadata(&json!({"late": true})));
    world.flushed().await;
    let rows = world.rows_of("project_logs", &logger.project().id).await;
    let large = rows.iter().find(|row| row["id"] == "large").expect("the large row");
    assert_eq!(large["metadata"], json!({"late": true}));

    let limit = tidegate_model::limits::DEFAULT_MAX_REQUEST_BYTES;
    let requests = world.client.requests();
    let largest = requests.iter().max_by_key(|request| request.bytes).expect("requests");
    assert!(largest.bytes > LARGE as u64 && largest.rows == 0, "the upload: {largest:?}");
    let bodies = requests.iter().filter(|request| request.rows > 0);
    assert!(bodies.map(|request| request.bytes).max() <= Some(limit));
    let steps = requests.iter().filter(|request| request.rows == 0).count();
    assert_eq!(steps, 2, "its announcement and its upload: {requests:#?}");
}
