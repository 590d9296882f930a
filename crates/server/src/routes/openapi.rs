//! `GET /openapi.json`: what every route takes and answers, built from the table of routes, so that
//! none can be missing. A route that [`describe`] does not know fails a test.

mod functions;
mod lists;
mod objects;
mod operation;
mod page;
mod query;
mod rows;
mod schemas;
mod service;
mod uploads;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use operation::Operation;

use super::router::routes;

/// Built once, at the first request.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

pub(super) async fn openapi() -> Response {
    // Asked for again and again by tools, and the same until the next version.
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (headers, DOCUMENT.as_str()).into_response()
}

/// What is known of a route; `None` for one that nobody has described.
fn describe(method: &str, path: &str) -> Option<Operation> {
    service::describe(method, path)
        .or_else(|| objects::describe(method, path))
        .or_else(|| functions::describe(method, path))
        .or_else(|| rows::describe(method, path))
        .or_else(|| lists::describe(method, path))
        .or_else(|| uploads::describe(method, path))
        .or_else(|| page::describe(method, path))
}

fn schemas() -> Value {
    let mut all = schemas::components();
    if let (Value::Object(all), Value::Object(more)) = (&mut all, query::components()) {
        all.extend(more);
    }
    all
}

fn document() -> Value {
    let mut paths = Map::new();
    for route in routes() {
        let method = route.method.as_str();
        let operation = describe(method, route.path)
            .unwrap_or_else(|| Operation::new("other", "Not described"))
            .render(method, route.path, route.access);
        // A parameter of several segments is written like any other.
        let path = route.path.replace("{*", "{");
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method.to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidegate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A collector for evaluations and traces of LLM applications, for the \
                published Braintrust clients. Every answer is JSON unless said otherwise. Bodies \
                need no content type, and may be packed with gzip or zstd.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": operation::responses(),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key (`tidegate key create`). On a loopback address \
                        without --require-key, none is needed.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": crate::keys::COOKIE,
                    "description": "A session of the web page (`POST /api/session`). What changes \
                        something must come from a page of the same origin.",
                },
                "lockFile": {
                    "type": "apiKey",
                    "in": "header",
                    "name": crate::data_dir::TOKEN_HEADER,
                    "description": "The token in the lock file of the data directory.",
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described() {
        let missing: Vec<_> = routes()
            .into_iter()
            .filter(|route| describe(route.method.as_str(), route.path).is_none())
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        assert!(missing.is_empty(), "describe them in routes/openapi: {missing:#?}");
    }

    #[test]
    fn the_document_has_every_route_and_every_reference_leads_somewhere() {
        let document = document();
        let mut ids = Vec::new();
        for route in routes() {
            let method = route.method.as_str().to_ascii_lowercase();
            let operation = &document["paths"][route.path.replace("{*", "{")][&method];
            let responses = operation["responses"].as_object().expect("responses");
            let good = responses.keys().any(|status| status == "200" || status == "307");
            assert!(good && responses.contains_key("500"), "{method} {}", route.path);
            ids.push(operation["operationId"].as_str().expect("an id").to_owned());
        }
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "operation ids are unique: {ids:#?}");
        let mut references = Vec::new();
        collect(&document, &mut references);
        assert!(!references.is_empty());
        for reference in references {
            let pointer = reference.strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    fn collect(value: &Value, references: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    references.push(reference.clone());
                }
                members.values().for_each(|member| collect(member, references));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
            _ => {}
        }
    }
}
