//! What the index says is named, against the rows and their earlier states.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tidegate_model::{Destination, RowId};

use super::super::super::{SqliteStore, documents};
use super::earlier_after;
use crate::store::{
    Change, DatasetStore as _, Document, IndexPlace, NewDataset, ObjectKind, RowWrite, Store as _,
    StoreError,
};

/// Few of each, so that everything is done to everything.
const DATASETS: usize = 3;
const ROWS: usize = 4;
const KEYS: usize = 6;

/// Its dataset (or the experiment), its number, and the keys it names; none if it is deleted.
type Row = (usize, usize, Option<BTreeSet<usize>>);

#[derive(Debug, Clone)]
enum Step {
    /// A request.
    Write(Vec<Row>),
    /// A dataset goes, and some or all of its rows at once.
    Delete(usize, bool),
    Sweep,
    /// The index is made anew.
    Rebuild,
}

fn step() -> impl Strategy<Value = Step> {
    let keys = prop::collection::btree_set(0..KEYS, 0..3);
    let row = (0..=DATASETS, 0..ROWS, prop::option::weighted(0.8, keys));
    prop_oneof![
        8 => prop::collection::vec(row, 1..5).prop_map(Step::Write),
        2 => (0..DATASETS, any::<bool>()).prop_map(|(dataset, swept)| Step::Delete(dataset, swept)),
        1 => Just(Step::Sweep),
        1 => Just(Step::Rebuild),
    ]
}

struct World {
    store: SqliteStore,
    dir: TempDir,
    datasets: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let dir = TempDir::new().expect("directory");
        let store = SqliteStore::open(dir.path()).expect("open");
        let mut world = Self { store, dir, datasets: Vec::new() };
        for number in 0..DATASETS {
            let id = world.register(number).await;
            world.datasets.push(id);
        }
        world
    }

    async fn register(&self, number: usize) -> String {
        let new = NewDataset {
            project_id: None,
            project_name: Some("p".into()),
            name: format!("d{number}"),
            details: Map::new(),
        };
        self.store.register_dataset(new).await.expect("registered").object.id
    }

    async fn apply(&mut self, step: Step) {
        match step {
            Step::Write(rows) => {
                let rows = rows.into_iter().map(|(object, id, keys)| {
                    let destination = match self.datasets.get(object) {
                        Some(dataset) => Destination::Dataset(dataset.clone()),
                        None => Destination::Experiment("e".into()),
                    };
                    let id = format!("row{id}");
                    let change = match keys {
                        Some(keys) => Change::Replace(Document::of(naming(&id, &keys))),
                        None => Change::Delete,
                    };
                    RowWrite { destination, id: RowId::from(id.as_str()), change }
                });
                self.store.write(rows.collect(), 100).await.expect("written");
            }
            Step::Delete(dataset, swept) => {
                let id = self.datasets[dataset].clone();
                assert!(self.store.delete(ObjectKind::Dataset, id).await.expect("deleted"));
                if swept {
                    self.sweep().await;
                }
                self.datasets[dataset] = self.register(dataset).await;
            }
            Step::Sweep => self.sweep().await,
            Step::Rebuild => {
                self.store.close(Box::new(())).await;
                std::fs::remove_file(self.dir.path().join("tidegate-index.db")).expect("there");
                self.store = SqliteStore::open(self.dir.path()).expect("open");
            }
        }
    }

    async fn sweep(&self) {
        while self.store.sweep().await.expect("swept") {}
    }

    /// What the index says, what rows name that can be read, and what those name that are left.
    async fn named(&self) -> [BTreeSet<String>; 3] {
        self.store.indexed().await;
        let indexed = |connection: &Connection| {
            let mut statement = connection.prepare("SELECT key FROM attachments")?;
            let keys = statement.query_map([], |row| row.get(0))?;
            Ok(keys.collect::<Result<_, _>>()?)
        };
        let direct = |connection: &Connection| {
            Ok((direct(connection, "NOT IN ('deleted')")?, direct(connection, "IS NOT NULL")?))
        };
        let indexed = self.store.index().readers.run(indexed).await.expect("read");
        let (live, all) = self.store.readers.run(direct).await.expect("read");
        [indexed, live, all]
    }
}

fn naming(id: &str, keys: &BTreeSet<usize>) -> Map<String, Value> {
    let references: Vec<_> = keys
        .iter()
        .map(|key| json!({"type": "braintrust_attachment", "key": format!("k{key}")}))
        .collect();
    let Value::Object(row) = json!({"id": id, "input": references}) else { panic!("an object") };
    row
}

/// Reads the rows of objects of some kinds, and all that can be read of what they were.
fn direct(connection: &Connection, kinds: &str) -> Result<BTreeSet<String>, StoreError> {
    let mut keys = BTreeSet::new();
    for table in ["rows", "row_versions"] {
        let mut statement = connection.prepare(&format!(
            "SELECT document FROM {table} JOIN objects ON objects.number = object WHERE kind {kinds}"
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = documents::text(row.get_ref(0)?)?;
            let row: Value = serde_json::from_str(&text).expect("JSON");
            let references = row["input"].as_array().cloned().unwrap_or_default();
            keys.extend(references.iter().map(|r| r["key"].as_str().expect("a key").to_owned()));
        }
    }
    Ok(keys)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_history_leaves_exactly_the_attachments_that_rows_name(
        history in prop::collection::vec(step(), 1..25),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1).enable_all().build().expect("runtime");
        runtime.block_on(async {
            let mut world = World::new().await;
            for (number, step) in history.into_iter().enumerate() {
                world.apply(step).await;
                if number % 5 == 0 {
                    let [indexed, live, all] = world.named().await;
                    assert!(live.is_subset(&indexed), "{live:?} are not all in {indexed:?}");
                    // Rows of a deleted dataset may count until they are swept.
                    assert!(indexed.is_subset(&all), "{indexed:?} are not all in {all:?}");
                }
            }
            world.sweep().await;
            let [indexed, live, _] = world.named().await;
            assert_eq!(indexed, live);
            world.store.close(Box::new(())).await;
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_earlier_states_that_come_again_are_read_again() {
    let mut world = World::new().await;
    let write = |dataset, keys: &[usize]| {
        Step::Write(vec![(dataset, 0, Some(keys.iter().copied().collect()))])
    };
    for dataset in 0..DATASETS {
        // The only earlier state there is has the number of the one before.
        world.apply(write(dataset, &[dataset])).await;
        world.apply(write(dataset, &[])).await;
        let [indexed, live, _] = world.named().await;
        assert_eq!(indexed, BTreeSet::from([format!("k{dataset}")]));
        assert_eq!(indexed, live);
        world.apply(Step::Delete(dataset, true)).await;
        if dataset == 0 {
            assert_eq!(world.named().await[0], BTreeSet::new());
        }
    }
    world.store.close(Box::new(())).await;
}

#[test]
fn after_a_state_that_is_gone_all_of_its_transaction_are_read_again() {
    let main = Connection::open_in_memory().expect("open");
    main.execute_batch(
        "CREATE TABLE row_versions (number INTEGER PRIMARY KEY, until INTEGER NOT NULL);
         INSERT INTO row_versions VALUES (3, 10), (4, 20), (6, 20), (7, 30)",
    )
    .expect("made");
    let after = |earlier, earlier_until| {
        let place = IndexPlace { journal: 0, earlier, earlier_until };
        earlier_after(&main, place).expect("a number")
    };
    assert_eq!(after(0, 0), 0);
    assert_eq!(after(4, 20), 4, "as it was left");
    assert_eq!(after(5, 20), 3, "gone");
    assert_eq!(after(7, 20), 3, "another one by now");
    assert_eq!(after(9, 40), 7, "the end is gone");
    assert_eq!(after(1, 5), 0, "all before are gone");
}
