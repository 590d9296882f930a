//! Any history and question, put to this store and to the SQLite one.

use std::collections::BTreeSet;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::store::sqlite::SqliteStore;
use crate::store::{CaseFilter, Place};

fn figure() -> impl Strategy<Value = Figure> {
    prop_oneof![
        Just((Kind::Score, "exact")),
        Just((Kind::Metric, "duration")),
        Just((Kind::Metric, "tokens")),
        Just((Kind::Score, "nobody's")),
    ]
    .prop_map(|(kind, name)| Figure { kind, name: name.into() })
}

fn filter() -> impl Strategy<Value = CaseFilter> {
    let range = (figure(), prop::option::of(0.0..1.0_f64), prop::option::of(0.0..2.0_f64))
        .prop_map(|(figure, least, most)| FigureRange { figure, least, most });
    let words =
        prop_oneof![Just("boom"), Just("n*"), Just("1"), Just("\"1 boom\""), Just("0 -boom")];
    (
        prop::collection::vec(range, 0..2),
        prop::option::weighted(0.3, any::<bool>()),
        prop::option::weighted(0.3, words),
    )
        .prop_map(|(ranges, failed, words)| CaseFilter {
            ranges,
            failed,
            text: words.map(str::to_owned),
            ..CaseFilter::default()
        })
}

#[derive(Debug, Clone)]
enum Question {
    Cases(CaseSort, bool, CaseFilter),
    Histogram(HistogramQuery),
    Groups(GroupQuery),
}

fn question() -> impl Strategy<Value = Question> {
    let sort = prop_oneof![
        Just(CaseSort::Created),
        Just(CaseSort::Spans),
        figure().prop_map(CaseSort::Figure)
    ];
    let nine = 1_795_597_200_000_000_i64;
    let bound =
        move || prop::option::weighted(0.4, (0..400_i64).prop_map(move |s| nine + s * 1_000_000));
    let by = prop_oneof![
        figure().prop_map(HistogramBy::Figure),
        (bound(), bound()).prop_map(|(from_us, to_us)| HistogramBy::Created { from_us, to_us }),
    ];
    let grouped = prop_oneof![
        Just(GroupBy::Tag),
        Just(GroupBy::InputHash),
        Just(GroupBy::Metadata(vec!["m".into()]))
    ];
    prop_oneof![
        (sort, any::<bool>(), filter())
            .prop_map(|(sort, up, filter)| Question::Cases(sort, up, filter)),
        (by, 1..70_usize, filter()).prop_map(|(by, buckets, filter)| Question::Histogram(
            HistogramQuery { by, buckets, filter }
        )),
        (grouped, filter()).prop_map(|(by, filter)| Question::Groups(GroupQuery {
            by,
            filter,
            limit: 3
        })),
    ]
}

/// All pages: the cases as clients get them, and what they are sorted by.
async fn pages(
    store: &dyn Store,
    object: &str,
    query: CaseQuery,
) -> (BTreeSet<String>, Vec<Value>) {
    let (mut cases, mut keys, mut after) = (BTreeSet::new(), Vec::new(), None::<Place>);
    loop {
        let query = CaseQuery { after, ..query.clone() };
        let found = store.cases(experiment(object), query.clone()).await.expect("cases");
        assert!(found.exact && found.value.items.len() <= query.limit);
        for case in found.value.items {
            let case = serde_json::to_value(&case).expect("JSON");
            keys.push(match &query.sort {
                CaseSort::Created => case["created"].clone(),
                CaseSort::Spans => case["spans"].clone(),
                CaseSort::Figure(Figure { kind: Kind::Score, name }) => {
                    case["scores"][name].clone()
                }
                CaseSort::Figure(figure) => case["metrics"][&figure.name].clone(),
            });
            assert!(cases.insert(case.to_string()), "twice: {case}");
        }
        after = found.value.next;
        if after.is_none() {
            return (cases, keys);
        }
    }
}

async fn answer(store: &dyn Store, object: &str, question: &Question) -> String {
    match question.clone() {
        Question::Cases(sort, up, filter) => {
            let order = if up { Order::Ascending } else { Order::Descending };
            let query = CaseQuery { sort, order, filter, limit: 2, after: None };
            format!("{:?}", pages(store, object, query).await)
        }
        Question::Histogram(query) => {
            format!("{:?}", store.histogram(experiment(object), query).await.expect("told").value)
        }
        Question::Groups(query) => {
            format!("{:?}", store.groups(experiment(object), query).await.expect("told").value)
        }
    }
}

#[test]
fn both_stores_answer_alike() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("runtime");
    let dir = TempDir::new().expect("directory");
    let (one, other) = runtime.block_on(async {
        (open(&fresh().await.1).await, SqliteStore::open(dir.path()).expect("opened"))
    });
    let strategy = (
        prop::collection::vec(prop::collection::vec(change(), 1..8), 1..5),
        prop::collection::vec(question(), 4..8),
        any::<bool>(),
    );
    let config = ProptestConfig { cases: 48, ..ProptestConfig::with_source_file(file!()) };
    let object = std::cell::Cell::new(0);
    TestRunner::new(config)
        .run(&strategy, |(history, questions, with_metadata)| {
            object.set(object.get() + 1);
            let name = format!("e{}", object.get());
            runtime.block_on(async {
                for changes in &history {
                    for store in [&one as &dyn Store, &other] {
                        let rows =
                            changes.iter().map(|(id, change)| write(&name, id, change.clone()));
                        put(store, rows.collect()).await;
                    }
                }
                for mut question in questions {
                    if with_metadata && let Question::Cases(_, _, filter) = &mut question {
                        filter.metadata = vec![(vec!["m".into()], "1".into())];
                    }
                    let answers = (
                        answer(&one, &name, &question).await,
                        answer(&other, &name, &question).await,
                    );
                    assert_eq!(answers.0, answers.1, "{question:?}");
                }
            });
            Ok(())
        })
        .expect("alike");
    runtime.block_on(async {
        one.close(Box::new(())).await;
        other.close(Box::new(())).await;
    });
}
