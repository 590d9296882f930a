//! What is said of one route.

use serde_json::{Map, Value, json};

use super::schemas::{self, reference};
use crate::keys::Access;

/// Content type of a file of JSON lines.
pub(super) const JSON_LINES: &str = "application/x-ndjson";

/// A route's description, without what follows from its method, path and access.
#[derive(Debug)]
pub(super) struct Operation {
    tag: &'static str,
    summary: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    reply: Value,
    /// Content type of the reply.
    media: &'static str,
    /// Content type of the body.
    takes: &'static str,
    /// Another content type of body and reply, whose bytes are not described.
    besides: Option<&'static str>,
    /// Whether success is a redirect.
    redirects: bool,
    /// Statuses besides those that every route of its kind may answer.
    also: Vec<u16>,
}

/// Errors, what they mean, and for which routes besides.
const ERRORS: [(u16, &str); 16] = [
    (400, "The request makes no sense; the message says where."),
    (
        401,
        "No key, an unknown or a revoked one (codes key_missing, key_unknown, key_revoked), or a \
        session that is over (session_over).",
    ),
    (
        403,
        "The key may not do this (codes key_read_only, key_other_project), or a page of another \
        origin asks (foreign_origin).",
    ),
    (404, "There is nothing of that id or name."),
    (408, "The body came too slowly."),
    (409, "It clashes with what is there."),
    (413, "The body or a row is too large, or there are more than 10 000 rows; send less at once."),
    (414, "The path and its parameters are too long."),
    (415, "The content encoding, or the content type where it matters, is not supported."),
    (416, "The part that is asked for is not there."),
    (422, "The command makes no sense; the message says why."),
    (429, "The key has sent too many requests; see Retry-After."),
    (431, "The head of the request is too long. Without a body."),
    (500, "An internal error; the log has it under the request id."),
    (503, "The server is overloaded or stopping; see Retry-After."),
    (507, "The disk is full; nothing was stored."),
];

impl Operation {
    pub(super) fn new(tag: &'static str, summary: &'static str) -> Self {
        Self {
            tag,
            summary,
            parameters: Vec::new(),
            body: None,
            reply: schemas::object(),
            media: "application/json",
            takes: "application/json",
            besides: None,
            redirects: false,
            also: Vec::new(),
        }
    }

    /// A parameter after the question mark.
    pub(super) fn query(mut self, name: &str, schema: impl Into<Value>) -> Self {
        self.parameters.push(json!({"name": name, "in": "query", "schema": schema.into()}));
        self
    }

    /// One that must be there.
    pub(super) fn needs(mut self, name: &str, schema: impl Into<Value>) -> Self {
        self.parameters
            .push(json!({"name": name, "in": "query", "required": true, "schema": schema.into()}));
        self
    }

    /// A header.
    pub(super) fn header(mut self, name: &str, description: &str) -> Self {
        self.parameters.push(json!({
            "name": name,
            "in": "header",
            "description": description,
            "schema": {"type": "string"},
        }));
        self
    }

    /// Body and reply may also be of this content type.
    pub(super) fn or_binary(self, media: &'static str) -> Self {
        Self { besides: Some(media), ..self }
    }

    /// Parameters of lists.
    pub(super) fn paged(self) -> Self {
        self.query("limit", json!({"type": "integer", "minimum": 1, "maximum": 4_294_967_295_u32}))
            .query("starting_after", schemas::id())
    }

    pub(super) fn body(self, schema: Value) -> Self {
        Self { body: Some(schema), ..self }
    }

    pub(super) fn reply(self, schema: Value) -> Self {
        Self { reply: schema, ..self }
    }

    /// The reply is text of another kind than JSON.
    pub(super) fn text(self, media: &'static str) -> Self {
        Self { media, reply: json!({"type": "string"}), ..self }
    }

    /// The body is bytes of any kind.
    pub(super) fn binary(self) -> Self {
        let bytes = json!({"type": "string", "format": "binary"});
        Self { body: Some(bytes), takes: "application/octet-stream", ..self }
    }

    /// Success leads elsewhere.
    pub(super) fn redirects(self) -> Self {
        Self { redirects: true, ..self }
    }

    /// Another status it may answer.
    pub(super) fn or(mut self, status: u16) -> Self {
        self.also.push(status);
        self
    }

    pub(super) fn render(mut self, method: &str, path: &str, access: Access) -> Value {
        let words =
            path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let id = words.fold(method.to_ascii_lowercase(), |id, word| format!("{id}_{word}"));
        let mut parameters: Vec<Value> = path
            .split('{')
            .skip(1)
            .filter_map(|part| Some(part.split_once('}')?.0.trim_start_matches('*')))
            .map(|name| {
                json!({"name": name, "in": "path", "required": true, "schema": schemas::id()})
            })
            .collect();
        parameters.append(&mut self.parameters);
        let mut responses = Map::new();
        if self.redirects {
            responses.insert("307".into(), elsewhere());
        } else {
            responses.insert("200".into(), success(self.media, &self.reply));
        }
        if self.also.contains(&206) {
            responses.insert("206".into(), success(self.media, &self.reply));
        }
        let takes_body = self.body.is_some();
        for (status, _) in ERRORS {
            let answers = match status {
                400 | 414 | 431 | 500 | 503 => true,
                401 | 429 => matches!(access, Access::Read | Access::Write),
                403 => access != Access::Open,
                408 | 413 | 415 => takes_body,
                507 => access != Access::Open && method != "GET",
                _ => false,
            };
            if answers || self.also.contains(&status) {
                responses.insert(status.to_string(), reference("responses", &error_name(status)));
            }
        }
        let security = match access {
            Access::Open => json!([]),
            // Without a key, where none is needed.
            Access::Read | Access::Write => json!([{"key": []}, {"session": []}]),
            Access::Internal => json!([{"lockFile": []}]),
        };
        let mut operation = json!({
            "operationId": id,
            "tags": [self.tag],
            "summary": self.summary,
            "parameters": parameters,
            "security": security,
            "responses": responses,
        });
        if let Some(schema) = self.body {
            // An empty body counts as an empty object.
            let demands = schema.get("required").is_some() || schema.get("anyOf").is_some();
            operation["requestBody"] =
                json!({"required": demands, "content": {self.takes: {"schema": schema}}});
            if let Some(media) = self.besides {
                operation["requestBody"]["content"][media] = bytes();
                operation["responses"]["200"]["content"][media] = bytes();
            }
        }
        operation
    }
}

fn bytes() -> Value {
    json!({"schema": {"type": "string", "format": "binary"}})
}

fn success(media: &str, schema: &Value) -> Value {
    json!({
        "description": "Done.",
        "headers": headers(),
        "content": {media: {"schema": schema}},
    })
}

fn elsewhere() -> Value {
    let mut headers = headers();
    headers["Location"] = json!({"description": "Where to.", "schema": {"type": "string"}});
    json!({"description": "It is elsewhere.", "headers": headers})
}

fn headers() -> Value {
    json!({"x-request-id": {
        "description": "The id of the request, the client's own if it sent one.",
        "schema": {"type": "string"},
    }})
}

fn error_name(status: u16) -> String {
    format!("Error{status}")
}

/// One response for each status of an error.
pub(super) fn responses() -> Value {
    let mut responses = Map::new();
    for (status, description) in ERRORS {
        let mut response = json!({"description": description});
        // What the HTTP library refuses by itself.
        if status != 431 {
            response["headers"] = headers();
            response["content"] =
                json!({"application/json": {"schema": reference("schemas", "Error")}});
        }
        if [429, 503, 507].contains(&status) {
            response["headers"]["Retry-After"] = json!({
                "description": "Seconds until it is worth to try again.",
                "schema": {"type": "integer", "minimum": 1},
            });
        }
        responses.insert(error_name(status), response);
    }
    Value::Object(responses)
}
