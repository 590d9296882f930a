//! The web page, its sessions, and keys.

use serde_json::{Value, json};

use super::operation::Operation;
use super::schemas::{boolean, id, list, nullable, required, schema, text};

pub(super) fn describe(method: &str, path: &str) -> Option<Operation> {
    page(method, path).or_else(|| sessions(method, path)).or_else(|| keys(method, path))
}

fn page(method: &str, path: &str) -> Option<Operation> {
    let file = |summary| Operation::new("page", summary).text("text/html").or(404);
    Some(match (method, path) {
        ("GET", "/" | "/login") => file("The web page, for browsers"),
        ("GET", "/icon.svg") => file("The icon of the web page").text("image/svg+xml"),
        ("GET", "/assets/{*file}") => file("Files of the web page").text("*/*"),
        ("GET", "/speedscope/") => file("A viewer of profiles"),
        ("GET", "/speedscope/{*file}") => file("Files of the viewer").text("*/*"),
        ("GET", "/api/location") => {
            Operation::new("page", "Says where an object, or a row of it, is shown")
                .needs("object_type", json!({"enum": ["experiment", "dataset", "project_logs"]}))
                .needs("object_id", id())
                .query("id", id())
                .reply(required([
                    ("object_type", text()),
                    ("object_id", text()),
                    ("project", schema("Named")),
                    ("name", nullable(&text())),
                    ("row", nullable(&row())),
                ]))
                .or(404)
        }
        _ => return None,
    })
}

fn row() -> Value {
    required([("id", text()), ("root_span_id", text()), ("span_id", nullable(&text()))])
}

fn sessions(method: &str, path: &str) -> Option<Operation> {
    let of = |summary| Operation::new("session", summary).reply(session());
    Some(match (method, path) {
        ("GET", "/api/session") => of("Says who asks and what they may do"),
        ("POST", "/api/session") => of("Begins a session: answers with a cookie")
            .body(required([("key", json!({"type": "string", "maxLength": 200}))]))
            .or(401)
            .or(403)
            .or(429),
        ("DELETE", "/api/session") => of("Ends the session").or(403),
        _ => return None,
    })
}

fn session() -> Value {
    required([
        ("signed_in", boolean()),
        ("keys_needed", boolean()),
        ("admin", boolean()),
        ("scope", nullable(&scope())),
        ("project", nullable(&schema("Named"))),
        ("key", nullable(&required([("id", text()), ("name", nullable(&text()))]))),
        ("expires", nullable(&text())),
        ("org", nullable(&schema("Named"))),
        ("version", text()),
    ])
}

fn keys(method: &str, path: &str) -> Option<Operation> {
    let of = |summary| Operation::new("keys", summary);
    let wanted = || {
        json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": 50},
                "project": {"type": "string", "minLength": 1, "maxLength": 250},
                "scope": scope(),
            },
        })
    };
    Some(match (method, path) {
        ("GET", "/v1/api_key") => {
            of("Lists all keys, oldest first").reply(required([("objects", list(&key()))]))
        }
        ("POST", "/v1/api_key") => {
            let mut made = key();
            made["required"].as_array_mut()?.push(json!("key"));
            of("Makes a key; only this answer has its text").body(wanted()).reply(made)
        }
        ("GET", "/v1/api_key/{id}") => of("Finds a key").reply(key()).or(404),
        ("DELETE", "/v1/api_key/{id}") => {
            of("Revokes a key, which ends its sessions").reply(key()).or(404)
        }
        _ => return None,
    })
}

fn scope() -> Value {
    json!({"type": "string", "enum": ["read", "write"]})
}

fn key() -> Value {
    required([
        ("id", text()),
        ("name", nullable(&text())),
        ("scope", scope()),
        ("project_id", nullable(&text())),
        ("project", nullable(&text())),
        ("created", text()),
        ("revoked", nullable(&text())),
        ("last_used", nullable(&text())),
    ])
}
