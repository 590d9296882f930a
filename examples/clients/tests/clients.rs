//! Each client as a program, sending to the real collector.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_testkit::{ServerProcess, built_binary, post, rows, run};

fn program(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test executable");
    let profile = test.parent().and_then(Path::parent).expect("a cargo target directory");
    profile.join("examples").join(format!("{example}{}", std::env::consts::EXE_SUFFIX))
}

/// Runs an example; the rows it left in the collector: the root, then the calls in their order.
fn recorded(example: &str, variables: &[(&str, &str)]) -> Vec<Value> {
    let directory = tempfile::tempdir().expect("a directory");
    let server = ServerProcess::start(&built_binary(), &directory.path().join("data"), &[]);
    let mut command = Command::new(program(example));
    command.current_dir(directory.path()).env("BRAINTRUST_APP_URL", server.url());
    for name in ["BRAINTRUST_API_KEY", "BRAINTRUST_API_URL", "BRAINTRUST_ORG_NAME"] {
        command.env_remove(name);
    }
    command.env_remove(CAPTURE).envs(variables.iter().copied());
    let finished = run(&mut command, Duration::from_secs(120)).success();
    assert_eq!(finished.stdout, "It is Lima.\nIt is Lima.\n3 rows recorded, nothing lost\n");
    let request = json!({"project_name": "ways-in"}).to_string();
    let project = post(server.url(), "/api/project/register", &[], &request).expect("an answer");
    let project = project.json()["project"]["id"].as_str().expect("an id").to_owned();
    let mut rows = rows(server.url(), "project_logs", &project);
    rows.sort_by(|a, b| {
        let start = |row: &Value| row["metrics"]["start"].as_f64().expect("a start");
        start(a).total_cmp(&start(b))
    });
    assert_eq!(rows.len(), 3, "{rows:#?}");
    assert_eq!(rows[0]["span_attributes"]["name"], "questions");
    for call in &rows[1..] {
        assert_eq!(call["span_parents"], json!([rows[0]["span_id"]]), "{call:#}");
        assert_eq!(call["span_attributes"]["type"], "llm", "{call:#}");
        assert_eq!(call["metrics"]["prompt_tokens"], 14.0, "{call:#}");
        assert_eq!(call["metrics"]["completion_tokens"], 4.0, "{call:#}");
        assert_eq!(call["metrics"]["tokens"], 18.0, "{call:#}");
        assert!(call["metrics"]["end"].is_number() && call["error"].is_null(), "{call:#}");
    }
    rows
}

/// `genai` records what was asked and answered only if it is set.
const CAPTURE: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";

#[test]
fn calls_of_async_openai_are_recorded_whole_and_streamed() {
    let rows = recorded("async_openai", &[]);
    for call in &rows[1..] {
        assert_eq!(call["span_attributes"]["name"], "Chat Completion");
        assert_eq!(call["input"][0]["content"], "What is the capital of Peru?");
        assert_eq!(call["output"][0]["message"]["content"], "It is Lima.", "{call:#}");
        assert_eq!(call["output"][0]["finish_reason"], "stop");
        assert_eq!(call["metadata"]["model"], "stand-in-1", "the one that answered");
        assert_eq!(call["metadata"]["request_model"], "stand-in");
    }
    assert!(rows[1]["metrics"].get("time_to_first_token").is_none(), "{:#}", rows[1]);
    assert!(rows[2]["metrics"]["time_to_first_token"].as_f64() > Some(0.0), "{:#}", rows[2]);
}

#[test]
fn calls_of_genai_are_recorded_whole_and_streamed() {
    let rows = recorded("genai", &[(CAPTURE, "true")]);
    for call in &rows[1..] {
        assert_eq!(call["span_attributes"]["name"], "chat stand-in");
        assert_eq!(call["metadata"]["model"], "stand-in", "{call:#}");
        assert_eq!(call["input"][0]["parts"][0]["content"], "What is the capital of Peru?");
        assert_eq!(call["output"][0]["parts"][0]["content"], "It is Lima.", "{call:#}");
        assert_eq!(call["metadata"]["provider"], "openai");
    }
    assert!(rows[2]["metrics"]["time_to_first_token"].as_f64() > Some(0.0), "{:#}", rows[2]);
}

#[test]
fn genai_tells_no_contents_unless_it_is_asked_to() {
    for call in &recorded("genai", &[])[1..] {
        assert!(call["input"].is_null() && call["output"].is_null(), "{call:#}");
    }
}
