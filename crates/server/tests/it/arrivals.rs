//! Uploads noted and answered late.

use std::io::Write as _;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tidegate_model::profile::Request;
use tidegate_server::{Latency, recorder};

use crate::harness::{Collector, DEADLINE};

fn body(rows: usize) -> String {
    let rows: Vec<Value> =
        (0..rows).map(|n| json!({"id": n.to_string(), "experiment_id": "e"})).collect();
    json!({"rows": rows, "api_version": 2}).to_string()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).expect("packed");
    encoder.finish().expect("packed")
}

#[tokio::test]
async fn every_upload_is_noted_with_what_was_in_it() {
    let (sender, recording) = recorder();
    let collector = Collector::start_with(|options| options.record_requests(sender)).await;
    let send = |body: Vec<u8>, headers: &'static [(&'static str, &'static str)]| {
        collector.send_with(Method::POST, "/logs3", body, headers)
    };
    let (three, broken) = (body(3), "{\"rows\": [");
    let packed = gzip(&three);
    assert_eq!(send(three.clone().into(), &[]).await.status, StatusCode::OK);
    let gzipped = send(packed.clone(), &[("content-encoding", "gzip")]).await;
    assert_eq!(gzipped.status, StatusCode::OK);
    assert_eq!(send(broken.into(), &[]).await.status, StatusCode::BAD_REQUEST);
    let foreign = send(three.clone().into(), &[("origin", "https://evil.example")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    // Nothing else counts.
    collector.get("/version").await;
    collector.rows("e", 10).await;
    collector.stop().await;
    let requests: Vec<Request> = recording.collect();
    let seen: Vec<_> = requests
        .iter()
        .map(|r| (r.number, r.rows, r.bytes, r.sent_bytes, r.status.unwrap_or_default()))
        .collect();
    let (plain, packed) = (three.len() as u64, packed.len() as u64);
    let length = broken.len() as u64;
    assert_eq!(
        seen,
        [
            (1, 3, plain, plain, 200),
            (2, 3, plain, packed, 200),
            (3, 0, length, length, 400),
            (4, 0, 0, 0, 403)
        ]
    );
    for pair in requests.windows(2) {
        // One after the other: on one lane, from the first on.
        assert_eq!((pair[0].lane, pair[1].lane), (0, 0));
        assert!(pair[0].end_us <= pair[1].start_us, "{pair:?}");
    }
    for request in &requests {
        let first_byte = request.first_byte_us.expect("an answer");
        assert!(request.start_us <= first_byte && first_byte <= request.end_us, "{request:?}");
        assert_eq!((request.queued_us, request.attempt), (request.start_us, 0));
    }
}

#[tokio::test]
async fn answers_are_as_late_as_was_said() {
    let (sender, recording) = recorder();
    let latency = Latency::new(Duration::from_millis(120), Duration::from_millis(10));
    let collector =
        Collector::start_with(|options| options.record_requests(sender).simulate_latency(latency))
            .await;
    for rows in [0, 4] {
        let reply = collector.send(Method::POST, "/logs3", body(rows)).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    }
    collector.stop().await;
    let requests: Vec<Request> = recording.collect();
    let late = |request: &Request| request.first_byte_us.expect("an answer") - request.start_us;
    assert!(late(&requests[0]) >= 120_000, "{requests:?}");
    assert!(late(&requests[1]) >= 160_000, "{requests:?}");
}

#[tokio::test]
async fn an_upload_whose_client_has_left_is_noted_without_an_answer() {
    let (sender, mut recording) = recorder();
    // Longer than this test may take.
    let latency = Latency::new(2 * DEADLINE, Duration::ZERO);
    let collector =
        Collector::start_with(|options| options.record_requests(sender).simulate_latency(latency))
            .await;
    let url = format!("{}/logs3", collector.handle.url());
    let request = collector.request(Method::POST, &url).body(body(2)).send();
    let stored = async {
        while !collector.text("/metrics", &[]).await.contains("tidegate_ingest_rows_total 2\n") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        reply = request => panic!("it is answered: {reply:?}"),
        () = stored => {}
    }
    let waited = tokio::task::spawn_blocking(move || recording.next());
    let noted = tokio::time::timeout(DEADLINE, waited).await.expect("in time").expect("waited");
    let noted = noted.expect("a request");
    assert_eq!((noted.rows, noted.status, noted.first_byte_us), (2, None, None));
}
