//! Who gets in.

use reqwest::Method;

use crate::harness::Collector;

async fn status(collector: &Collector, path: &str, headers: &[(&str, &str)]) -> u16 {
    let method = if path.contains("login") { Method::POST } else { Method::GET };
    collector.send_with(method, path, "", headers).await.status.as_u16()
}

#[tokio::test]
async fn with_require_key_only_the_printed_key_works() {
    let collector = Collector::start_with(|options| options.require_key(true)).await;
    let key = collector.handle.first_key().expect("the first key").to_owned();
    assert!(key.starts_with("tg-"));
    let bearer = format!("Bearer {key}");
    for path in ["/api/apikey/login", "/version", "/v1/experiment"] {
        assert_eq!(status(&collector, path, &[]).await, 401, "{path}");
        assert_eq!(status(&collector, path, &[("authorization", "Bearer no")]).await, 401);
        assert_eq!(status(&collector, path, &[("authorization", &bearer)]).await, 200, "{path}");
    }
    for path in ["/ping", "/health/live", "/health/ready"] {
        assert_eq!(status(&collector, path, &[]).await, 200, "{path}");
    }
    let refused = collector.send(Method::POST, "/logs3", r#"{"rows":[]}"#).await;
    assert_eq!(refused.status.as_u16(), 401);
    assert!(refused.body["error"].is_string());
    // Only its hash is stored.
    let dir = collector.stop().await;
    for entry in std::fs::read_dir(dir.path()).expect("directory") {
        let bytes = std::fs::read(entry.expect("entry").path()).expect("file");
        assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()));
    }
    let collector = Collector::start_in(dir, |options| options.require_key(true)).await;
    assert_eq!(collector.handle.first_key(), None);
    assert_eq!(status(&collector, "/version", &[("authorization", &bearer)]).await, 200);
}

#[tokio::test]
async fn a_revoked_key_is_refused_even_where_none_is_needed() {
    let collector = Collector::start_with(|options| options.require_key(true)).await;
    let bearer = format!("Bearer {}", collector.handle.first_key().expect("key"));
    let dir = collector.stop().await;
    let database = rusqlite::Connection::open(dir.path().join("tidegate.db")).expect("open");
    database.execute("UPDATE api_keys SET revoked = '2026-11-24'", []).expect("revoke");
    drop(database);
    let collector = Collector::start_in(dir, |options| options).await;
    assert_eq!(status(&collector, "/version", &[("authorization", &bearer)]).await, 401);
    assert_eq!(status(&collector, "/version", &[("authorization", "Bearer other")]).await, 200);
    assert_eq!(status(&collector, "/version", &[]).await, 200);
}

#[tokio::test]
async fn a_strange_web_page_is_refused_without_a_key() {
    let collector = Collector::start().await;
    let foreign = [("origin", "https://evil.example")];
    assert_eq!(status(&collector, "/version", &foreign).await, 403);
    assert_eq!(status(&collector, "/version", &[("host", "rebound.example")]).await, 403);
    assert_eq!(status(&collector, "/version", &[("origin", "http://localhost:5173")]).await, 200);
}
