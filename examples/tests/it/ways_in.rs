//! Each way in as a program, sending to the real collector.

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_testkit::{ServerProcess, built_binary, get, post, rows};

use crate::support::{command_of, finished};

/// Runs an example; what it printed, and the rows it left in the logs of its project.
fn run(example: &str) -> (String, Vec<Value>) {
    let (stdout, server, _directory) = run_beside(example);
    let logs = logs(&server);
    (stdout, logs)
}

/// As [`run`], and the collector that it sent to.
fn run_beside(example: &str) -> (String, ServerProcess, TempDir) {
    let directory = TempDir::new().expect("a directory");
    let server = ServerProcess::start(&built_binary(), &directory.path().join("data"), &[]);
    let mut command = command_of(example, directory.path());
    let finished = finished(command.env("BRAINTRUST_APP_URL", server.url())).success();
    (finished.stdout, server, directory)
}

/// The rows in the logs of the examples' project.
fn logs(server: &ServerProcess) -> Vec<Value> {
    let request = json!({"project_name": "ways-in"}).to_string();
    let project = post(server.url(), "/api/project/register", &[], &request).expect("an answer");
    let project = project.json()["project"]["id"].as_str().expect("an id").to_owned();
    rows(server.url(), "project_logs", &project)
}

/// The rows of an experiment or a dataset of the examples' project, by its name.
fn rows_of(server: &ServerProcess, kind: &str, name: &str) -> Vec<Value> {
    let path = format!("/v1/{kind}?project_name=ways-in&{kind}_name={name}");
    let found = get(server.url(), &path).json();
    let id = found["objects"][0]["id"].as_str().unwrap_or_else(|| panic!("no {name}: {found}"));
    rows(server.url(), kind, id)
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

#[test]
fn a_service_logs_its_requests_and_what_users_think_of_them() {
    let (stdout, rows) = run("logger");
    assert_eq!(stdout, "Peru: Lima\nAtlantis: I do not know\n5 rows recorded, nothing lost\n");
    let question = |input: &str| {
        let found = rows
            .iter()
            .find(|row| row["input"] == input && row["span_attributes"]["name"] == "question");
        found.unwrap_or_else(|| panic!("no question about {input} among {rows:#?}"))
    };
    assert_eq!(question("Peru")["output"], "Lima");
    assert_eq!(question("Peru")["scores"]["helpful"], 1.0);
    assert_eq!(question("Atlantis")["scores"]["helpful"], 0.0);
    assert_eq!(question("Peru")["tags"], json!(["web"]));
    assert!(rows.iter().any(|row| row["comment"]["text"] == "useless"), "{rows:#?}");
    let lookups = rows.iter().filter(|row| row["span_attributes"]["name"] == "lookup");
    let below = lookups.filter(|row| is_below(row, question(row["input"].as_str().expect("text"))));
    assert_eq!(below.count(), 2);
}

#[test]
fn a_dataset_is_evaluated_as_it_is_and_as_it_was() {
    let (stdout, server, _directory) = run_beside("datasets");
    let mut lines: Vec<_> = stdout.lines().collect();
    lines[2..].sort_unstable();
    assert_eq!(
        lines,
        [
            "latest: 3 cases, 67 % right",
            "pinned: 2 cases, 100 % right",
            r#""Chile" -> "Santiago" ["production"]"#,
            r#""France" -> "Paris" []"#,
            r#""Peru" -> "Lima" []"#,
        ]
    );
    assert_eq!(rows_of(&server, "dataset", "capitals").len(), 2);
}

#[test]
fn an_experiment_by_hand_is_compared_with_the_one_before() {
    let (stdout, server, _directory) = run_beside("experiment");
    assert_eq!(stdout, "before: 67 %\nafter: 100 %, +33 % against before, 1 better, 0 worse\n");
    let rows = rows_of(&server, "experiment", "after");
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["output"] == row["expected"]), "{rows:#?}");
}

#[test]
fn a_program_without_a_runtime_records_too() {
    let (stdout, server, _directory) = run_beside("blocking");
    let expected = "6 words\nexperiment: 0.67\nevaluation: 1.0\nrecorded for ";
    assert!(stdout.starts_with(expected), "{stdout}");
    let logs = logs(&server);
    assert!(is_below(named(&logs, "count"), named(&logs, "request")));
    assert_eq!(rows_of(&server, "dataset", "texts").len(), 3);
}

#[test]
fn spans_of_opentelemetry_are_recorded() {
    let (stdout, rows) = run("otlp");
    assert_eq!(stdout, "It is Lima.\n2 spans delivered\n");
    let call = named(&rows, "chat stand-in");
    assert!(is_below(call, named(&rows, "question")));
    assert_eq!(call["span_attributes"]["type"], "llm");
    assert_eq!(call["metrics"]["tokens"], 18.0);
    assert_eq!(call["input"], "What is the capital of Peru?");
    assert_eq!(call["output"], "It is Lima.");
    assert_eq!(named(&rows, "question")["output"], "It is Lima.");
}

/// Without a server that is named, each records into a directory of its own.
#[test]
fn each_example_runs_without_anything_set() {
    for example in ["logger", "datasets", "experiment", "blocking", "otlp"] {
        let directory = TempDir::new().expect("a directory");
        let ran = finished(&mut command_of(example, directory.path())).success();
        assert!(!ran.stdout.is_empty(), "{example} says what it did");
        assert!(directory.path().join(".tidegate").is_dir(), "{example}");
    }
}
