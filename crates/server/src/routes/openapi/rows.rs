//! Writing rows, reading them back, and asking about them.

use serde_json::{Value, json};

use super::operation::Operation;
use super::query;
use super::schemas::{id, list, members, nullable, object, required, schema, text, xact};

pub(super) fn describe(method: &str, path: &str) -> Option<Operation> {
    let rows = |summary| Operation::new("rows", summary);
    if let Some(action) = action(path) {
        return Some(
            match (method, action) {
                ("POST", "fetch") => {
                    rows("Reads rows, page by page").body(paging()).reply(events())
                }
                ("GET", "fetch") => rows("Reads rows, page by page")
                    .query("limit", limit())
                    .query("cursor", text())
                    .query("version", xact())
                    .reply(events()),
                ("POST", "insert") => rows("Writes rows of one object")
                    .body(given("events", &schema("Event")))
                    .reply(required([("row_ids", list(&text()))]))
                    .or(404),
                ("POST", "feedback") => rows("Adds scores, comments or expected values to rows")
                    .body(given("feedback", &required([("id", id())])))
                    .or(404),
                _ => return None,
            }
            .or(404),
        );
    }
    Some(match (method, path) {
        ("POST", "/logs3") => rows("Writes rows; the answer means that they survive loss of power")
            .body(required([("rows", new_rows())]))
            .reply(required([("ids", list(&text())), ("xact_id", xact())])),
        ("POST", "/otel/v1/traces") => {
            rows("Takes the spans of an OTLP exporter; errors are google.rpc.Status in protobuf")
                .header(
                    "x-bt-parent",
                    "Where the spans go: project_name:<name>, project_id:<id>, \
                    experiment_id:<id>, playground_id:<id>, or the slug of an exported span.",
                )
                .body(members([("resourceSpans", list(&object()))]))
                .reply(members([("partialSuccess", object())]))
                .or_binary("application/x-protobuf")
        }
        ("POST", "/btql") => {
            rows("Reads rows by a query").body(query::request()).reply(query::reply()).or(404)
        }
        _ => return None,
    })
}

/// The last part of a path below `/v1/<kind>/{id}/`.
fn action(path: &str) -> Option<&str> {
    let (kind, action) = path.strip_prefix("/v1/")?.split_once("/{id}/")?;
    ["experiment", "dataset", "project_logs"].contains(&kind).then_some(action)
}

fn limit() -> Value {
    json!({"type": "integer", "minimum": 1})
}

fn paging() -> Value {
    members([
        ("limit", nullable(&limit())),
        ("cursor", json!({"anyOf": [{"const": ""}, {"type": "null"}]})),
        ("version", nullable(&xact())),
        ("filters", nullable(&list(&lookup()))),
    ])
}

fn lookup() -> Value {
    required([
        ("type", json!({"const": "path_lookup"})),
        ("path", json!({"type": "array", "items": text(), "minItems": 1, "maxItems": 50})),
        ("value", json!({})),
    ])
}

fn events() -> Value {
    required([("events", list(&schema("Row"))), ("cursor", nullable(&text()))])
}

fn new_rows() -> Value {
    json!({"type": "array", "items": schema("NewRow")})
}

fn given(member: &str, item: &Value) -> Value {
    required([(member, json!({"type": "array", "items": item}))])
}
