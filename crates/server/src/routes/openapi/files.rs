//! Attachments, overflow uploads, and the links that clients print.

use serde_json::{Value, json};

use super::operation::Operation;
use super::schemas::{id, object, required, text};

pub(super) fn describe(method: &str, path: &str) -> Option<Operation> {
    let file = |summary| Operation::new("files", summary);
    let signed = |summary| {
        file(summary)
            .needs("expires", json!({"type": "integer"}))
            .needs("signature", text())
            .or(403)
            .or(404)
    };
    let link = |summary| Operation::new("links", summary).redirects().or(404);
    Some(match (method, path) {
        ("POST", "/attachment") => file("Announces an attachment and says where to upload it")
            .body(required([("key", id()), ("filename", text()), ("content_type", kind())]))
            .reply(required([("signedUrl", text()), ("headers", object())])),
        ("POST", "/attachment/status") => file("Says how the upload of an attachment ended")
            .body(required([("key", id()), ("status", status())]))
            .or(404),
        ("GET", "/attachment") => file("Says where to download an attachment")
            .query("key", id())
            .query("url", text())
            .query("filename", text())
            .query("content_type", text())
            .query("org_id", text())
            .reply(required([("downloadUrl", text()), ("status", object())]))
            .or(404),
        ("POST", "/logs3/overflow") => {
            file("Says where to upload rows that are too large for a request")
                .body(object())
                .reply(required([("method", text()), ("signedUrl", text()), ("key", text())]))
        }
        ("PUT", "/attachment/blob/{key}") => signed("Uploads a file").takes_bytes().or(409).or(507),
        ("GET", "/attachment/blob/{key}") => signed("Downloads a file").bytes().or(416),
        ("GET", "/app/{org}/p/{project}" | "/app/{org}/p/{project}/logs") => {
            link("The page of a project")
        }
        ("GET", "/app/{org}/p/{project}/experiments/{experiment}") => {
            link("The page of an experiment")
        }
        ("GET", "/app/{org}/p/{project}/datasets/{dataset}") => link("The page of a dataset"),
        ("GET", "/app/{org}/object") => link("The page of any object or row")
            .query("object_type", text())
            .query("object_id", id())
            .query("id", id()),
        _ => return None,
    })
}

fn kind() -> Value {
    json!({"type": "string", "pattern": "^[a-z]+/[a-z0-9.+-]+$"})
}

fn status() -> Value {
    required([("upload_status", json!({"enum": ["done", "error", "uploading"]}))])
}
