//! The index against the rows themselves, and against that of the SQLite store.

mod other_store;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;
use tidegate_model::RowId;

use super::*;
use crate::store::index::testing::{
    cases_query, change, check, count, experiment, one_case, pages_of_a_trace, put,
    reads_straight_after_a_write, words_follow_rows, write,
};
use crate::store::postgres::PostgresStore;
use crate::store::postgres::locks::Lock;
use crate::store::postgres::testing::fresh;
use crate::store::{
    Blob, BlobStore as _, CaseSort, Change, DatasetStore as _, Document, Figure, FigureRange,
    FigureStore as _, GroupBy, HistogramBy, Kind, LiveStore as _, NewExperiment, ObjectKind, Order,
    Progress, Purpose, RowWrite, Store,
};

async fn open(url: &str) -> PostgresStore {
    PostgresStore::open(url, Watch::unread("".as_ref())).await.expect("opened")
}

async fn close(store: PostgresStore) {
    store.close(Box::new(())).await;
}

async fn number(database: &Database, sql: &str) -> i64 {
    let client = database.client().await.expect("a connection");
    client.query_one(sql, &[]).await.expect("a number").get(0)
}

/// Sums are kept by differences: they must agree with what they are the sums of.
async fn check_sums(database: &Database) {
    let sql = "SELECT count(*) FROM tallies LEFT JOIN (
          SELECT object, count(*) AS traces, count(root) AS cases, sum(rows) AS rows,
            count(*) FILTER (WHERE root IS NOT NULL AND failed) AS errors
          FROM traces GROUP BY object) AS found USING (object)
        WHERE (tallies.traces, tallies.cases, tallies.rows, tallies.errors) IS DISTINCT FROM
          (coalesce(found.traces, 0), coalesce(found.cases, 0), coalesce(found.rows, 0),
           coalesce(found.errors, 0))
          OR tallies.rows <> (SELECT count(*) FROM rows WHERE rows.object = tallies.object)
          OR tallies.rows <> (SELECT count(*) FROM row_words AS w WHERE w.object = tallies.object)";
    assert_eq!(number(database, sql).await, 0);
}

/// Two collectors, one of which writes what the other one reads.
#[test]
fn any_history_gives_the_same_trials_as_the_rows() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("runtime");
    let (database, one, other) = runtime.block_on(async {
        let (database, url) = fresh().await;
        (database, open(&url).await, open(&url).await)
    });
    let histories =
        (prop::collection::vec(prop::collection::vec(change(), 1..8), 1..12), any::<bool>());
    let config = ProptestConfig { cases: 32, ..ProptestConfig::with_source_file(file!()) };
    let object = std::cell::Cell::new(0);
    TestRunner::new(config)
        .run(&histories, |(history, restart)| {
            object.set(object.get() + 1);
            let name = format!("e{}", object.get());
            runtime.block_on(async {
                for (turn, changes) in history.iter().enumerate() {
                    let rows = changes.iter().map(|(id, change)| write(&name, id, change.clone()));
                    let (writer, reader) =
                        if turn % 2 == 0 { (&one, &other) } else { (&other, &one) };
                    put(writer, rows.collect()).await;
                    if turn % 3 == 0 {
                        check(reader, &name).await;
                    }
                    if restart && turn == history.len() / 2 {
                        let mut client = database.client().await.expect("a connection");
                        client.execute("DELETE FROM index_state", &[]).await.expect("forgotten");
                        rebuild::if_other_layout(&mut client).await.expect("rebuilt");
                    }
                }
                check(&one, &name).await;
                let listed = one.index.projects(all_projects()).await.expect("projects");
                assert!(listed.exact);
                check_sums(&database).await;
            });
            Ok(())
        })
        .expect("the same");
    runtime.block_on(async {
        close(one).await;
        close(other).await;
    });
}

fn all_projects() -> ProjectQuery {
    ProjectQuery {
        only: None,
        sort: crate::store::ProjectSort::LastWrite,
        order: Order::Descending,
        search: None,
        limit: 10,
        after: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_straight_after_a_write_are_exact_under_load() {
    let (_, url) = fresh().await;
    let (store, idle) = (Arc::new(open(&url).await), open(&url).await);
    reads_straight_after_a_write(Arc::clone(&store) as Arc<dyn Store>).await;
    close(idle).await;
    store.close(Box::new(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_follow_their_rows() {
    let (_, url) = fresh().await;
    let store = open(&url).await;
    words_follow_rows(&store).await;
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_are_read_page_by_page_in_the_order_of_creation() {
    let (_, url) = fresh().await;
    let store = open(&url).await;
    pages_of_a_trace(&store).await;
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_worked_off_by_whoever_is_there_and_pages_hear_of_it() {
    let (database, url) = fresh().await;
    let store = open(&url).await;
    for case in 0..20 {
        put(&store, one_case("e", case, 0.5)).await;
    }
    // What it has not indexed by now stays.
    close(store).await;
    let store = open(&url).await;
    put(&store, one_case("f", 0, 0.5)).await;
    loop {
        let touched = store.touched().take().await;
        let numbers = touched.objects.into_iter().collect();
        let told = store.tallied(numbers).await.expect("told");
        if told.iter().any(|told| told.object_id == "f" && told.cases == 1 && told.rows == 2) {
            break;
        }
    }
    // The task sees that nothing is left once it looks again.
    while store.index_lag() != IndexLag::default()
        || number(&database, "SELECT count(*) FROM changes").await > 0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    check_sums(&database).await;
    assert_eq!(count(&store, "e").await, 20);
    close(store).await;
}

/// Holds the lock of an object's index, as somebody who indexes it for long.
async fn hold<'a>(client: &'a mut deadpool_postgres::Client, object: i64) -> Transaction<'a> {
    let transaction = client.transaction().await.expect("begun");
    Lock::Index(object).alone(&transaction).await.expect("locked");
    transaction
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_cannot_catch_up_says_so_and_the_rows_still_tell() {
    let (database, url) = fresh().await;
    let store = open(&url).await;
    put(&store, one_case("e", 0, 0.5)).await;
    assert_eq!(count(&store, "e").await, 1);
    let object = number(&database, "SELECT number FROM objects").await;
    let mut client = database.client().await.expect("a connection");
    let held = hold(&mut client, object).await;
    put(&store, one_case("e", 1, 0.5)).await;
    let query = SearchQuery {
        scope: SearchScope::Everything,
        words: "answer".into(),
        limit: 10,
        before: None,
    };
    let found = store.search(query.clone()).await.expect("hits");
    assert_eq!((found.exact, found.value.hits.len()), (false, 1));
    assert_eq!(store.index_lag().rows, 2);
    held.rollback().await.expect("ended");
    let found = store.search(query).await.expect("hits");
    assert_eq!((found.exact, found.value.hits.len()), (true, 2));
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_columns_cannot_hold_is_found_all_the_same() {
    let (_, url) = fresh().await;
    let store = open(&url).await;
    let odd = "n\0\u{1}\u{2}'\\";
    let values = [-0.0, 5e-324, 0.1 + 0.2, f64::MAX, -1.0];
    let rows = values.iter().enumerate().map(|(n, value)| {
        let id = format!("r{n}");
        let row = json!({"id": id, "span_id": id, "root_span_id": id, "input": n,
            "output": "a\0b", "scores": {odd: value}, "tags": ["\0", odd, {"a": "\0"}, n]});
        write("e", &id, row)
    });
    put(&store, rows.collect()).await;
    check(&store, "e").await;
    let figure = Figure { kind: Kind::Score, name: odd.into() };
    let mut query = CaseQuery { sort: CaseSort::Figure(figure.clone()), ..cases_query() };
    query.filter.tag = Some(odd.into());
    query.filter.ranges =
        vec![FigureRange { figure: figure.clone(), least: Some(-0.0), most: None }];
    let found = store.cases(experiment("e"), query).await.expect("cases");
    let ids: Vec<_> = found.value.items.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["r0", "r1", "r2", "r3"]);
    for (case, value) in found.value.items.iter().zip(values) {
        assert_eq!(case.scores[odd].to_bits(), value.to_bits());
    }
    let by = GroupBy::Tag;
    let query = GroupQuery { by, filter: crate::store::CaseFilter::default(), limit: 10 };
    let groups = store.groups(experiment("e"), query).await.expect("groups").value;
    let keys: Vec<_> = groups.groups.iter().map(|g| g.key.clone().expect("a tag")).collect();
    assert_eq!(keys[..3], ["\0", odd, r#"{"a":"\u0000"}"#]);
    assert_eq!((groups.total, groups.groups[0].cases), (8, 5));
    let by = HistogramBy::Figure(figure);
    let query = HistogramQuery { by, buckets: 4, filter: crate::store::CaseFilter::default() };
    let counts = store.histogram(experiment("e"), query).await.expect("a histogram").value;
    let counts: Vec<_> = counts.buckets.iter().map(|bucket| bucket.cases).collect();
    assert_eq!(counts, [4, 0, 0, 1]);
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_object_leaves_nothing_in_the_index() {
    let (database, url) = fresh().await;
    let store = open(&url).await;
    let new = NewExperiment { project_name: Some("p".into()), ..NewExperiment::default() };
    let id = store.register_experiment(new).await.expect("registered").object.id;
    let mut rows = one_case(&id, 0, 0.5);
    let reference = json!({"type": "braintrust_attachment", "key": "k"});
    rows.push(write(&id, "a", json!({"id": "a", "input": reference})));
    put(&store, rows).await;
    put(&store, one_case("other", 0, 0.5)).await;
    assert_eq!((count(&store, &id).await, count(&store, "other").await), (2, 1));
    let left = "SELECT (SELECT count(*) FROM traces) + (SELECT count(*) FROM row_words)
        + (SELECT count(*) FROM minutes) + (SELECT count(*) FROM attachments)
        + (SELECT count(*) FROM tallies)";
    assert_eq!(number(&database, left).await, 3 + 5 + 3 + 1 + 2);
    assert!(store.delete(ObjectKind::Experiment, id.clone()).await.expect("deleted"));
    assert_eq!(count(&store, &id).await, 0);
    assert!(store.index.projects(all_projects()).await.expect("projects").exact);
    assert_eq!(number(&database, left).await, 1 + 2 + 1 + 1);
    close(store).await;
}

fn upload(key: &str) -> Blob {
    Blob {
        key: key.into(),
        purpose: Purpose::Attachment,
        project: None,
        maker: None,
        filename: "f".into(),
        content_type: "a/b".into(),
        progress: Progress::Uploading,
        file: None,
        bytes: None,
        xact: None,
        created_us: 1,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_are_kept_while_any_row_names_them_indexed_or_not() {
    let (database, url) = fresh().await;
    let store = open(&url).await;
    let keys = ["indexed", "pending", "none"];
    for key in keys {
        store.announce_blob(upload(key)).await.expect("announced");
    }
    let naming = |id: &str, key: &str| {
        let row = json!({"id": id, "input": {"type": "braintrust_attachment", "key": key}});
        write("e", id, row)
    };
    put(&store, vec![naming("a", "indexed")]).await;
    assert_eq!(count(&store, "e").await, 1);
    let object = number(&database, "SELECT number FROM objects").await;
    let mut client = database.client().await.expect("a connection");
    let held = hold(&mut client, object).await;
    put(&store, vec![naming("b", "pending")]).await;
    let found = store.unnamed_blobs(String::new(), 2, 10).await.expect("looked at");
    assert_eq!(
        (found.keys, found.last.as_deref()),
        (vec!["none".into(), "pending".into()], Some("pending"))
    );
    let place = found.place.expect("known");
    let all = || keys.map(str::to_owned).to_vec();
    let forgotten = store.forget_blobs(all(), 2, place).await.expect("forgotten");
    assert_eq!(forgotten, Some(vec![None]));
    assert!(store.blob("pending".into()).await.expect("looked up").is_some());
    // More than can be looked at.
    let row = |n: usize| {
        let id = RowId::from(format!("row{n}").as_str());
        let serde_json::Value::Object(row) = json!({"input": n}) else { unreachable!() };
        let change = Change::Replace(Document::of(row));
        RowWrite { destination: experiment("e"), id, change }
    };
    put(&store, (0..1_001).map(row).collect()).await;
    assert_eq!(store.forget_blobs(all(), 2, place).await.expect("looked at"), None);
    held.rollback().await.expect("ended");
    put(&store, vec![write("e", "a", serde_json::Value::Null)]).await;
    let forgotten = store.forget_blobs(all(), 2, place).await.expect("forgotten");
    assert_eq!(forgotten, Some(vec![None]));
    assert!(store.blob("indexed".into()).await.expect("looked up").is_none());
    assert!(store.blob("pending".into()).await.expect("looked up").is_some());
    close(store).await;
}
