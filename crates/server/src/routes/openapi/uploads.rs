//! Attachments, overflow uploads, and the links that clients print.

use serde_json::{Value, json};

use super::operation::Operation;
use super::schemas::{id, list, name, object, required, text};

pub(super) fn describe(method: &str, path: &str) -> Option<Operation> {
    uploads(method, path).or_else(|| pages(method, path))
}

fn uploads(method: &str, path: &str) -> Option<Operation> {
    let attachment = |summary| Operation::new("attachments", summary);
    let status = || {
        required([(
            "upload_status",
            json!({"type": "string", "enum": ["done", "error", "uploading"]}),
        )])
    };
    Some(match (method, path) {
        ("POST", "/attachment") => attachment("Asks for a URL to upload an attachment to")
            .body(json!({
                "type": "object",
                "required": ["key"],
                "properties": {"key": key(), "filename": text(), "content_type": text()},
            }))
            .reply(required([("signedUrl", text()), ("headers", object())])),
        ("POST", "/attachment/status") => attachment("Says how an upload ended")
            .body(required([("key", key()), ("status", status())]))
            .or(404),
        ("GET", "/attachment") => attachment("Asks for a URL to download an attachment from")
            .query("key", id())
            .query("url", text())
            .query("filename", text())
            .query("content_type", text())
            .query("org_id", text())
            .reply(required([("downloadUrl", text()), ("status", status())]))
            .or(404),
        ("PUT", "/attachment/blob/{key}") => {
            signed(attachment("Uploads the bytes of a signed URL")).binary().or(409).or(507)
        }
        ("GET", "/attachment/blob/{key}") => {
            signed(attachment("Downloads the bytes of a signed URL"))
                .text("application/octet-stream")
                .or(206)
                .or(416)
        }
        ("POST", "/logs3/overflow") => {
            Operation::new("rows", "Asks for a URL to upload rows to that are too large for a body")
                .body(json!({
                    "type": "object",
                    "properties": {
                        "content_type": text(),
                        "size_bytes": {"type": "integer", "minimum": 0},
                        "rows": list(&object()),
                    },
                }))
                .reply(required([
                    ("method", text()),
                    ("signedUrl", text()),
                    ("headers", object()),
                    ("fields", object()),
                    ("key", text()),
                ]))
        }
        _ => return None,
    })
}

fn key() -> Value {
    name()
}

fn signed(operation: Operation) -> Operation {
    let expires = json!({"type": "integer"});
    operation.needs("expires", expires).needs("signature", text()).or(403).or(404)
}

fn pages(method: &str, path: &str) -> Option<Operation> {
    let page = |summary| Some(Operation::new("links", summary).redirects().or(404));
    match (method, path) {
        ("GET", "/app/{org}/p/{project}") => page("Leads to a project"),
        ("GET", "/app/{org}/p/{project}/logs") => page("Leads to the logs of a project"),
        ("GET", "/app/{org}/p/{project}/experiments/{experiment}") => {
            page("Leads to an experiment")
        }
        ("GET", "/app/{org}/p/{project}/datasets/{dataset}") => page("Leads to a dataset"),
        ("GET", "/app/{org}/object") => page("Leads to an object, or to a row of it").map(|page| {
            page.needs("object_type", text()).needs("object_id", id()).query("id", id())
        }),
        _ => None,
    }
}
