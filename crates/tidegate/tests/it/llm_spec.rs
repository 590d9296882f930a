//! The cases of Braintrust's public specification of such spans (`test/llm_span` in
//! `braintrustdata/braintrust-spec`), one test each with the name of the case: a server answers as the
//! service does, and the row that the collector has then holds what the case expects. Requests and
//! answers are our own. `docs/ways-in.md` lists the cases and where we differ.

mod anthropic;
mod google;
mod media;
mod openai;

use serde_json::{Value, json};
use tidegate::client::AttachmentReference;
use tidegate::llm::Recorder;
use tidegate_testkit::{Answer, ScriptedServer};

use crate::support::{Collector, DEADLINE, client, is_below};

// What an expected value may be instead of itself.
const TEXT: &str = "<a text that is not empty>";
const NUMBER: &str = "<a number of at least 0>";
const POSITIVE: &str = "<a number above 0>";
const ABSENT: &str = "<nothing>";
/// With the beginning of a text behind it.
const STARTS: &str = "<starts with>";

/// What is recorded of a case.
struct Recorded {
    /// Calls of models, in their order.
    calls: Vec<Value>,
    rows: Vec<Value>,
    /// What the calls refer to, in the order in which it stands there, as the collector has it.
    attachments: Vec<Vec<u8>>,
    /// How many the client has uploaded.
    uploaded: u64,
}

impl Recorded {
    /// The tools below the only call.
    fn tools(&self) -> Vec<&Value> {
        let tools = self.rows.iter().filter(|row| row["span_attributes"]["type"] == "tool");
        tools.inspect(|tool| assert!(is_below(tool, &self.calls[0]), "{tool:#}")).collect()
    }
}

/// Sends requests one after the other through the middleware, and reads the answers.
async fn recorded(path: &str, exchanges: &[(&Value, Answer)]) -> Recorded {
    recorded_by(&Recorder::new(), &Collector::start().await, path, exchanges).await
}

async fn recorded_by(
    recorder: &Recorder,
    collector: &Collector,
    path: &str,
    exchanges: &[(&Value, Answer)],
) -> Recorded {
    let answers: Vec<Answer> = exchanges.iter().map(|(_, answer)| answer.clone()).collect();
    let server = ScriptedServer::start(move |number, _| answers[number].clone());
    let http = client(recorder);
    let root = collector.client.start_span(collector.logs(), "case");
    let send = async {
        for (request, _) in exchanges {
            let post = http.post(format!("{}{path}", server.url())).body(request.to_string());
            let response = post.send().await.expect("an answer");
            response.text().await.expect("a body");
        }
    };
    root.scope(send).await;
    root.end();
    let uploaded = collector.flush().await.attachments.uploaded;
    let rows = collector.rows();
    let is_call = |row: &&Value| row["span_attributes"]["type"] == "llm";
    let mut calls: Vec<Value> = rows.iter().filter(is_call).cloned().collect();
    let start = |row: &Value| row["metrics"]["start"].as_f64().expect("a start");
    calls.sort_by(|a, b| start(a).total_cmp(&start(b)));
    assert_eq!(calls.len(), exchanges.len());
    let mut attachments = Vec::new();
    for reference in calls.iter().flat_map(references) {
        let stored = collector.client.attachment(reference);
        attachments.push(stored.bytes(16 << 20, DEADLINE).await.expect("it is there").into());
    }
    Recorded { calls, rows, attachments, uploaded }
}

/// The references to attachments in a row.
fn references(value: &Value) -> Vec<AttachmentReference> {
    match value {
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(members) => match AttachmentReference::of(value) {
            Some(reference) => vec![reference],
            None => members.values().flat_map(references).collect(),
        },
        _ => Vec::new(),
    }
}

/// How a row refers to an attachment.
fn reference(kind: &str, filename: &str) -> Value {
    json!({"type": "braintrust_attachment", "content_type": kind, "filename": filename, "key": TEXT})
}

/// The only call of a case.
async fn call(path: &str, request: &Value, answer: Answer) -> Value {
    recorded(path, &[(request, answer)]).await.calls.remove(0)
}

/// Server-sent events as the services write them.
fn events(events: &[Value]) -> Answer {
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    Answer::Text(200, "content-type: text/event-stream; charset=utf-8\r\n".into(), text)
}

/// What every case expects: who made the span, the provider and plain counts.
fn expected(provider: &str, name: &str, model: &str, rest: Value) -> Value {
    let mut expected = json!({
        "metrics": {"tokens": NUMBER, "prompt_tokens": NUMBER, "completion_tokens": NUMBER},
        "metadata": {"model": format!("{STARTS}{model}"), "provider": provider},
        "span_attributes": {"name": name, "type": "llm"},
        "context": {"span_origin": {"name": TEXT, "version": TEXT, "instrumentation": {"name": TEXT}}},
    });
    merge(&mut expected, rest);
    expected
}

fn merge(target: &mut Value, more: Value) {
    match (target, more) {
        (Value::Object(target), Value::Object(more)) => {
            for (name, value) in more {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, more) => *target = more,
    }
}

/// The rule of the specification: what is expected must be there, more may be.
#[track_caller]
fn assert_matches(actual: &Value, expected: &Value) {
    let mut faults = Vec::new();
    compare(actual, expected, "row", &mut faults);
    assert!(faults.is_empty(), "{}\n{actual:#}", faults.join("\n"));
}

fn compare(actual: &Value, expected: &Value, path: &str, faults: &mut Vec<String>) {
    let is_text = actual.as_str().is_some_and(|text| !text.is_empty());
    let fits = match expected {
        Value::Object(members) => {
            for (name, value) in members {
                compare(&actual[name], value, &format!("{path}.{name}"), faults);
            }
            actual.is_object()
        }
        // The specification lets one object stand for a list of one.
        Value::Array(items) if items.len() == 1 && actual.is_object() => {
            return compare(actual, &items[0], path, faults);
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                compare(&actual[index], item, &format!("{path}[{index}]"), faults);
            }
            actual.as_array().is_some_and(|actual| actual.len() >= items.len())
        }
        Value::String(text) => match text.as_str() {
            TEXT => is_text,
            NUMBER => actual.as_f64().is_some_and(|number| number >= 0.0),
            POSITIVE => actual.as_f64().is_some_and(|number| number > 0.0),
            ABSENT => actual.is_null(),
            other => match other.strip_prefix(STARTS) {
                Some(start) => actual.as_str().is_some_and(|actual| actual.starts_with(start)),
                None => actual == expected,
            },
        },
        // 1 and 1.0 are one number.
        Value::Number(number) => actual.as_f64().is_some_and(|a| number.as_f64() == Some(a)),
        _ => actual == expected,
    };
    if !fits {
        faults.push(format!("{path}: {actual} is not {expected}"));
    }
}

#[test]
fn a_row_that_differs_is_not_taken_for_the_same() {
    let row = json!({"a": {"n": 0, "t": "text", "e": ""}, "list": [{"x": 1.0}, {"x": 2}]});
    let fits = |expected: &Value| {
        let mut faults = Vec::new();
        compare(&row, expected, "row", &mut faults);
        faults.is_empty()
    };
    for same in [
        json!({"a": {"n": NUMBER, "t": TEXT, "u": ABSENT}, "list": [{"x": 1}]}),
        json!({"a": [{"n": 0}]}),
        json!({"a": {"t": format!("{STARTS}te")}, "list": [{}, {"x": POSITIVE}]}),
    ] {
        assert!(fits(&same), "{same}");
    }
    for other in [
        json!({"a": {"n": POSITIVE}}),
        json!({"a": {"e": TEXT}}),
        json!({"a": {"u": NUMBER}}),
        json!({"a": {"n": ABSENT}}),
        json!({"a": {"t": format!("{STARTS}ex")}}),
        json!({"list": [{"x": 1}, {"x": 1}]}),
        json!({"list": [{}, {}, {}]}),
        json!({"list": {"x": 1}}),
        json!({"b": {}}),
    ] {
        assert!(!fits(&other), "{other}");
    }
}
