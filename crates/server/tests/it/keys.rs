//! Who gets in.

use reqwest::Method;
use tidegate_server::{Keyring, KeyringError, NewKey, Scope};

use tidegate_testkit::postgres::{Store, store};

use crate::database::{Database, keyring as open, sqlite_only};
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
        let path = entry.expect("entry").path();
        if path.is_dir() {
            continue;
        }
        let bytes = std::fs::read(path).expect("file");
        assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()));
    }
    let database = Database::of(dir.path());
    for table in database.tables() {
        let rows = database.rows(&format!("SELECT * FROM \"{table}\""));
        assert!(!rows.iter().any(|row| row.contains(&key)), "{table}");
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
    Database::of(dir.path()).execute("UPDATE api_keys SET revoked = '2026-11-24'");
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

fn new_key(project: Option<&str>, scope: Scope) -> NewKey {
    NewKey { name: Some("ci".into()), project: project.map(str::to_owned), scope }
}

/// At once where the collector itself does it, else within a second.
async fn becomes(collector: &Collector, headers: &[(&str, &str)], expected: u16) {
    let begin = tokio::time::Instant::now();
    while status(collector, "/version", headers).await != expected {
        assert_eq!(store(), Store::Postgres, "not at once");
        assert!(begin.elapsed() < std::time::Duration::from_secs(1), "not within a second");
    }
}

#[tokio::test]
async fn keys_are_made_and_revoked_beside_a_running_collector_at_once() {
    let collector = Collector::start_with(|options| options.require_key(true)).await;
    let keyring = open(collector.dir.path()).await;
    let made = keyring.create(new_key(Some("p"), Scope::Write)).await.expect("made");
    assert!(made.project_made);
    let bearer = format!("Bearer {}", made.key);
    let headers = [("authorization", bearer.as_str())];
    becomes(&collector, &headers, 200).await;
    let again = keyring.create(new_key(Some("p"), Scope::Read)).await.expect("made");
    assert!(!again.project_made);

    let listed = keyring.list().await.expect("a list");
    let (first, key) = (&listed[0], &listed[1]);
    assert_eq!((listed.len(), first.name.as_deref(), key.id == made.id), (3, Some("first"), true));
    assert_eq!((key.project.as_deref(), key.scope), (Some("p"), Scope::Write));
    // What another process sees of it is up to a minute old.
    let is_seen = key.last_used.is_some() || store() == Store::Postgres;
    assert!(is_seen && key.revoked.is_none(), "{key:?}");
    assert!(first.last_used.is_none(), "{first:?}");

    let revoked = keyring.revoke(&made.id).await.expect("revoked").revoked.expect("a time");
    becomes(&collector, &headers, 401).await;
    let twice = keyring.revoke(&made.id).await.expect("still revoked");
    assert_eq!(twice.revoked, Some(revoked));
    keyring.close().await;

    // All of it is kept, the last use included.
    let dir = collector.stop().await;
    let keyring = open(dir.path()).await;
    let kept = keyring.list().await.expect("a list");
    assert_eq!(kept.iter().filter(|key| key.revoked.is_some()).count(), 1);
    assert!(kept.iter().any(|key| key.last_used.is_some()), "{kept:?}");
    keyring.close().await;
}

#[tokio::test]
async fn keys_are_made_before_the_first_start_and_without_a_collector() {
    sqlite_only!("makes the file with the first key");
    let dir = tempfile::tempdir().expect("directory");
    let missing = Keyring::open(dir.path()).await.expect_err("nothing there");
    assert!(matches!(missing, KeyringError::Empty { .. }), "{missing:?}");
    let keyring = Keyring::open_or_create(dir.path()).await.expect("a keyring");
    let made = keyring.create(new_key(None, Scope::Write)).await.expect("made");
    keyring.close().await;
    let collector = Collector::start_in(dir, |options| options.require_key(true)).await;
    assert_eq!(collector.handle.first_key(), None, "there is one already");
    let bearer = format!("Bearer {}", made.key);
    assert_eq!(status(&collector, "/version", &[("authorization", &bearer)]).await, 200);
    let dir = collector.stop().await;

    let keyring = open(dir.path()).await;
    keyring.revoke(&made.id).await.expect("revoked");
    keyring.close().await;
    let collector = Collector::start_in(dir, |options| options.require_key(true)).await;
    assert!(collector.handle.first_key().is_some(), "none is valid");
    assert_eq!(status(&collector, "/version", &[("authorization", &bearer)]).await, 401);
}

#[tokio::test]
async fn commands_that_make_no_sense_are_refused_with_and_without_a_collector() {
    let collector = Collector::start().await;
    let mut dir = None;
    let mut collector = Some(collector);
    for running in [true, false] {
        if !running {
            dir = Some(collector.take().expect("running").stop().await);
        }
        let path = match (&collector, &dir) {
            (Some(collector), _) => collector.dir.path(),
            (None, Some(dir)) => dir.path(),
            (None, None) => unreachable!("one of them has the directory"),
        };
        let keyring = open(path).await;
        let unknown = "0198c5a2-0000-7000-8000-0000000000ab";
        let refused = [
            keyring.revoke(unknown).await.expect_err("unknown"),
            keyring.create(new_key(Some(unknown), Scope::Read)).await.expect_err("unknown"),
            keyring.create(new_key(Some(" "), Scope::Read)).await.expect_err("empty"),
            keyring.create(new_key(Some("a\u{1b}[2Jb"), Scope::Read)).await.expect_err("control"),
            keyring.create(new_key(Some(&"x".repeat(2_000)), Scope::Read)).await.expect_err("long"),
        ];
        for error in refused {
            assert!(matches!(error, KeyringError::Refused(_)), "{running}: {error:?}");
        }
        assert!(keyring.list().await.expect("a list").is_empty());
        keyring.close().await;
    }
}
