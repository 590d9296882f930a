//! The life of a dataset, as the clients see it and as it is stored.

use serde_json::{Value, json};
use tidegate_testkit::{get, post};

use crate::clients::{Client, World};
use crate::stored::Stored;

#[test]
fn datasets_change_and_their_earlier_versions_stay() {
    check(Client::NPM);
}

#[test]
fn datasets_of_an_older_package_change_and_their_earlier_versions_stay() {
    check(Client::NPM_3_3);
}

#[test]
fn datasets_of_python_change_and_their_earlier_versions_stay() {
    check(Client::PyPi);
}

fn check(client: Client) {
    let world = World::start();
    let report = world.report(client, "datasets", "taught");
    let before = json!([
        {"id": "a", "input": "one", "expected": 1, "metadata": {"from": "x", "step": 1}, "tags": ["t"]},
        {"id": "b", "input": "two", "expected": 2},
        {"id": "c", "input": "three", "expected": 3},
    ]);
    let after = json!([
        {"id": "a", "input": "one", "expected": "uno", "metadata": {"from": "x", "step": 2}, "tags": ["t"]},
        {"id": "c", "input": "three", "expected": 3},
        {"id": "d", "input": "four", "expected": 4},
    ]);
    assert_eq!(given(&report["before"]), before);
    assert_eq!(given(&report["after"]), after);
    assert_eq!(given(&report["pinned"]), before);
    assert_eq!(report["records"], 3);

    let id = report["id"].as_str().expect("an id");
    let version = report["version"].as_str().expect("a version");
    assert!(version.len() == 19 && version.bytes().all(|byte| byte.is_ascii_digit()), "{version}");
    let stored = Stored::dataset(world.url(), id);
    assert_eq!(stored.len(), 3);
    for row in stored.rows() {
        assert_eq!(row["dataset_id"], id);
        assert!(row["created"].is_string(), "{row:#}");
        let is_old = row["id"] == "c";
        assert_eq!(row["_xact_id"].as_str() <= Some(version), is_old, "{row:#}");
    }

    check_run(&world, "latest", id, ["one", "three", "four"]);
    check_run(&world, "pinned", id, ["one", "two", "three"]);
    assert_eq!(experiment(&world, "pinned")["dataset_version"], version);
}

/// An evaluation over the dataset ran these cases, and each says which row it came from.
fn check_run(world: &World, name: &str, dataset: &str, inputs: [&str; 3]) {
    assert_eq!(experiment(world, name)["dataset_id"], dataset);
    let stored = Stored::experiment(world.url(), "taught", name);
    stored.check_every_row();
    assert_eq!(stored.len(), inputs.len() * 3);
    for input in inputs {
        let [root] = stored.roots(input)[..] else { panic!("one trial of {input}") };
        let origin = &root["origin"];
        assert_eq!(
            (&origin["object_type"], &origin["object_id"]),
            (&json!("dataset"), &json!(dataset))
        );
        assert!(origin["_xact_id"].is_string(), "{origin}");
        let row = match input {
            "one" => "a",
            "two" => "b",
            "three" => "c",
            _ => "d",
        };
        assert_eq!(origin["id"], row);
        assert_eq!(stored.child(root, "known")["scores"], json!({"known": 1}));
    }
}

fn experiment(world: &World, name: &str) -> Value {
    let body = json!({"project_name": "taught", "org_name": "local", "experiment_name": name});
    let found = post(world.url(), "/api/experiment/get", &[], &body.to_string());
    let found = found.expect("an answer").json();
    let id = found[0]["id"].as_str().expect("an experiment of that name");
    get(world.url(), &format!("/v1/experiment/{id}")).json()
}

/// Rows without members that are null: some clients send those for what is left out.
fn given(rows: &Value) -> Value {
    let rows = rows.as_array().expect("rows").iter().map(|row| {
        let members = row.as_object().expect("a row").iter();
        let given = members.filter(|(_, value)| !value.is_null());
        Value::Object(given.map(|(name, value)| (name.clone(), value.clone())).collect())
    });
    rows.collect()
}

#[test]
fn snapshots_name_versions_and_lead_back_to_them() {
    let world = World::start();
    let report = world.report(Client::NPM, "snapshots", "named");
    let first = json!([{"id": "a", "input": "one"}, {"id": "b", "input": "two"}]);
    assert_eq!(report["byName"], first);
    assert_eq!(report["listed"], json!([{"name": "first", "description": "as it began"}]));
    assert_eq!((&report["found"], &report["renamed"]), (&json!(true), &json!("renamed")));
    // Rows a and b come back, and c goes.
    assert_eq!(report["preview"], json!({"rows_to_restore": 2, "rows_to_delete": 1}));
    let restored = &report["restored"];
    assert_eq!((&restored["rows_restored"], &restored["rows_deleted"]), (&json!(2), &json!(1)));
    assert!(restored["xact_id"].is_string(), "{restored}");
    assert_eq!(report["after"], first);
    assert_eq!(report["left"], json!([]));
}
