//! The index against the rows themselves.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_analysis::comparison::{Trial, compare};
use tidegate_model::RowId;

use super::super::SqliteStore;
use super::*;
use crate::store::{
    CaseFilter, CaseSort, Change, Document, FigureStore, HistogramBy, Order, RowWrite, SearchScope,
    Store, TraceQuery,
};

fn experiment(id: &str) -> Destination {
    Destination::Experiment(id.into())
}

fn write(object: &str, id: &str, change: Value) -> RowWrite {
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

async fn put(store: &SqliteStore, rows: Vec<RowWrite>) {
    store.write(rows, 1_000).await.expect("written");
}

/// A trial in a form that sorts.
fn sorted(trials: &[Trial]) -> Vec<String> {
    let mut texts: Vec<_> = trials.iter().map(|trial| format!("{trial:?}")).collect();
    texts.sort();
    texts
}

/// What the index says must be what the rows say.
async fn check(store: &SqliteStore, object: &str) {
    let indexed = store.case_trials(experiment(object)).await.expect("index");
    let direct = store.trials(experiment(object)).await.expect("rows");
    let hashed: Vec<_> = direct.iter().cloned().map(with_hashed_key).collect();
    assert_eq!(compare(&indexed, None), compare(&direct, None));
    assert_eq!(sorted(&indexed), sorted(&hashed));
    check_minutes(store, object).await;
}

/// Cases that are counted by the minute must be those that are read one by one.
async fn check_minutes(store: &SqliteStore, object: &str) {
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

fn one_case(object: &str, case: usize, score: f64) -> Vec<RowWrite> {
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

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).expect("opened")
}

async fn close(store: SqliteStore) {
    store.close(Box::new(())).await;
}

fn cases_query() -> CaseQuery {
    CaseQuery {
        sort: CaseSort::Created,
        order: Order::Ascending,
        filter: CaseFilter::default(),
        limit: 10_000,
        after: None,
    }
}

async fn count(store: &SqliteStore, object: &str) -> usize {
    let listed = store.cases(experiment(object), cases_query()).await.expect("cases");
    assert!(listed.exact);
    listed.value.items.len()
}

/// One change of a random history: traces with several roots, rows that move between traces, that
/// name none, that name a row's id, comments, merges and deletions.
fn change() -> impl Strategy<Value = (String, Value)> {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_history_gives_the_same_trials_as_the_rows(
        history in prop::collection::vec(prop::collection::vec(change(), 1..8), 1..12),
        restart: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1).enable_all().build().expect("runtime");
        runtime.block_on(async {
            let dir = TempDir::new().expect("directory");
            let mut store = open(dir.path());
            for (turn, changes) in history.iter().enumerate() {
                let rows = changes.iter().map(|(id, change)| write("e", id, change.clone()));
                put(&store, rows.collect()).await;
                if turn % 3 == 0 {
                    check(&store, "e").await;
                }
                if restart && turn == history.len() / 2 {
                    close(store).await;
                    std::fs::remove_file(dir.path().join(INDEX_FILE)).expect("removed");
                    store = open(dir.path());
                }
            }
            check(&store, "e").await;
            // Sums are kept by differences: they must agree with what they are the sums of.
            let count = |connection: &Connection| {
                Ok(connection.query_row("SELECT count(*) FROM rows", [], |row| row.get(0))?)
            };
            let rows: i64 = store.readers.run(count).await.expect("rows");
            let sums = |connection: &Connection| {
                Ok(connection.query_row(
                    "SELECT tallies.rows = (SELECT total(rows) FROM traces),
                       cases = (SELECT count(*) FROM traces WHERE root IS NOT NULL),
                       errors = (SELECT count(*) FROM traces WHERE root IS NOT NULL AND failed),
                       tallies.rows FROM tallies
                     UNION ALL SELECT 1, 1, 1, 0 LIMIT 1",
                    [],
                    |row| Ok(([row.get(0)?, row.get(1)?, row.get(2)?], row.get::<_, i64>(3)?)),
                )?)
            };
            let (agree, total): ([bool; 3], i64) =
                store.index().readers.run(sums).await.expect("sums");
            assert_eq!(agree, [true; 3]);
            assert_eq!(total, rows);
            close(store).await;
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_straight_after_a_write_are_exact_under_load() {
    let dir = TempDir::new().expect("directory");
    let store = Arc::new(open(dir.path()));
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
                put(&store, rows).await;
                assert_eq!(count(&store, &own).await, turn + 1);
                let trials = store.case_trials(experiment(&own)).await.expect("trials");
                let mean = compare(&trials, None).scores["exact"].score;
                assert!((mean - turn as f64 / 40.0).abs() < 1e-12, "{turn}: {mean}");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a writer");
    }
    check(&store, "shared").await;
    assert_eq!(count(&store, "shared").await, 1_600);
    store.close(Box::new(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_does_not_fit_is_built_again() {
    let dir = TempDir::new().expect("directory");
    let path = dir.path().join(INDEX_FILE);
    let store = open(dir.path());
    for case in 0..50 {
        put(&store, one_case("e", case, 0.5)).await;
    }
    assert_eq!(count(&store, "e").await, 50);
    close(store).await;
    let spoil: [(&str, &dyn Fn()); 5] = [
        ("gone", &|| std::fs::remove_file(&path).expect("removed")),
        ("garbage", &|| std::fs::write(&path, vec![b'x'; 8_192]).expect("written")),
        ("other version", &|| {
            let index = Connection::open(&path).expect("open");
            index
                .execute_batch("UPDATE traces SET root = NULL; PRAGMA user_version = 999")
                .expect("spoilt");
        }),
        ("of another store", &|| {
            let index = Connection::open(&path).expect("open");
            let spoil = "UPDATE traces SET root = NULL; UPDATE index_state SET store = 'other'";
            index.execute_batch(spoil).expect("spoilt");
        }),
        ("ahead of the journal", &|| {
            let index = Connection::open(&path).expect("open");
            let spoil = "UPDATE traces SET root = NULL; UPDATE index_state SET journal = 1000";
            index.execute_batch(spoil).expect("spoilt");
        }),
    ];
    for (what, spoil) in spoil {
        spoil();
        let store = open(dir.path());
        check(&store, "e").await;
        assert_eq!(count(&store, "e").await, 50, "{what}");
        #[cfg(unix)]
        for file in std::fs::read_dir(dir.path()).expect("a directory") {
            let file = file.expect("a file");
            let name = file.file_name().to_string_lossy().into_owned();
            let mode = file.metadata().expect("there").permissions();
            let mode = std::os::unix::fs::PermissionsExt::mode(&mode) & 0o077;
            // The database itself is made by whoever locks the directory.
            assert!(!name.starts_with("tidegate-index") || mode == 0, "{name} is {mode:o}");
        }
        close(store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_cut_behind_the_index_means_reading_all_rows_again() {
    let dir = TempDir::new().expect("directory");
    let store = open(dir.path());
    put(&store, one_case("e", 0, 0.5)).await;
    assert_eq!(count(&store, "e").await, 1);
    close(store).await;
    // What happens while the index cannot be written, and the journal is full.
    let main = Connection::open(dir.path().join(super::super::DATABASE_FILE)).expect("open");
    main.execute_batch("UPDATE sqlite_sequence SET seq = seq + 7 WHERE name = 'changes'")
        .expect("a gap");
    drop(main);
    let store = open(dir.path());
    put(&store, one_case("e", 1, 0.5)).await;
    check(&store, "e").await;
    assert_eq!(count(&store, "e").await, 2);
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_follow_their_rows() {
    let dir = TempDir::new().expect("directory");
    let store = open(dir.path());
    let found = async |words: &str, scope: SearchScope| {
        let query = SearchQuery { scope, words: words.into(), limit: 100, before: None };
        let listed = store.search(query).await.expect("hits");
        assert!(listed.exact);
        listed.value.hits.into_iter().map(|hit| hit.id).collect::<Vec<_>>()
    };
    let e = || SearchScope::Object(experiment("e"));
    put(
        &store,
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
    put(&store, vec![write("e", "a", json!({"id": "a", "input": "slow"}))]).await;
    put(&store, vec![write("e", "b", Value::Null)]).await;
    assert_eq!(found("quick", SearchScope::Everything).await, ["c"]);
    assert_eq!(found("slow", e()).await, ["a"]);
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_is_cut_once_it_is_indexed_and_the_lag_ends() {
    let dir = TempDir::new().expect("directory");
    let store = open(dir.path());
    for case in 0..20 {
        put(&store, one_case("e", case, 0.5)).await;
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let left = store
            .index()
            .readers
            .run(|connection| {
                Ok(connection
                    .query_row("SELECT count(*) FROM changes", [], |row| row.get::<_, i64>(0))?)
            })
            .await
            .expect("a count");
        if left == 0 && store.index_lag() == IndexLag::default() {
            break;
        }
        assert!(Instant::now() < deadline, "{left} entries left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    check(&store, "e").await;
    close(store).await;
}

#[tokio::test]
async fn traces_are_read_page_by_page_in_the_order_of_creation() {
    let dir = TempDir::new().expect("directory");
    let store = open(dir.path());
    let row = |n: usize| {
        let created = format!("2026-11-25T09:00:{:02}Z", 59 - n);
        let id = format!("span-{n}");
        let row = json!({"id": id, "span_id": id, "root_span_id": "t", "created": created,
            "span_parents": ["p"], "input": "long", "metrics": {"start": n}});
        write("e", &id, row)
    };
    put(&store, (0..50).map(row).collect()).await;
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
    close(store).await;
}
