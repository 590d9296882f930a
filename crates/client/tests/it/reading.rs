//! Reading an experiment back.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_client::ApiError;

use crate::support::{Answer, Server};

const MINUTE: Duration = Duration::from_secs(60);
const FETCH: &str = "/v1/experiment/e1/fetch";

fn page(first: usize, rows: usize, cursor: &Value) -> Answer {
    let row = |n: usize| json!({"id": n.to_string(), "span_id": "s", "output": "dropped"});
    let events: Vec<_> = (first..first + rows).map(row).collect();
    Answer::Json(200, "", json!({"events": events, "cursor": cursor}))
}

#[tokio::test]
async fn pages_are_followed_and_a_passing_failure_is_repeated() {
    let server = Server::start(|path, _, body| {
        (path == FETCH).then(|| match body["cursor"].as_str() {
            None => page(0, 2, &json!("a")),
            Some("a") if body["limit"] == 1000 => page(2, 2, &json!("b")),
            _ => page(4, 1, &Value::Null),
        })
    });
    let rows = server.client().experiment_outline("e1", MINUTE).await.expect("read");
    let ids: Vec<_> = rows.iter().map(|row| row["id"].clone()).collect();
    assert_eq!(json!(ids), json!(["0", "1", "2", "3", "4"]));
    assert!(rows.iter().all(|row| !row.contains_key("output")));

    let busy = std::sync::atomic::AtomicBool::new(true);
    let server = Server::start(move |path, _, _| {
        let answer = || match busy.swap(false, std::sync::atomic::Ordering::Relaxed) {
            true => Answer::Json(503, "retry-after: 0\r\n", json!({"error": "busy"})),
            false => page(0, 3, &json!("")),
        };
        (path == FETCH).then(answer)
    });
    let rows = server.client().experiment_outline("e1", MINUTE).await.expect("read");
    assert_eq!(rows.len(), 3);
}

#[tokio::test]
async fn a_read_ends_by_its_deadline_and_at_a_cursor_that_leads_nowhere() {
    let hung = Server::start(|path, _, _| (path == FETCH).then_some(Answer::Hang));
    let read = hung.client().experiment_outline("e1", Duration::from_millis(100)).await;
    assert!(matches!(read, Err(ApiError::Deadline { .. })), "{read:?}");

    let looping = Server::start(|path, _, _| (path == FETCH).then(|| page(0, 1, &json!("a"))));
    let read = looping.client().experiment_outline("e1", MINUTE).await;
    assert!(matches!(read, Err(ApiError::Stuck { .. })), "{read:?}");
}
