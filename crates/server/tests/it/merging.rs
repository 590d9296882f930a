//! The merge rules through HTTP: whatever way rows come, what is stored is what the rules of the
//! model make of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tidegate_model::{Row, merge, row};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::harness::Collector;

/// Rows of one writer, in the order it sends them, by request.
type Requests = Vec<Vec<Row>>;

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i16>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "[a-zä\"\\\\\n]{0,6}".prop_map(Value::from),
        // Long enough to be packed.
        (600..800_usize).prop_map(|count| "lorem ipsum ".repeat(count / 6).into()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        let key = prop::sample::select(vec!["a", "b", "list", "constructor", "tags"]);
        prop_oneof![
            3 => prop::collection::vec((key, inner.clone()), 0..3).prop_map(|members| {
                members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::from),
        ]
    })
}

fn texts(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::collection::vec(prop::sample::select(of), 0..3).prop_map(Value::from)
}

fn member() -> impl Strategy<Value = (&'static str, Value)> {
    let content = prop::sample::select(vec!["input", "output", "expected", "metadata", "scores"]);
    let given = |values: Vec<Value>| prop::sample::select(values);
    prop_oneof![
        6 => (content, value()),
        2 => (Just("tags"), texts(&["x", "y", "z"])),
        2 => (Just("span_parents"), prop_oneof![Just(Value::Null), texts(&["p", "q"])]),
        1 => (Just("_merge_paths"), given(vec![
            json!([["input"]]), json!([["tags"], ["metadata", "a"]]), json!("bad"), json!([[], [1]]),
        ])),
        1 => (Just("_array_delete"), given(vec![
            json!([{"path": ["tags"], "delete": ["x"]}]),
            json!([{"path": ["metadata", "list"], "delete": [1, null]}, 7]),
        ])),
        1 => (Just("created"), given(vec![
            json!("2020-01-02T03:04:05.678Z"), json!("2021-01-02T03:04:05.678901+00:00"),
            json!("yesterday"),
        ])),
        1 => (Just("root_span_id"), given(vec![
            json!("000000000000000000000000000000ab"), json!("t"), json!(3),
        ])),
        1 => (prop::sample::select(vec!["span_id", "_parent_id"]), given(vec![
            Value::Null, json!("s"),
        ])),
        1 => (prop::sample::select(vec!["is_root", "_xact_id", "comment"]), leaf()),
    ]
}

fn change() -> impl Strategy<Value = Row> {
    let kind = prop_oneof![
        5 => Just(vec![("_is_merge", true)]),
        1 => Just(vec![("_is_merge", false)]),
        2 => Just(vec![]),
        1 => Just(vec![("_object_delete", true), ("_is_merge", true)]),
        1 => Just(vec![("_object_delete", true)]),
    ];
    (kind, prop::collection::vec(member(), 0..5)).prop_map(|(kind, members)| {
        let kind = kind.into_iter().map(|(name, flag)| (name, Value::Bool(flag)));
        members.into_iter().chain(kind).map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

/// What one writer does: changes to its two rows in one of two objects, cut into requests.
fn writer() -> impl Strategy<Value = Requests> {
    let change = (0..2_usize, 0..2_usize, change(), prop::bool::weighted(0.4));
    prop::collection::vec(change, 0..12).prop_map(|changes| {
        let mut requests: Requests = vec![Vec::new()];
        for (row, object, mut change, cut) in changes {
            change.insert("id".into(), ["r", "0198c5a2-0000-7000-8000-0000000000a0"][row].into());
            change.insert("object".into(), object.into());
            if cut {
                requests.push(Vec::new());
            }
            let last = requests.len() - 1;
            requests[last].push(change);
        }
        requests
    })
}

/// Gives the rows of a writer ids of its own, and the objects of a case theirs.
fn place(requests: Requests, case: &str, writer: usize) -> Requests {
    let place = |mut row: Row| {
        let id = row["id"].as_str().expect("an id").to_owned();
        let id = match id.len() {
            1 => format!("{id}{writer}"),
            length => format!("{}{writer}", &id[..length - 1]),
        };
        row.insert("id".into(), id.into());
        match row.remove("object") {
            Some(object) if object == 0 => {
                row.insert("experiment_id".into(), case.into());
            }
            _ => {
                row.insert("project_id".into(), case.into());
                row.insert("log_id".into(), "g".into());
            }
        }
        row
    };
    requests.into_iter().map(|rows| rows.into_iter().map(place).collect()).collect()
}

/// Rows by whether they are in the project's logs, and id.
type Stored = BTreeMap<(bool, String), Row>;

/// What the model makes of the rows; of which objects there were any, experiment first.
fn expected(writers: &[Requests]) -> ([bool; 2], Stored) {
    let (mut touched, mut stored) = ([false; 2], BTreeMap::new());
    for change in writers.iter().flatten().flatten() {
        touched[usize::from(change.contains_key("log_id"))] = true;
        let key = (change.contains_key("log_id"), change["id"].as_str().expect("id").to_owned());
        let before = stored.remove(&key);
        if let Some(mut row) = merge::apply(before, change.clone()) {
            for member in ["_xact_id", "is_root"] {
                row.shift_remove(member);
            }
            stored.insert(key, row);
        }
    }
    (touched, stored)
}

/// What the collector has, with the members it adds checked and taken out.
async fn stored(
    collector: &Collector,
    case: &str,
    (touched, expected): &([bool; 2], Stored),
) -> Stored {
    let mut stored = BTreeMap::new();
    let kinds = [(false, "experiment"), (true, "project_logs")];
    for (logs, kind) in kinds.into_iter().filter(|(logs, _)| touched[usize::from(*logs)]) {
        for row in collector.rows_of(kind, case, 3).await {
            let Value::Object(mut row) = row else { panic!("a row: {row}") };
            let key = (logs, row["id"].as_str().expect("id").to_owned());
            assert_eq!(row.shift_remove("_xact_id").expect("set").as_str().map(str::len), Some(19));
            let is_root = row.shift_remove("is_root").expect("set");
            let comment = row.contains_key("comment") && !row.contains_key("span_id");
            assert_eq!(is_root, row::is_root(&row) && !comment, "{row:?}");
            let created = row["created"].clone();
            match expected.get(&key).and_then(|row| row.get("created")).filter(|it| !it.is_null()) {
                Some(given) => assert_eq!(&created, given),
                None => {
                    assert!(created.is_string());
                    row.shift_remove("created");
                }
            }
            stored.insert(key, row);
        }
    }
    stored
}

async fn send(collector: &Arc<Collector>, writers: Vec<Requests>) {
    let mut sending = JoinSet::new();
    for requests in writers {
        let collector = Arc::clone(collector);
        sending.spawn(async move {
            for rows in requests {
                let ids: Vec<Value> = rows.iter().map(|row| row["id"].clone()).collect();
                assert_eq!(collector.log(&json!(rows)).await["ids"], json!(ids));
            }
        });
    }
    sending.join_all().await;
}

#[test]
fn any_interleaving_that_keeps_the_order_of_each_row_stores_what_the_model_says() {
    let runtime = Runtime::new().expect("runtime");
    let mut collector = Arc::new(runtime.block_on(Collector::start()));
    let mut cases = Vec::new();
    let counter = std::cell::RefCell::new((0, &mut cases));
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(48) });
    let property = |mut writers: Vec<Requests>| {
        let (count, cases) = &mut *counter.borrow_mut();
        *count += 1;
        // The same rows three times: as they are cut, each alone, and all of a writer at once.
        for (name, cut) in [("cut", 0), ("alone", 1), ("whole", usize::MAX)] {
            let case = format!("{name}-{count}");
            if cut > 0 {
                for requests in &mut writers {
                    let rows: Vec<Row> = requests.drain(..).flatten().collect();
                    requests.extend(rows.chunks(cut.min(rows.len().max(1))).map(<[Row]>::to_vec));
                }
            }
            let placed: Vec<Requests> = writers
                .iter()
                .enumerate()
                .map(|(writer, requests)| place(requests.clone(), &case, writer))
                .collect();
            let expected = expected(&placed);
            let got = runtime.block_on(async {
                send(&collector, placed).await;
                stored(&collector, &case, &expected).await
            });
            prop_assert_eq!(&got, &without_made_up(&expected.1), "{}", case);
            cases.push((case, expected));
        }
        Ok(())
    };
    let outcome = runner.run(&prop::collection::vec(writer(), 1..4), property);
    outcome.unwrap_or_else(|error| panic!("{error}"));

    // And so it stays.
    assert!(cases.len() >= 3 * 48);
    collector = runtime.block_on(async {
        let collector = Arc::into_inner(collector).expect("nobody else has it");
        let dir = collector.stop().await;
        Arc::new(Collector::start_in(dir, |options| options).await)
    });
    for (case, expected) in cases {
        let got = runtime.block_on(stored(&collector, &case, &expected));
        assert_eq!(got, without_made_up(&expected.1), "{case}");
    }
}

/// A null that the collector replaces with a time is nothing to compare.
fn without_made_up(rows: &Stored) -> Stored {
    let mut rows = rows.clone();
    for row in rows.values_mut() {
        if row.get("created").is_some_and(Value::is_null) {
            row.shift_remove("created");
        }
    }
    rows
}
