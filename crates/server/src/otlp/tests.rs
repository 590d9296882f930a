use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use serde_json::{Map, Value, json};

use super::body::{BodyFault, Decoded, Encoding, decode};
use super::wire;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const START: u64 = 1_790_000_000_250_000_000;

/// A span of two seconds; `id` is a hex digit.
pub(super) fn span(id: &str) -> Span {
    Span {
        trace_id: hex(TRACE),
        span_id: hex(&format!("b7ad6b716920333{id}")),
        name: "step".into(),
        start_time_unix_nano: START,
        end_time_unix_nano: START + 2_000_000_000,
        ..Span::default()
    }
}

pub(super) fn failed(span: Span) -> Span {
    Span { status: Some(Status { message: String::new(), code: 2 }), ..span }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
        .collect()
}

pub(super) fn attributes(members: &Map<String, Value>) -> Vec<KeyValue> {
    members.iter().map(|(key, value)| pair(key, any(value))).collect()
}

fn pair(key: &str, value: Any) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.into(), value, ..KeyValue::default() }
}

fn any(value: &Value) -> Any {
    match value {
        Value::String(text) => Any::StringValue(text.clone()),
        Value::Bool(flag) => Any::BoolValue(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Any::IntValue(whole),
            None => Any::DoubleValue(number.as_f64().expect("a number")),
        },
        Value::Array(items) => Any::ArrayValue(ArrayValue {
            values: items.iter().map(|item| AnyValue { value: Some(any(item)) }).collect(),
        }),
        Value::Object(members) => Any::KvlistValue(KeyValueList { values: attributes(members) }),
        Value::Null => Any::StringValue(String::new()),
    }
}

fn given(members: &Value) -> Vec<KeyValue> {
    attributes(members.as_object().expect("an object"))
}

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: given(&json!({"service.name": "shop", "telemetry.sdk.name": "opentelemetry"})),
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "tracer".into(),
        version: "1.2".into(),
        ..InstrumentationScope::default()
    };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, schema_url: String::new() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource), scope_spans, schema_url: String::new() }];
    ExportTraceServiceRequest { resource_spans }
}

fn read(encoding: Encoding, body: &[u8]) -> Decoded {
    decode(encoding, body, |_| true).expect("decoded")
}

fn rows(decoded: &Decoded) -> Vec<Value> {
    decoded.spans.iter().map(|traced| Value::Object(traced.row.clone())).collect()
}

fn one(span: Span) -> Value {
    let decoded = read(Encoding::Protobuf, &request(vec![span]).encode_to_vec());
    assert_eq!((decoded.rejected, decoded.spans.len()), (0, 1), "{:?}", decoded.fault);
    rows(&decoded).remove(0)
}

#[test]
fn a_span_is_a_row_with_its_place_times_and_origin() {
    let row = one(Span {
        parent_span_id: hex("00f067aa0ba902b7"),
        kind: 3,
        trace_state: "a=b".into(),
        attributes: given(&json!({"http.method": "GET", "list": [1, {"a": true}]})),
        events: vec![Event { time_unix_nano: START, name: "retry".into(), ..Event::default() }],
        links: vec![Link {
            trace_id: hex(TRACE),
            span_id: hex("00f067aa0ba902b7"),
            ..Link::default()
        }],
        ..span("1")
    });
    assert_eq!(
        row,
        json!({
            "id": format!("{TRACE}-b7ad6b7169203331"),
            "_is_merge": true,
            "_merge_paths": [["input"], ["output"]],
            "span_id": "b7ad6b7169203331",
            "root_span_id": TRACE,
            "span_parents": ["00f067aa0ba902b7"],
            "created": "2026-09-21T14:13:20.250000Z",
            "span_attributes": {"name": "step"},
            "metrics": {"start": 1_790_000_000.25, "end": 1_790_000_002.25},
            "context": {"span_origin": {
                "name": "opentelemetry",
                "instrumentation": {"name": "tracer", "version": "1.2"},
            }},
            "metadata": {
                "http.method": "GET",
                "list": [1, {"a": true}],
                "resource": {"service.name": "shop", "telemetry.sdk.name": "opentelemetry"},
                "otel": {"kind": "client", "trace_state": "a=b"},
                "events": [{"name": "retry", "time": "2026-09-21T14:13:20.250000Z"}],
                "links": [{"trace_id": TRACE, "span_id": "00f067aa0ba902b7"}],
            },
        })
    );
}

#[test]
fn both_forms_of_a_request_are_the_same_rows() {
    let full = Span {
        parent_span_id: hex("00f067aa0ba902b7"),
        kind: 2,
        attributes: given(&json!({
            "gen_ai.usage.input_tokens": 9_007_199_254_740_993_i64,
            "ratio": 0.5, "flag": false, "names": ["a", "b"], "map": {"deep": [{"er": 1}]},
        })),
        events: vec![Event {
            time_unix_nano: START,
            name: "gen_ai.choice".into(),
            attributes: given(&json!({"index": 0})),
            ..Event::default()
        }],
        ..failed(span("2"))
    };
    let mut bytes = span("3");
    bytes.attributes =
        vec![pair("raw", Any::BytesValue(vec![0, 255])), pair("nan", Any::DoubleValue(f64::NAN))];
    let request = request(vec![full, bytes]);
    let binary = read(Encoding::Protobuf, &request.encode_to_vec());
    let mut json = serde_json::to_value(&request).expect("JSON");
    // As the format has it, which the types do not write.
    *json.pointer_mut("/resourceSpans/0/scopeSpans/0/spans/1/attributes/1/value").expect("there") =
        json!({"doubleValue": "NaN"});
    let text = read(Encoding::Json, json.to_string().as_bytes());
    assert_eq!((text.rejected, text.spans.len()), (0, 2), "{:?}", text.fault);
    assert_eq!(rows(&text), rows(&binary));
    assert_eq!(rows(&text)[0]["metrics"]["prompt_tokens"], 9_007_199_254_740_993_i64);
    assert_eq!(rows(&text)[1]["metadata"]["raw"], "AP8=");
    assert_eq!(rows(&text)[1]["metadata"]["nan"], "NaN");
}

#[test]
fn json_of_other_hands_is_read_too() {
    let span = json!({
        "traceId": TRACE.to_uppercase(), "spanId": "b7ad6b7169203331", "parentSpanId": null,
        "name": "half \u{1F600}", "kind": "SPAN_KIND_SERVER", "startTimeUnixNano": 5, "unknown": [],
        "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
        "attributes": [{"key": "n", "value": {"intValue": 7}}, {"key": "later", "value": {"newValue": 1}}],
    });
    let body =
        json!({"resourceSpans": [{"resource": null, "scopeSpans": [{"spans": [span]}, {}]}, {}]});
    // Half of a surrogate pair, as JavaScript writes it.
    let body = body.to_string().replace('\u{1F600}', "\\ud83d");
    let decoded = read(Encoding::Json, body.as_bytes());
    assert_eq!((decoded.rejected, decoded.spans.len()), (0, 1), "{:?}", decoded.fault);
    let row = &rows(&decoded)[0];
    assert_eq!(row["span_attributes"]["name"], "half \u{fffd}");
    assert_eq!(row["metadata"], json!({"n": 7, "later": null, "otel": {"kind": "server"}}));
    assert_eq!(row["error"], "no");
    assert_eq!(row["span_parents"], json!([]));
}

#[test]
fn a_broken_span_costs_only_itself() {
    let nested = (0..wire::DEPTH + 1).fold(json!(1), |inner, _| json!([inner]));
    let faults = [
        (Span { trace_id: vec![1; 15], ..span("1") }, "the trace id must be 16 bytes"),
        (Span { trace_id: vec![0; 16], ..span("1") }, "the trace id must be 16 bytes"),
        (Span { span_id: Vec::new(), ..span("1") }, "the span id must be 8 bytes"),
        (Span { parent_span_id: vec![1; 7], ..span("1") }, "the parent span id must be empty"),
        (
            Span { attributes: given(&json!({ "deep": nested })), ..span("1") },
            "nested more than 32",
        ),
    ];
    for (bad, said) in faults {
        let request = request(vec![span("2"), bad, span("3")]);
        let json = serde_json::to_vec(&request).expect("JSON");
        for (encoding, body) in
            [(Encoding::Protobuf, request.encode_to_vec()), (Encoding::Json, json)]
        {
            let decoded = read(encoding, &body);
            let fault = decoded.fault.as_deref().unwrap_or_default();
            assert!(fault.starts_with("span 2: ") && fault.contains(said), "{encoding:?} {fault}");
            assert_eq!((decoded.rejected, decoded.spans.len()), (1, 2), "{encoding:?}");
        }
    }
}

#[test]
fn values_without_end_are_counted_before_they_are_decoded() {
    let values = vec![AnyValue::default(); wire::VALUES];
    let long = Span {
        attributes: vec![pair("long", Any::ArrayValue(ArrayValue { values }))],
        ..span("1")
    };
    let request = request(vec![long, span("2")]);
    let json = serde_json::to_vec(&request).expect("JSON");
    for (encoding, body) in [(Encoding::Protobuf, request.encode_to_vec()), (Encoding::Json, json)]
    {
        let decoded = read(encoding, &body);
        assert!(decoded.fault.as_deref().is_some_and(|fault| fault.contains("500000 values")));
        assert_eq!((decoded.rejected, decoded.spans.len()), (1, 1), "{encoding:?}");
    }
}

#[test]
fn bodies_that_are_no_request_are_refused_as_a_whole() {
    let refused =
        |encoding, body: &[u8]| decode(encoding, body, |_| true).expect_err("refused").to_string();
    for body in [&b"{}"[..], b"\x0a\xff", b"\x0a\x05\x12\x03\x12\xff\xff", &[0xff; 12]] {
        assert!(refused(Encoding::Protobuf, body).contains("protobuf"));
    }
    for body in
        [&b""[..], b"[]", b"7", b"{\"resourceSpans\": [[]]}", b"{\"resourceSpans\": 7}", b"\xff"]
    {
        let said = refused(Encoding::Json, body);
        assert!(said.contains("body"), "{said}");
    }
    let deep = format!("{{\"resourceSpans\": {}1", "[".repeat(100_000));
    refused(Encoding::Json, deep.as_bytes());
    for empty in
        [&b"{}"[..], b"{\"resourceSpans\": null}", b"{\"resourceSpans\": [{\"scopeSpans\": [{}]}]}"]
    {
        assert_eq!(read(Encoding::Json, empty).spans.len(), 0);
    }
    let many = request(vec![Span::default(); 10_001]).encode_to_vec();
    assert!(matches!(decode(Encoding::Protobuf, &many, |_| true), Err(BodyFault::TooMany)));
}

#[test]
fn a_resource_is_shared_within_bounds_and_memory_is_asked_for() {
    let mut request = request(vec![span("1"), span("2")]);
    let long = "x".repeat(20_000);
    if let Some(resource) = &mut request.resource_spans[0].resource {
        resource.attributes.extend(given(&json!({"process.command_line": long, "host.name": "h"})));
    }
    let body = request.encode_to_vec();
    let decoded = read(Encoding::Protobuf, &body);
    assert_eq!(decoded.left_out, ["process.command_line"]);
    for row in rows(&decoded) {
        assert_eq!(row["metadata"]["resource"]["host.name"], "h");
        assert_eq!(row["metadata"]["resource"].get("process.command_line"), None);
    }
    let mut asked = Vec::new();
    let refused = decode(Encoding::Protobuf, &body, |bytes| {
        asked.push(bytes);
        asked.len() < 2
    });
    assert!(matches!(refused, Err(BodyFault::Memory)));
    assert!(asked[0] > 300 && asked[1] > asked[0], "{asked:?}");
}

#[test]
fn attributes_that_lose_to_others_stay_in_the_metadata() {
    let row = one(Span {
        attributes: given(&json!({
            "gen_ai.request.model": "asked", "gen_ai.response.model": "answered",
            "input.value": "raw", "llm.input_messages.0.message.content": "hi",
            "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": "4",
            "braintrust.metrics": "{\"prompt_tokens\": 5, \"note\": \"n\"}",
            "braintrust.scores": "{\"good\": 0.5, \"bad\": 7}",
            "braintrust.metadata.user": "u1",
            "gen_ai.system_instructions": "[{\"type\": \"text\", \"content\": \"be kind\"}]",
        })),
        ..span("1")
    });
    assert_eq!(
        row["input"],
        json!([
            {"role": "system", "parts": [{"type": "text", "content": "be kind"}]},
            {"content": "hi"},
        ])
    );
    assert_eq!(row["metrics"]["prompt_tokens"], 5);
    assert_eq!(row["metrics"]["tokens"], 9);
    assert_eq!(row["scores"], json!({"good": 0.5}));
    assert_eq!(row["span_attributes"]["type"], "llm");
    let mut metadata = row["metadata"].clone();
    metadata.as_object_mut().expect("an object").remove("resource");
    assert_eq!(
        metadata,
        json!({
            "user": "u1", "model": "answered", "gen_ai.request.model": "asked", "input.value": "raw",
            "gen_ai.usage.input_tokens": 3, "braintrust.metrics.note": "n", "braintrust.scores.bad": 7,
        })
    );
}

#[test]
fn attributes_are_kept_besides_if_that_is_asked_for() {
    let given = json!({"gen_ai.request.model": "m", "braintrust.otel.preserve_attributes": true});
    let row =
        one(Span { attributes: attributes(given.as_object().expect("an object")), ..span("1") });
    assert_eq!(row["metadata"]["model"], "m");
    assert_eq!(row["metadata"]["gen_ai.request.model"], "m");
}

#[test]
fn names_in_the_metadata_that_are_taken_lose_nothing() {
    let row = one(Span {
        attributes: given(&json!({
            "gen_ai.request.model": "m", "model": "of cars", "events": 3, "otel.events": 4,
            "llm.invocation_parameters": "{\"model\": \"m\", \"events\": 5}",
        })),
        events: vec![Event { name: "retry".into(), ..Event::default() }],
        ..span("1")
    });
    let metadata = &row["metadata"];
    assert_eq!((&metadata["model"], &metadata["otel.model"]), (&json!("m"), &json!("of cars")));
    assert_eq!((&metadata["events"], &metadata["otel.events"]), (&json!(5), &json!(3)));
    assert_eq!(metadata["otel.otel.events"], 4);
    assert_eq!(metadata["otel.otel.otel.events"][0]["name"], "retry");
}

#[test]
fn flat_lists_close_gaps_and_survive_contradictions() {
    let row = one(Span {
        attributes: given(&json!({
            "llm.input_messages.18446744073709551615.message.role": "last",
            "llm.input_messages.10.message.role": "third",
            "llm.input_messages.2.message.role": "second",
            "llm.input_messages.0.message.role": "first",
            "llm.input_messages.0.message": "both",
            "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": "{\"a\": 1}",
            "llm.input_messages.x": 1,
        })),
        ..span("1")
    });
    // A name among the numbers makes it an object.
    assert_eq!(row["input"]["x"], 1);
    assert_eq!(row["input"]["0"]["message"], json!({"": "both", "role": "first"}));
    let row = one(Span {
        attributes: given(&json!({
            "llm.input_messages.10.message.role": "third",
            "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": "{\"a\": 1}",
            "llm.input_messages.0.message.role": "first",
        })),
        ..span("1")
    });
    let call = json!({"tool_calls": [{"function": {"arguments": "{\"a\": 1}"}}]});
    assert_eq!(row["input"], json!([{"role": "first"}, call, {"role": "third"}]));
}

#[test]
fn errors_are_told_once_and_only_of_spans_that_failed() {
    let exception = Event {
        time_unix_nano: START,
        name: "exception".into(),
        attributes: given(&json!({
            "exception.type": "ValueError", "exception.message": "no", "exception.stacktrace": "at f",
        })),
        ..Event::default()
    };
    let status = |message: &str| Some(Status { message: message.into(), code: 2 });
    let error = |span: Span| one(span)["error"].clone();
    let raised = Span { events: vec![exception], ..span("1") };
    assert_eq!(error(raised.clone()), Value::Null);
    assert_eq!(error(Span { status: status("no"), ..raised.clone() }), "ValueError: no\n\nat f");
    let other = error(Span { status: status("gave up"), ..raised });
    assert_eq!(other, "gave up\n\nValueError: no\n\nat f");
    assert_eq!(error(Span { status: status("gave up"), ..span("1") }), "gave up");
    let attributes = given(&json!({"error.type": "timeout"}));
    assert_eq!(error(Span { status: status(""), attributes, ..span("1") }), "timeout");
    assert_eq!(error(failed(span("1"))), "error");
}

#[test]
fn a_span_names_where_it_goes() {
    let mut sent = span("1");
    sent.attributes = given(&json!({"braintrust.parent": "project_name:p"}));
    let decoded = read(Encoding::Protobuf, &request(vec![sent, span("2")]).encode_to_vec());
    let parents: Vec<_> = decoded.spans.iter().map(|traced| traced.parent.as_deref()).collect();
    assert_eq!(parents, [Some("project_name:p"), None]);
}

#[test]
fn json_in_texts_that_is_too_deep_stays_a_text() {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let row = one(Span {
        attributes: given(&json!({"gen_ai.input.messages": deep, "braintrust.output_json": deep})),
        ..span("1")
    });
    assert_eq!((&row["input"], &row["output"]), (&json!(deep), &json!(deep)));
}
