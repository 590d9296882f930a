//! What the index of any store must do, and histories to try it with.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_analysis::comparison::{Trial, compare};
use tidegate_model::{Destination, RowId};

use super::with_hashed_key;
use crate::store::{
    CaseFilter, CaseQuery, CaseSort, Change, Document, HistogramBy, HistogramQuery, Order,
    RowWrite, SearchQuery, SearchScope, Store, TraceQuery,
};

pub(crate) fn experiment(id: &str) -> Destination {
    Destination::Experiment(id.into())
}

pub(crate) fn write(object: &str, id: &str, change: Value) -> RowWrite {
    let destination = experiment(object);
    let change = match change {
        Value::Null => Change::Delete,
        Value::Object(mut row) => match row.remove("_is_merge") {
            Some(_) => {
                row.insert("_is_merge".into(), true.into());
                Change::Merge(row)
            }
            None => Change::Replace(Document::of(row)),
        },
        other => panic!("no row: {other}"),
    };
    RowWrite { destination, id: RowId::from(id), change }
}

pub(crate) async fn put(store: &dyn Store, rows: Vec<RowWrite>) {
    store.write(rows, 1_000).await.expect("written");
}

/// A trial in a form that sorts.
pub(crate) fn sorted(trials: &[Trial]) -> Vec<String> {
    let mut texts: Vec<_> = trials.iter().map(|trial| format!("{trial:?}")).collect();
    texts.sort();
    texts
}

/// What the index says must be what the rows say.
pub(crate) async fn check(store: &dyn Store, object: &str) {
    let indexed = store.case_trials(experiment(object)).await.expect("index");
    let direct = store.trials(experiment(object)).await.expect("rows");
    let hashed: Vec<_> = direct.iter().cloned().map(with_hashed_key).collect();
    assert_eq!(compare(&indexed, None), compare(&direct, None));
    assert_eq!(sorted(&indexed), sorted(&hashed));
    check_minutes(store, object).await;
}

/// Cases that are counted by the minute must be those that are read one by one.
pub(crate) async fn check_minutes(store: &dyn Store, object: &str) {
    const NINE: i64 = 1_795_597_200_000_000;
    let bounds = [(0, 600), (10, 150), (30, 90), (31, 149), (60, 120)];
    for (from, to) in bounds.map(|(from, to)| (NINE + from * 1_000_000, NINE + to * 1_000_000)) {
        let count = async |failed| {
            let query = HistogramQuery {
                by: HistogramBy::Created { from_us: Some(from), to_us: Some(to) },
                buckets: 3,
                filter: CaseFilter { failed, ..CaseFilter::default() },
            };
            store.histogram(experiment(object), query).await.expect("a histogram").value
        };
        let (all, failed, others) =
            (count(None).await, count(Some(true)).await, count(Some(false)).await);
        assert_eq!((all.cases, all.errors), (failed.cases + others.cases, failed.errors));
        for (at, bucket) in all.buckets.iter().enumerate() {
            let by_one = failed.buckets.get(at).map_or(0, |bucket| bucket.cases);
            let rest = others.buckets.get(at).map_or(0, |bucket| bucket.cases);
            assert_eq!((bucket.cases, bucket.errors), (by_one + rest, by_one), "{at}");
        }
    }
}

pub(crate) fn one_case(object: &str, case: usize, score: f64) -> Vec<RowWrite> {
    let trace = format!("{:032x}", case + 1);
    let root = format!("root-{case}");
    vec![
        write(
            object,
            &root,
            json!({"id": root, "span_id": "r", "root_span_id": trace, "input": {"case": case},
                "output": format!("answer {case}"), "created": "2026-11-25T09:00:00Z",
                "metrics": {"start": 1.0, "end": 2.5}}),
        ),
        write(
            object,
            &format!("score-{case}"),
            json!({"id": format!("score-{case}"), "span_id": "s", "root_span_id": trace,
                "span_parents": ["r"], "span_attributes": {"type": "score"},
                "scores": {"exact": score}}),
        ),
    ]
}

pub(crate) fn cases_query() -> CaseQuery {
    CaseQuery {
        sort: CaseSort::Created,
        order: Order::Ascending,
        filter: CaseFilter::default(),
        limit: 10_000,
        after: None,
    }
}

pub(crate) async fn count(store: &dyn Store, object: &str) -> usize {
    let listed = store.cases(experiment(object), cases_query()).await.expect("cases");
    assert!(listed.exact);
    listed.value.items.len()
}

/// One change of a random history: traces with several roots, rows that move between traces, that
/// name none, that name a row's id, comments, merges and deletions.
pub(crate) fn change() -> impl Strategy<Value = (String, Value)> {
    let trace = prop_oneof![
        Just(Value::Null),
        (1_u8..4).prop_map(|n| json!(format!("{n:032x}"))),
        (0_u8..8).prop_map(|n| json!(format!("row{n}"))),
    ];
    let number = prop_oneof![0.0..1.0_f64, Just(0.0), Just(0.1 + 0.2)];
    let kind = prop_oneof![Just("eval"), Just("task"), Just("score"), Just("llm")];
    let row = (trace, number, kind, any::<[bool; 6]>(), 0_u8..3);
    (0_u8..8, prop::option::weighted(0.85, row)).prop_map(|(id, row)| {
        let id = format!("row{id}");
        let Some((trace, number, kind, [root, comment, merge, failed, scored, end], input)) = row
        else {
            return (id, Value::Null);
        };
        let mut value = json!({"id": id, "root_span_id": trace, "input": {"n": input},
            "created": format!("2026-11-25T09:0{input}:30Z"),
            "metadata": {"m": input % 2}, "tags": [input, "t"],
            "span_attributes": {"type": kind}, "metrics": {"start": 1.0, "tokens": number}});
        if !root {
            value["span_parents"] = json!(["parent"]);
        }
        if comment && failed {
            value["comment"] = json!({"text": "hm"});
        } else {
            value["span_id"] = json!(id);
        }
        if failed {
            value["error"] = json!("boom");
        }
        if scored {
            value["scores"] = json!({"exact": number, "null": null});
        }
        if end {
            value["metrics"]["end"] = json!(1.0 + number);
        }
        if merge {
            value["_is_merge"] = json!(true);
        }
        (id, value)
    })
}

/// Whoever has written reads what was written, whatever others do meanwhile.
pub(crate) async fn reads_straight_after_a_write(store: Arc<dyn Store>) {
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let own = format!("e{writer}");
            for turn in 0..20_usize {
                let mut rows = one_case(&own, turn, turn as f64 / 20.0);
                // All write into one object as well, so that there is always a backlog.
                for case in 0..20 {
                    rows.extend(one_case("shared", writer * 10_000 + turn * 20 + case, 1.0));
                }
                put(&*store, rows).await;
                assert_eq!(count(&*store, &own).await, turn + 1);
                let trials = store.case_trials(experiment(&own)).await.expect("trials");
                let mean = compare(&trials, None).scores["exact"].score;
                assert!((mean - turn as f64 / 40.0).abs() < 1e-12, "{turn}: {mean}");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a writer");
    }
    check(&*store, "shared").await;
    assert_eq!(count(&*store, "shared").await, 1_600);
}

/// A search finds words where they are now.
pub(crate) async fn words_follow_rows(store: &dyn Store) {
    let found = async |words: &str, scope: SearchScope| {
        let query = SearchQuery { scope, words: words.into(), limit: 100, before: None };
        let listed = store.search(query).await.expect("hits");
        assert!(listed.exact);
        listed.value.hits.into_iter().map(|hit| hit.id).collect::<Vec<_>>()
    };
    let e = || SearchScope::Object(experiment("e"));
    put(
        store,
        vec![
            write("e", "a", json!({"id": "a", "input": "The quick brown fox"})),
            write("e", "b", json!({"id": "b", "output": {"text": "a quick answer"}})),
            write("f", "c", json!({"id": "c", "input": "quick"})),
        ],
    )
    .await;
    assert_eq!(found("quick", e()).await, ["b", "a"]);
    assert_eq!(found("quick", SearchScope::Everything).await, ["c", "b", "a"]);
    assert_eq!(found("\"brown fox\"", e()).await, ["a"]);
    put(store, vec![write("e", "a", json!({"id": "a", "input": "slow"}))]).await;
    put(store, vec![write("e", "b", Value::Null)]).await;
    assert_eq!(found("quick", SearchScope::Everything).await, ["c"]);
    assert_eq!(found("slow", e()).await, ["a"]);
}

/// The pages of a trace are all of it, in order.
pub(crate) async fn pages_of_a_trace(store: &dyn Store) {
    let row = |n: usize| {
        let created = format!("2026-11-25T09:00:{:02}Z", 59 - n);
        let id = format!("span-{n}");
        let row = json!({"id": id, "span_id": id, "root_span_id": "t", "created": created,
            "span_parents": ["p"], "input": "long", "metrics": {"start": n}});
        write("e", &id, row)
    };
    put(store, (0..50).map(row).collect()).await;
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = store
            .trace(TraceQuery {
                destination: experiment("e"),
                root_span_id: "t".into(),
                limit: 7,
                max_bytes: 1 << 20,
                outline: true,
                after,
            })
            .await
            .expect("a page");
        assert_eq!(page.total, 50);
        for row in &page.rows {
            let row: Value = serde_json::from_str(&row.text).expect("JSON");
            assert_eq!((&row["input"], &row["root_span_id"]), (&Value::Null, &json!("t")));
            ids.push(row["id"].as_str().expect("id").to_owned());
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..50).rev().map(|n| format!("span-{n}")).collect();
    assert_eq!(ids, expected);
}
