//! The key is sent, and shown nowhere else.

use std::error::Error;
use std::fs;

use serde_json::json;
use tidegate_scorers::llm::{Config, EmbeddingSimilarity, Judge, PairwiseJudge, humor};

use crate::support::{Answer, KEY, Server};

fn check(text: &str) {
    assert!(!text.contains(KEY) && !text.contains("very-secret"), "{text}");
}

fn check_error(error: &(dyn Error + 'static)) {
    check(&format!("{error} {error:?} {error:#?}"));
    if let Some(source) = error.source() {
        check_error(source);
    }
}

#[test]
fn nothing_shows_it_in_debug() {
    let config = Config::new("https://host/v1?token=very-secret", "m").api_key(KEY);
    check(&format!("{config:?} {config:#?}"));
    let judge = Judge::new(config).expect("a judge");
    check(&format!("{judge:?} {judge:#?}"));
    check(&format!("{:?}", humor(&judge)));
    check(&format!("{:?}", PairwiseJudge::new(&judge)));
    check(&format!("{:?}", EmbeddingSimilarity::new(&judge)));
}

#[test]
fn settings_that_cannot_be_used_do_not_show_it() {
    for (url, key) in [
        ("https://user:very-secret@host/v1", KEY.to_owned()),
        ("very-secret", KEY.to_owned()),
        ("https://host/v1", format!("{KEY}\n{KEY}")),
    ] {
        check_error(&Judge::new(Config::new(url, "m").api_key(key)).expect_err("a fault"));
    }
}

#[tokio::test]
async fn errors_do_not_show_it_even_if_the_endpoint_repeats_it() {
    let answers: [fn() -> Answer; 6] = [
        || Answer::Json(400, "", json!({"error": {"message": format!("bad key {KEY}")}})),
        || Answer::Json(500, "", json!({"error": KEY})),
        || Answer::Json(401, "", json!({"error": KEY})),
        || Answer::Json(404, "", json!(format!("{KEY}{KEY}"))),
        || Answer::Json(200, "", json!({"choices": KEY})),
        || Answer::Close,
    ];
    for answer in answers {
        let server = Server::start(move |_, _| answer());
        let config = Config::new(format!("{}?token=very-secret", server.url), "m");
        let judge = Judge::new(config.api_key(KEY).max_tries(1)).expect("a judge");
        let error = humor(&judge).score(json!({"output": "x"})).await.expect_err("a failure");
        check_error(&error);
        assert!(server.requests()[0].line.ends_with("/v1/chat/completions?token=very-secret"));
    }
}

#[tokio::test]
async fn it_is_not_written_to_the_cache() {
    let server = Server::choosing("Yes");
    let root = tempfile::tempdir().expect("a temporary directory");
    let judge = server.judge_with(|config| config.cache_dir(root.path()));
    humor(&judge).score(json!({"output": "x"})).await.expect("a verdict");
    for entry in fs::read_dir(root.path()).expect("readable") {
        let path = entry.expect("readable").path();
        check(&path.to_string_lossy());
        check(&fs::read_to_string(path).expect("readable"));
    }
}
