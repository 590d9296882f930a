//! Traces: deep and concurrent spans, a span continued through its export, and `updateSpan`.

use serde_json::json;

use crate::clients::{Client, World};
use crate::stored::Stored;

#[test]
fn nested_exported_and_updated_spans_become_one_trace() {
    check(Client::NPM);
}

#[test]
fn nested_exported_and_updated_spans_of_an_older_package_become_one_trace() {
    check(Client::NPM_3_3);
}

#[test]
fn nested_exported_and_updated_spans_of_python_become_one_trace() {
    check(Client::PyPi);
}

fn check(client: Client) {
    let world = World::start();
    let finished = world.run(client, "spans", "traces").success();
    assert_eq!((&*finished.stdout, &*finished.stderr), ("", ""));

    let stored = Stored::logs(world.url(), "traces");
    stored.check_every_row();
    // The request, two branches with a leaf each, and the span from elsewhere.
    assert_eq!(stored.len(), 6);
    let [root] = stored.roots("question")[..] else { panic!("one request") };
    assert_eq!(stored.children(root), 3);
    for name in ["left", "right"] {
        let branch = stored.child(root, name);
        assert_eq!(branch["input"], name);
        let leaf = stored.child(branch, "leaf");
        assert_eq!(leaf["output"], format!("{name} leaf"));
        assert_eq!(stored.children(leaf), 0);
    }
    let elsewhere = stored.child(root, "elsewhere");
    assert_eq!(elsewhere["output"], "from another process");

    // What `updateSpan` sent is merged into the row; it changes nothing else.
    assert_eq!(root["output"], "second answer");
    assert_eq!(root["metadata"], json!({"kept": 1, "changed": 2}));
    assert_eq!(root["tags"], json!(["corrected"]));
    assert_eq!(root["span_attributes"]["name"], "request");
}
