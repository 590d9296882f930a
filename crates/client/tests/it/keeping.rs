//! Keeping profiles on a server that may not keep any.

use std::fs;

use serde_json::json;
use tidegate_client::{ApiError, KeepProfileError, ProfileKept};

use crate::support::{Answer, Server};

const TARGET: &str = "/api/experiments/e%2F1/profile";

fn server(limit_bytes: Option<u64>, status: u16) -> Server {
    Server::start(move |path, _, _| match path {
        "/version" => Some(Answer::Json(200, "", json!({ "profile_max_bytes": limit_bytes }))),
        TARGET => Some(Answer::Json(status, "", json!({"error": "no"}))),
        _ => None,
    })
}

fn sent(server: &Server) -> usize {
    server.seen(|seen| seen.paths.iter().filter(|path| *path == TARGET).count())
}

#[tokio::test]
async fn a_profile_goes_only_where_it_is_wanted() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("run.jsonl");
    fs::write(&path, "{\"header\":{}}\n").expect("written");
    for (limit, kept, count) in [
        (Some(14), ProfileKept::Kept, 1),
        (Some(13), ProfileKept::TooLong { bytes: 14, limit_bytes: 13 }, 0),
        (None, ProfileKept::NotOffered, 0),
    ] {
        let server = server(limit, 200);
        let found = server.client().upload_profile("e/1", &path).await.expect("an answer");
        assert_eq!((found, sent(&server)), (kept, count), "{limit:?}");
    }
    let refusing = server(Some(100), 404);
    let refused = refusing.client().upload_profile("e/1", &path).await;
    let status =
        |error| matches!(error, KeepProfileError::Api(ApiError::Status { status: 404, .. }));
    assert!(refused.is_err_and(status));
    let missing = dir.path().join("nothing");
    let unread = refusing.client().upload_profile("e/1", &missing).await.expect_err("no file");
    assert!(matches!(&unread, KeepProfileError::Read { path, .. } if *path == missing));
    assert_eq!(sent(&refusing), 1);
}

#[tokio::test]
async fn a_profile_comes_back_if_there_is_one() {
    let keeping = server(None, 200).client();
    let profile = keeping.download_profile("e/1").await.expect("an answer");
    assert_eq!(profile.as_deref(), Some(&br#"{"error":"no"}"#[..]));
    let without = server(None, 404).client();
    assert_eq!(without.download_profile("e/1").await.expect("an answer"), None);
    let failing = server(None, 500).client().download_profile("e/1").await;
    assert!(matches!(failing, Err(ApiError::Status { status: 500, .. })), "{failing:?}");
}
