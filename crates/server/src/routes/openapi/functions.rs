//! Prompts, parameters, tools and scorers, their code, and what environments use of them.

use serde_json::{Value, json};

use super::operation::Operation;
use super::schemas::{
    any_of, id, list, members, name, nullable, object, required, schema, some_name, text, xact,
};

pub(super) fn describe(method: &str, path: &str) -> Option<Operation> {
    prompts(method, path)
        .or_else(|| functions(method, path))
        .or_else(|| code(method, path))
        .or_else(|| environments(method, path))
}

fn objects() -> Value {
    let mut objects = required([("objects", list(&schema("Function")))]);
    objects["properties"]["next_cursor"] = text();
    objects
}

/// What lists of both kinds take.
fn listed(operation: Operation, name_parameter: &str) -> Operation {
    let operation = operation
        .query("ids", list(&id()))
        .query(name_parameter, text())
        .query("slug", text())
        .query("project_id", id())
        .query("project_name", text())
        .query("org_name", text());
    versioned(operation).paged().query("ending_before", id()).reply(objects())
}

/// Which version is wanted.
fn versioned(operation: Operation) -> Operation {
    operation.query("version", version()).query("environment", text())
}

/// A transaction id, or its short form of 16 hex digits.
fn version() -> Value {
    json!({"anyOf": [xact(), {"type": "string", "pattern": "^[0-9a-f]{16}$"}]})
}

fn prompts(method: &str, path: &str) -> Option<Operation> {
    let prompt = |summary| Operation::new("prompts", summary);
    let one = |summary| prompt(summary).reply(schema("Function")).or(404);
    Some(match (method, path) {
        ("GET", "/v1/prompt") => listed(prompt("Lists prompts, newest first"), "prompt_name"),
        ("POST", "/v1/prompt") => {
            one("Makes a prompt; one of the same slug is returned as it is").body(new()).or(409)
        }
        ("PUT", "/v1/prompt") => {
            one("Makes a prompt, or a new version of the one of the same slug").body(new()).or(409)
        }
        ("GET", "/v1/prompt/{id}") => versioned(one("Finds a prompt by id, at a version")),
        ("PATCH", "/v1/prompt/{id}") => {
            one("Makes a new version of a prompt, from the newest and what is sent")
                .body(changes())
                .or(409)
        }
        ("DELETE", "/v1/prompt/{id}") => one("Deletes a prompt and its versions"),
        _ => return None,
    })
}

fn functions(method: &str, path: &str) -> Option<Operation> {
    let function = |summary| Operation::new("functions", summary);
    let one = |summary| function(summary).reply(schema("Function")).or(404);
    Some(match (method, path) {
        ("GET", "/v1/function") => {
            let list = function("Lists functions of all types, prompts too, newest first");
            listed(list.query("function_type", text()), "function_name")
        }
        ("POST", "/v1/function") => {
            one("Makes a function; what becomes of one of the same slug says if_exists")
                .body(new_function())
                .or(409)
        }
        ("PUT", "/v1/function") => {
            one("Makes a function, or a new version of the one of the same slug")
                .body(new_function())
                .or(409)
        }
        ("GET", "/v1/function/{id}") => versioned(one("Finds a function by id, at a version")),
        ("PATCH", "/v1/function/{id}") => {
            one("Makes a new version of a function, from the newest and what is sent")
                .body(changes())
                .or(409)
        }
        ("DELETE", "/v1/function/{id}") => one("Deletes a function and its versions"),
        ("POST", "/insert-functions") => {
            function("Stores functions, all or none; if_exists is \"error\" unless one says more")
                .body(required([("functions", list(&new_function()))]))
                .reply(required([
                    ("xact_id", nullable(&xact())),
                    ("ignored_count", json!({"type": "integer"})),
                    (
                        "functions",
                        list(&required([("id", text()), ("slug", text()), ("project_id", text())])),
                    ),
                ]))
                .or(404)
                .or(409)
        }
        _ => return None,
    })
}

fn code(method: &str, path: &str) -> Option<Operation> {
    let code = |summary| Operation::new("functions", summary);
    Some(match (method, path) {
        ("POST", "/function/code") => code("Asks for a URL to upload the code of functions to")
            .body(members([("org_id", text()), ("runtime_context", nullable(&object()))]))
            .reply(required([("url", text()), ("bundleId", text())])),
        ("GET", "/function/code/{id}") => code("Asks for a URL to download the code from")
            .reply(required([("url", text()), ("bundleId", text())]))
            .or(404),
        _ => return None,
    })
}

fn environments(method: &str, path: &str) -> Option<Operation> {
    let environment = |summary| Operation::new("versions", summary).or(404);
    let pointer = || required([("object_version", version())]);
    Some(match (method, path) {
        ("GET", "/environment-object/{kind}/{id}") => {
            environment("Lists which versions of a function environments use")
        }
        ("POST", "/environment-object/{kind}/{id}") => {
            environment("Says which version of a function an environment uses")
                .body(required([("object_version", version()), ("environment_slug", some_name())]))
        }
        ("GET", "/environment-object/{kind}/{id}/{environment}") => {
            environment("The version of a function that an environment uses")
        }
        ("PUT", "/environment-object/{kind}/{id}/{environment}") => {
            environment("Says which version of a function an environment uses").body(pointer())
        }
        ("DELETE", "/environment-object/{kind}/{id}/{environment}") => {
            environment("Forgets the version of a function that an environment uses")
        }
        _ => return None,
    })
}

/// What both routes of new prompts take.
fn new() -> Value {
    let mut prompt = members([
        ("project_id", id()),
        ("project_name", name()),
        ("slug", some_name()),
        ("name", some_name()),
        ("description", nullable(&text())),
        ("prompt_data", nullable(&object())),
        ("tags", nullable(&list(&text()))),
        ("metadata", nullable(&object())),
        ("function_type", nullable(&text())),
        ("environment_slugs", nullable(&list(&some_name()))),
    ]);
    prompt["required"] = json!(["slug", "name"]);
    any_of(prompt, [&["project_id"], &["project_name"]])
}

fn new_function() -> Value {
    let mut function = new();
    function["properties"]["function_data"] = required([("type", text())]);
    function["properties"]["function_schema"] = nullable(&object());
    function["properties"]["origin"] = nullable(&object());
    function["properties"]["if_exists"] =
        nullable(&json!({"enum": ["error", "ignore", "replace"]}));
    function["properties"]["environments"] = nullable(&list(&required([("slug", some_name())])));
    function["required"] = json!(["slug", "name", "function_data"]);
    function
}

/// Members that can be changed; null leaves them as they are.
fn changes() -> Value {
    members([
        ("name", nullable(&some_name())),
        ("slug", nullable(&some_name())),
        ("description", nullable(&text())),
        ("prompt_data", nullable(&object())),
        ("tags", nullable(&list(&text()))),
        ("metadata", nullable(&object())),
    ])
}
