//! What was asked once is not asked again.

use std::fs;

use serde_json::json;
use tidegate_scorers::llm::{Judge, Price, Prices, Served, Verdict, humor};

use crate::support::{Answer, Server, chose};

async fn ask(judge: &Judge, output: &str) -> Verdict {
    humor(judge).score(json!({"output": output})).await.expect("a verdict")
}

#[tokio::test]
async fn a_hit_sends_nothing_and_costs_nothing() {
    let server = Server::choosing("Yes");
    let price = Price::new(1.0, 1.0);
    let judge = server.judge_with(|config| config.prices(Prices::new().price("test-model", price)));
    let first = ask(&judge, "x").await;
    assert_eq!(first.served, Served::Model);
    assert!(first.cost.is_some_and(|cost| cost > 0.0));
    let second = ask(&judge.clone(), "x").await;
    assert_eq!(second.served, Served::Memory);
    assert_eq!((second.usage.tokens(), second.cost), (0, Some(0.0)));
    assert_eq!(
        (second.score, second.choice, second.rationale),
        (1.0, first.choice, first.rationale)
    );
    assert_eq!(server.requests().len(), 1);
    assert_eq!(judge.stats().memory_hits, 1);
}

#[tokio::test]
async fn any_other_request_is_another_question() {
    let server = Server::choosing("Yes");
    let judge = server.judge();
    ask(&judge, "x").await;
    ask(&judge, "y").await;
    humor(&judge)
        .without_chain_of_thought()
        .score(json!({"output": "x"}))
        .await
        .expect("a verdict");
    ask(&server.judge_with(|config| config.temperature(0.5)), "x").await;
    assert_eq!(server.requests().len(), 4);
    assert_eq!(judge.stats().memory_hits, 0);
}

#[tokio::test]
async fn without_bytes_nothing_is_kept() {
    let server = Server::choosing("Yes");
    let judge = server.judge_with(|config| config.cache_bytes(0));
    ask(&judge, "x").await;
    ask(&judge, "x").await;
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_directory_outlives_the_judge() {
    let server = Server::choosing("Yes");
    let root = tempfile::tempdir().expect("a temporary directory");
    let directory = root.path().join("answers");
    let judge = || server.judge_with(|config| config.cache_dir(&directory));
    ask(&judge(), "x").await;
    let later = judge();
    assert_eq!(ask(&later, "x").await.served, Served::Disk);
    assert_eq!(ask(&later, "x").await.served, Served::Memory);
    assert_eq!(server.requests().len(), 1);
    assert_eq!((later.stats().disk_hits, later.stats().disk_failures), (1, 0));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&directory).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
    // A file that someone spoiled is replaced.
    let file = fs::read_dir(&directory).expect("made").next().expect("a file").expect("readable");
    fs::write(file.path(), "{").expect("written");
    assert_eq!(ask(&judge(), "x").await.served, Served::Model);
    assert_eq!(ask(&judge(), "x").await.served, Served::Disk);
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_fails_no_score() {
    let server = Server::start(|_, _| Answer::Json(200, "", chose("Yes")));
    let root = tempfile::tempdir().expect("a temporary directory");
    let file = root.path().join("file");
    fs::write(&file, "").expect("written");
    let judge = server.judge_with(|config| config.cache_dir(file));
    assert_eq!(ask(&judge, "x").await.score, 1.0);
    assert_eq!(judge.stats().disk_failures, 1);
}

#[tokio::test]
async fn equal_questions_at_once_are_one() {
    let server = Server::choosing("Yes");
    let judge = server.judge();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let judge = judge.clone();
        tasks.spawn(async move { ask(&judge, "x").await });
    }
    let verdicts = tasks.join_all().await;
    assert_eq!(verdicts.iter().filter(|verdict| verdict.served == Served::Model).count(), 1);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_failure_is_not_shared() {
    let server = Server::start(|number, _| match number {
        0 => Answer::Json(400, "", json!({})),
        _ => Answer::Json(200, "", chose("Yes")),
    });
    let judge = server.judge();
    let classifier = humor(&judge);
    let ask = || classifier.score(json!({"output": "x"}));
    let (first, second) = tokio::join!(ask(), ask());
    assert!(first.is_err() && second.is_ok());
}
