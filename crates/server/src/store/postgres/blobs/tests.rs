use futures_util::future::join_all;

use super::super::testing::{fresh, sum};
use super::super::{experiments, objects, profiles};
use super::*;
use crate::store::{NewExperiment, NewProfile, Stored};

async fn collectors() -> [Database; 2] {
    let (database, url) = fresh().await;
    objects::initialise(&database).await.expect("initialised");
    [database, Database::new(&url).expect("a URL")]
}

fn upload(key: &str, project: Option<&str>) -> Blob {
    Blob {
        key: key.into(),
        purpose: Purpose::Attachment,
        project: project.map(str::to_owned),
        maker: None,
        filename: "a".into(),
        content_type: "b".into(),
        progress: Progress::Uploading,
        file: None,
        bytes: None,
        xact: None,
        created_us: 1,
    }
}

#[tokio::test]
async fn all_collectors_sign_with_the_same_secret_and_are_one_organisation() {
    let both = collectors().await;
    let secrets = join_all((0..16).map(|n| signing_secret(&both[n % 2]))).await;
    let secrets: Vec<_> = secrets.into_iter().map(|secret| secret.expect("made")).collect();
    assert!(secrets.iter().all(|secret| *secret == secrets[0] && *secret != [0; 64]));
    join_all(both.iter().map(objects::initialise)).await;
    let before = objects::org(&both[0], None).await.expect("read");
    assert_eq!(before.name, "local");
    let renamed = objects::org(&both[1], Some("us")).await.expect("renamed");
    assert_eq!((&renamed.id, renamed.name.as_str()), (&before.id, "us"));
    assert_eq!(objects::org(&both[0], None).await.expect("read").name, "us");
}

#[tokio::test]
async fn an_upload_belongs_to_who_announced_it_first() {
    let [database, _] = collectors().await;
    let first = announce(&database, &upload("k", Some("p"))).await.expect("announced");
    assert_eq!((first.project.as_deref(), first.created_us), (Some("p"), 1));
    let again = Blob { filename: "c".into(), created_us: 9, ..upload("k", Some("p")) };
    let again = announce(&database, &again).await.expect("announced");
    assert_eq!((again.filename.as_str(), again.created_us), ("c", 9));
    let strangers = Blob { filename: "d".into(), ..upload("k", None) };
    let kept = announce(&database, &strangers).await.expect("found");
    assert_eq!((kept.project.as_deref(), kept.filename.as_str()), (Some("p"), "c"));
    assert!(complete(&database, "k", "f", 3).await.expect("stored"));
    assert!(!complete(&database, "nobody", "g", 3).await.expect("looked"));
    let found = find(&database, "k").await.expect("read").expect("an upload");
    let done = (found.progress, found.file.as_deref(), found.bytes);
    assert_eq!(done, (Progress::Done, Some("f"), Some(3)));
    let files = ["x", "f", "a"].map(str::to_owned);
    assert_eq!(unnamed_files(&database, &files).await.expect("read"), ["x", "a"]);
}

#[tokio::test]
async fn each_profile_of_an_experiment_replaces_one() {
    let both = collectors().await;
    let new = NewExperiment { project_name: Some("p".into()), ..NewExperiment::default() };
    let experiment_id = experiments::register(&both[0], new).await.expect("made").object.id;
    let profile = |n: usize| NewProfile {
        key: format!("key {n}"),
        experiment_id: experiment_id.clone(),
        file: format!("file {n}"),
        bytes: 1,
        created_us: 1,
    };
    let stored =
        join_all((0..8).map(async |n: usize| profiles::put(&both[n % 2], &profile(n)).await)).await;
    let mut replaced: Vec<_> = stored
        .into_iter()
        .map(|stored| stored.expect("stored").expect("an experiment").replaced)
        .collect();
    replaced.sort();
    assert_eq!(replaced[0], None);
    replaced.dedup();
    assert_eq!(replaced.len(), 8, "{replaced:?}");
    assert_eq!(sum(&both[0], "SELECT count(*) FROM blobs").await, 1);
    let same = NewProfile { file: "last".into(), ..profile(9) };
    let stored = profiles::put(&both[0], &same).await.expect("stored");
    assert!(stored.expect("an experiment").replaced.is_some());
    let stored = profiles::put(&both[0], &same).await.expect("stored");
    assert_eq!(stored, Some(Stored { replaced: None }), "it is in use");
    let nobody = NewProfile { experiment_id: "nobody".into(), ..profile(0) };
    assert_eq!(profiles::put(&both[0], &nobody).await.expect("looked"), None);
}
