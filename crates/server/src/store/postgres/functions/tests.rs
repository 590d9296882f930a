use futures_util::future::join_all;
use serde_json::json;

use super::super::testing::{fresh, sum};
use super::*;
use crate::store::{At, IfExists};

async fn collectors() -> [Database; 2] {
    let (database, url) = fresh().await;
    [database, Database::new(&url).expect("a URL")]
}

fn new(project: &str, slug: &str, if_exists: IfExists) -> NewFunction {
    let members = json!({"slug": slug, "name": slug, "function_data": {"type": "prompt"}});
    NewFunction {
        project_id: None,
        project_name: Some(project.into()),
        definition: definition(members),
        if_exists,
        same_kind: true,
        environments: vec!["dev".into()],
    }
}

fn definition(members: Value) -> Definition {
    let Value::Object(members) = members else { panic!("not an object: {members}") };
    Definition::of(members).expect("a definition")
}

fn named(name: &str) -> Map<String, Value> {
    let Value::Object(members) = json!({"name": name}) else { panic!("an object") };
    members
}

async fn all(database: &Database, filter: FunctionFilter) -> Vec<Function> {
    read::page(database, &filter, 100).await.expect("read").functions
}

#[tokio::test]
async fn writes_at_once_are_versions_one_after_another() {
    let both = collectors().await;
    let put = join_all((0..12).map(async |n: usize| {
        put::put(&both[n % 2], vec![new("p", "s", IfExists::Replace)]).await
    }))
    .await;
    let put: Vec<_> = put.into_iter().map(|put| put.expect("stored").remove(0)).collect();
    assert!(put.iter().all(|one| one.object.id == put[0].object.id), "{put:?}");
    assert_eq!(put.iter().filter(|one| !one.existing).count(), 1, "{put:?}");
    let id = put[0].object.id.as_str();
    let patched = join_all(
        (0..12).map(async |n: usize| patch(&both[n % 2], id, &named(&format!("name {n}"))).await),
    )
    .await;
    let mut xacts: Vec<XactId> = put.iter().map(|one| one.object.xact).collect();
    xacts.extend(patched.into_iter().map(|one| one.expect("patched").expect("there").xact));
    xacts.sort();
    xacts.dedup();
    assert_eq!(xacts.len(), 24);
    // In the order in which they were written.
    let sql = "SELECT count(*) FROM function_versions AS one JOIN function_versions AS next
        ON next.number > one.number AND next.xact < one.xact";
    assert_eq!(sum(&both[0], sql).await, 0);
    let newest = all(&both[1], FunctionFilter::default()).await;
    assert_eq!(newest.iter().map(|one| one.xact).collect::<Vec<_>>(), [xacts[23]]);
    let at = At::Version(xacts[2]);
    let then = all(&both[1], FunctionFilter { at, ..FunctionFilter::default() }).await;
    assert_eq!(then.iter().map(|one| one.xact).collect::<Vec<_>>(), [xacts[2]]);
    let before = At::Version(XactId::at(1));
    assert!(all(&both[0], FunctionFilter { at: before, ..Default::default() }).await.is_empty());
}

#[tokio::test]
async fn one_of_those_who_want_it_new_makes_it() {
    let both = collectors().await;
    let put =
        join_all((0..8).map(async |n: usize| {
            put::put(&both[n % 2], vec![new("p", "s", IfExists::Error)]).await
        }))
        .await;
    let exists = |one: &&Result<Vec<Registered<Function>>, StoreError>| matches!(one, Err(StoreError::FunctionExists(slug)) if slug == "s");
    assert_eq!(put.iter().filter(|one| one.is_ok()).count(), 1, "{put:?}");
    assert_eq!(put.iter().filter(exists).count(), 7, "{put:?}");
    let ignored = put::put(&both[0], vec![new("p", "s", IfExists::Ignore)]).await.expect("there");
    assert!(ignored[0].existing);
    assert_eq!(sum(&both[0], "SELECT count(*) FROM function_versions").await, 1);
    let twice = vec![new("p", "t", IfExists::Ignore), new("p", "t", IfExists::Ignore)];
    let twice = put::put(&both[0], twice).await;
    assert!(matches!(twice, Err(StoreError::SlugRepeated(slug)) if slug == "t"));
    assert_eq!(sum(&both[0], "SELECT count(*) FROM functions").await, 1, "all or none");
}

#[tokio::test]
async fn requests_in_opposite_order_do_not_wait_in_a_circle() {
    let both = collectors().await;
    for round in 0..4 {
        let name = |n: usize| (format!("project {round} {n}"), format!("slug {n}"));
        let put = join_all((0..8).map(async |n: usize| {
            let mut order: Vec<usize> = (0..6).collect();
            if n % 2 == 1 {
                order.reverse();
            }
            let new = order.into_iter().map(|n| {
                let (project, slug) = name(n);
                new(&project, &slug, IfExists::Replace)
            });
            put::put(&both[(n / 2) % 2], new.collect()).await
        }))
        .await;
        for put in put {
            let put = put.expect("stored");
            assert!(put.iter().all(|one| one.object.xact == put[0].object.xact));
        }
    }
    assert_eq!(sum(&both[0], "SELECT count(*) FROM functions").await, 24);
    assert_eq!(sum(&both[0], "SELECT count(*) FROM function_versions").await, 4 * 8 * 6);
    assert_eq!(sum(&both[0], "SELECT count(*) FROM function_environments").await, 24);
}

#[tokio::test]
async fn a_slug_is_given_to_one_of_those_who_want_it() {
    let both = collectors().await;
    let made = ["a", "b", "c", "d"].map(|slug| new("p", slug, IfExists::Replace));
    let made = put::put(&both[0], made.into()).await.expect("stored");
    let Value::Object(wanted) = json!({"slug": "wanted"}) else { panic!("an object") };
    let patched = join_all(
        made.iter()
            .enumerate()
            .map(async |(n, one)| patch(&both[n % 2], &one.object.id, &wanted).await),
    )
    .await;
    let taken = |one: &&Result<Option<Function>, StoreError>| {
        matches!(one, Err(StoreError::SlugTaken { slug, kind })
            if slug == "wanted" && kind == "prompt")
    };
    assert_eq!(patched.iter().filter(|one| one.is_ok()).count(), 1, "{patched:?}");
    assert_eq!(patched.iter().filter(taken).count(), 3, "{patched:?}");
}

#[tokio::test]
async fn pages_are_found_by_every_condition() {
    let [database, _] = collectors().await;
    let made = ["a", "b", "c"].map(|slug| new("p", slug, IfExists::Replace));
    let mut made = put::put(&database, made.into()).await.expect("stored");
    let tool = json!({"slug": "t", "name": "Tool", "function_type": "tool",
        "function_data": {"type": "code", "data": {"type": "inline"}}});
    let tool = NewFunction { definition: definition(tool), ..new("q", "t", IfExists::Error) };
    made.extend(put::put(&database, vec![tool]).await.expect("stored"));
    let ids: Vec<String> = made.iter().map(|one| one.object.id.clone()).collect();
    let filter = FunctionFilter::default;
    let slugs = async |filter| {
        let found = all(&database, filter).await;
        found.into_iter().map(|one| one.slug).collect::<String>()
    };
    assert_eq!(slugs(filter()).await, "tcba");
    for (wanted, expected) in [
        (FunctionFilter { ids: Some(ids[1..3].into()), ..filter() }, "cb"),
        (FunctionFilter { slug: Some("a".into()), ..filter() }, "a"),
        (FunctionFilter { name: Some("Tool".into()), ..filter() }, "t"),
        (FunctionFilter { kind: Some("prompt".into()), ..filter() }, "cba"),
        (FunctionFilter { function_type: Some("tool".into()), ..filter() }, "t"),
        (FunctionFilter { project_name: Some("q".into()), ..filter() }, "t"),
        (FunctionFilter { project_id: Some(made[0].object.project_id.clone()), ..filter() }, "cba"),
        (FunctionFilter { after: Some(ids[2].clone()), ..filter() }, "ba"),
        (FunctionFilter { before: Some(ids[1].clone()), ..filter() }, "tc"),
        (FunctionFilter { at: At::Environment("dev".into()), ..filter() }, "tcba"),
        (FunctionFilter { at: At::Environment("prod".into()), ..filter() }, ""),
    ] {
        assert_eq!(slugs(wanted.clone()).await, expected, "{wanted:?}");
    }
    let page = read::page(&database, &filter(), 2).await.expect("read");
    assert!(page.more);
    assert_eq!(page.functions.iter().map(|one| &*one.slug).collect::<String>(), "tc");
    let before = FunctionFilter { before: Some(ids[0].clone()), ..filter() };
    let page = read::page(&database, &before, 2).await.expect("read");
    assert!(page.more);
    assert_eq!(page.functions.iter().map(|one| &*one.slug).collect::<String>(), "cb");
}

#[tokio::test]
async fn environments_use_versions_that_there_were() {
    let [database, _] = collectors().await;
    let made = put::put(&database, vec![new("p", "s", IfExists::Error)]).await.expect("stored");
    let Function { id, xact, .. } = &made[0].object;
    let client = database.client().await.expect("a connection");
    let early = tags::set(&client, id, "prod", XactId::at(1)).await.expect("looked");
    assert!(early.is_none(), "no version then");
    let set = tags::set(&client, id, "prod", *xact).await.expect("set").expect("a function");
    let again = tags::set(&client, id, "prod", *xact).await.expect("set").expect("a function");
    assert_eq!(set.id, again.id);
    let listed = tags::list(&client, id, None).await.expect("read");
    assert_eq!(listed.iter().map(|tag| &*tag.environment).collect::<Vec<_>>(), ["dev", "prod"]);
    let gone = tags::delete(&client, id, "prod").await.expect("deleted");
    assert_eq!(gone.map(|gone| gone.id), Some(set.id));
    assert!(tags::delete(&client, id, "prod").await.expect("looked").is_none());
    let deleted = delete(&database, id).await.expect("deleted").expect("a function");
    assert_eq!(deleted.xact, *xact);
    assert_eq!(sum(&database, "SELECT count(*) FROM function_environments").await, 0);
    assert!(delete(&database, id).await.expect("looked").is_none());
}

#[tokio::test]
async fn uploads_of_code_are_forgotten_unless_a_version_names_them() {
    let [database, _] = collectors().await;
    let client = database.client().await.expect("a connection");
    let sql = "INSERT INTO blobs (key, purpose, filename, content_type, status, file, created_us)
        SELECT key, purpose, '', '', 'done', key, at FROM (VALUES ('named', 'bundle', 1),
          ('old', 'bundle', 1), ('new', 'bundle', 9), ('other', 'attachment', 1))
          AS blobs (key, purpose, at)";
    client.batch_execute(sql).await.expect("stored");
    let data = json!({"type": "code", "data": {"type": "bundle", "bundle_id": "named"}});
    let code = json!({"slug": "s", "name": "s", "function_data": data});
    let code = NewFunction { definition: definition(code), ..new("p", "s", IfExists::Error) };
    put::put(&database, vec![code]).await.expect("stored");
    let forgotten = expire_bundles(&database, 5, 10).await.expect("forgotten");
    assert_eq!(forgotten, [Some("old".to_owned())]);
    assert!(expire_bundles(&database, 5, 10).await.expect("looked").is_empty());
}
