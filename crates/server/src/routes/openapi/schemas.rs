//! Schemas that several routes share.

use serde_json::{Map, Value, json};

/// A reference to a component.
pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

/// A reference to a schema.
pub(super) fn schema(name: &str) -> Value {
    reference("schemas", name)
}

/// Any object.
pub(super) fn object() -> Value {
    json!({"type": "object"})
}

pub(super) fn text() -> Value {
    json!({"type": "string"})
}

pub(super) fn boolean() -> Value {
    json!({"type": "boolean"})
}

/// An id: of ours a UUID; rows may have any other.
pub(super) fn id() -> Value {
    json!({"type": "string", "minLength": 1})
}

/// The name of a project, an experiment or a dataset. At most 1 024 bytes; a blank one counts as
/// absent.
pub(super) fn name() -> Value {
    json!({"type": "string", "maxLength": 256})
}

/// A name that must not be blank.
pub(super) fn some_name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[^\\s]"})
}

/// Anything.
pub(super) fn any() -> Value {
    json!({})
}

/// A transaction id: 19 digits, the first of which are the same for all.
pub(super) fn xact() -> Value {
    json!({"type": "string", "pattern": "^100[0-9]{16}$"})
}

/// Allows null besides.
pub(super) fn nullable(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

pub(super) fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

/// An object with the given members, all optional; others may come along.
pub(super) fn members<const N: usize>(members: [(&str, Value); N]) -> Value {
    let properties: Map<_, _> =
        members.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({"type": "object", "properties": properties})
}

/// An object with the given members, which must all be there.
pub(super) fn required<const N: usize>(given: [(&str, Value); N]) -> Value {
    let names: Vec<_> = given.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut schema = members(given);
    schema["required"] = json!(names);
    schema
}

/// Adds a demand: at least one of these sets of members.
pub(super) fn any_of<const N: usize>(mut schema: Value, sets: [&[&str]; N]) -> Value {
    schema["anyOf"] = sets.iter().map(|set| json!({"required": set})).collect();
    schema
}

/// The schemas that are referred to by name.
pub(super) fn components() -> Value {
    let optional = |schema: Value| nullable(&schema);
    let id_and_name = required([("id", text()), ("name", text())]);
    json!({
        "Error": required([("error", text()), ("code", text()), ("request_id", text())]),
        "Status": required([("status", text())]),
        "Named": id_and_name,
        "Project": required([
            ("id", text()),
            ("org_id", text()),
            ("name", text()),
            ("created", text()),
        ]),
        "Experiment": required([
            ("id", text()),
            ("project_id", text()),
            ("name", text()),
            ("created", text()),
            ("base_exp_id", optional(text())),
        ]),
        "Dataset": required([("id", text()), ("project_id", text()), ("name", text())]),
        "Function": required([
            ("id", text()),
            ("_xact_id", xact()),
            ("project_id", text()),
            ("org_id", text()),
            ("log_id", json!({"const": "p"})),
            ("slug", text()),
            ("name", text()),
            ("created", text()),
            ("description", optional(text())),
            ("prompt_data", optional(object())),
            ("function_data", required([("type", text())])),
            ("function_type", optional(text())),
            ("tags", optional(list(&text()))),
            ("metadata", optional(object())),
        ]),
        "Row": required([("id", text()), ("_xact_id", xact())]),
        "Comparison": required([("scores", object()), ("metrics", object())]),
        "Event": event(),
        "NewRow": new_row(),
    })
}

/// What all rows share.
fn event() -> Value {
    members([
        ("id", id()),
        (
            "created",
            json!({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
        ),
        ("span_id", text()),
        ("root_span_id", text()),
        ("span_parents", nullable(&list(&text()))),
        ("metadata", nullable(&object())),
        ("tags", nullable(&list(&text()))),
        ("scores", nullable(&object())),
        ("metrics", nullable(&object())),
        ("_is_merge", boolean()),
        ("_object_delete", boolean()),
    ])
}

/// A row of `POST /logs3`, which says where it belongs.
fn new_row() -> Value {
    let mut row = event();
    for name in ["experiment_id", "dataset_id", "prompt_session_id", "project_id"] {
        row["properties"][name] = id();
    }
    row["properties"]["log_id"] = json!({"enum": ["g", "x"]});
    row["required"] = json!(["id"]);
    let mut logs = json!({"required": ["project_id", "log_id"]});
    logs["properties"] = json!({"log_id": {"const": "g"}});
    row["anyOf"] = json!([
        {"required": ["experiment_id"]},
        {"required": ["dataset_id"]},
        {"required": ["prompt_session_id"]},
        logs,
    ]);
    row
}
