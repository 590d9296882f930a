//! `POST /otel/v1/traces` as exporters use it.

use std::io::Write as _;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tidegate_model::slug::{ObjectRef, ObjectType, RowIds, SpanComponents};

use crate::harness::{Collector, Reply};

const PATH: &str = "/otel/v1/traces";
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn span(id: &str, parent: &str, more: &Value) -> Value {
    let mut span = json!({
        "traceId": TRACE, "spanId": id, "parentSpanId": parent, "name": "step",
        "startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000001000000000",
    });
    for (name, value) in more.as_object().expect("an object") {
        span[name] = value.clone();
    }
    span
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn body(spans: &[Value]) -> Value {
    json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
}

fn protobuf(spans: &[Value]) -> Vec<u8> {
    let request: ExportTraceServiceRequest =
        serde_json::from_value(body(spans)).expect("a request");
    request.encode_to_vec()
}

async fn send(collector: &Collector, body: impl Into<Vec<u8>>, headers: &[(&str, &str)]) -> Reply {
    collector.send_any(Method::POST, PATH, body, headers).await
}

fn answer(reply: &Reply) -> ExportTraceServiceResponse {
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert_eq!(reply.headers["content-type"], "application/x-protobuf");
    ExportTraceServiceResponse::decode(&*reply.bytes).expect("an answer")
}

async fn logs(collector: &Collector, project: &str) -> Vec<Value> {
    let found = collector.get(&format!("/v1/project?project_name={project}")).await;
    let id = found["objects"][0]["id"].as_str().expect("a project").to_owned();
    collector.rows_of("project_logs", &id, 100).await
}

#[tokio::test]
async fn spans_in_both_forms_and_all_encodings_are_one_trace() {
    let collector = Collector::start().await;
    let parent = ("x-bt-parent", "project_name:traces");
    let root = span("b7ad6b7169203331", "", &json!({"attributes": [text("input.value", "hi")]}));
    let child = |id: &str| protobuf(&[span(id, "b7ad6b7169203331", &json!({}))]);
    let gzip = |body: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body).expect("packed");
        encoder.finish().expect("packed")
    };
    let reply = send(&collector, body(&[root]).to_string(), &[JSON, parent]).await;
    assert_eq!((reply.status, &reply.body), (StatusCode::OK, &json!({})));
    assert_eq!(reply.headers["content-type"], "application/json");
    let plain = send(&collector, child("b7ad6b7169203332"), &[PROTOBUF, parent]).await;
    assert_eq!(answer(&plain).partial_success, None);
    let packed = gzip(&child("b7ad6b7169203333"));
    let headers = [PROTOBUF, parent, ("content-encoding", "gzip")];
    assert_eq!(answer(&send(&collector, packed, &headers).await).partial_success, None);
    let packed = zstd::encode_all(&*child("b7ad6b7169203334"), 1).expect("packed");
    let headers = [PROTOBUF, parent, ("content-encoding", "zstd")];
    assert_eq!(answer(&send(&collector, packed, &headers).await).partial_success, None);

    let rows = logs(&collector, "traces").await;
    assert_eq!(rows.len(), 4);
    for row in &rows {
        let is_root = row["span_id"] == "b7ad6b7169203331";
        assert_eq!(row["is_root"], is_root);
        assert_eq!(row["root_span_id"], TRACE);
        assert_eq!(row.get("_is_merge").or(row.get("_merge_paths")), None);
        assert_eq!(row.get("input") == Some(&json!("hi")), is_root);
    }
}

#[tokio::test]
async fn a_span_sent_again_is_the_same_row_and_keeps_its_feedback() {
    let collector = Collector::start().await;
    let id = collector.experiment(&json!({})).await["id"].as_str().expect("an id").to_owned();
    let parent = format!("experiment_id:{id}");
    let headers = [PROTOBUF, ("x-bt-parent", parent.as_str())];
    let sent = |output: &str| {
        protobuf(&[span(
            "b7ad6b7169203331",
            "",
            &json!({"attributes": [
                text("braintrust.output_json", output),
            ]}),
        )])
    };
    answer(&send(&collector, sent("{\"old\": 1}"), &headers).await);
    let row = format!("{TRACE}-b7ad6b7169203331");
    let feedback = json!({"feedback": [{"id": row, "scores": {"good": 1}}]});
    collector.post(&format!("/v1/experiment/{id}/feedback"), &feedback).await;
    for _ in 0..2 {
        answer(&send(&collector, sent("{\"new\": 2}"), &headers).await);
    }
    let rows = collector.rows(&id, 100).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["id"], row.as_str());
    assert_eq!(rows[0]["output"], json!({"new": 2}));
    assert_eq!(rows[0]["scores"], json!({"good": 1}));
}

#[tokio::test]
async fn bad_spans_are_counted_and_good_ones_stored() {
    let collector = Collector::start().await;
    let parent = ("x-bt-parent", "project_name:partial");
    let own = |parent: &str| json!({"attributes": [text("braintrust.parent", parent)]});
    let spans = [
        span("b7ad6b7169203331", "", &json!({})),
        span("0000000000000000", "", &json!({})),
        span("b7ad6b7169203332", "", &own("experiment_id:nobody")),
        span("b7ad6b7169203333", "", &own("project_name:elsewhere")),
    ];
    let partial = answer(&send(&collector, protobuf(&spans), &[PROTOBUF, parent]).await);
    let partial = partial.partial_success.expect("a partial success");
    assert_eq!(partial.rejected_spans, 2);
    assert!(partial.error_message.contains("the span id must be 8 bytes"), "{partial:?}");
    let reply = send(&collector, body(&spans).to_string(), &[JSON, parent]).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.body["partialSuccess"]["rejectedSpans"], "2");
    assert_eq!(logs(&collector, "partial").await.len(), 1);
    assert_eq!(logs(&collector, "elsewhere").await.len(), 1);
}

#[tokio::test]
async fn where_spans_belong_must_be_said_and_exist() {
    let collector = Collector::start().await;
    let spans = protobuf(&[span("b7ad6b7169203331", "", &json!({}))]);
    for (parent, said) in [
        (None, "send the header x-bt-parent"),
        (Some("nonsense"), "experiment_id:<id>"),
        (Some("project_id:nobody"), "does not exist"),
        (Some("experiment_id:nobody"), "does not exist"),
    ] {
        let mut headers = vec![PROTOBUF];
        headers.extend(parent.map(|parent| ("x-bt-parent", parent)));
        let reply = send(&collector, spans.clone(), &headers).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert_eq!(reply.headers["content-type"], "application/x-protobuf");
        let status = Status::decode(&*reply.bytes).expect("a status");
        assert!(status.code == 3 && status.message.contains(said), "{status:?}");
    }
    let objects = collector.get("/v1/project").await;
    assert_eq!(objects["objects"], json!([]));
}

#[tokio::test]
async fn spans_continue_the_trace_of_an_exported_span() {
    let collector = Collector::start().await;
    let id = collector.experiment(&json!({})).await["id"].as_str().expect("an id").to_owned();
    let slug = SpanComponents {
        object_type: ObjectType::Experiment,
        object: ObjectRef::Id(id.clone()),
        row: Some(RowIds {
            row_id: "r".into(),
            span_id: "00f067aa0ba902b7".into(),
            root_span_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        }),
        propagated_event: None,
    };
    let slug = slug.to_string();
    let first = span("b7ad6b7169203331", "", &json!({}));
    let second = span("b7ad6b7169203332", "b7ad6b7169203331", &json!({}));
    let headers = [PROTOBUF, ("x-bt-parent", slug.as_str())];
    answer(&send(&collector, protobuf(&[first, second]), &headers).await);
    let rows = collector.rows(&id, 10).await;
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row["root_span_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(row["is_root"], false);
        let is_first = row["span_id"] == "b7ad6b7169203331";
        let parent = if is_first { "00f067aa0ba902b7" } else { "b7ad6b7169203331" };
        assert_eq!(row["span_parents"], json!([parent]));
    }
}

#[tokio::test]
async fn refusals_have_the_form_of_the_request() {
    let collector = Collector::start_with(|options| options.max_body_bytes(1_000)).await;
    let parent = ("x-bt-parent", "project_name:p");
    let status = |reply: &Reply| Status::decode(&*reply.bytes).expect("a status");
    let broken = send(&collector, "{}", &[PROTOBUF, parent]).await;
    assert_eq!((broken.status.as_u16(), status(&broken).code), (400, 3));
    let large = send(&collector, vec![0; 2_000], &[PROTOBUF, parent]).await;
    assert_eq!((large.status.as_u16(), status(&large).code), (413, 8));
    let bomb = zstd::encode_all(&*vec![0; 1 << 20], 1).expect("packed");
    let headers = [PROTOBUF, parent, ("content-encoding", "zstd")];
    let bomb = send(&collector, bomb, &headers).await;
    assert_eq!((bomb.status.as_u16(), status(&bomb).code), (413, 8));
    let reply = send(&collector, "[]", &[JSON, parent]).await;
    assert_eq!((reply.status.as_u16(), &reply.body["code"]), (400, &json!("bad_request")));
    for headers in [&[parent][..], &[("content-type", "text/plain"), parent]] {
        let reply = send(&collector, "{}", headers).await;
        assert_eq!((reply.status.as_u16(), &reply.body["code"]), (415, &json!("content_type")));
    }
}

#[tokio::test]
async fn keys_and_overload_are_told_in_protobuf() {
    let collector = Collector::start_with(|options| options.require_key(true)).await;
    let parent = ("x-bt-parent", "project_name:p");
    let reply = send(&collector, protobuf(&[]), &[PROTOBUF, parent]).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    let status = Status::decode(&*reply.bytes).expect("a status");
    assert!(status.code == 16 && status.message.contains("API key"), "{status:?}");

    let collector = Collector::start_with(|options| options.max_inflight_bytes(500)).await;
    let spans = protobuf(&[span("b7ad6b7169203331", "", &json!({}))]);
    assert!(spans.len() < 500, "the body alone fits");
    let reply = send(&collector, spans, &[PROTOBUF, parent]).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.headers["retry-after"], "1");
    assert_eq!(Status::decode(&*reply.bytes).expect("a status").code, 14);
    let found = collector.get("/v1/project?project_name=p").await;
    let id = found["objects"][0]["id"].as_str().expect("a project").to_owned();
    let rows = collector.get(&format!("/v1/project_logs/{id}/fetch")).await;
    assert_eq!(rows["events"], json!([]));
}

#[tokio::test]
async fn spans_are_still_there_after_a_restart() {
    let collector = Collector::start().await;
    let parent = ("x-bt-parent", "project_name:durable");
    let spans: Vec<_> = (1..=500).map(|id| span(&format!("{id:016x}"), "", &json!({}))).collect();
    answer(&send(&collector, protobuf(&spans), &[PROTOBUF, parent]).await);
    let dir = collector.stop().await;
    let collector = Collector::start_in(dir, |options| options).await;
    assert_eq!(logs(&collector, "durable").await.len(), 500);
}
