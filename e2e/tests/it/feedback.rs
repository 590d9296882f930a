//! Feedback: scores, tags and an expected answer join the row, a comment is a row of its own.

use serde_json::json;

use crate::clients::{Client, World};
use crate::stored::Stored;

#[test]
fn feedback_joins_the_row_and_a_comment_stands_beside_it() {
    check(Client::NPM);
}

#[test]
fn feedback_of_an_older_package_joins_the_row_and_a_comment_stands_beside_it() {
    check(Client::NPM_3_3);
}

#[test]
fn feedback_of_python_joins_the_row_and_a_comment_stands_beside_it() {
    check(Client::PyPi);
}

fn check(client: Client) {
    let world = World::start();
    let ids = world.report(client, "feedback", "judged");
    let logged = Stored::logs(world.url(), "judged");
    check_feedback(&logged, ids["logged"].as_str().expect("an id"));
    let experiment = Stored::experiment(world.url(), "judged", "reviewed");
    check_feedback(&experiment, ids["experiment"].as_str().expect("an id"));
}

fn check_feedback(stored: &Stored, id: &str) {
    assert_eq!(stored.len(), 2, "the row and the comment: {:#?}", stored.rows());
    let row = stored.row(id);
    assert_eq!((&row["input"], &row["output"]), (&json!("question"), &json!("answer")));
    assert_eq!(row["scores"], json!({"automatic": 1, "helpful": 0.25}));
    assert_eq!(row["expected"], "a better answer");
    assert_eq!(row["tags"], json!(["reviewed"]));
    assert_eq!(row["is_root"], true);
    // Who said it does not become metadata of the answer.
    assert_eq!(
        (&row["_audit_source"], &row["_audit_metadata"]["user"]),
        (&json!("app"), &json!("u1"))
    );
    assert!(row.get("metadata").is_none_or(|metadata| metadata.get("user").is_none()));

    let comment = stored.rows().iter().find(|row| row["id"] != id).expect("checked above");
    assert_eq!(comment["comment"], json!({"text": "too short"}));
    assert_eq!(comment["origin"]["id"], id);
    // A reader that counts roots must not take it for a case.
    assert_eq!(comment["is_root"], false);
}
