//! Attachments over real sockets: what is asked of the server, in which order, and what is counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_client::{
    Attachment, Attachments, Client, DropReason, Event, FlushError, Policy, ProblemKind, Span,
};

use crate::support::{Answer, Gate, Server, experiment};

const MINUTE: Duration = Duration::from_secs(60);

fn text(name: &str) -> Attachment {
    Attachment::from_bytes(name, "text/plain", &b"content"[..])
}

fn key_of(attachment: &Attachment) -> String {
    serde_json::to_value(attachment).expect("serializes")["key"].as_str().expect("a key").to_owned()
}

fn span(client: &Client) -> Span {
    client.start_span(experiment(), "s")
}

/// Bodies of the requests to one path.
fn asked(server: &Server, path: &str) -> Vec<Value> {
    server.seen(|seen| {
        let all = seen.paths.iter().zip(&seen.bodies).filter(|(known, _)| *known == path);
        all.map(|(_, body)| body.clone()).collect()
    })
}

fn uploads(server: &Server) -> usize {
    server.seen(|seen| seen.paths.iter().filter(|path| path.starts_with("/blob/")).count())
}

fn counts(
    accepted: u64,
    uploaded: u64,
    failed: &[(DropReason, u64)],
) -> (u64, u64, BTreeMap<DropReason, u64>) {
    (accepted, uploaded, failed.iter().copied().collect())
}

fn counted(attachments: &Attachments) -> (u64, u64, BTreeMap<DropReason, u64>) {
    assert_eq!(attachments.pending, 0, "{attachments:?}");
    (attachments.accepted, attachments.uploaded, attachments.failed.clone())
}

#[tokio::test]
async fn an_attachment_is_announced_uploaded_and_reported() {
    let server = Server::start(|_, _, _| None);
    let client = server.client();
    let attachment = text("a ü.txt");
    let span = span(&client);
    span.log(Event::new().input(&json!({"nested": [attachment]})));
    // The same one again is the same upload.
    span.log(Event::new().metadata(&json!({"again": attachment})));
    span.end();
    let receipt = client.flush(MINUTE).await.expect("delivered");
    assert_eq!(counted(&receipt.attachments), counts(1, 1, &[]));
    assert!(receipt.is_complete());
    assert_eq!(client.pending_bytes(), 0);

    let key = key_of(&attachment);
    let announced = json!({
        "key": key, "filename": "a ü.txt", "content_type": "text/plain", "org_id": "o1",
    });
    assert_eq!(asked(&server, "/attachment"), [announced]);
    let done = json!({"key": key, "org_id": "o1", "status": {"upload_status": "done"}});
    assert_eq!(asked(&server, "/attachment/status"), [done]);
    server.seen(|seen| {
        let at = seen.paths.iter().position(|path| path.starts_with("/blob/")).expect("a PUT");
        assert_eq!(seen.paths[at], format!("/blob/{key}?signature=s3cr3t"));
        assert_eq!(seen.raw[at], b"content");
        let headers = &seen.headers[at];
        assert!(headers.contains(&"x-extra: 1".to_owned()), "{headers:?}");
        assert!(!headers.iter().any(|header| header.starts_with("authorization")), "{headers:?}");
        assert!(!headers.iter().any(|header| header.starts_with("content-type")), "{headers:?}");
        let row = seen.stored.values().next().expect("a row");
        assert_eq!(row["input"]["nested"][0]["key"], key);
    });
    // A flush reports once.
    let receipt = client.flush(MINUTE).await.expect("nothing more");
    assert_eq!(*receipt.attachments, Attachments::default());
    assert_eq!(counted(&client.stats().attachments), counts(1, 1, &[]));
}

#[tokio::test]
async fn each_step_is_tried_again_and_a_finished_upload_is_not_repeated() {
    let failing =
        Mutex::new(BTreeMap::from([("/attachment", 1), ("/blob", 1), ("/attachment/status", 2)]));
    let server = Server::start(move |path, _, _| {
        let kind = if path.starts_with("/blob/") { "/blob" } else { path };
        let mut failing = failing.lock().expect("not poisoned");
        let left = failing.get_mut(kind).filter(|left| **left > 0)?;
        *left -= 1;
        Some(Answer::Json(503, "retry-after: 0\r\n", json!({})))
    });
    let client = server.client();
    span(&client).log(Event::new().input(&text("a")));
    let receipt = client.flush(MINUTE).await.expect("uploaded in the end");
    assert_eq!(counted(&receipt.attachments), counts(1, 1, &[]));
    assert_eq!(uploads(&server), 2, "one that failed and one that did not");
    assert_eq!(asked(&server, "/attachment/status").len(), 3);
}

#[tokio::test]
async fn what_no_repeat_would_change_fails_loudly_and_the_row_arrives() {
    let cases = [
        ("/attachment", 401, DropReason::Unauthorized),
        ("/attachment", 413, DropReason::TooLarge),
        ("/attachment", 404, DropReason::Rejected),
        ("/blob/", 413, DropReason::TooLarge),
        ("/blob/", 400, DropReason::Rejected),
    ];
    for (at, status, reason) in cases {
        let server = Server::start(move |path, _, _| {
            let hit = path == at || at == "/blob/" && path.starts_with(at);
            hit.then(|| Answer::Json(status, "", json!({"error": "not today"})))
        });
        let problems = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&problems);
        let client = server.client_with(move |config| {
            config
                .on_error(move |problem| heard.lock().expect("not poisoned").push(problem.clone()))
        });
        span(&client).log(Event::new().input(&text("a")));
        let error = client.flush(MINUTE).await.expect_err("one is lost");
        assert!(matches!(error, FlushError::Lost { .. }), "{error}");
        let receipt = error.receipt();
        assert_eq!(counted(&receipt.attachments), counts(1, 0, &[(reason, 1)]), "{at} {status}");
        assert_eq!((receipt.rows, receipt.lost()), (1, 0));
        assert!(error.to_string().contains("1 of 1 attachments were not uploaded"), "{error}");
        let problems = problems.lock().expect("not poisoned");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!((problems[0].kind, problems[0].reason), (ProblemKind::NotUploaded, reason));
        assert!(uploads(&server) <= 1);
        if at == "/blob/" {
            let status = &asked(&server, "/attachment/status")[0]["status"];
            assert_eq!(status["upload_status"], "error");
            assert!(status["error_message"].as_str().expect("a message").len() > 10, "{status}");
        }
    }
}

#[tokio::test]
async fn a_file_that_has_changed_or_is_gone_is_never_taken_for_itself() {
    let directory = TempDir::new().expect("a directory");
    let (changed, gone) = (directory.path().join("changed.txt"), directory.path().join("gone.txt"));
    for path in [&changed, &gone] {
        std::fs::write(path, "as it was").expect("written");
    }
    let attachments = [&changed, &gone].map(|path| Attachment::from_file(path).expect("a file"));
    std::fs::write(&changed, "as it is now, which is longer").expect("written");
    std::fs::remove_file(&gone).expect("removed");

    let server = Server::start(|_, _, _| None);
    let client = server.client_with(|config| config.on_error(|_| {}));
    span(&client).log(Event::new().input(&attachments));
    let error = client.flush(MINUTE).await.expect_err("two are lost");
    let failed = counts(2, 0, &[(DropReason::Unreadable, 2)]);
    assert_eq!(counted(&error.receipt().attachments), failed);
    let mut messages: Vec<String> = asked(&server, "/attachment/status")
        .iter()
        .map(|report| report["status"]["error_message"].as_str().expect("a message").to_owned())
        .collect();
    messages.sort();
    assert!(
        messages[0].contains("changed.txt") && messages[0].contains("has changed"),
        "{messages:?}"
    );
    assert!(messages[1].contains("gone.txt"), "{messages:?}");
}

#[tokio::test]
async fn attachments_count_against_the_budget_until_they_are_uploaded() {
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    let server = Server::start(move |path, _, _| {
        path.starts_with("/blob/").then(|| Answer::Behind(Arc::clone(&held)))
    });
    let client = server.client_with(|config| config.budget_bytes(100_000).on_error(|_| {}));
    let large = |name: &str| Attachment::from_bytes(name, "text/plain", vec![b'x'; 60_000]);
    span(&client).log(Event::new().input(&large("first")));
    assert!(client.pending_bytes() > 60_000);
    // Under the policy `drop` the row goes without what has no room.
    span(&client).log(Event::new().input(&large("second")));
    assert!(client.pending_bytes() < 100_000);
    let failed = BTreeMap::from([(DropReason::BudgetFull, 1)]);
    assert_eq!(client.stats().attachments.failed, failed);
    gate.open();
    let error = client.flush(MINUTE).await.expect_err("one is lost");
    assert_eq!(counted(&error.receipt().attachments), counts(2, 1, &[(DropReason::BudgetFull, 1)]));
    assert_eq!((error.receipt().rows, error.receipt().lost()), (2, 0));
    assert_eq!(client.pending_bytes(), 0);
}

#[tokio::test]
async fn under_the_policy_block_attachments_wait_for_room() {
    let server = Server::start(|_, _, _| None);
    let client = server.client_with(|config| config.policy(Policy::Block).budget_bytes(100_000));
    for number in 0..10 {
        let name = format!("{number}.txt");
        let large = Attachment::from_bytes(name, "text/plain", vec![b'x'; 60_000]);
        span(&client).log_async(Event::new().input(&large)).await;
        assert!(client.pending_bytes() <= 100_000);
    }
    // Larger than the whole budget: alone, once nothing else is pending.
    let huge = Attachment::from_bytes("huge", "text/plain", vec![b'x'; 300_000]);
    client.flush(MINUTE).await.expect("uploaded");
    let span = span(&client);
    client.flush(MINUTE).await.expect("uploaded");
    span.log_async(Event::new().input(&huge)).await;
    let receipt = client.flush(MINUTE).await.expect("uploaded");
    assert_eq!(counted(&receipt.attachments), counts(1, 1, &[]));
    assert_eq!(counted(&client.stats().attachments), counts(11, 11, &[]));
}

#[tokio::test]
async fn what_a_mask_or_a_later_value_took_out_is_not_uploaded() {
    let server = Server::start(|_, _, _| None);
    let client = server.client_with(|config| {
        config.mask(|value| if value["secret"].is_null() { value } else { json!("hidden") })
    });
    let span = span(&client);
    span.log(Event::new().input(&json!({"secret": text("a")})));
    span.log(Event::new().output(&text("replaced")).output("instead"));
    span.end();
    let receipt = client.flush(MINUTE).await.expect("delivered");
    assert_eq!(*receipt.attachments, Attachments::default());
    assert_eq!(asked(&server, "/attachment"), Vec::<Value>::new());
}

#[tokio::test]
async fn a_reference_whose_attachment_is_gone_is_counted() {
    let server = Server::start(|_, _, _| None);
    let client = server.client_with(|config| config.on_error(|_| {}));
    let value = json!({"file": text("a")});
    // Taken by an event that is dropped, and the only one who held it.
    drop(Event::new().input(&value));
    span(&client).log(Event::new().input(&value));
    let error = client.flush(MINUTE).await.expect_err("one is lost");
    let released = counts(1, 0, &[(DropReason::Released, 1)]);
    assert_eq!(counted(&error.receipt().attachments), released);
    assert_eq!(Span::disabled().row_id(), None);
    Span::disabled().log(Event::new().input(&text("b")));
    assert_eq!(client.stats().attachments.accepted, 1, "a disabled span accepts nothing");
}

#[tokio::test]
async fn the_deadline_of_a_flush_and_of_a_shutdown_covers_attachments() {
    let server = Server::start(|path, _, _| path.starts_with("/blob/").then_some(Answer::Hang));
    let client = server.client_with(|config| config.on_error(|_| {}));
    span(&client).log(Event::new().input(&text("a")));
    let error = client.flush(Duration::from_millis(300)).await.expect_err("too late");
    assert!(matches!(error, FlushError::Deadline { .. }), "{error}");
    assert_eq!(error.receipt().attachments.pending, 1);
    assert!(error.to_string().contains("1 of 1 attachments"), "{error}");
    let error = client.shutdown(Duration::from_millis(300)).expect_err("lost");
    let lost = counts(1, 0, &[(DropReason::Shutdown, 1)]);
    assert_eq!(counted(&error.receipt().attachments), lost);
    span(&client).log(Event::new().input(&text("late")));
    assert_eq!(client.stats().attachments.failed[&DropReason::Shutdown], 2);
    assert_eq!(client.pending_bytes(), 0);
}
