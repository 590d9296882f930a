use futures_util::future::join_all;

use super::super::testing::{fresh, sum};
use super::super::{experiments, objects, versions};
use super::*;
use crate::store::{
    Experiment, ExperimentFilter, NewExperiment, Page, ProjectFilter, SnapshotFilter,
};

/// Two collectors on one new database.
async fn collectors() -> [Database; 2] {
    let (database, url) = fresh().await;
    objects::initialise(&database).await.expect("initialised");
    [database, Database::new(&url).expect("a URL")]
}

/// So many tasks at once, on both collectors in turn.
async fn at_once<T, F: Future<Output = Result<T, StoreError>>>(
    collectors: &[Database; 2],
    count: usize,
    task: impl Fn(Database) -> F,
) -> Vec<Result<T, StoreError>> {
    join_all((0..count).map(|n| task(collectors[n % 2].clone()))).await
}

fn new_experiment(name: &str) -> NewExperiment {
    NewExperiment {
        project_name: Some("p".into()),
        name: Some(name.into()),
        ..NewExperiment::default()
    }
}

fn new_dataset(project: &str, name: &str) -> NewDataset {
    NewDataset {
        project_id: None,
        project_name: Some(project.into()),
        name: name.into(),
        details: serde_json::Map::new(),
    }
}

/// Checks that one was made and all got it.
fn one_made(registered: Vec<Result<(String, bool), StoreError>>) {
    let registered: Vec<_> = registered.into_iter().map(|one| one.expect("registered")).collect();
    assert!(registered.iter().all(|(id, _)| *id == registered[0].0), "{registered:?}");
    assert_eq!(registered.iter().filter(|(_, existing)| !existing).count(), 1, "{registered:?}");
}

#[tokio::test]
async fn whoever_registers_at_once_gets_the_same_object() {
    let both = collectors().await;
    for round in 0..4 {
        let name = format!("n{round}");
        let name = name.as_str();
        one_made(
            at_once(&both, 16, async |database| {
                let made = objects::register_project(&database, name).await?;
                Ok((made.object.id, made.existing))
            })
            .await,
        );
        one_made(
            at_once(&both, 16, async |database| {
                let new = NewExperiment { continue_existing: true, ..new_experiment(name) };
                let made = experiments::register(&database, new).await?;
                Ok((made.object.id, made.existing))
            })
            .await,
        );
        let project = format!("new {round}");
        let project = project.as_str();
        one_made(
            at_once(&both, 16, async |database| {
                let made = register(&database, new_dataset(project, name)).await?;
                Ok((made.object.id, made.existing))
            })
            .await,
        );
        one_made(
            at_once(&both, 16, async |database| {
                let registration = Some(name.to_owned());
                let new = NewExperiment { registration, ..new_experiment("again") };
                let made = experiments::register(&database, new).await?;
                Ok((made.object.id, made.existing))
            })
            .await,
        );
    }
    let page = Page { limit: 100, after: None };
    let filter = ProjectFilter { id: None, name: None, page };
    let projects = objects::projects(&both[0], &filter).await.expect("listed");
    assert_eq!(projects.len(), 9, "{projects:?}");
}

#[tokio::test]
async fn experiments_of_one_name_at_once_all_get_names_of_their_own() {
    let both = collectors().await;
    let made = at_once(&both, 16, async |database| {
        experiments::register(&database, new_experiment("e")).await
    })
    .await;
    let mut names: Vec<String> = made
        .into_iter()
        .map(|made| {
            let made = made.expect("registered");
            assert!(!made.existing, "{made:?}");
            made.object.name
        })
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 16, "{names:?}");
    assert_eq!(names[0], "e");
    assert!(names[1..].iter().all(|name| name.starts_with("e-")), "{names:?}");
}

async fn experiment(database: &Database, id: &str) -> Experiment {
    let page = Page::first();
    let filter = ExperimentFilter { id: Some(id.into()), ..ExperimentFilter::all(page) };
    experiments::list(database, &filter).await.expect("listed").pop().expect("one")
}

#[tokio::test]
async fn the_base_is_what_was_asked_for_or_an_ancestor_or_the_newest() {
    let [database, _] = collectors().await;
    let make = async |new: NewExperiment| {
        let made = experiments::register(&database, new).await?;
        Ok::<_, StoreError>(made.object)
    };
    let commit = Some("c1".to_owned());
    let first = make(NewExperiment { commit, ..new_experiment("first") }).await.expect("made");
    assert_eq!(first.base_id, None);
    let second = make(new_experiment("second")).await.expect("made");
    assert_eq!(second.base_id.as_ref(), Some(&first.id));
    let ancestor_commits = vec!["c0".into(), "c1".into()];
    let third = NewExperiment { ancestor_commits, ..new_experiment("third") };
    assert_eq!(make(third).await.expect("made").base_id.as_ref(), Some(&first.id));
    let base_name = Some("second".to_owned());
    let fourth = NewExperiment { base_name, ..new_experiment("fourth") };
    let fourth = make(fourth).await.expect("made");
    assert_eq!(fourth.base_id.as_ref(), Some(&second.id));
    let base_id = Some("nobody".to_owned());
    let unknown = make(NewExperiment { base_id, ..new_experiment("fifth") }).await;
    assert!(matches!(unknown, Err(StoreError::UnknownBase(id)) if id == "nobody"));
    assert!(deletion::delete(&database, ObjectKind::Experiment, &second.id).await.expect("gone"));
    assert_eq!(experiment(&database, &fourth.id).await.base_id, None);
}

#[tokio::test]
async fn a_name_is_given_to_one_of_those_who_want_it() {
    let both = collectors().await;
    let mut ids = Vec::new();
    for n in 0..8 {
        let made = experiments::register(&both[0], new_experiment(&n.to_string())).await;
        ids.push(made.expect("made").object.id);
    }
    let renamed = join_all(ids.iter().enumerate().map(async |(n, id)| {
        let name = Some("wanted".to_owned());
        patch(&both[n % 2], ObjectKind::Experiment, id, Patch { name, ..Patch::default() }).await
    }))
    .await;
    let taken = |one: &&Result<bool, StoreError>| matches!(one, Err(StoreError::NameTaken(name)) if name == "wanted");
    assert_eq!(renamed.iter().filter(taken).count(), 7, "{renamed:?}");
    assert_eq!(renamed.iter().filter(|one| matches!(one, Ok(true))).count(), 1, "{renamed:?}");
}

#[tokio::test]
async fn changes_at_once_are_all_merged() {
    let both = collectors().await;
    let made = register(&both[0], new_dataset("p", "d")).await.expect("made").object;
    let patched = join_all((0..8).map(async |n: usize| {
        let details = serde_json::json!({"metadata": {n.to_string(): n}});
        let Value::Object(details) = details else { panic!("an object") };
        let changes = Patch { details, ..Patch::default() };
        patch(&both[n % 2], ObjectKind::Dataset, &made.id, changes).await
    }))
    .await;
    assert!(patched.iter().all(|one| matches!(one, Ok(true))), "{patched:?}");
    let found = list(&both[1], &DatasetFilter::id(&made.id)).await.expect("listed");
    let metadata = found[0].details["metadata"].as_object().expect("an object");
    assert_eq!(metadata.len(), 8, "{metadata:?}");
    let none = patch(&both[0], ObjectKind::Project, "nobody", Patch::default()).await;
    assert!(!none.expect("patched"));
}

#[tokio::test]
async fn a_character_that_cannot_be_kept_is_said_to_be_one() {
    let [database, _] = collectors().await;
    let made = objects::register_project(&database, "a\0b").await;
    assert!(matches!(made, Err(StoreError::NulCharacter)), "{made:?}");
}

#[tokio::test]
async fn snapshots_and_environments_are_one_each() {
    let both = collectors().await;
    let dataset = register(&both[0], new_dataset("p", "d")).await.expect("made").object;
    let new = |name: &str, update| NewSnapshot {
        dataset_id: dataset.id.clone(),
        name: name.into(),
        description: None,
        xact: XactId::at(7),
        update,
    };
    one_made(
        at_once(&both, 12, async |database| {
            let made = snapshots::register(&database, &new("s", false)).await?.expect("a dataset");
            Ok((made.object.id, made.existing))
        })
        .await,
    );
    let other = snapshots::register(&both[0], &new("t", false)).await.expect("made");
    let other = other.expect("a dataset").object;
    let taken = snapshots::patch(&both[0], &other.id, Some("s".into()), None).await;
    assert!(matches!(taken, Err(StoreError::NameTaken(name)) if name == "s"));
    let moved = NewSnapshot { xact: XactId::at(8), ..new("t", true) };
    let moved = snapshots::register(&both[0], &moved).await.expect("moved").expect("a dataset");
    assert_eq!((&moved.object.id, moved.object.xact), (&other.id, XactId::at(8)));
    let nobody = NewSnapshot { dataset_id: "nobody".into(), ..new("s", false) };
    assert!(snapshots::register(&both[0], &nobody).await.expect("looked").is_none());
    let filter = SnapshotFilter { dataset_id: Some(dataset.id.clone()), ..Default::default() };
    let listed = snapshots::list(&both[0], &filter, 10).await.expect("listed");
    assert_eq!(listed.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["t", "s"]);
    let none = snapshots::list(&both[0], &SnapshotFilter::default(), 10).await.expect("listed");
    assert!(none.is_empty());
    let gone = snapshots::delete(&both[0], &other.id).await.expect("deleted");
    assert_eq!(gone.map(|gone| gone.name).as_deref(), Some("t"));

    let set = join_all((0..8).map(async |n: u32| {
        let (id, environment) = (dataset.id.clone(), "prod".to_owned());
        snapshots::set_tag(&both[n as usize % 2], id, environment, XactId::at(n)).await
    }))
    .await;
    let ids: Vec<String> =
        set.into_iter().map(|set| set.expect("set").expect("a dataset").id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let nobody = snapshots::set_tag(&both[0], "nobody".into(), "prod".into(), XactId::at(1)).await;
    assert!(nobody.expect("looked").is_none());
    let gone = snapshots::delete_tag(&both[1], &dataset.id, "prod").await.expect("deleted");
    assert_eq!(gone.map(|gone| gone.id).as_ref(), Some(&ids[0]));
    assert!(snapshots::tags(&both[0], &dataset.id, None).await.expect("read").is_empty());
}

#[tokio::test]
async fn the_last_transaction_is_after_writes_that_go_on() {
    let [database, other] = collectors().await;
    let mut client = database.client().await.expect("a connection");
    let write = client.transaction().await.expect("a transaction");
    Lock::DatasetWrites.shared(&write).await.expect("locked");
    let id = versions::take_xact(&write).await.expect("an id");
    let asks = async {
        let last = last_xact(&other).await.expect("an id");
        assert_eq!(sum(&other, "SELECT count(*) FROM projects").await, 1, "after the commit");
        last
    };
    let writes = async {
        // Whoever asks waits for the lock by now.
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while sum(&database, waiting).await == 0 {
            tokio::task::yield_now().await;
        }
        let sql = "INSERT INTO projects (id, name, created) VALUES ('i', 'n', '')";
        write.batch_execute(sql).await.expect("written");
        write.commit().await.expect("committed");
    };
    let (last, ()) = tokio::join!(asks, writes);
    assert!(last >= id);
    let mut client = other.client().await.expect("a connection");
    let later = client.transaction().await.expect("a transaction");
    assert!(versions::take_xact(&later).await.expect("an id") > last);
}
