//! Slugs across SDKs: what theirs export is a parent of ours and its row is changed by ours, and
//! the reverse. What is stored says so.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_client::{Config, Event, SpanOptions};

use crate::clients::{Client, World};
use crate::stored::Stored;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn slugs_are_read_and_written_as_javascript_does() {
    check(Client::NPM).await;
}

/// It writes version 3 and refuses version 4, of whatever SDK.
#[tokio::test]
async fn slugs_of_javascript_of_an_older_package_are_read() {
    let world = World::start();
    theirs_to_ours(&world, Client::NPM_3_3, &ours(&world)).await;
}

#[tokio::test]
async fn slugs_are_read_and_written_as_python_does() {
    check(Client::PyPi).await;
}

async fn check(client: Client) {
    let world = World::start();
    let ours = ours(&world);
    theirs_to_ours(&world, client, &ours).await;
    ours_to_theirs(&world, client, &ours).await;
}

fn ours(world: &World) -> tidegate_client::Client {
    let config = Config::default().app_url(world.url()).api_key("any");
    tidegate_client::Client::new(config).expect("a client")
}

fn named<'a>(stored: &'a Stored, name: &str) -> &'a Value {
    let found = stored.rows().iter().find(|row| row["span_attributes"]["name"] == name);
    found.unwrap_or_else(|| panic!("no span {name:?} in {:#?}", stored.rows()))
}

async fn theirs_to_ours(world: &World, client: Client, ours: &tidegate_client::Client) {
    let slugs = world.report(client, "export_slug", "theirs");
    let slug = |name: &str| slugs[name].as_str().expect("a slug");
    for (which, name) in
        [("early", "below root"), ("late", "below leaf"), ("experiment", "below case")]
    {
        let parent = ours.parent(slug(which)).await;
        let parent = parent.unwrap_or_else(|error| panic!("{which} {}: {error}", slug(which)));
        let span = ours.start_span(parent, name);
        span.child("deeper").end();
        span.end();
    }
    let change = Event::new().output("second").metadata(&json!({"changed": 2})).tags(["by us"]);
    ours.update_span(slug("early"), change).await.expect("updated");
    ours.flush(MINUTE).await.expect("stored");

    let logs = Stored::logs(world.url(), "theirs");
    assert_eq!(logs.len(), 6);
    let root = named(&logs, "theirs");
    let leaf = logs.child(root, "leaf");
    for (parent, name) in [(root, "below root"), (leaf, "below leaf")] {
        let below = logs.child(parent, name);
        logs.child(below, "deeper");
    }
    assert_eq!((&root["input"], &root["output"]), (&json!("from them"), &json!("second")));
    assert_eq!(root["metadata"], json!({"kept": 1, "changed": 2}));
    assert_eq!(root["tags"], json!(["by us"]));
    assert_eq!(root["is_root"], true);

    let experiment = Stored::experiment(world.url(), "theirs", "theirs");
    assert_eq!(experiment.len(), 3);
    let case = named(&experiment, "case");
    experiment.child(experiment.child(case, "below case"), "deeper");
}

async fn ours_to_theirs(world: &World, client: Client, ours: &tidegate_client::Client) {
    let logger = ours.init_logger("ours").await.expect("a logger");
    let event = Event::new().input("from us").metadata(&json!({"kept": 1, "changed": 1}));
    let root = logger.start_span(SpanOptions::new("ours").event(event));
    root.end();
    ours.flush(MINUTE).await.expect("stored");
    let slug = root.export().expect("a slug");
    let finished = world.run(client, "import_slug", &slug).success();
    assert_eq!((&*finished.stdout, &*finished.stderr), ("", ""));

    let logs = Stored::logs(world.url(), "ours");
    logs.check_every_row();
    assert_eq!(logs.len(), 2);
    let stored = named(&logs, "ours");
    assert_eq!(logs.child(stored, "below")["output"], "by them");
    assert_eq!((&stored["input"], &stored["output"]), (&json!("from us"), &json!("second")));
    assert_eq!(stored["metadata"], json!({"kept": 1, "changed": 2}));
    assert_eq!(stored["tags"], json!(["by them"]));
    assert_eq!(stored["is_root"], true);
}
