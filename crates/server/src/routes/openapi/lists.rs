//! Lists for people, comparison by case and search.

use serde_json::{Value, json};

use super::operation::Operation;
use super::schemas::{boolean, id, list, nullable, object, required, text, xact};

pub(super) fn describe(method: &str, path: &str) -> Option<Operation> {
    let of = |summary| Operation::new("lists", summary);
    Some(match (method, path) {
        ("GET", "/api/projects") => paged(of("Lists projects with sums over what is in them"))
            .query("sort", choice(&["created", "name", "last_write"]))
            .query("search", text())
            .reply(page("projects")),
        ("GET", "/api/projects/{id}/experiments") => {
            paged(of("Lists a project's experiments with estimates of their scores and metrics"))
                .query("sort", json!({"type": "string", "examples": ["created", "score:exact"]}))
                .query("search", text())
                .reply(page("experiments"))
                .or(404)
        }
        ("GET", "/api/objects/{kind}/{id}/cases") => {
            filtered(paged(of("Lists the cases of an experiment, or traces of logs")))
                .query(
                    "sort",
                    json!({"type": "string", "examples": ["created", "metric:duration"]}),
                )
                .reply(page("cases"))
                .or(404)
        }
        ("GET", "/api/objects/{kind}/{id}/trace") => {
            of("Reads the spans of one trace, oldest first")
                .needs("root_span_id", id())
                .query("outline", boolean())
                .query("limit", limit())
                .query("cursor", cursor())
                .reply(required([
                    ("total", json!({"type": "integer"})),
                    ("rows", list(&object())),
                    ("cursor", nullable(&text())),
                ]))
                .or(404)
        }
        ("GET", "/api/objects/{kind}/{id}/histogram") => {
            filtered(of("Counts cases by time, score or metric"))
                .query("by", json!({"type": "string", "examples": ["created", "score:exact"]}))
                .query("buckets", json!({"type": "integer", "minimum": 1, "maximum": 1_000}))
                .query("from", time())
                .query("to", time())
                .reply(histogram())
                .or(404)
        }
        ("GET", "/api/objects/{kind}/{id}/groups") => {
            filtered(of("Groups cases, with the means of their scores and metrics"))
                .needs("by", json!({"type": "string", "examples": ["tag", "metadata.model"]}))
                .query("limit", limit())
                .reply(groups())
                .or(404)
        }
        ("GET", "/api/datasets/{id}/versions") => {
            of("Lists the transactions that changed a dataset, newest first")
                .query("limit", limit())
                .query("cursor", xact())
                .reply(required([("versions", list(&version())), ("cursor", nullable(&xact()))]))
                .or(404)
        }
        ("GET", "/api/events") => of("Tells of changes as they happen (server-sent events)")
            .query("project_id", id())
            .query("experiment_id", id())
            .query("dataset_id", id())
            .query("seconds", json!({"type": "integer", "minimum": 0, "maximum": 3_600}))
            .header("last-event-id", "What was seen last, to go on after it.")
            .text("text/event-stream")
            .or(404),
        ("GET", "/api/compare") => paged(of("Compares two experiments case by case"))
            .needs("experiment_id", id())
            .query("base_experiment_id", id())
            .query("sort", json!({"type": "string", "examples": ["change", "score:exact"]}))
            .query(
                "filter",
                choice(&[
                    "matched",
                    "improved",
                    "regressed",
                    "unchanged",
                    "current_only",
                    "base_only",
                ]),
            )
            .reply(page("cases"))
            .or(404),
        ("GET", "/api/search") => of("Searches input, output, expected and error of all rows")
            .needs("q", words())
            .query("object_type", kind())
            .query("object_id", id())
            .query("project_id", id())
            .query("limit", limit())
            .query("cursor", json!({"type": "string", "pattern": "^h[0-9]{1,18}$"}))
            .reply(page("hits")),
        _ => return None,
    })
}

/// Conditions on cases.
fn filtered(operation: Operation) -> Operation {
    operation
        .query("score", range())
        .query("metric", range())
        .query("failed", boolean())
        .query("tag", text())
        .query("text", words())
        .query("input_hash", json!({"type": "string", "pattern": "^[0-9a-f]{32}$"}))
        // Any path may stand for the word.
        .query("metadata.PATH", text())
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn with_lag<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut schema = required(members);
    let footer = required([
        ("cursor", nullable(&text())),
        ("exact", boolean()),
        ("lag_rows", count()),
        ("lag_seconds", count()),
    ]);
    for (name, member) in footer["properties"].as_object().into_iter().flatten() {
        schema["properties"][name] = member.clone();
    }
    schema
}

fn histogram() -> Value {
    let number = || json!({"type": "number"});
    let bucket = required([
        ("lower", number()),
        ("upper", number()),
        ("cases", count()),
        ("errors", count()),
    ]);
    with_lag([
        ("buckets", list(&bucket)),
        ("cases", count()),
        ("errors", count()),
        ("missing", count()),
    ])
}

fn groups() -> Value {
    let group = required([
        ("key", nullable(&text())),
        ("cases", count()),
        ("errors", count()),
        ("scores", object()),
        ("metrics", object()),
    ]);
    with_lag([("groups", list(&group)), ("total", count()), ("left_out", count())])
}

fn version() -> Value {
    required([
        ("_xact_id", xact()),
        ("created", text()),
        ("changed", count()),
        ("deleted", count()),
        ("snapshots", list(&text())),
        ("environments", list(&text())),
    ])
}

fn paged(operation: Operation) -> Operation {
    operation
        .query("order", choice(&["asc", "desc"]))
        .query("limit", limit())
        .query("cursor", cursor())
}

fn page(member: &'static str) -> Value {
    required([
        (member, list(&object())),
        ("cursor", nullable(&text())),
        ("exact", boolean()),
        ("lag_rows", json!({"type": "integer"})),
        ("lag_seconds", json!({"type": "integer"})),
    ])
}

fn choice(values: &[&str]) -> Value {
    json!({"type": "string", "enum": values})
}

fn kind() -> Value {
    choice(&["experiment", "project_logs", "playground_logs", "dataset"])
}

fn limit() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 4_294_967_295_u32})
}

fn cursor() -> Value {
    json!({"type": "string", "pattern": "^p([0-9a-f]{2})+$"})
}

fn range() -> Value {
    json!({"type": "string", "examples": ["exact:0.5..1", "duration:..2"]})
}

fn words() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 256})
}
