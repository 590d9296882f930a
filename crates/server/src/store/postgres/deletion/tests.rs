use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate_model::{Destination, RowId};
use tokio::sync::Notify;

use super::super::testing::{fresh, sum};
use super::super::writer::Writer;
use super::super::{experiments, objects, write};
use super::*;
use crate::store::{Change, Document, NewExperiment, Registered, RowWrite, Watch};

async fn collectors() -> [Database; 2] {
    let (database, url) = fresh().await;
    [database, Database::new(&url).expect("a URL")]
}

fn writer(database: &Database) -> Writer {
    Writer::start(database.clone(), Arc::new(Notify::new()), Watch::unread("".as_ref()))
}

fn put(destination: &Destination, id: usize) -> RowWrite {
    let Value::Object(row) = json!({"input": id}) else { panic!("an object") };
    let id = RowId::from(id.to_string().as_str());
    RowWrite { destination: destination.clone(), id, change: Change::Replace(Document::of(row)) }
}

async fn run(database: &Database, sql: &str) {
    let client = database.client().await.expect("a connection");
    client.batch_execute(sql).await.expect(sql);
}

fn new(name: &str) -> NewExperiment {
    NewExperiment {
        project_name: Some("p".into()),
        name: Some(name.into()),
        ..NewExperiment::default()
    }
}

/// A project with some of everything; returns its id.
async fn world(database: &Database) -> String {
    let project = objects::register_project(database, "p").await.expect("made").object.id;
    let one = experiments::register(database, new("e")).await.expect("made").object.id;
    let other = NewExperiment { project_name: Some("q".into()), ..new("other") };
    let other = NewExperiment { base_id: Some(one.clone()), ..other };
    experiments::register(database, other).await.expect("made");
    run(
        database,
        "INSERT INTO datasets (id, project, name, created, details)
           SELECT 'd', number, 'd', '', '{}' FROM projects WHERE name = 'p';
         INSERT INTO dataset_snapshots (id, dataset, name, xact, created)
           SELECT 's', number, 's', 1, '' FROM datasets;
         INSERT INTO dataset_environments (id, dataset, environment, xact, created)
           SELECT 't', number, 'prod', 1, '' FROM datasets;
         INSERT INTO functions (id, project, slug, created)
           SELECT 'f', number, 's', '' FROM projects WHERE name = 'p';
         INSERT INTO function_versions (function, xact, name, kind, document)
           SELECT number, 1, 'n', 'prompt', '{}' FROM functions;
         INSERT INTO function_environments (id, function, environment, xact, created)
           SELECT 'u', number, 'prod', 1, '' FROM functions",
    )
    .await;
    run(
        database,
        &format!(
            "INSERT INTO blobs (key, purpose, project, filename, content_type, status, created_us,
               experiment)
             VALUES ('profile', 'profile', NULL, '', '', 'done', 1, '{one}'),
               ('file', 'attachment', '{project}', '', '', 'done', 1, NULL),
               ('other', 'attachment', NULL, '', '', 'done', 1, NULL)"
        ),
    )
    .await;
    let writer = writer(database);
    let destinations = [
        Destination::ProjectLogs(project.clone()),
        Destination::Experiment(one),
        Destination::Dataset("d".into()),
    ];
    for destination in &destinations {
        for _ in 0..2 {
            let rows = (0..10).map(|id| put(destination, id)).collect();
            writer.write(rows, 0).await.expect("written");
        }
    }
    writer.close().await;
    project
}

#[tokio::test]
async fn a_project_goes_with_everything_and_its_objects_once_the_index_has_nothing_of_them() {
    let [database, other] = collectors().await;
    let project = world(&database).await;
    assert_eq!(sum(&database, "SELECT count(*) FROM row_versions").await, 10);
    run(&database, "DELETE FROM changes").await;
    assert!(delete(&other, ObjectKind::Project, &project).await.expect("deleted"));
    for (table, left) in [
        ("projects", 1),
        ("experiments", 1),
        ("experiments WHERE base_id IS NOT NULL", 0),
        ("datasets", 0),
        ("dataset_snapshots", 0),
        ("dataset_environments", 0),
        ("functions", 0),
        ("function_versions", 0),
        ("function_environments", 0),
        ("blobs", 1),
        ("objects WHERE NOT deleted", 0),
        ("changes WHERE rows = 0 AND traces = '{}' AND numbers = '{}' AND gone = '{}'", 3),
    ] {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(sum(&database, &count).await, left, "{table}");
    }
    assert!(!delete(&database, ObjectKind::Project, &project).await.expect("looked"));
    while sweep(&database).await.expect("swept") {}
    for table in ["rows", "row_versions"] {
        assert_eq!(sum(&database, &format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    let objects = "SELECT count(*) FROM objects WHERE deleted";
    assert_eq!(sum(&database, objects).await, 3, "the index has word of them");
    // The index acts on its word, except that one object was just being indexed anew.
    run(
        &database,
        "DELETE FROM changes;
         INSERT INTO tallies (object) SELECT max(number) FROM objects",
    )
    .await;
    while sweep(&database).await.expect("swept") {}
    assert_eq!(sum(&database, objects).await, 1);
    assert_eq!(sum(&database, "SELECT count(*) FROM changes").await, 1, "it is told again");
    run(&database, "DELETE FROM changes; DELETE FROM tallies").await;
    while sweep(&database).await.expect("swept") {}
    assert_eq!(sum(&database, "SELECT count(*) FROM objects").await, 0);
}

#[tokio::test]
async fn sweeps_of_several_collectors_do_not_wait_for_each_other() {
    let both = collectors().await;
    let writer = writer(&both[0]);
    for n in 0..4 {
        let rows = (0..3_000).map(|id| put(&Destination::Dataset(n.to_string()), id)).collect();
        writer.write(rows, 0).await.expect("written");
    }
    writer.close().await;
    run(&both[0], "UPDATE objects SET deleted = true; DELETE FROM changes").await;
    // One that somebody else is at is left to them.
    let mut client = both[0].client().await.expect("a connection");
    let held = client.transaction().await.expect("a transaction");
    let first = "SELECT number FROM objects ORDER BY number LIMIT 1 FOR UPDATE";
    held.batch_execute(first).await.expect("locked");
    let swept = join_all(both.iter().map(async |database| {
        let mut steps = 0;
        while sweep(database).await.expect("swept") {
            steps += 1;
        }
        steps
    }))
    .await;
    assert!(swept.iter().sum::<i32>() >= 12, "{swept:?}");
    assert_eq!(sum(&both[0], "SELECT count(*) FROM rows").await, 3_000);
    assert_eq!(sum(&both[0], "SELECT count(*) FROM objects").await, 1);
    held.rollback().await.expect("unlocked");
    while sweep(&both[1]).await.expect("swept") {}
    assert_eq!(sum(&both[0], "SELECT count(*) FROM rows").await, 0);
    assert_eq!(sum(&both[0], "SELECT count(*) FROM objects").await, 0);
}

#[tokio::test]
async fn a_deletion_does_not_wait_for_writers_and_a_sweep_takes_what_they_leave() {
    let [database, other] = collectors().await;
    let insert = "INSERT INTO projects (id, name, created) VALUES ('p', 'p', '')";
    run(&database, insert).await;
    let logs = Destination::ProjectLogs("p".into());
    let mut client = database.client().await.expect("a connection");
    let writes = client.transaction().await.expect("a transaction");
    write::apply(&writes, &[&[put(&logs, 1)]]).await.expect("applied");
    writes.commit().await.expect("committed");
    let writes = client.transaction().await.expect("a transaction");
    write::apply(&writes, &[&[put(&logs, 2)]]).await.expect("applied");
    assert!(delete(&other, ObjectKind::Project, "p").await.expect("deleted"));
    run(&other, "DELETE FROM changes").await;
    assert!(sweep(&other).await.expect("swept"), "what is there goes");
    assert_eq!(sum(&database, "SELECT count(*) FROM rows").await, 0);
    let writes = async {
        // The next sweep waits by now: it would remove the object itself.
        let waiting = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while sum(&database, waiting).await == 0 {
            tokio::task::yield_now().await;
        }
        writes.commit().await.expect("committed");
    };
    let (swept, ()) = tokio::join!(sweep(&other), writes);
    assert!(swept.expect("swept"));
    assert_eq!(sum(&database, "SELECT count(*) FROM objects").await, 1);
    assert_eq!(sum(&database, "SELECT count(*) FROM rows").await, 1);
    while sweep(&other).await.expect("swept") {}
    assert_eq!(sum(&database, "SELECT count(*) FROM rows").await, 0);
    run(&database, "DELETE FROM changes").await;
    while sweep(&other).await.expect("swept") {}
    assert_eq!(sum(&database, "SELECT count(*) FROM objects").await, 0);
}

#[tokio::test]
async fn what_is_written_after_a_deletion_belongs_to_a_new_object() {
    let both = collectors().await;
    let writers = both.each_ref().map(writer);
    let dataset = Destination::Dataset("d".into());
    let insert = "INSERT INTO projects (id, name, created) VALUES ('p', 'p', '');
        INSERT INTO datasets (id, project, name, created, details)
          SELECT 'd', number, 'd', '', '{}' FROM projects";
    run(&both[0], insert).await;
    let writes = join_all((0..200).map(|n| writers[n % 2].write(vec![put(&dataset, n)], 0)));
    let deletes = async {
        // In the middle of it.
        while sum(&both[1], "SELECT count(*) FROM rows").await == 0 {
            tokio::task::yield_now().await;
        }
        delete(&both[1], ObjectKind::Dataset, "d").await
    };
    let (written, deleted) = tokio::join!(writes, deletes);
    assert!(deleted.expect("deleted"));
    for one in written {
        one.expect("written");
    }
    while sweep(&both[0]).await.expect("swept") {}
    let orphans = "SELECT count(*) FROM rows WHERE object NOT IN
        (SELECT number FROM objects WHERE NOT deleted)";
    assert_eq!(sum(&both[0], orphans).await, 0);
    let left = sum(&both[0], "SELECT count(*) FROM rows").await;
    assert!(left < 200, "{left} rows");
    for writer in writers {
        writer.close().await;
    }
}

#[tokio::test]
async fn who_registers_in_a_project_that_goes_gets_a_new_one() {
    let both = collectors().await;
    for round in 0..8 {
        let project = objects::register_project(&both[0], "p").await.expect("made").object.id;
        let registers = join_all((0..6).map(async |n: usize| {
            experiments::register(&both[n % 2], new(&format!("{round} {n}"))).await
        }));
        let (made, deleted) =
            tokio::join!(registers, delete(&both[1], ObjectKind::Project, &project));
        assert!(deleted.expect("deleted"));
        for one in made {
            let Registered { object, existing } = one.expect("registered");
            assert!(!existing);
            let sql = format!("SELECT count(*) FROM experiments WHERE id = '{}'", object.id);
            let expected = i64::from(object.project_id != project);
            assert_eq!(sum(&both[0], &sql).await, expected, "{object:?}");
        }
    }
}
