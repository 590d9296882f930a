//! An experiment's cases as the data of the next run.

use serde_json::{Value, json};

use crate::clients::{Client, World};

/// The four cases that the program of the flow `comparison` logs in its experiment `base`.
fn cases(world: &World, writer: Client, reader: Client) -> Vec<Value> {
    let _report = world.report(writer, "comparison", "reused");
    let Value::Array(cases) = world.report(reader, "as_dataset", "reused base") else {
        panic!("no list")
    };
    cases
}

fn check(cases: &[Value]) {
    let shown: Vec<Value> =
        cases.iter().map(|case| json!([case["input"], case["expected"]])).collect();
    // The output of a case becomes what is expected of the next run.
    assert_eq!(shown, [json!(["a", 1]), json!(["b", 0]), json!(["c", 0]), json!(["d", 1])]);
}

#[test]
fn cases_of_an_experiment_are_data() {
    check(&cases(&World::start(), Client::NPM, Client::NPM));
    check(&cases(&World::start(), Client::PyPi, Client::NPM));
}

#[test]
fn cases_with_uuids_are_data_for_older_packages_too() {
    check(&cases(&World::start(), Client::NPM_3_3, Client::NPM_3_3));
    check(&cases(&World::start(), Client::NPM_3_3, Client::NPM));
    check(&cases(&World::start(), Client::NPM_3_3, Client::PyPi));
}

/// These readers call a span a root if its two ids are equal, and do not look at `is_root`. They
/// are equal only for UUIDs, which newer packages no longer give: of an experiment of its own, the
/// Python package finds no case. Only false ids would help, and they would break links and traces.
#[test]
fn readers_that_compare_ids_find_no_case_of_newer_writers() {
    assert_eq!(cases(&World::start(), Client::PyPi, Client::PyPi), Vec::<Value>::new());
    assert_eq!(cases(&World::start(), Client::NPM, Client::PyPi), Vec::<Value>::new());
    assert_eq!(cases(&World::start(), Client::NPM, Client::NPM_3_3), Vec::<Value>::new());
}
