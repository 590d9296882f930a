//! `tidegate backup` and `tidegate doctor`, beside a running server and without one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
use tidegate_testkit::{Finished, post};

use crate::load::{Content, Load, Writer, contents};
use crate::support::{body, experiment, integrity, serve, stored_rows, tidegate};

fn backup(from: &Path, to: &Path, extra: &[&str]) -> Finished {
    let paths = [from, to].map(|path| path.to_str().expect("Unicode"));
    tidegate(&[&["backup", "--data-dir", paths[0], paths[1]], extra].concat())
}

fn doctor(data_dir: &Path, extra: &[&str]) -> (Finished, Value) {
    let data_dir = data_dir.to_str().expect("Unicode");
    let finished = tidegate(&[&["doctor", "--json", "--data-dir", data_dir][..], extra].concat());
    let found = serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", finished.stdout, finished.stderr));
    (finished, found)
}

/// Verdict, finding and next step of a check.
fn check<'a>(found: &'a Value, name: &str) -> (&'a str, &'a str, &'a str) {
    let checks = found["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["name"] == name);
    let check = check.unwrap_or_else(|| panic!("no check {name} in {found:#}"));
    let text = |member| check[member].as_str().unwrap_or_default();
    (text("verdict"), text("found"), text("next_step"))
}

#[test]
fn a_backup_under_load_is_the_state_of_one_moment_and_can_be_served() {
    let data = TempDir::new().expect("a directory");
    let backups = TempDir::new().expect("a directory");
    let server = serve(data.path(), &[]);
    let object = experiment(server.url());
    // Acknowledged before the backup begins, so all of it must be there.
    let before = (0..40).map(|n| format!("before-{n}"));
    let reply = post(server.url(), "/logs3", &[], &body(&object, before));
    assert_eq!(reply.expect("an answer").status, 200);
    let load = Load::start(server.url(), (0..3).map(|n| Writer::new(&object, n, n)).collect());
    let to = backups.path().join("one");
    let made = backup(data.path(), &to, &["--json"]).success();
    let writers = load.finish();
    let report: Value = serde_json::from_str(&made.stdout).expect("JSON");
    let size = fs::metadata(to.join("tidegate.db")).expect("a database").len();
    assert_eq!(report["copied"]["database_bytes"], size);
    assert_eq!(report["copied"]["missing_blobs"], 0);
    // Nothing but what belongs there, and for its owner alone.
    let names = |path: &Path| {
        let entries = fs::read_dir(path).expect("readable").map(|entry| entry.expect("an entry"));
        entries.map(|entry| entry.file_name().into_string().expect("Unicode")).collect::<Vec<_>>()
    };
    assert_eq!(names(&to), ["tidegate.db"]);
    assert_eq!(names(backups.path()), ["one"]);
    for (path, mode) in [(to.clone(), 0o700), (to.join("tidegate.db"), 0o600)] {
        let found = fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        assert_eq!(found, mode, "{}", path.display());
    }
    assert_eq!(integrity(&to), "ok");
    drop(server);

    let copy = serve(&to, &[]);
    let copied = contents(copy.url(), &object);
    assert_eq!(copied.keys().filter(|id| id.starts_with("before-")).count(), 40);
    // The rows of one request are all there or none; each request has ten new ones.
    let now: Content = writers.iter().flat_map(|writer| writer.content().clone()).collect();
    let mut requests = std::collections::BTreeMap::new();
    for id in copied.keys().filter(|id| !id.contains("before") && !id.contains("shared")) {
        assert!(now.contains_key(id) || writers.iter().any(|w| w.under_way.is_some()), "{id}");
        *requests.entry(id.rsplit_once('-').expect("a number").0).or_insert(0) += 1;
    }
    assert!(requests.values().all(|rows| *rows == 10), "a torn request: {requests:?}");
    assert!(post(copy.url(), "/logs3", &[], &body(&object, ["new".to_owned()])).is_ok());
}

#[test]
fn a_backup_replaces_nothing_and_needs_a_database() {
    let data = TempDir::new().expect("a directory");
    let backups = TempDir::new().expect("a directory");
    assert_eq!(backup(data.path(), &backups.path().join("one"), &[]).status.code(), Some(3));
    let server = serve(data.path(), &[]);
    let object = experiment(server.url());
    let reply = post(server.url(), "/logs3", &[], &body(&object, (0..7).map(|n| n.to_string())));
    assert_eq!(reply.expect("an answer").status, 200);
    // As after a crash: the rows lie in the log that nobody has taken over.
    server.kill();
    let to = backups.path().join("one");
    let made = backup(data.path(), &to, &[]).success();
    assert!(made.stdout.contains("checked and synced"), "{}", made.stdout);
    assert_eq!(stored_rows(&to), 7);
    let again = backup(data.path(), &to, &[]);
    assert_eq!(again.status.code(), Some(2), "{}", again.stderr);
    assert!(again.stderr.contains("exists already"), "{}", again.stderr);
    let nowhere = backup(data.path(), &backups.path().join("no/such/parent"), &[]);
    assert_eq!(nowhere.status.code(), Some(3), "{}", nowhere.stderr);
    assert_eq!(fs::read_dir(backups.path()).expect("readable").count(), 1, "nothing half-made");
}

#[test]
fn a_damaged_database_gets_no_backup_and_fails_the_doctor() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &[]);
    let object = experiment(server.url());
    let ids = (0..2_000).map(|n| format!("row-{n}"));
    assert_eq!(
        post(server.url(), "/logs3", &[], &body(&object, ids)).expect("a reply").status,
        200
    );
    assert!(server.terminate().success());
    let path = data.path().join("tidegate.db");
    let mut bytes = fs::read(&path).expect("readable");
    let middle = bytes.len() / 2 / 4_096 * 4_096;
    bytes[middle..middle + 40_960].fill(0x5A);
    fs::write(&path, bytes).expect("writable");

    let (finished, found) = doctor(data.path(), &["--full"]);
    assert_eq!(finished.status.code(), Some(1), "{found:#}");
    assert_eq!(found["verdict"], "fail");
    let (verdict, _, next_step) = check(&found, "integrity");
    assert_eq!(verdict, "fail");
    assert!(next_step.contains("backup"), "{next_step}");
    let to = data.path().join("copy");
    let refused = backup(data.path(), &to, &[]);
    assert_eq!(refused.status.code(), Some(3), "{}", refused.stderr);
    assert!(!to.exists());
}

#[test]
fn the_doctor_finds_a_healthy_server_healthy_and_changes_nothing() {
    let data = TempDir::new().expect("a directory");
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o700)).expect("own");
    let server = serve(data.path(), &[]);
    let object = experiment(server.url());
    let reply = post(server.url(), "/logs3", &[], &body(&object, (0..7).map(|n| n.to_string())));
    assert_eq!(reply.expect("an answer").status, 200);
    for extra in [&[][..], &["--full"]] {
        let (finished, found) = doctor(data.path(), extra);
        assert_eq!(finished.status.code(), Some(0), "{found:#}");
        for name in
            ["directory", "database", "integrity", "log", "objects", "blobs", "keys", "clock"]
        {
            assert_eq!(check(&found, name).0, "ok", "{name}: {found:#}");
        }
        assert_eq!(check(&found, "server"), ("ok", "ready", ""));
        assert!(check(&found, "holder").1.contains(server.url()), "{found:#}");
    }
    assert!(server.terminate().success());
    let before = fs::read(data.path().join("tidegate.db")).expect("readable");
    let (finished, found) = doctor(data.path(), &[]);
    assert_eq!(finished.status.code(), Some(0));
    assert_eq!(check(&found, "holder"), ("ok", "nobody", ""));
    assert!(fs::read(data.path().join("tidegate.db")).expect("readable") == before);
}

#[test]
fn the_doctor_names_what_is_odd_with_a_next_step() {
    let missing = TempDir::new().expect("a directory");
    let (finished, found) = doctor(&missing.path().join("nothing"), &[]);
    assert_eq!(finished.status.code(), Some(1));
    assert!(check(&found, "directory").2.contains("--data-dir"), "{found:#}");
    let (finished, found) = doctor(missing.path(), &[]);
    assert_eq!(finished.status.code(), Some(1));
    assert!(check(&found, "database").1.contains("none"), "{found:#}");

    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &[]);
    let reply = post(server.url(), "/logs3", &[], &body("never-registered", ["r".to_owned()]));
    assert_eq!(reply.expect("an answer").status, 200);
    server.kill();
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).expect("own");
    let database = Connection::open(data.path().join("tidegate.db")).expect("a database");
    database
        .execute("UPDATE store SET last_xact = last_xact + (1000 << 16)", [])
        .expect("a later time");
    drop(database);
    let (finished, found) = doctor(data.path(), &[]);
    assert_eq!(finished.status.code(), Some(0), "warnings are no failure: {found:#}");
    assert_eq!(found["verdict"], "warn");
    assert!(check(&found, "directory").2.contains("chmod"), "{found:#}");
    assert!(check(&found, "objects").1.starts_with("1 objects"), "{found:#}");
    assert!(check(&found, "clock").1.contains("in the future"), "{found:#}");
    assert!(check(&found, "holder").1.contains("without a clean stop"), "{found:#}");

    let newer = Connection::open(data.path().join("tidegate.db")).expect("a database");
    newer.execute("INSERT INTO schema_version VALUES (999, '')", []).expect("a version");
    drop(newer);
    let (finished, found) = doctor(data.path(), &[]);
    assert_eq!(finished.status.code(), Some(1));
    assert_eq!(check(&found, "database").2, "upgrade tidegate");
    assert_eq!(backup(data.path(), &missing.path().join("to"), &[]).status.code(), Some(3));
    let text = tidegate(&["doctor", "--data-dir", data.path().to_str().expect("Unicode")]);
    assert!(text.stdout.contains("fail  database"), "{}", text.stdout);
    assert!(text.stdout.contains("next: upgrade tidegate"), "{}", text.stdout);
}

#[test]
fn a_server_that_hangs_fails_the_doctor() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &[]);
    let signal = |name: &str| {
        let pid = server.pid().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill").success());
    };
    signal("-STOP");
    let (finished, found) = doctor(data.path(), &[]);
    signal("-CONT");
    assert_eq!(finished.status.code(), Some(1));
    let (verdict, text, next_step) = check(&found, "server");
    assert_eq!(verdict, "fail", "{text}");
    assert!(next_step.contains("log"), "{next_step}");
}
