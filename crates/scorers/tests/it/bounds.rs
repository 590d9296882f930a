//! How many requests are under way at once.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::json;
use tidegate_scorers::llm::humor;
use tokio::task::JoinSet;

use crate::support::{Answer, Server, chose};

const BOUND: usize = 3;
const REQUESTS: usize = 30;

#[derive(Default)]
struct Load {
    started: usize,
    active: usize,
    most: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bound_is_reached_and_holds() {
    let load = Arc::new((Mutex::new(Load::default()), Condvar::new()));
    let shared = Arc::clone(&load);
    let server = Server::start(move |_, _| {
        let (load, changed) = &*shared;
        let mut load_now = load.lock().expect("not poisoned");
        load_now.started += 1;
        load_now.active += 1;
        load_now.most = load_now.most.max(load_now.active);
        changed.notify_all();
        // The first ones are held until one too many is here, or had the time to come.
        let is_first = load_now.started <= BOUND;
        let waits = |load: &mut Load| is_first && load.active <= BOUND;
        let (mut load_now, _) = changed
            .wait_timeout_while(load_now, Duration::from_millis(500), waits)
            .expect("not poisoned");
        load_now.active -= 1;
        Answer::Json(200, "", chose("Yes"))
    });
    let judge = server.judge_with(|config| config.max_concurrency(BOUND).max_tries(1));
    let mut tasks = JoinSet::new();
    for number in 0..REQUESTS {
        let humor = humor(&judge);
        tasks.spawn(async move { humor.score(json!({"output": number})).await });
    }
    while let Some(verdict) = tasks.join_next().await {
        assert_eq!(verdict.expect("no panic").expect("a verdict").score, 1.0);
    }
    let load = load.0.lock().expect("not poisoned");
    assert_eq!((load.started, load.most), (REQUESTS, BOUND));
}

#[tokio::test]
async fn a_request_that_waits_for_its_retry_holds_up_no_other() {
    // The first question is told to wait for longer than the test lasts.
    let server = Server::start(|_, request| match request.prompt().contains("refused") {
        true => Answer::Json(429, "retry-after: 100\r\n", json!({})),
        false => Answer::Json(200, "", chose("Yes")),
    });
    let judge = server.judge_with(|config| config.max_concurrency(1));
    let classifier = humor(&judge);
    let mut tasks = JoinSet::new();
    let refused = classifier.clone();
    tasks.spawn(async move { refused.score(json!({"output": "refused"})).await.map(drop) });
    // Until the refused one waits: from then on its permit is free.
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    classifier.score(json!({"output": "x"})).await.expect("a verdict");
    tasks.shutdown().await;
}
