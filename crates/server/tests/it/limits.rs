//! What is too much.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Collector, DEADLINE};

#[tokio::test]
async fn a_body_over_the_limit_gets_413_and_stores_nothing() {
    let collector = Collector::start_with(|options| options.max_body_bytes(100_000)).await;
    let row = json!({"id": "r", "experiment_id": "e", "input": "x".repeat(200_000)});
    let body = json!({"rows": [row]}).to_string();
    let error = collector.refused("/logs3", &body, 413).await;
    assert!(error.contains("100000"), "{error}");
    assert!(!collector.refused("/v1/experiment/e/fetch", "", 404).await.is_empty());
    collector.log(&json!([{"id": "r", "experiment_id": "e"}])).await;
}

#[tokio::test]
async fn a_body_without_announced_length_is_limited_too() {
    let collector = Collector::start_with(|options| options.max_body_bytes(1_000)).await;
    let mut stream = TcpStream::connect(collector.handle.local_addr()).await.expect("connect");
    let head = "POST /logs3 HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("write");
    for _ in 0..5 {
        let chunk = format!("190\r\n{}\r\n", "x".repeat(400));
        stream.write_all(chunk.as_bytes()).await.expect("write");
    }
    stream.write_all(b"0\r\n\r\n").await.expect("write");
    assert!(status_line(&mut stream).await.contains(" 413 "));
}

#[tokio::test]
async fn beyond_the_bytes_in_flight_requests_get_503_and_may_come_again() {
    let collector = Collector::start_with(|options| options.max_inflight_bytes(10_000)).await;
    // A body that is announced and does not come holds its bytes.
    let mut slow = TcpStream::connect(collector.handle.local_addr()).await.expect("connect");
    let head =
        "POST /logs3 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000\r\n\r\n{\"rows\":[]";
    slow.write_all(head.as_bytes()).await.expect("write");
    let body = json!({"rows": [{"id": "r", "experiment_id": "e", "input": "x".repeat(2_000)}]});
    let refused = until(&collector, &body.to_string(), 503).await;
    assert_eq!(refused.headers["retry-after"], "1");
    assert!(refused.body["error"].is_string());
    let mut rest = " ".repeat(9_000 - "{\"rows\":[]".len() - 1);
    rest.push('}');
    slow.write_all(rest.as_bytes()).await.expect("write");
    assert!(status_line(&mut slow).await.contains(" 200 "));
    until(&collector, &body.to_string(), 200).await;
}

/// Sends the same body until it gets the status, which another connection's progress brings about.
async fn until(collector: &Collector, body: &str, status: u16) -> crate::harness::Reply {
    let attempts = async {
        loop {
            let reply = collector.send(Method::POST, "/logs3", body).await;
            if reply.status.as_u16() == status {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, attempts).await.expect("the status in time")
}

async fn status_line(stream: &mut TcpStream) -> String {
    let mut reply = Vec::new();
    let read = async {
        while !reply.contains(&b'\r') {
            assert_ne!(stream.read_buf(&mut reply).await.expect("read"), 0, "closed");
        }
    };
    tokio::time::timeout(DEADLINE, read).await.expect("a reply in time");
    String::from_utf8_lossy(&reply).lines().next().unwrap_or_default().to_owned()
}
