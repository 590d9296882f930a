//! What keeps the server from starting: one error line, one hint line, exit code 3.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;
use tidegate_testkit::post;

use crate::support::{serve, tidegate};

fn refused(arguments: &[&str]) -> (String, String) {
    let finished = tidegate(arguments);
    assert_eq!(finished.status.code(), Some(3), "{finished:?}");
    assert_eq!(finished.stdout, "");
    let lines: Vec<&str> = finished.stderr.lines().collect();
    let [error, hint] = lines[..] else { panic!("two lines, not {lines:#?}") };
    assert!(error.starts_with("error: ") && hint.starts_with("hint: "), "{lines:#?}");
    (error.to_owned(), hint.to_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_port_in_use() {
    let data = TempDir::new().expect("a directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let (error, hint) = refused(&["serve", "--data-dir", text(data.path()), "--listen", &address]);
    assert_eq!(error, format!("error: address {address} is already in use"));
    assert!(hint.contains("--listen"), "{hint}");
    assert_eq!(fs::read_dir(data.path()).expect("readable").count(), 0, "nothing is left behind");
}

#[test]
fn a_data_directory_that_is_not_writable() {
    let parent = TempDir::new().expect("a directory");
    let file = parent.path().join("file");
    fs::write(&file, "").expect("written");
    // Below a file, and the file itself: neither stops at the permissions of root.
    for data in [file.join("data"), file] {
        let (error, hint) =
            refused(&["serve", "--data-dir", text(&data), "--listen", "127.0.0.1:0"]);
        assert!(error.contains(&format!("{} is not writable", data.display())), "{error}");
        assert!(hint.contains("--data-dir"), "{hint}");
    }
}

#[test]
fn a_database_of_a_newer_version_is_left_untouched() {
    let data = TempDir::new().expect("a directory");
    assert!(serve(data.path(), &[]).terminate().success());
    let path = data.path().join("tidegate.db");
    let database = Connection::open(&path).expect("a database");
    database.execute("INSERT INTO schema_version VALUES (9999, '')", []).expect("inserted");
    database.pragma_update(None, "wal_checkpoint", "TRUNCATE").ok();
    drop(database);
    let before = fs::read(&path).expect("readable");
    let (error, hint) =
        refused(&["serve", "--data-dir", text(data.path()), "--listen", "127.0.0.1:0"]);
    assert!(error.contains("schema version 9999, newer than"), "{error}");
    assert!(hint.contains("upgrade tidegate"), "{hint}");
    assert_eq!(fs::read(&path).expect("readable"), before);
}

#[test]
fn a_directory_that_another_server_has() {
    let data = TempDir::new().expect("a directory");
    let first = serve(data.path(), &[]);
    let (error, hint) =
        refused(&["serve", "--data-dir", text(data.path()), "--listen", "127.0.0.1:0"]);
    assert!(error.contains(&format!("by process {} at {}", first.pid(), first.url())), "{error}");
    assert!(hint.contains(first.url()), "{hint}");
    let alive = post(first.url(), "/api/apikey/login", &[], "").expect("the first goes on");
    assert_eq!(alive.status, 200);
}

#[test]
fn a_log_level_that_is_none() {
    let finished = tidegate(&["--log-level", "server=loud", "serve"]);
    assert_eq!(finished.status.code(), Some(2), "{finished:?}");
    assert!(finished.stderr.contains("hint: write it like"), "{}", finished.stderr);
}
