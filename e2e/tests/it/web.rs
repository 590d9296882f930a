//! The web page and the viewer that the server has in it, in Chromium: nothing of theirs is refused
//! by the policies they are served with, and what they do not allow does not happen.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tidegate_testkit::{post, put, run};

use crate::clients::{DEADLINE, World, browser, javascript};

#[test]
fn pages_run_under_their_policies() {
    let world = World::start();
    let made = post(world.url(), "/api/experiment/register", &[], r#"{"project_name":"p"}"#);
    let made = made.expect("an answer").json();
    let id = made["experiment"]["id"].as_str().expect("an id");
    let profile = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/cli/tests/fixtures/profiles/parallel.jsonl");
    let profile = fs::read_to_string(profile).expect("a profile");
    let path = format!("/api/experiments/{id}/profile");
    assert_eq!(put(world.url(), &path, &profile).expect("an answer").status, 200);

    let viewer = format!("/speedscope/#profileURL=/api/experiments/{id}/speedscope");
    let pages = ["/", "/app/local/p/p", "/speedscope/", &viewer];
    let _one = browser();
    let mut chromium = javascript("speedscope", "web.mjs");
    let finished = run(chromium.arg(world.url()).args(pages), DEADLINE).success();
    let shown: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    for page in pages {
        let shown = &shown[page];
        assert_eq!(shown["status"], 200, "{page}: {shown:#}");
        assert_eq!(shown["errors"].as_array().map(Vec::len), Some(0), "{page}: {shown:#}");
        assert_eq!(shown["wasRun"], false, "{page}: a script of the page's content was run");
    }
    let title = shown[&viewer]["title"].as_str().expect("a title");
    assert!(title.ends_with(" - speedscope"), "{title}");
}
