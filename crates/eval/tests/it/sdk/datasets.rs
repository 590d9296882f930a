//! The life of a dataset.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_client::{Dataset, DatasetOptions, DatasetRecord, DatasetRow};
use tidegate_eval::{Eval, EvalError, Report};

use crate::world::{World, world, world_with};

const MINUTE: Duration = Duration::from_secs(60);

async fn questions(world: &World) -> Dataset {
    let options = DatasetOptions::new("taught", "questions").description("of a test");
    Dataset::init(&world.client, options).await.expect("a dataset")
}

async fn teach(world: &World, dataset: &Dataset) {
    let first = DatasetRecord::new().id("a").input("one").expected(&1).tags(["t"]);
    dataset.insert(first.metadata(&json!({"from": "x", "step": 1}))).await;
    dataset.insert(DatasetRecord::new().id("b").input("two").expected(&2)).await;
    dataset.insert(DatasetRecord::new().id("c").input("three").expected(&3)).await;
    world.flushed().await;
}

/// All rows by their ids, read two a page.
async fn rows(dataset: &Dataset) -> Vec<DatasetRow> {
    let mut pages = dataset.fetch().page_rows(2);
    let mut rows = Vec::new();
    while let Some(page) = pages.next(MINUTE).await.expect("a page") {
        assert!(page.len() <= 2);
        rows.extend(page);
    }
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows
}

fn inputs(rows: &[DatasetRow]) -> Vec<(&str, &Value, &Value)> {
    rows.iter().map(|row| (&*row.id, &row.input, &row.expected)).collect()
}

#[tokio::test]
async fn rows_are_inserted_updated_deleted_and_read_page_by_page() {
    let world = world().await;
    let dataset = questions(&world).await;
    teach(&world, &dataset).await;
    let before = rows(&dataset).await;
    let version = dataset.version().await.expect("an answer").expect("a version");
    let all = [
        ("a", &json!("one"), &json!(1)),
        ("b", &json!("two"), &json!(2)),
        ("c", &json!("three"), &json!(3)),
    ];
    assert_eq!(inputs(&before), all);
    assert_eq!(before[0].tags, ["t"]);

    let change = DatasetRecord::new().expected("uno").metadata(&json!({"step": 2}));
    dataset.update("a", change.tags(["u"])).await;
    dataset.delete("b").await;
    let id = dataset.insert(DatasetRecord::new().input("four")).await;
    world.flushed().await;
    let after = rows(&dataset).await;
    assert_eq!(after.len(), 3);
    let changed = &after[after.iter().position(|row| row.id == "a").expect("row a")];
    assert_eq!((&changed.input, &changed.expected), (&json!("one"), &json!("uno")));
    assert_eq!(Value::Object(changed.metadata.clone()), json!({"from": "x", "step": 2}));
    assert_eq!(changed.tags, ["t", "u"]);
    assert!(after.iter().any(|row| row.id == id && row.input == "four"));
    assert!(after.iter().all(|row| row.id != "b"));

    // As it was, through another handle.
    let pinned = DatasetOptions::new("taught", "questions").version(&version);
    let pinned = Dataset::init(&world.client, pinned).await.expect("the same dataset");
    assert_eq!((pinned.id(), pinned.pinned_version()), (dataset.id(), Some(&*version)));
    assert_eq!(rows(&pinned).await, before);

    let summary = dataset.summarize().await.expect("a summary");
    assert_eq!((&*summary.dataset_name, summary.total_records), ("questions", 3));
    assert!(world.opens(dataset.url().expect("an address")).await);

    // What is stored is rows of a dataset, and nothing of a span.
    let stored = world.rows_of("dataset", dataset.id()).await;
    assert_eq!(stored.len(), 3);
    for row in &stored {
        assert_eq!(row["dataset_id"], dataset.id());
        assert!(row["created"].is_string());
        for name in ["metrics", "span_attributes", "span_parents", "_object_delete"] {
            assert!(row.get(name).is_none_or(Value::is_null), "{name} in {row:#}");
        }
    }
}

#[tokio::test]
async fn changes_of_one_row_before_a_flush_have_the_effect_of_their_order() {
    // Nothing is sent before the flush, so that all of it is one row on the wire.
    let world = world_with(|config| config.budget_bytes(10 << 20)).await;
    let dataset = questions(&world).await;
    dataset.insert(DatasetRecord::new().id("kept").input("first").tags(["old"])).await;
    dataset.delete("kept").await;
    dataset.update("kept", DatasetRecord::new().input("second").tags(["new"])).await;
    dataset.insert(DatasetRecord::new().id("gone").input("x")).await;
    dataset.update("gone", DatasetRecord::new().expected("y")).await;
    dataset.delete("gone").await;
    dataset.delete("never there").await;
    world.flushed().await;
    let rows = rows(&dataset).await;
    assert_eq!(inputs(&rows), [("kept", &json!("second"), &Value::Null)]);
    assert_eq!(rows[0].tags, ["new"]);
}

#[tokio::test]
async fn a_dataset_is_found_or_not_and_never_made_by_looking() {
    let world = world().await;
    assert!(Dataset::open(&world.client, "taught", "questions").await.expect("asked").is_none());
    let made = questions(&world).await;
    let found = Dataset::open(&world.client, "taught", "questions").await.expect("asked");
    let found = found.expect("made above");
    assert_eq!((found.id(), found.name(), found.url()), (made.id(), made.name(), made.url()));
    assert_eq!(found.project(), made.project());
    assert!(Dataset::open(&world.client, "taught", "other").await.expect("asked").is_none());
}

#[tokio::test]
async fn a_dataset_is_the_data_of_a_run_and_each_case_links_to_its_row() {
    let world = world().await;
    let dataset = questions(&world).await;
    teach(&world, &dataset).await;
    let version = dataset.version().await.expect("an answer").expect("a version");
    let run = async |dataset: &Dataset| {
        Eval::new("taught")
            .data_from_dataset::<String, u32>(dataset)
            .task(async |input, _cx| input.len() as u32)
            .scorer("exact", |args| args.expected.is_some_and(|expected| expected == args.output))
            .report(Report::Silent)
            .run_with(&world.client)
            .await
    };
    let outcome = run(&dataset).await.expect("runs");
    assert_eq!(outcome.summary.trials, 3);
    let experiment = outcome.summary.experiment.expect("recorded");
    let stored = world.rows(&experiment.id).await;
    let roots: Vec<_> = stored.iter().filter(|row| row["is_root"] == true).collect();
    assert_eq!(roots.len(), 3);
    for root in roots {
        let origin = &root["origin"];
        let row = match root["input"].as_str() {
            Some("one") => "a",
            Some("two") => "b",
            _ => "c",
        };
        assert_eq!((&origin["object_type"], &origin["id"]), (&json!("dataset"), &json!(row)));
        assert_eq!(origin["object_id"], dataset.id());
        assert!(origin["_xact_id"].as_str() <= Some(&*version), "{origin}");
    }
    let registered = registered(&world, &experiment.id).await;
    assert_eq!(registered["dataset_id"], dataset.id());
    assert_eq!(registered["dataset_version"], version);

    // A row that came later is not in a run on the version from before.
    dataset.insert(DatasetRecord::new().id("d").input("four").expected("no number")).await;
    world.flushed().await;
    assert_eq!(run(&dataset.clone().at(&version)).await.expect("runs").summary.trials, 3);
    let error = run(&dataset).await.expect_err("row d is no case of these types");
    let EvalError::Data { source, .. } = &error else { panic!("{error:?}") };
    let text = source.to_string();
    assert!(
        text.starts_with("row d of the dataset \"questions\" is not a case: expected: "),
        "{text}"
    );
}

async fn registered(world: &World, id: &str) -> Value {
    let (url, path) = (world.collector.url().to_owned(), format!("/v1/experiment/{id}"));
    tokio::task::spawn_blocking(move || tidegate_testkit::get(&url, &path).json())
        .await
        .expect("an answer")
}

#[tokio::test]
async fn inserts_wait_for_room_where_a_span_would_be_dropped() {
    let small = |config: tidegate_client::Config| {
        config.policy(tidegate_client::Policy::Drop).budget_bytes(2_000)
    };
    let world = world_with(small).await;
    let dataset = questions(&world).await;
    let text = "x".repeat(500);
    for number in 0..50 {
        dataset.insert(DatasetRecord::new().id(format!("{number:02}")).input(&text)).await;
    }
    world.flushed().await;
    assert_eq!(rows(&dataset).await.len(), 50);
    assert_eq!(world.client.stats().lost(), 0);
}
