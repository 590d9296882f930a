//! Prompts and parameters: published and pushed by the clients, loaded by them, and what they do when
//! something is not there, or the server is not.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_testkit::{get, post, run};

use crate::clients::{Client, DEADLINE, World, beside, command, configure, reported, target};

#[test]
fn prompts_are_published_loaded_and_left_when_the_server_is_gone() {
    check(Client::NPM);
}

#[test]
fn prompts_of_python_are_published_loaded_and_left_when_the_server_is_gone() {
    check(Client::PyPi);
}

/// Runs the program with a folder for its caches.
fn report(url: &str, client: Client, phase: &str, version: &str, caches: &Path) -> Value {
    let mut command = command(url, client, "prompts", "served");
    command.env("PHASE", phase).env("KNOBS_VERSION", version);
    command.env("BRAINTRUST_PROMPT_CACHE_DIR", caches.join("prompts"));
    command.env("BRAINTRUST_PARAMETERS_CACHE_DIR", caches.join("parameters"));
    reported(run(&mut command, DEADLINE))
}

fn knobs(model: &str) -> Value {
    json!({"project_name": "served", "slug": "knobs", "name": "Knobs", "if_exists": "replace",
        "function_data": {"type": "parameters", "data": {"model": model},
            "__schema": {"type": "object", "properties": {"model": {"type": "string"}}}}})
}

fn store(url: &str, model: &str) -> Value {
    let reply = post(url, "/v1/function", &[], &knobs(model).to_string()).expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn check(client: Client) {
    let world = World::start();
    let caches = TempDir::new().expect("a folder");
    let before = store(world.url(), "small");
    let after = store(world.url(), "large");
    let version = before["_xact_id"].as_str().expect("a version");
    let found = report(world.url(), client, "online", version, caches.path());

    let says = |text: &str| json!([{"role": "user", "content": text}]);
    let (first, second) = (&found["first"], &found["second"]);
    assert_eq!((&first["slug"], &first["name"]), (&json!("greeting"), &json!("Greeting")));
    assert_eq!((&first["messages"], &second["messages"]), (&says("Hello Ann"), &says("Ciao Ann")));
    assert_eq!((&first["model"], &first["temperature"]), (&json!("gpt-4o"), &json!(0)));
    assert_eq!((&first["traced"], &first["id"]), (&json!(true), &second["id"]));
    assert!(first["version"].as_str() < second["version"].as_str());
    for same in ["pinned", "byIdPinned", "production"] {
        assert_eq!(found[same], *first, "{same}");
    }
    assert_eq!((&found["byId"], &found["newest"]), (second, second));

    assert_eq!(found["knobs"]["data"], json!({"model": "large"}));
    assert_eq!(found["knobs"]["schema"], knobs("large")["function_data"]["__schema"]);
    assert_eq!(
        (&found["knobs"]["id"], &found["knobs"]["version"]),
        (&after["id"], &after["_xact_id"])
    );
    assert_eq!(found["knobsById"], found["knobs"]);
    assert_eq!(found["knobsPinned"]["data"], json!({"model": "small"}));

    let said = |report: &Value, member: &str, words: &str| {
        let message = report[member].as_str().unwrap_or_else(|| panic!("{member} is no error"));
        assert!(message.contains(words), "{member}: {message}");
    };
    said(&found, "missing", "Prompt nothing not found in");
    said(&found, "missingKnobs", "Parameters nothing not found in");
    said(&found, "elsewhere", "Prompt greeting not found in");
    let stored = get(world.url(), "/v1/prompt?project_name=served&slug=greeting").json();
    assert_eq!(stored["objects"][0]["description"], "says hello");

    // Another process, when nobody answers.
    let url = world.url().to_owned();
    world.stop();
    let left = report(&url, client, "offline", version, caches.path());
    assert_eq!((&left["second"], &left["knobs"]), (second, &found["knobs"]));
    said(&left, "missing", "not found on server or in local cache");
    said(&left, "missingKnobs", "not found on server or in local cache");
    said(&left, "elsewhere", "not found with specified parameters");
}

/// The command-line program of the package.
fn program(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("node");
    command.arg(target().join("js-3.35.0/node_modules/braintrust/dist/cli.js")).args(arguments);
    configure(&mut command, url);
    command
}

#[test]
fn a_push_stores_code_prompts_and_parameters_and_a_pull_gives_the_prompts_back() {
    let world = World::start();
    let file = beside("3.35.0", "pushed.ts");
    let file = file.to_str().expect("a path");
    let push = |more: &[&str]| {
        let arguments: Vec<_> = ["push", file].iter().chain(more).copied().collect();
        run(&mut program(world.url(), &arguments), DEADLINE)
    };
    drop(push(&[]).success());
    let function = |slug: &str| {
        let path = format!("/v1/function?project_name=pushed&slug={slug}");
        let found = get(world.url(), &path).json();
        assert_eq!(found["objects"].as_array().map(Vec::len), Some(1), "{slug}: {found}");
        found["objects"][0].clone()
    };
    let (tool, prompt, knobs) = (function("add"), function("sum"), function("knobs"));
    assert_eq!(
        (&tool["function_type"], &prompt["function_data"]),
        (&json!("tool"), &json!({"type": "prompt"}))
    );
    assert_eq!(tool["_xact_id"], knobs["_xact_id"], "one request");
    let used = json!([{"type": "function", "id": tool["id"]}]);
    assert_eq!(prompt["prompt_data"]["tool_functions"], used);
    assert_eq!(knobs["function_data"]["data"], json!({"model": "gpt-4o", "digits": 2}));
    let bundle = tool["function_data"]["data"]["bundle_id"].as_str().expect("a bundle");
    let code = get(world.url(), &format!("/function/code/{bundle}")).json();
    assert!(code["bytes"].as_u64() > Some(1_000), "{code}");

    // Again, and the package's own words about it.
    let again = push(&[]);
    let told = format!("{}{}", again.stdout, again.stderr);
    assert!(told.contains("409") && told.contains("exists already"), "{told}");
    assert_eq!(function("add"), tool);
    drop(push(&["--if-exists", "replace"]).success());
    assert_eq!(function("add")["id"], tool["id"]);
    assert!(function("add")["_xact_id"].as_str() > tool["_xact_id"].as_str());

    let folder = TempDir::new().expect("a folder");
    let mut pull = program(world.url(), &["pull", "--project-name", "pushed", "--output-dir", "."]);
    drop(run(pull.current_dir(folder.path()), DEADLINE).success());
    let pulled = std::fs::read_to_string(folder.path().join("pushed.ts")).expect("a file");
    assert!(pulled.contains("What is {{a}} + {{b}}?"), "{pulled}");
}

/// `bt`, which comes with the package.
#[test]
fn bt_lists_shows_and_deletes_prompts() {
    let world = World::start();
    let messages = json!([{"role": "user", "content": "Hello {{name}}"}]);
    let new = json!({"project_name": "listed", "slug": "greeting", "name": "Greeting",
        "prompt_data": {"prompt": {"type": "chat", "messages": messages}}})
    .to_string();
    let made = post(world.url(), "/v1/prompt", &[], &new).expect("an answer").json();
    let bt = |arguments: &[&str]| {
        let mut command = Command::new(target().join("js-3.35.0/node_modules/.bin/bt"));
        command.args(arguments).args(["--project", "listed", "--no-input", "--json"]);
        configure(&mut command, world.url());
        let home = TempDir::new().expect("a folder");
        run(command.env("HOME", home.path()).current_dir(home.path()), DEADLINE)
    };
    let listed = bt(&["prompts", "list"]).success();
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert!(listed.to_string().contains(made["id"].as_str().expect("an id")), "{listed}");
    let shown = bt(&["prompts", "view", "greeting"]).success();
    let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    assert!(shown.to_string().contains("Hello {{name}}"), "{shown}");
    drop(bt(&["prompts", "delete", "greeting", "--force"]).success());
    assert_eq!(get(world.url(), "/v1/prompt").json(), json!({"objects": []}));
}
