//! What goes wrong on the way, and what is repeated.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_scorers::llm::{Config, Judge, LlmError, Verdict, humor};

use crate::support::{Answer, Server, called, chose};

async fn ask(judge: &Judge) -> Result<Verdict, LlmError> {
    humor(judge).score(json!({"output": "x"})).await
}

#[expect(clippy::disallowed_methods, reason = "measures real waiting")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test]
async fn a_429_is_repeated_after_what_was_asked() {
    let server = Server::start(|number, _| match number {
        0 => Answer::Json(429, "retry-after: 1\r\n", json!({"error": {"message": "slow down"}})),
        _ => Answer::Json(200, "", chose("Yes")),
    });
    let judge = server.judge();
    let started = now();
    assert_eq!(ask(&judge).await.expect("a verdict").score, 1.0);
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!((judge.stats().requests, judge.stats().retries), (2, 1));
    let requests = server.requests();
    assert_eq!(requests[0].body, requests[1].body);
}

#[tokio::test]
async fn what_may_succeed_later_is_repeated() {
    let first = |number| match number {
        0 => Answer::Json(500, "", json!({})),
        1 => Answer::Json(408, "", json!({})),
        2 => Answer::Close,
        _ => Answer::Json(200, "", chose("Yes")),
    };
    let server = Server::start(move |number, _| first(number));
    assert_eq!(ask(&server.judge()).await.expect("a verdict").score, 1.0);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn tries_are_bounded() {
    let server = Server::start(|_, _| {
        Answer::Json(503, "retry-after-ms: 1\r\n", json!({"error": "down for\nmaintenance"}))
    });
    let error = ask(&server.judge_with(|config| config.max_tries(3))).await.expect_err("down");
    assert!(error.is_retryable());
    assert_eq!(error.retry_after(), Some(Duration::from_millis(1)));
    assert!(error.to_string().ends_with("answered 503: down for maintenance"), "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn what_cannot_succeed_is_not_repeated() {
    for (status, extra) in
        [(400, ""), (404, ""), (422, ""), (302, "location: http://127.0.0.1:9/\r\n")]
    {
        let server = Server::start(move |_, _| Answer::Json(status, extra, json!({"error": "no"})));
        let error = ask(&server.judge()).await.expect_err("refused");
        assert!(matches!(error, LlmError::Status { status: found, .. } if found == status));
        assert_eq!(server.requests().len(), 1);
    }
    for status in [401, 403] {
        let server = Server::start(move |_, _| Answer::Json(status, "", json!({})));
        let error = ask(&server.judge()).await.expect_err("refused");
        assert!(matches!(error, LlmError::Unauthorized { .. }));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn replies_that_say_nothing_are_errors_and_not_cached() {
    let arguments = |arguments: &str| called("select_choice", arguments);
    let replies: Vec<Value> = vec![
        json!({}),
        json!({"choices": []}),
        json!({"choices": [{"message": {"content": "Yes"}}]}),
        called("other_tool", r#"{"choice": "Yes"}"#),
        arguments(r#"{"choice": "Ye"#),
        arguments(r#"{"reasons": "none"}"#),
        arguments(r#"{"choice": 1}"#),
        arguments("[]"),
        arguments(""),
        json!("text"),
    ];
    for reply in replies {
        let shown = reply.to_string();
        let server = Server::start(move |number, _| match number {
            0 => Answer::Json(200, "", reply.clone()),
            _ => Answer::Json(200, "", chose("No")),
        });
        let judge = server.judge();
        let error = ask(&judge).await.expect_err("nothing said");
        assert!(matches!(error, LlmError::Reply { .. }), "{shown}: {error}");
        assert_eq!(ask(&judge).await.expect("a verdict").score, 0.0, "{shown}");
    }
}

#[tokio::test]
async fn arguments_may_be_an_object() {
    let server = Server::start(|_, _| {
        let mut reply = chose("x");
        reply["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] =
            json!({"choice": "Unsure"});
        Answer::Json(200, "", reply)
    });
    assert_eq!(ask(&server.judge()).await.expect("a verdict").score, 0.5);
}

#[tokio::test]
async fn an_unknown_choice_is_an_error() {
    let server = Server::choosing("yes");
    match ask(&server.judge()).await {
        Err(LlmError::UnknownChoice { choice, known }) => {
            assert_eq!(
                (choice.as_str(), known),
                ("yes", vec!["Yes".into(), "No".into(), "Unsure".into()])
            );
        }
        other => panic!("{other:?}"),
    }
    let long: &'static str = "é".repeat(5000).leak();
    let error = ask(&Server::choosing(long).judge()).await.expect_err("unknown");
    assert!(error.to_string().chars().count() < 200);
}

#[tokio::test]
async fn a_huge_reply_is_not_read() {
    let server = Server::start(|_, _| Answer::Huge(64 << 20));
    let error = ask(&server.judge()).await.expect_err("too long");
    assert!(matches!(error, LlmError::TooLong { limit_bytes } if limit_bytes == 8 << 20));
    assert!(!error.is_retryable());
    let small = Server::start(|_, _| Answer::Huge(101));
    let error = ask(&small.judge_with(|config| config.max_reply_bytes(100))).await;
    assert!(matches!(error, Err(LlmError::TooLong { limit_bytes: 100 })));
}

#[tokio::test]
async fn a_slow_answer_times_out_and_is_repeated() {
    let server = Server::start(|number, _| match number {
        0 => Answer::Hang,
        _ => Answer::Json(200, "", chose("Yes")),
    });
    let judge = server.judge_with(|config| config.timeout(Duration::from_millis(300)));
    assert_eq!(ask(&judge).await.expect("a verdict").score, 1.0);
    let hanging = Server::start(|_, _| Answer::Hang);
    let judge =
        hanging.judge_with(|config| config.timeout(Duration::from_millis(100)).max_tries(2));
    let error = ask(&judge).await.expect_err("hangs");
    assert!(error.is_timeout() && error.is_retryable(), "{error:?}");
    assert_eq!(hanging.requests().len(), 2);
}

#[tokio::test]
async fn nobody_there() {
    let config = Config::new("http://127.0.0.1:1/v1", "m").max_tries(1);
    let error = ask(&Judge::new(config).expect("a judge")).await.expect_err("nobody");
    assert!(matches!(error, LlmError::Unreachable { .. }));
    assert_eq!(error.to_string(), "cannot reach http://127.0.0.1:1");
}

#[test]
fn faults_of_settings_are_said_at_once() {
    let config = Config::new("nowhere", " ")
        .api_key("")
        .timeout(Duration::ZERO)
        .max_concurrency(0)
        .max_tries(0)
        .temperature(f64::NAN);
    assert_eq!(Judge::new(config).expect_err("faults").faults().len(), 7);
}
