//! What the collector says about itself.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::json;

use tidegate_testkit::postgres::{Store, store};

use crate::harness::Collector;

#[tokio::test]
async fn metrics_count_requests_by_route_and_rows_by_number() {
    let collector = Collector::start().await;
    let rows: Vec<_> =
        (0..30).map(|n| json!({"id": n.to_string(), "experiment_id": "e"})).collect();
    collector.log(&json!(rows)).await;
    collector.refused("/logs3", "{", 400).await;
    collector.rows("e", 10).await;
    for path in ["/v1/project/some-secret-id", "/v1/project/another-one", "/no/such/path"] {
        collector.send(Method::GET, path, "").await;
    }
    collector.send(Method::from_bytes(b"BREW").expect("a method"), "/ping", "").await;

    let samples = scrape(&collector).await;
    for (sample, value) in [
        (request("/logs3", "POST", 200), 1.0),
        (request("/logs3", "POST", 400), 1.0),
        (request("/btql", "POST", 200), 3.0),
        (request("/v1/project/{id}", "GET", 404), 2.0),
        (request("unmatched", "GET", 404), 1.0),
        (request("unmatched", "OTHER", 405), 1.0),
        ("tidegate_ingest_rows_total".into(), 30.0),
        ("tidegate_store_queue_jobs".into(), 0.0),
        ("tidegate_http_inflight_bytes".into(), 0.0),
        ("tidegate_http_shed_total{reason=\"inflight_bytes\"}".into(), 0.0),
        ("tidegate_store_read_duration_seconds_count{kind=\"read\"}".into(), 3.0),
    ] {
        assert_eq!(samples.get(&sample), Some(&value), "{sample} in {samples:#?}");
    }
    assert!(samples["tidegate_ingest_bytes_total"] > 900.0);
    assert!(samples["tidegate_store_commit_duration_seconds_count"] >= 1.0);
    match store() {
        Store::Sqlite => assert!(samples["tidegate_store_wal_bytes"] > 0.0),
        // The files are the database's own; connections are ours.
        Store::Postgres => assert!(samples.contains_key("tidegate_database_connections")),
    }
    assert!(samples["tidegate_disk_free_bytes"] > 0.0);
    assert!(samples["process_resident_memory_bytes"] > 0.0);
    assert!(!samples.keys().any(|sample| sample.contains("secret") || sample.contains("BREW")));
    // The scrape before counts in this one.
    assert_eq!(scrape(&collector).await[&request("/metrics", "GET", 200)], 1.0);
}

#[tokio::test]
async fn load_that_is_turned_away_is_counted() {
    let collector = Collector::start_with(|options| options.max_inflight_bytes(1_000)).await;
    let row = json!({"id": "r", "experiment_id": "e", "input": "x".repeat(2_000)});
    collector.refused("/logs3", &json!({"rows": [row]}).to_string(), 503).await;
    let samples = scrape(&collector).await;
    assert_eq!(samples["tidegate_http_shed_total{reason=\"inflight_bytes\"}"], 1.0);
    assert_eq!(samples["tidegate_ingest_rows_total"], 0.0);
}

#[tokio::test]
async fn metrics_need_a_key_where_keys_are_needed() {
    let collector = Collector::start_with(|options| options.require_key(true)).await;
    let refused = collector.send(Method::GET, "/metrics", "").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let key = format!("Bearer {}", collector.handle.first_key().expect("a key"));
    let reply = collector.text("/metrics", &[("authorization", &key)]).await;
    assert!(reply.contains("tidegate_build_info"), "{reply}");
}

fn request(route: &str, method: &str, status: u16) -> String {
    format!(
        "tidegate_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}}"
    )
}

/// Reads all samples, and is strict: every family is announced once before its samples, no sample
/// comes twice, and buckets rise to the count.
async fn scrape(collector: &Collector) -> BTreeMap<String, f64> {
    let text = collector.text("/metrics", &[]).await;
    let mut kinds = BTreeMap::new();
    let mut samples: BTreeMap<String, f64> = BTreeMap::new();
    let mut bucket = 0.0;
    for line in text.lines() {
        if let Some(announced) = line.strip_prefix("# TYPE ") {
            let (name, kind) = announced.split_once(' ').expect("name and kind");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').expect("sample and value");
        let value: f64 = value.parse().expect("a number");
        let name = sample.split('{').next().expect("a name");
        let is_part = |suffix| {
            let family = name.strip_suffix(suffix);
            family.is_some_and(|f| kinds.get(f).is_some_and(|kind| kind == "histogram"))
        };
        assert!(
            kinds.contains_key(name) || ["_bucket", "_sum", "_count"].into_iter().any(is_part),
            "{line} is not announced"
        );
        if is_part("_bucket") {
            let is_first = sample.contains(&format!("le=\"{}\"", first_bound(name)));
            assert!(is_first || value >= bucket, "{line} falls below {bucket}");
            bucket = value;
        }
        if is_part("_count") {
            assert_eq!(value, bucket, "{line}");
        }
        assert!(samples.insert(sample.to_owned(), value).is_none(), "{line} comes twice");
    }
    samples
}

fn first_bound(name: &str) -> &'static str {
    if name.contains("_seconds_") { "0.0005" } else { "1" }
}
