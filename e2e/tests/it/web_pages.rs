//! The web pages in Chromium over the real binary: what each of them shows of a seeded server, that
//! nothing recorded there is ever run, and what a server that requires keys lets whom see.
//!
//! The programs are in `e2e/js/web`. Any error of a script, refusal of the policy, dialog or request
//! to elsewhere fails them, on whatever page it happens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_testkit::{Finished, run};

use crate::clients::{Client, World, browser, web};

/// Of a whole walk, which takes some 20 s; each of its steps has a deadline of its own.
const WALK: Duration = Duration::from_secs(300);

fn profile() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/cli/tests/fixtures/profiles/parallel.jsonl")
}

fn walk(program: &str, world: &World, arguments: &[&str]) -> Finished {
    let _one = browser();
    run(web(program).arg(world.url()).args(arguments), WALK).success()
}

#[test]
fn every_page_shows_what_was_recorded() {
    let profile = profile();
    drop(walk("pages.mjs", &World::start(), &[profile.to_str().expect("a path")]));
}

#[test]
fn recorded_content_is_only_text_and_every_page_is_for_everybody() {
    let profile = profile();
    drop(walk("hostile.mjs", &World::start(), &[profile.to_str().expect("a path")]));
}

#[test]
fn a_key_opens_the_pages_until_it_ends() {
    let world = World::start_with(&["--require-key"]);
    let line = world.server.line_with("first key");
    let key = line.rsplit(' ').next().expect("a word");
    drop(walk("keys.mjs", &world, &[key]));
}

#[test]
fn links_of_clients_show_what_they_name() {
    let world = World::start();
    let links = world.report(Client::NPM, "links", "linked");
    let links: Vec<&str> =
        links.as_array().expect("a list").iter().map(|link| link.as_str().expect("text")).collect();
    // Three of a span in logs, two of one in an experiment, then project, experiment and dataset.
    let shown = ["answer", "answer", "answer", "answer", "answer", "linked", "linked", "linked"];
    assert_eq!(links.len(), shown.len(), "{links:?}");
    let wanted: Vec<String> =
        links.iter().zip(shown).map(|(link, text)| format!("{link} {text}")).collect();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let led = walk("links.mjs", &world, &wanted);
    let led: Vec<String> = serde_json::from_str(&led.stdout).expect("JSON");
    assert!(led[..3].iter().all(|path| path.contains("/logs/trace/")), "{led:?}");
    assert!(led[3..5].iter().all(|path| path.contains("/experiments/linked/trace/")), "{led:?}");
}
