use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn row(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        other => panic!("a row is an object, not {other}"),
    }
}

fn merged(stored: Value, delta: Value) -> Value {
    Value::Object(apply(Some(row(stored)), row(delta)).expect("not deleted"))
}

#[test]
fn objects_recurse_and_everything_else_replaces() {
    let got = merged(
        json!({"output": {"a": 1, "list": [1, 2], "n": null}}),
        json!({"output": {"b": 2, "list": [3], "n": {"x": 1}}, "_is_merge": true}),
    );
    assert_eq!(got, json!({"output": {"a": 1, "list": [3], "n": {"x": 1}, "b": 2}}));
}

#[test]
fn null_in_a_delta_replaces() {
    assert_eq!(
        merged(json!({"error": "boom"}), json!({"error": null, "_is_merge": true})),
        json!({"error": null})
    );
}

#[test]
fn top_level_tags_unite_and_nested_ones_replace() {
    let got = merged(
        json!({"tags": ["b", "a"], "metadata": {"tags": ["x"]}}),
        json!({"tags": ["a", "c"], "metadata": {"tags": ["y"]}, "_is_merge": true}),
    );
    assert_eq!(got, json!({"tags": ["b", "a", "c"], "metadata": {"tags": ["y"]}}));
}

#[test]
fn merge_paths_replace_whole_and_switch_the_tags_union_off() {
    let got = merged(
        json!({"tags": ["a"], "metadata": {"m": {"old": 1}, "k": {"old": 1}}}),
        json!({
            "tags": ["b"], "metadata": {"m": {"new": 1}, "k": {"new": 1}},
            "_is_merge": true, "_merge_paths": [["tags"], ["metadata", "m"], ["absent"], "bad", [1]],
        }),
    );
    assert_eq!(
        got,
        json!({"tags": ["b"], "metadata": {"m": {"new": 1}, "k": {"old": 1, "new": 1}}})
    );
}

#[test]
fn identity_members_stay_as_first_stored() {
    let got = merged(
        json!({"id": "r", "span_id": "s", "root_span_id": "t", "created": "early"}),
        json!({"id": "r", "span_id": "x", "root_span_id": "y", "created": "late",
               "_parent_id": "p", "_is_merge": true}),
    );
    assert_eq!(got, json!({"id": "r", "span_id": "s", "root_span_id": "t", "created": "early"}));
}

#[test]
fn parents_change_only_to_a_list() {
    let stored = json!({"span_parents": ["a"]});
    assert_eq!(
        merged(stored.clone(), json!({"span_parents": null, "_is_merge": true})),
        json!({"span_parents": ["a"]})
    );
    assert_eq!(
        merged(stored, json!({"span_parents": ["b"], "_is_merge": true})),
        json!({"span_parents": ["b"]})
    );
}

#[test]
fn deletion_and_revival() {
    let deleted = apply(Some(row(json!({"id": "r"}))), row(json!({"_object_delete": true})));
    assert_eq!(deleted, None);
    let revived = apply(None, row(json!({"id": "r", "input": 1, "_is_merge": true})));
    assert_eq!(revived, Some(row(json!({"id": "r", "input": 1}))));
}

#[test]
fn array_delete_removes_values_after_the_merge() {
    let got = merged(
        json!({"tags": ["a", "b"], "metadata": {"list": [1, 2, 3]}}),
        json!({
            "tags": ["c"], "_is_merge": true,
            "_array_delete": [
                {"path": ["tags"], "delete": ["a"]},
                {"path": ["metadata", "list"], "delete": [1, 3]},
                {"path": ["metadata", "absent"], "delete": [1]},
                {"path": "malformed"},
            ],
        }),
    );
    assert_eq!(got, json!({"tags": ["b", "c"], "metadata": {"list": [2]}}));
}

#[test]
fn create_and_later_deltas_coalesce_into_one_plain_row() {
    let created = row(json!({"id": "r", "created": "t", "metrics": {"start": 1.0}}));
    let ended = row(json!({"id": "r", "metrics": {"end": 2.0}, "_is_merge": true}));
    assert_eq!(
        coalesce(created, ended).expect("coalesces"),
        row(json!({"id": "r", "created": "t", "metrics": {"start": 1.0, "end": 2.0}}))
    );
}

/// The case that the published clients get wrong: without the learned path the server would
/// recurse into its older object and keep `old`.
#[test]
fn an_object_after_a_scalar_still_replaces_on_the_server() {
    let first = row(json!({"output": 5, "_is_merge": true}));
    let second = row(json!({"output": {"new": 1}, "_is_merge": true}));
    let both = coalesce(first, second).expect("coalesces");
    assert_eq!(both["_merge_paths"], json!([["output"]]));
    let stored = apply(Some(row(json!({"output": {"old": 1}}))), both);
    assert_eq!(stored, Some(row(json!({"output": {"new": 1}}))));
}

#[test]
fn two_deltas_with_array_delete_are_handed_back() {
    let first = row(json!({"tags": ["a"], "_is_merge": true}));
    let second = row(json!({
        "_is_merge": true, "_array_delete": [{"path": ["tags"], "delete": ["a"]}]
    }));
    let (a, b) = *coalesce(first.clone(), second.clone()).expect_err("cannot be one row");
    assert_eq!((a, b), (first, second));
}

/// Values over few keys, so that collisions and type changes are frequent.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        (0..3i32).prop_map(Value::from),
        "[xy]".prop_map(Value::from),
        proptest::collection::vec("[xy]", 0..3).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        proptest::collection::vec((keys(), inner), 0..3)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}

fn keys() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just("a"), 3 => Just("b"), 1 => Just("constructor")].prop_map(str::to_owned)
}

fn rows() -> impl Strategy<Value = Row> {
    let members = proptest::collection::vec(
        (
            prop_oneof![
                4 => Just("output"), 2 => Just("metadata"), 3 => Just("tags"),
                1 => Just("created"), 1 => Just("span_id"), 1 => Just("span_parents"),
            ],
            values(),
        ),
        0..4,
    );
    let tags = proptest::option::weighted(0.5, proptest::collection::vec("[pqr]", 0..3));
    let paths = proptest::collection::vec(
        prop_oneof![
            Just(json!(["output"])),
            Just(json!(["output", "a"])),
            Just(json!(["output", "a", "b"])),
            Just(json!(["metadata", "b"])),
            Just(json!(["tags"])),
        ],
        0..3,
    );
    let kind = prop_oneof![10 => Just("merge"), 2 => Just("replace"), 1 => Just("delete")];
    let array_delete = proptest::bool::weighted(0.15);
    (members, tags, paths, kind, array_delete).prop_map(
        |(members, tags, paths, kind, array_delete)| {
            let mut row = Row::new();
            row.insert("id".into(), "r".into());
            for (name, value) in members {
                row.insert(name.into(), value);
            }
            if let Some(tags) = tags {
                row.insert("tags".into(), tags.into());
            }
            match kind {
                "merge" => {
                    row.insert("_is_merge".into(), true.into());
                    if !paths.is_empty() {
                        row.insert("_merge_paths".into(), paths.into());
                    }
                    if array_delete {
                        row.insert(
                            "_array_delete".into(),
                            json!([{"path": ["tags"], "delete": ["p"]},
                                   {"path": ["output", "a"], "delete": ["x"]}]),
                        );
                    }
                }
                "delete" => {
                    row.insert("_object_delete".into(), true.into());
                }
                _ => {}
            }
            row
        },
    )
}

/// Coalesces a run of rows the way a client's queue does.
fn coalesce_run(run: &[Row]) -> Vec<Row> {
    let mut out: Vec<Row> = Vec::new();
    for next in run {
        match out.pop() {
            None => out.push(next.clone()),
            Some(last) => match coalesce(last, next.clone()) {
                Ok(row) => out.push(row),
                Err(pair) => out.extend([pair.0, pair.1]),
            },
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_split_into_requests_stores_the_same_row(
        stored in proptest::option::of(rows()),
        sequence in proptest::collection::vec(rows(), 1..7),
        cuts in proptest::collection::vec(any::<bool>(), 6),
    ) {
        let stored = stored.and_then(|row| apply(None, row));
        let one_by_one = sequence.iter().cloned().fold(stored.clone(), apply);

        let mut split = stored;
        let mut run = Vec::new();
        for (i, row) in sequence.iter().enumerate() {
            run.push(row.clone());
            if i + 1 == sequence.len() || cuts[i] {
                split = coalesce_run(&run).into_iter().fold(split, apply);
                run.clear();
            }
        }
        prop_assert_eq!(one_by_one, split);
    }

    #[test]
    fn a_repeated_request_changes_nothing(
        stored in proptest::option::of(rows()),
        mut incoming in rows(),
    ) {
        // `_array_delete` is the one member whose repeat is not harmless together with a merge
        // of the same array; no SDK logger sends it.
        incoming.shift_remove("_array_delete");
        let once = apply(stored.and_then(|row| apply(None, row)), incoming.clone());
        let twice = apply(once.clone(), incoming);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn stored_rows_carry_no_control_members(stored in proptest::option::of(rows()), incoming in rows()) {
        if let Some(row) = apply(stored.and_then(|row| apply(None, row)), incoming) {
            for member in CONTROL_MEMBERS {
                prop_assert!(!row.contains_key(member));
            }
        }
    }
}
