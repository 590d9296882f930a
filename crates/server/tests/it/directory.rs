//! One data directory, several processes' worth of collectors.

use std::fs;
use std::time::Duration;

use serde_json::json;
use tidegate_server::{Role, StartError, read_holder, start};

use crate::database::sqlite_only;
use crate::harness::{Collector, DEADLINE, options};

#[tokio::test]
async fn the_lock_file_says_who_serves_and_is_blank_afterwards() {
    sqlite_only!("collectors that share a database lock no directory");
    let collector = Collector::start().await;
    let holder = read_holder(collector.dir.path()).expect("published");
    assert_eq!(holder.url, collector.handle.url());
    assert_eq!(holder.pid, std::process::id());
    assert_eq!(holder.role, Role::Serve);
    assert!(!format!("{holder:?}").contains("token"));
    #[cfg(unix)]
    for name in ["collector.lock", "tidegate.db"] {
        use std::os::unix::fs::PermissionsExt as _;
        let path = collector.dir.path().join(name);
        let mode = fs::metadata(path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let dir = collector.stop().await;
    assert_eq!(read_holder(dir.path()), None);
    assert_eq!(fs::read(dir.path().join("collector.lock")).expect("lock file"), b"");
}

#[tokio::test]
async fn a_server_s_directory_is_refused_to_both_roles() {
    sqlite_only!("collectors that share a database lock no directory");
    let collector = Collector::start().await;
    for role in [Role::Serve, Role::Embedded] {
        let refused = start(options(&collector.dir).role(role)).await;
        let Err(StartError::Locked { holder: Some(holder), .. }) = refused else {
            panic!("{role:?}: {refused:?}");
        };
        assert_eq!(holder.url, collector.handle.url());
    }
    assert_eq!(collector.get("/ping").await["status"], "ok");
}

#[tokio::test]
async fn an_embedded_holder_refuses_embedded_ones_and_makes_way_for_a_server() {
    sqlite_only!("collectors that share a database lock no directory");
    let embedded = Collector::start_with(|options| options.role(Role::Embedded)).await;
    embedded.log(&json!([{"id": "r", "experiment_id": "e", "input": 1}])).await;
    let refused = start(options(&embedded.dir).role(Role::Embedded)).await;
    assert!(matches!(refused, Err(StartError::Locked { holder: Some(_), .. })), "{refused:?}");

    let Collector { handle, dir, .. } = embedded;
    let served = Collector::start_in(dir, |options| options).await;
    tokio::time::timeout(DEADLINE, handle.stopped()).await.expect("the embedded one has stopped");
    assert_ne!(served.handle.url(), handle.url());
    assert_eq!(read_holder(served.dir.path()).expect("holder").url, served.handle.url());
    assert_eq!(served.row("e", "r").await.expect("kept")["input"], 1);
    drop(handle);
    assert_eq!(served.get("/ping").await["status"], "ok");
}

#[tokio::test]
async fn only_the_token_s_owner_can_ask_for_a_handover() {
    let embedded = Collector::start_with(|options| options.role(Role::Embedded)).await;
    assert!(!embedded.refused("/internal/handover", "", 403).await.is_empty());
    assert_eq!(embedded.get("/ping").await["status"], "ok");
}

#[tokio::test]
async fn a_crashed_holder_s_entry_does_not_matter() {
    sqlite_only!("collectors that share a database lock no directory");
    let dir = tempfile::tempdir().expect("directory");
    let stale = r#"{"url":"http://127.0.0.1:9","pid":1,"role":"serve","token":"t"}"#;
    fs::write(dir.path().join("collector.lock"), stale).expect("write");
    assert_eq!(read_holder(dir.path()).expect("stale").pid, 1);
    let collector = Collector::start_in(dir, |options| options).await;
    assert_eq!(read_holder(collector.dir.path()).expect("fresh").url, collector.handle.url());
}

#[tokio::test]
async fn an_address_in_use_leaves_the_directory_alone() {
    let taken = Collector::start().await;
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("data");
    let wanted = options(&dir).listen(taken.handle.local_addr());
    let refused = start(wanted).await;
    assert!(matches!(refused, Err(StartError::AddressInUse { .. })), "{refused:?}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_path_below_a_file_is_not_writable() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("file"), "").expect("write");
    let refused = start(
        tidegate_server::Options::new(dir.path().join("file/data"))
            .listen(([127, 0, 0, 1], 0).into()),
    )
    .await;
    assert!(matches!(refused, Err(StartError::NotWritable { .. })), "{refused:?}");
}

#[tokio::test]
async fn databases_that_are_not_ours_are_left_as_they_are() {
    sqlite_only!("is about the bytes of the file");
    let newer = Collector::start().await.stop().await;
    let path = newer.path().join("tidegate.db");
    let database = rusqlite::Connection::open(&path).expect("open");
    database.execute("INSERT INTO schema_version VALUES (999, '')", []).expect("insert");
    drop(database);
    let before = fs::read(&path).expect("read");
    let refused = start(options(&newer)).await;
    let Err(StartError::NewerSchema { found: 999, supported, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(supported < 999);
    assert_eq!(fs::read(&path).expect("read"), before);
    assert_eq!(read_holder(newer.path()), None);

    let other = tempfile::tempdir().expect("directory");
    fs::write(
        other.path().join("tidegate.db"),
        "not a database, and long enough to tell".repeat(9),
    )
    .expect("write");
    let refused = start(options(&other)).await;
    assert!(matches!(refused, Err(StartError::ForeignDatabase { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_the_stop() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let collector = Collector::start().await;
    let mut stream =
        tokio::net::TcpStream::connect(collector.handle.local_addr()).await.expect("connect");
    let body = r#"{"rows":[{"id":"r","experiment_id":"e"}]}"#;
    let head = format!(
        "POST /logs3 HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("write");
    let mut reply = vec![0; 25];
    // The server asks for the body, so it has begun with the request.
    stream.read_exact(&mut reply).await.expect("100 Continue");
    let Collector { handle, dir, .. } = collector;
    let (stopped, answered) = tokio::join!(handle.shutdown(Duration::from_secs(20)), async {
        stream.write_all(body.as_bytes()).await.expect("write");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.expect("read");
        reply
    });
    stopped.expect("clean");
    assert!(answered.contains(" 200 OK"), "{answered}");
    let collector = Collector::start_in(dir, |options| options).await;
    assert!(collector.row("e", "r").await.is_some());
}
