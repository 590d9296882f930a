//! Compressed bodies: the same rows, the same limits.

use std::io::Write as _;

use flate2::write::GzEncoder;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Collector, Reply};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(body, 3).expect("memory")
}

fn rows(ids: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let row = |id| json!({"id": format!("r{id}"), "experiment_id": "e", "input": "x".repeat(300)});
    json!({"rows": ids.into_iter().map(row).collect::<Vec<Value>>()}).to_string().into_bytes()
}

async fn send(collector: &Collector, encoding: &str, body: Vec<u8>) -> Reply {
    collector.send_with(Method::POST, "/logs3", body, &[("content-encoding", encoding)]).await
}

#[tokio::test]
async fn gzip_and_zstd_bodies_are_stored_like_plain_ones() {
    let collector = Collector::start().await;
    let experiment = collector.experiment(&json!({})).await;
    let id = experiment["id"].as_str().expect("an id").to_owned();
    let row =
        |name: &str| json!({"rows": [{"id": name, "experiment_id": id, "input": {"a": [1, "é"]}}]});
    for (name, encoding) in
        [("plain", "identity"), ("gzip", "gzip"), ("zstd", "zstd"), ("upper", "GZIP")]
    {
        let plain = row(name).to_string().into_bytes();
        let body = match encoding.to_ascii_lowercase().as_str() {
            "gzip" => gzip(&plain),
            "zstd" => zstd(&plain),
            _ => plain,
        };
        assert_eq!(send(&collector, encoding, body).await.status.as_u16(), 200, "{name}");
        let stored = collector.row(&id, name).await.expect("stored");
        assert_eq!(stored["input"], json!({"a": [1, "é"]}), "{name}");
    }
}

#[tokio::test]
async fn a_large_body_and_one_of_two_gzip_members_are_read_whole() {
    let collector = Collector::start().await;
    let reply = send(&collector, "zstd", zstd(&rows(0..5_000))).await;
    assert_eq!(reply.body["ids"].as_array().expect("ids").len(), 5_000);
    let plain = rows(0..100);
    let mut members = gzip(&plain[..1_000]);
    members.extend(gzip(&plain[1_000..]));
    let reply = send(&collector, "gzip", members).await;
    assert_eq!(reply.body["ids"].as_array().expect("ids").len(), 100);
}

#[tokio::test]
async fn broken_and_unknown_encodings_are_refused_by_name() {
    let collector = Collector::start().await;
    let whole = gzip(&rows(0..50));
    for (encoding, body) in [
        ("gzip", whole[..whole.len() / 2].to_vec()),
        ("gzip", b"not gzip".to_vec()),
        ("zstd", b"not zstd".to_vec()),
        ("zstd", zstd(&rows(0..50))[..100].to_vec()),
        ("zstd", whole),
    ] {
        let reply = send(&collector, encoding, body).await;
        assert_eq!(reply.status.as_u16(), 400, "{encoding}: {}", reply.body);
        let error = reply.body["error"].as_str().expect("a message");
        assert!(error.contains("content encoding"), "{error}");
    }
    let reply = send(&collector, "br", b"x".to_vec()).await;
    assert_eq!(reply.status.as_u16(), 415);
    assert!(reply.body["error"].as_str().expect("a message").contains("zstd, gzip"));
}

#[tokio::test]
async fn a_bomb_is_refused_at_the_limit_for_plain_bodies() {
    let collector = Collector::start_with(|options| {
        options.max_body_bytes(1 << 20).max_inflight_bytes(3 << 20)
    })
    .await;
    let zeros = vec![b' '; 20 << 20];
    for (encoding, body) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))] {
        let reply = send(&collector, encoding, body).await;
        assert_eq!(reply.status.as_u16(), 413, "{encoding}: {}", reply.body);
    }
    // What the refused ones held is free again.
    for _ in 0..5 {
        let reply = send(&collector, "zstd", zstd(&rows(0..1_000))).await;
        assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
    }
}

#[tokio::test]
async fn unpacked_bytes_count_against_the_bytes_in_flight() {
    let collector = Collector::start_with(|options| options.max_inflight_bytes(100_000)).await;
    let reply = send(&collector, "zstd", zstd(&rows(0..1_000))).await;
    assert_eq!(reply.status.as_u16(), 503, "{}", reply.body);
}
