//! Attachments as the published clients send and read them, and what strangers get.

use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::Collector;

/// The first step of an upload, as both clients send it.
fn announced(key: &str, filename: &str, content_type: &str) -> Value {
    json!({"key": key, "filename": filename, "content_type": content_type, "org_id": "o"})
}

async fn upload_url(collector: &Collector, key: &str) -> String {
    let reply = collector.post("/attachment", &announced(key, "a.txt", "text/plain")).await;
    assert_eq!(reply["headers"], json!({}));
    reply["signedUrl"].as_str().expect("URL").to_owned()
}

async fn put(collector: &Collector, url: &str, bytes: Vec<u8>) -> StatusCode {
    collector.request(Method::PUT, url).body(bytes).send().await.expect("reply").status()
}

async fn upload(collector: &Collector, key: &str, bytes: Vec<u8>) {
    let url = upload_url(collector, key).await;
    assert_eq!(put(collector, &url, bytes).await, StatusCode::OK);
    let done = json!({"key": key, "org_id": "o", "status": {"upload_status": "done"}});
    collector.post("/attachment/status", &done).await;
}

/// The reference that a client reads back, resolved.
async fn metadata(collector: &Collector, key: &str) -> Value {
    let path = format!("/attachment?filename=a.txt&content_type=text/plain&org_id=o&key={key}");
    collector.get(&path).await
}

async fn download(collector: &Collector, key: &str) -> reqwest::Response {
    let url = metadata(collector, key).await["downloadUrl"].as_str().expect("URL").to_owned();
    collector.request(Method::GET, &url).send().await.expect("reply")
}

/// All files under `blobs`.
fn files(collector: &Collector) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for group in std::fs::read_dir(collector.dir.path().join("blobs")).expect("directory") {
        for file in std::fs::read_dir(group.expect("entry").path()).expect("directory") {
            found.push(file.expect("entry").path());
        }
    }
    found
}

#[tokio::test]
async fn an_attachment_goes_up_and_comes_back_the_same_even_after_a_restart() {
    let collector = Collector::start().await;
    // More than a few pieces.
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let url = upload_url(&collector, "k").await;
    assert!(url.starts_with(collector.handle.url()), "{url}");
    let before = metadata(&collector, "k").await;
    assert_eq!(before["status"], json!({"upload_status": "uploading"}));
    let early = download(&collector, "k").await;
    assert_eq!(early.status(), StatusCode::NOT_FOUND);
    assert_eq!(put(&collector, &url, bytes.clone()).await, StatusCode::OK);
    let done = json!({"key": "k", "org_id": "o", "status": {"upload_status": "done"}});
    collector.post("/attachment/status", &done).await;
    assert_eq!(metadata(&collector, "k").await["status"], json!({"upload_status": "done"}));

    let collector = Collector::start_in(collector.stop().await, |options| options).await;
    let reply = download(&collector, "k").await;
    assert_eq!(reply.status(), StatusCode::OK);
    let headers = reply.headers().clone();
    assert_eq!(headers["content-type"], "text/plain");
    assert_eq!(headers["content-length"], "3000000");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let disposition = headers["content-disposition"].to_str().expect("text");
    assert_eq!(disposition, "inline; filename=\"a.txt\"; filename*=UTF-8''a.txt");
    assert!(reply.bytes().await.expect("body") == bytes);
}

#[tokio::test]
async fn the_same_bytes_are_kept_once_and_a_repeated_upload_replaces() {
    let collector = Collector::start().await;
    upload(&collector, "one", b"same".to_vec()).await;
    upload(&collector, "two", b"same".to_vec()).await;
    assert_eq!(files(&collector).len(), 1);
    upload(&collector, "two", b"other".to_vec()).await;
    for (key, text) in [("one", "same"), ("two", "other")] {
        assert_eq!(download(&collector, key).await.text().await.expect("body"), text);
    }
    upload(&collector, "empty", Vec::new()).await;
    assert_eq!(download(&collector, "empty").await.text().await.expect("body"), "");
}

#[tokio::test]
async fn what_somebody_removed_is_not_found() {
    let collector = Collector::start().await;
    upload(&collector, "k", b"there".to_vec()).await;
    for file in files(&collector) {
        std::fs::remove_file(file).expect("removed");
    }
    let reply = download(&collector, "k").await;
    assert_eq!(reply.status(), StatusCode::NOT_FOUND);
    let text = reply.text().await.expect("body");
    assert!(text.contains("uploaded content"), "{text}");
}

#[tokio::test]
async fn parts_can_be_downloaded() {
    let collector = Collector::start().await;
    upload(&collector, "k", b"0123456789".to_vec()).await;
    let url = metadata(&collector, "k").await["downloadUrl"].as_str().expect("URL").to_owned();
    for (range, status, shown, text) in [
        ("bytes=2-4", 206, Some("bytes 2-4/10"), "234"),
        ("bytes=-2", 206, Some("bytes 8-9/10"), "89"),
        ("bytes=0-1,4-5", 200, None, "0123456789"),
        ("bytes=10-", 416, Some("bytes */10"), ""),
    ] {
        let request = collector.request(Method::GET, &url).header("range", range);
        let reply = request.send().await.expect("reply");
        assert_eq!(reply.status().as_u16(), status, "{range}");
        let given = reply.headers().get("content-range").map(|v| v.to_str().expect("text"));
        assert_eq!(given, shown, "{range}");
        let body = reply.text().await.expect("body");
        assert!(body == text || status == 416, "{range}: {body}");
    }
    let head = collector.request(Method::HEAD, &url).send().await.expect("reply");
    assert_eq!(
        (head.status().as_u16(), &head.headers()["content-length"]),
        (200, &"10".parse().expect("value"))
    );
}

#[tokio::test]
async fn tampered_and_misused_urls_are_refused() {
    let collector = Collector::start().await;
    let url = upload_url(&collector, "k").await;
    upload_url(&collector, "other").await;
    let (base, query) = url.split_once('?').expect("query");
    let (expires, signature) = query.split_once('&').expect("two parameters");
    let expiry: i64 = expires.trim_start_matches("expires=").parse().expect("number");
    let wrong = if signature.ends_with('0') { '1' } else { '0' };
    let tampered = format!("{base}?{expires}&{}{wrong}", &signature[..signature.len() - 1]);
    for url in [
        base.to_owned(),
        format!("{base}?{expires}"),
        format!("{base}?expires={}&{signature}", expiry + 1),
        format!("{base}?expires=x&{signature}"),
        format!("{base}?expires=1&{signature}"),
        tampered,
        url.replace("/k?", "/other?"),
    ] {
        assert_eq!(put(&collector, &url, b"x".to_vec()).await, StatusCode::FORBIDDEN, "{url}");
    }
    let read = collector.request(Method::GET, &url).send().await.expect("reply");
    assert_eq!(read.status(), StatusCode::FORBIDDEN, "an upload URL does not read");
    assert!(files(&collector).is_empty());
    let download = metadata(&collector, "k").await["downloadUrl"].as_str().expect("URL").to_owned();
    assert_eq!(put(&collector, &download, b"x".to_vec()).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_url_needs_no_key_but_asking_for_one_does() {
    let collector = Collector::start_with(|options| options.require_key(true)).await;
    let key = collector.handle.first_key().expect("key").to_owned();
    let bearer = format!("Bearer {key}");
    let body = announced("k", "a.txt", "text/plain").to_string();
    let refused = collector.send(Method::POST, "/attachment", body.clone()).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let headers = [("authorization", bearer.as_str())];
    let reply = collector.send_with(Method::POST, "/attachment", body, &headers).await;
    let url = reply.body["signedUrl"].as_str().expect("URL");
    assert_eq!(put(&collector, url, b"x".to_vec()).await, StatusCode::OK);
    let refused = collector.send(Method::GET, "/attachment?key=k", "").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn uploads_over_the_limit_leave_nothing() {
    let collector = Collector::start_with(|options| options.max_attachment_bytes(1_000)).await;
    let url = upload_url(&collector, "k").await;
    assert_eq!(put(&collector, &url, vec![0; 1_001]).await, StatusCode::PAYLOAD_TOO_LARGE);
    // Without a length the limit is only seen while reading.
    let pieces =
        (0..11).map(|_| Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![0; 100]))));
    let body = reqwest::Body::wrap(StreamBody::new(futures_util::stream::iter(pieces)));
    let reply = collector.request(Method::PUT, &url).body(body).send().await.expect("reply");
    assert_eq!(reply.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(files(&collector).is_empty());
    assert_eq!(put(&collector, &url, vec![0; 1_000]).await, StatusCode::OK);
}

#[tokio::test]
async fn a_client_s_failure_is_told_to_readers() {
    let collector = Collector::start().await;
    upload_url(&collector, "k").await;
    let status = |status: Value| json!({"key": "k", "org_id": "o", "status": status}).to_string();
    let early = status(json!({"upload_status": "done"}));
    collector.refused("/attachment/status", &early, 400).await;
    let failed = json!({"upload_status": "error", "error_message": "no such file"});
    let reply = collector.send(Method::POST, "/attachment/status", status(failed.clone())).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(metadata(&collector, "k").await["status"], failed);
    for (body, code) in [
        (status(json!({"upload_status": "maybe"})), 400),
        (r#"{"key":"nope","status":{"upload_status":"done"}}"#.into(), 404),
        ("{}".into(), 400),
    ] {
        collector.refused("/attachment/status", &body, code).await;
    }
    for body in [
        json!({"filename": "a"}),
        announced("", "a", "text/plain"),
        announced("a\nb", "a", "text/plain"),
        announced("k2", "a", "text/plain\r\nx: y"),
        announced(&"k".repeat(1_025), "a", "text/plain"),
    ] {
        collector.refused("/attachment", &body.to_string(), 400).await;
    }
    for (path, code) in
        [("/attachment", 400), ("/attachment?key=nope", 404), ("/attachment?url=s3://b/k", 400)]
    {
        assert_eq!(collector.send(Method::GET, path, "").await.status.as_u16(), code, "{path}");
    }
    let outside = collector.get("/attachment?url=https://example.com/x").await;
    assert_eq!(outside["downloadUrl"], "https://example.com/x");
    assert_eq!(outside["status"]["upload_status"], "done");
}

#[tokio::test]
async fn names_of_any_kind_work() {
    let collector = Collector::start().await;
    let key = "a/b c?ü&%2F";
    let reply = collector.post("/attachment", &announced(key, "é\";x.svg", "image/svg+xml")).await;
    let url = reply["signedUrl"].as_str().expect("URL");
    assert_eq!(put(&collector, url, b"<svg/>".to_vec()).await, StatusCode::OK);
    let encoded = "a%2Fb%20c%3F%C3%BC%26%252F";
    let reply = download(&collector, encoded).await;
    let disposition = reply.headers()["content-disposition"].to_str().expect("text").to_owned();
    assert_eq!(
        disposition,
        "attachment; filename=\"___x.svg\"; filename*=UTF-8''%C3%A9%22%3Bx.svg"
    );
    assert_eq!(reply.text().await.expect("body"), "<svg/>");
}
