//! OpenTelemetry's own exporters: PyPI `opentelemetry-exporter-otlp-proto-http` 1.45.2 (protobuf,
//! gzip), npm `@opentelemetry/exporter-trace-otlp-http` (JSON) and `-proto` 0.223.1; crate
//! `opentelemetry-otlp` 0.33.1 (protobuf).

mod rust;

use serde_json::{Value, json};

use crate::clients::{Client, World};
use crate::stored::Stored;

#[test]
fn a_trace_of_the_python_exporter_is_stored_as_a_tree() {
    check(Client::OtelPython, "agents", "agents");
}

#[test]
fn a_trace_of_the_javascript_exporter_in_json_is_stored_as_a_tree() {
    check(Client::OtelJs, "json agents", "agents");
}

#[test]
fn a_trace_of_the_javascript_exporter_in_protobuf_is_stored_as_a_tree() {
    check(Client::OtelJs, "protobuf agents", "agents");
}

#[test]
fn a_trace_of_the_rust_exporter_is_stored_as_a_tree() {
    let world = World::start();
    rust::send(world.url(), "agents");
    check_stored(&world, "agents");
}

fn check(client: Client, variant: &str, project: &str) {
    let world = World::start();
    let finished = world.run(client, "otlp", variant).success();
    // Exporters tell of what was refused on stderr.
    assert_eq!((&*finished.stdout, &*finished.stderr), ("", ""));
    check_stored(&world, project);
}

fn check_stored(world: &World, project: &str) {
    let stored = Stored::logs(world.url(), project);
    stored.check_every_row();
    assert_eq!(stored.len(), 3);
    let root = stored.rows().iter().find(|row| row["is_root"] == true).expect("a root");
    assert_eq!(stored.children(root), 2);
    assert_eq!(root["span_attributes"], json!({"name": "request", "type": "task"}));
    assert_eq!(root["input"], json!({"question": "weather?"}));
    assert_eq!(root["tags"], json!(["production"]));
    assert_eq!(root["metadata"]["resource"]["service.name"], "shop");
    assert_eq!(root["context"]["span_origin"]["name"], "opentelemetry");
    let scope = json!({"name": "agent", "version": "1.2"});
    assert_eq!(root["context"]["span_origin"]["instrumentation"], scope);
    let id = |row: &Value, member: &str| row[member].as_str().expect("an id").to_owned();
    let (trace, span) = (id(root, "root_span_id"), id(root, "span_id"));
    assert_eq!((trace.len(), span.len()), (32, 16));
    assert_eq!(root["id"], format!("{trace}-{span}"));

    let call = stored.child(root, "chat m-1");
    assert_eq!(call["span_attributes"]["type"], "llm");
    let said = |role: &str, text: &str| json!([{"role": role, "parts": [{"type": "text", "content": text}]}]);
    assert_eq!(call["input"], said("user", "weather?"));
    assert_eq!(call["output"], said("assistant", "rain"));
    for (name, count) in [("prompt_tokens", 12), ("completion_tokens", 3), ("tokens", 15)] {
        assert_eq!(call["metrics"][name], count, "{name}");
    }
    let metadata = &call["metadata"];
    assert_eq!((&metadata["model"], &metadata["provider"]), (&json!("m-1"), &json!("openai")));
    assert_eq!(metadata["temperature"], 0.5);
    assert_eq!(metadata["gen_ai.response.finish_reasons"], json!(["stop"]));
    assert_eq!(metadata["otel"]["kind"], "client");
    assert_eq!(call.get("error"), None);

    let tool = stored.child(root, "tool");
    assert_eq!(tool["span_attributes"]["type"], "tool");
    assert_eq!(tool["input"], json!([{"role": "user", "content": "Paris"}]));
    let error = tool["error"].as_str().expect("an error");
    assert!(error.starts_with("ValueError: no such city\n\n"), "{error}");
    assert_eq!(tool["metadata"]["events"][0]["name"], "exception");
}
