//! The index against the rows themselves.

use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::SqliteStore;
use super::*;
use crate::store::Store;
use crate::store::index::testing::{
    change, check, count, one_case, pages_of_a_trace, put, reads_straight_after_a_write,
    words_follow_rows, write,
};

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).expect("opened")
}

async fn close(store: SqliteStore) {
    store.close(Box::new(())).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_straight_after_a_write_are_exact_under_load() {
    let dir = TempDir::new().expect("directory");
    let store = Arc::new(open(dir.path()));
    reads_straight_after_a_write(Arc::clone(&store) as Arc<dyn Store>).await;
    store.close(Box::new(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_follow_their_rows() {
    let dir = TempDir::new().expect("directory");
    let store = open(dir.path());
    words_follow_rows(&store).await;
    close(store).await;
}

#[tokio::test]
async fn traces_are_read_page_by_page_in_the_order_of_creation() {
    let dir = TempDir::new().expect("directory");
    let store = open(dir.path());
    pages_of_a_trace(&store).await;
    close(store).await;
}
