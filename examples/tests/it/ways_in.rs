//! Each way in as a program, sending to the real collector.

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_testkit::{ServerProcess, built_binary, post, rows};

use crate::support::{command_of, finished};

/// Runs an example; what it printed, and the rows it left in the collector.
fn run(example: &str) -> (String, Vec<Value>) {
    let directory = TempDir::new().expect("a directory");
    let server = ServerProcess::start(&built_binary(), &directory.path().join("data"), &[]);
    let mut command = command_of(example, directory.path());
    let finished = finished(command.env("BRAINTRUST_APP_URL", server.url())).success();
    let request = json!({"project_name": "ways-in"}).to_string();
    let project = post(server.url(), "/api/project/register", &[], &request).expect("an answer");
    let project = project.json()["project"]["id"].as_str().expect("an id").to_owned();
    (finished.stdout, rows(server.url(), "project_logs", &project))
}

fn named<'a>(rows: &'a [Value], name: &str) -> &'a Value {
    let found = rows.iter().find(|row| row["span_attributes"]["name"] == name);
    found.unwrap_or_else(|| panic!("no row {name} among {rows:#?}"))
}

fn is_below(row: &Value, parent: &Value) -> bool {
    row["span_parents"] == json!([parent["span_id"]])
        && row["root_span_id"] == parent["root_span_id"]
}

#[test]
fn instrumented_functions_are_recorded() {
    let (stdout, rows) = run("tracing_layer");
    assert!(
        stdout.ends_with("It is Lima.\nI do not know.\n4 rows recorded, nothing lost\n"),
        "{stdout}"
    );
    let known = |value: f64| move |row: &&Value| row["scores"]["is_known"] == value;
    let ask = rows.iter().find(known(1.0)).expect("the answered question");
    assert_eq!(ask["input"], "What is the capital of Peru?");
    assert_eq!(ask["output"], "It is Lima.");
    assert_eq!(ask["span_attributes"]["type"], "llm");
    assert_eq!(ask["metrics"]["tokens"], 9.0);
    let unknown = rows.iter().find(known(0.0)).expect("the other one");
    let failed = rows.iter().find(|row| row["error"].is_string()).expect("what failed");
    assert_eq!(failed["error"], "no capital of Atlantis is known");
    assert!(is_below(failed, unknown));
}

#[test]
fn a_trace_goes_on_over_http() {
    let (stdout, rows) = run("trace_context");
    assert_eq!(stdout, "one trace: true\n2 rows recorded, nothing lost\n");
    let reserve = named(&rows, "reserve");
    assert!(is_below(reserve, named(&rows, "order")));
    assert_eq!(reserve["input"], json!({"seats": 2}));
}

#[test]
fn a_streamed_call_is_recorded_by_middleware() {
    let (stdout, rows) = run("llm_middleware");
    assert!(stdout.contains("Chat Completion: \"It is Lima.\"\nprompt_tokens: 14"), "{stdout}");
    assert!(stdout.ends_with("3 rows recorded, nothing lost\n"), "{stdout}");
    let call = named(&rows, "Chat Completion");
    assert!(is_below(call, named(&rows, "ask")));
    assert_eq!(call["output"][0]["message"]["content"], "It is Lima.");
    assert_eq!(call["metrics"]["tokens"], 18.0);
    assert!(call["metrics"]["time_to_first_token"].as_f64() > Some(0.0));
    assert_eq!(call["metrics"]["estimated_cost"], 15e-6);
}

#[test]
fn calls_of_any_client_are_recorded() {
    let (stdout, rows) = run("llm_wrap");
    assert_eq!(stdout, "\"It is Lima.\" (3 words)\n3 rows recorded, nothing lost\n");
    let whole = named(&rows, "ask");
    assert_eq!(whole["metadata"]["response_id"], "c-1");
    let streamed = named(&rows, "ask, streamed");
    assert_eq!(streamed["output"][0]["message"]["content"], "It is Lima.");
    assert!(is_below(streamed, named(&rows, "question")));
}
