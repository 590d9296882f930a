//! The schema of queries (`POST /btql`).

use serde_json::{Value, json};

use super::schemas::{id, list, members, nullable, object, required, schema, text, xact};

/// Either form: nodes, or text such as `select * from experiment('<id>') where … limit 10`.
pub(super) fn query() -> Value {
    json!({"anyOf": [nodes(), {"type": "string", "pattern": "^select \\S"}]})
}

fn nodes() -> Value {
    let kinds = json!({"enum": ["experiment", "project_logs", "dataset", "playground_logs"]});
    let one = json!({"type": "array", "prefixItems": [kinds], "items": false, "minItems": 1});
    let name = closed(required([("op", json!({"const": "ident"})), ("name", one)]));
    let argument = closed(required([("op", json!({"const": "literal"})), ("value", id())]));
    let from = closed(required([
        ("op", json!({"const": "function"})),
        ("name", name),
        ("args", json!({"type": "array", "items": argument, "minItems": 1, "maxItems": 1})),
    ]));
    let key = closed(required([("expr", schema("Expression"))]));
    let sort = closed(members([
        ("expr", schema("Expression")),
        ("dir", json!({"enum": ["asc", "desc"]})),
    ]));
    let mut query = members([
        ("from", from),
        (
            "select",
            json!({"anyOf": [
                {"const": [{"op": "star"}]},
                {"type": "array", "items": key, "minItems": 1, "maxItems": 8},
            ]}),
        ),
        ("filter", nullable(&schema("Expression"))),
        ("sort", json!({"type": "array", "items": sort, "maxItems": 8})),
        ("limit", nullable(&json!({"type": "integer", "minimum": 1}))),
        ("version", nullable(&xact())),
    ]);
    query["required"] = json!(["from"]);
    query
}

/// The schemas that are referred to by name.
pub(super) fn components() -> Value {
    json!({"Expression": expression()})
}

fn expression() -> Value {
    let expression = || schema("Expression");
    let literal =
        |value: Value| closed(required([("op", json!({"const": "literal"})), ("value", value)]));
    let op = |names: &[&str]| json!({"enum": names});
    let sides = |names: &[&str], right: Value| {
        closed(required([("op", op(names)), ("left", expression()), ("right", right)]))
    };
    let path = json!({"type": "array", "items": text(), "minItems": 1, "maxItems": 10});
    json!({"anyOf": [
        literal(json!({"type": ["string", "number", "boolean", "null"]})),
        closed(required([("op", op(&["ident"])), ("name", path)])),
        sides(&["eq", "ne", "lt", "le", "gt", "ge", "includes", "contains"], expression()),
        sides(&["like", "ilike"], literal(json!({"type": "string", "maxLength": 64}))),
        sides(&["in"], literal(list(&json!({"type": ["string", "number"]})))),
        closed(required([
            ("op", op(&["and", "or"])),
            ("children", json!({"type": "array", "items": expression(), "minItems": 1})),
        ])),
        closed(required([("op", op(&["not", "isnull", "isnotnull"])), ("expr", expression())])),
    ]})
}

/// No other members: a condition that is not understood must not be left out.
fn closed(mut schema: Value) -> Value {
    schema["additionalProperties"] = json!(false);
    schema
}

/// What `POST /btql` takes.
pub(super) fn request() -> Value {
    let mut request = members([
        ("query", query()),
        ("version", nullable(&xact())),
        ("fmt", json!({"const": "json"})),
    ]);
    request["required"] = json!(["query"]);
    request
}

/// What it answers.
pub(super) fn reply() -> Value {
    required([("data", list(&object())), ("cursor", nullable(&text()))])
}
