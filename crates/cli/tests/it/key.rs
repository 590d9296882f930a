//! `tidegate key`, beside a running server and without one.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_testkit::post;

use crate::support::{serve, tidegate};

fn key(data: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["key"];
    all.extend(arguments);
    all.extend(["--json", "--data-dir", data.to_str().expect("UTF-8")]);
    let stdout = tidegate(&all).success().stdout;
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}"))
}

/// Status and code of a registration.
fn register(url: &str, key: &str, project: &str) -> (u16, Value) {
    let body = json!({ "project_name": project }).to_string();
    let header = format!("authorization: Bearer {key}");
    let reply = post(url, "/api/project/register", &[&header], &body).expect("an answer");
    (reply.status, reply.json()["code"].clone())
}

#[test]
fn beside_a_running_server_keys_work_and_cease_at_once() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &["--require-key"]);
    let all = key(data.path(), &["create"]);
    let members: Vec<_> = all.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(members, ["key", "id"]);
    let mine = key(data.path(), &["create", "--name", "ci", "--project", "mine"]);
    let reader = key(data.path(), &["create", "--project", "mine", "--read-only"]);
    let register = |key: &Value, project| register(server.url(), text(&key["key"]), project);
    assert_eq!(register(&all, "other"), (200, Value::Null));
    assert_eq!(register(&mine, "mine"), (200, Value::Null));
    assert_eq!(register(&mine, "other"), (403, json!("key_other_project")));
    assert_eq!(register(&reader, "mine"), (403, json!("key_read_only")));

    let revoked = key(data.path(), &["revoke", text(&mine["id"])]);
    assert_eq!((&revoked["id"], &revoked["name"]), (&mine["id"], &json!("ci")));
    assert_eq!(register(&mine, "mine"), (401, json!("key_revoked")));

    let listed = key(data.path(), &["list"]);
    let listed = listed["keys"].as_array().expect("a list");
    let of = |made: &Value| {
        let found = listed.iter().find(|key| key["id"] == made["id"]);
        found.unwrap_or_else(|| panic!("{made} in {listed:?}")).clone()
    };
    assert_eq!(listed.len(), 4, "with the first one");
    assert_eq!((&of(&reader)["scope"], &of(&reader)["project"]), (&json!("read"), &json!("mine")));
    assert!(of(&mine)["revoked"].is_string() && of(&all)["revoked"].is_null());
    assert!(of(&all)["last_used"].is_string(), "{listed:?}");
    assert!(!listed.iter().any(|key| key.to_string().contains("tg-")), "{listed:?}");
}

#[test]
fn without_a_server_keys_wait_for_the_next_one() {
    let data = TempDir::new().expect("a directory");
    let made = key(data.path(), &["create", "--name", "first of all"]);
    let gone = key(data.path(), &["create"]);
    key(data.path(), &["revoke", text(&gone["id"])]);
    let server = serve(data.path(), &["--require-key"]);
    assert!(!server.first_lines.iter().any(|line| line.contains("first key")));
    assert_eq!(register(server.url(), text(&made["key"]), "p"), (200, Value::Null));
    let revoked = register(server.url(), text(&gone["key"]), "p");
    assert_eq!(revoked, (401, json!("key_revoked")));
}

#[test]
fn plain_output_puts_the_key_alone_on_stdout() {
    let data = TempDir::new().expect("a directory");
    let directory = data.path().to_str().expect("UTF-8");
    let made = tidegate(&["key", "create", "--project", "new", "--data-dir", directory]).success();
    let secret = made.stdout.trim_end();
    assert!(secret.starts_with("tg-") && secret.len() == 67, "{secret}");
    assert!(made.stderr.contains("\"new\" did not exist and was made"), "{}", made.stderr);
    let list = tidegate(&["key", "list", "--data-dir", directory]).success().stdout;
    for part in ["read, write", "new", "never", "valid"] {
        assert!(list.contains(part), "{part} is missing in\n{list}");
    }
    assert!(!list.contains(secret));
    let id = list.lines().nth(1).and_then(|line| line.split_whitespace().next()).expect("an id");
    let said = tidegate(&["key", "revoke", id, "--data-dir", directory]).success().stdout;
    assert_eq!(said.trim_end(), format!("revoked key {id}"));
    let list = tidegate(&["key", "list", "--data-dir", directory]).success().stdout;
    assert!(list.contains("revoked 20"), "{list}");
}

#[test]
fn what_makes_no_sense_is_refused_with_a_hint() {
    let data = TempDir::new().expect("a directory");
    let directory = data.path().to_str().expect("UTF-8");
    let refused = |arguments: &[&str]| {
        let mut all = vec!["key"];
        all.extend(arguments);
        all.extend(["--data-dir", directory]);
        let done = tidegate(&all);
        assert_eq!((done.status.code(), done.stdout.as_str()), (Some(3), ""), "{}", done.stderr);
        assert!(done.stderr.contains("hint: "), "{}", done.stderr);
        done.stderr
    };
    assert!(refused(&["list"]).contains("holds no data of a collector"));
    assert!(refused(&["revoke", "x"]).contains("holds no data of a collector"));
    assert!(!data.path().join("tidegate.db").exists(), "asking makes nothing");
    key(data.path(), &["create"]);
    assert!(refused(&["revoke", "x"]).contains("no key has the id \"x\""));
    assert!(refused(&["create", "--name", "a\nb"]).contains("control characters"));
    let server = serve(data.path(), &[]);
    assert!(refused(&["revoke", "x"]).contains("no key has the id \"x\""));
    assert_eq!(key(data.path(), &["list"])["keys"].as_array().map(Vec::len), Some(1));
    drop(server);
}
