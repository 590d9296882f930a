//! Health, start of clients, and what programs of one machine say to each other.

use serde_json::json;

use super::operation::Operation;
use super::schemas::{list, members, required, schema, text};

pub(super) fn describe(method: &str, path: &str) -> Option<Operation> {
    let health = |summary| Operation::new("service", summary).reply(schema("Status"));
    Some(match (method, path) {
        ("GET", "/ping") => health("Says that the server is there"),
        ("GET", "/health/live") => health("Says that the process is alive"),
        ("GET", "/health/ready") => health("Says whether a write would be taken").or(507),
        ("GET", "/metrics") => Operation::new("service", "Figures for Prometheus")
            .text("text/plain; version=0.0.4; charset=utf-8"),
        ("GET", "/openapi.json") => Operation::new("service", "This document")
            .reply(required([("openapi", text()), ("paths", json!({"type": "object"}))])),
        ("POST", "/api/apikey/login") => {
            Operation::new("service", "Checks a key and says where the API is")
                .reply(required([("org_info", list(&schema("Named")))]))
        }
        ("GET", "/version") => Operation::new("service", "What the server can do"),
        ("POST", "/internal/hello") => {
            Operation::new("internal", "Says that this process holds the data directory")
        }
        ("POST", "/internal/handover") => {
            Operation::new("internal", "Asks an embedded collector to release the data directory")
                .or(409)
        }
        ("POST", "/internal/keys") => {
            Operation::new("internal", "Makes, lists or revokes keys").body(command()).or(422)
        }
        _ => return None,
    })
}

fn command() -> serde_json::Value {
    let mut command = members([
        ("command", json!({"enum": ["create", "list", "revoke"]})),
        ("scope", json!({"enum": ["read", "write"]})),
        ("name", json!({"type": "string", "maxLength": 50})),
        ("project", json!({"type": "string", "maxLength": 250})),
        ("id", text()),
    ]);
    command["required"] = json!(["command"]);
    command
}
