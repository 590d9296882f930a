//! Replies: always JSON, errors included.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::blobs;
use super::request_id;
use crate::ingest::DecodeError;
use crate::query::{Failure, QueryError};
use crate::store::StoreError;

/// The longest any request may take, uploading included; blobs have their own limit.
const REQUEST_DEADLINE: Duration = Duration::from_secs(330);

/// When an overloaded server wants to be asked again.
const RETRY_AFTER_SECONDS: u64 = 1;
/// The same for a full disk, which takes somebody to clear.
const DISK_FULL_RETRY_SECONDS: u64 = 10;

/// A 200 with a JSON body.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => json(StatusCode::OK, body),
            Err(error) => ApiError::internal(&error).into_response(),
        }
    }
}

/// A 200 whose body is JSON already.
#[derive(Debug)]
pub(super) struct RawJson(pub(super) String);

impl IntoResponse for RawJson {
    fn into_response(self) -> Response {
        json(StatusCode::OK, self.0.into_bytes())
    }
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// What a request gets instead of an answer. The message is for the user of a client and says
/// nothing about the inside.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    /// Stable, for programs.
    code: &'static str,
    message: String,
    /// Seconds; otherwise by status.
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// A body of another shape than expected.
    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        let message = plain(&error.to_string());
        Self::bad_request(format!("the request body is not what is expected: {message}"))
    }

    pub(super) fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("{what} {id:?} not found"))
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("the request body is larger than {limit} bytes; send less at once");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    pub(super) fn overloaded() -> Self {
        let message = "the server is overloaded; try again shortly";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message)
    }

    pub(super) fn disk_full() -> Self {
        let message = "the server's disk is full: nothing of this request was stored; try again \
                       when there is room";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", message)
    }

    /// The message of a 400; any other error comes back.
    pub(super) fn bad_request_message(self) -> Result<String, Self> {
        if self.status == StatusCode::BAD_REQUEST { Ok(self.message) } else { Err(self) }
    }

    /// Puts the place in the request before the message of a 400.
    pub(super) fn within(self, place: &str) -> Self {
        if self.status != StatusCode::BAD_REQUEST {
            return self;
        }
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// Says after how many seconds it is worth to try again.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Logs the cause under the id of the request and tells only the id.
    pub(super) fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        let id = request_id::current().unwrap_or_else(|| uuid::Uuid::now_v7().to_string().into());
        tracing::error!(target: "server::request", request_id = %id, error = ?cause, "failed");
        let message = format!("internal error; the server's log has it as {id}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

/// Says "an object" for the names of our types.
fn plain(message: &str) -> String {
    let mut words = message.split(' ').peekable();
    let mut plain = Vec::new();
    while let Some(word) = words.next() {
        if (word == "struct" || word == "enum") && words.next().is_some() {
            plain.push("an object");
        } else {
            plain.push(word);
        }
    }
    plain.join(" ")
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let request_id = request_id::current();
        let request_id = request_id.as_deref();
        let body = ErrorBody { error: &self.message, code: self.code, request_id };
        let body = serde_json::to_vec(&body).unwrap_or_else(|_| b"{\"error\":\"\"}".to_vec());
        let mut response = json(self.status, body);
        let headers = response.headers_mut();
        let retry_after = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_AFTER_SECONDS),
            StatusCode::INSUFFICIENT_STORAGE => Some(DISK_FULL_RETRY_SECONDS),
            _ => None,
        };
        if let Some(seconds) = self.retry_after.or(retry_after) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Closed => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the server is stopping")
            }
            StoreError::Overloaded => Self::overloaded(),
            StoreError::Unreachable(ref source) => {
                tracing::error!(target: "server::store", error = ?source, "the database is away");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "database_unreachable", message)
            }
            StoreError::FilesAway(ref source) => {
                tracing::error!(target: "server::blobs", error = ?source, "the bucket is away");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "blobs_unreachable", message)
            }
            StoreError::DiskFull => Self::disk_full(),
            StoreError::Interrupted => {
                Self::new(StatusCode::BAD_REQUEST, "query_too_large", message)
            }
            StoreError::UnknownProject(_) => Self::new(StatusCode::NOT_FOUND, "not_found", message),
            StoreError::FunctionExists(_) => Self::new(StatusCode::CONFLICT, "exists", message),
            StoreError::SlugTaken { .. } => Self::new(StatusCode::CONFLICT, "slug_taken", message),
            StoreError::SlugRepeated(_) | StoreError::BadFunction(_) | StoreError::NulCharacter => {
                Self::bad_request(message)
            }
            StoreError::FunctionTooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "definition_too_large", message)
            }
            StoreError::NameTaken(_) => Self::new(StatusCode::CONFLICT, "name_taken", message),
            // Clients look for the words "base experiment" and go on without one.
            StoreError::UnknownBase(_) => Self::bad_request(message),
            StoreError::RestoreTooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "restore_too_large", message)
            }
            StoreError::RowTooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "row_too_large", message)
            }
            other => Self::internal(&other),
        }
    }
}

impl From<DecodeError> for ApiError {
    fn from(error: DecodeError) -> Self {
        if let DecodeError::TooMany { .. } = error {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Self::new(status, "too_many_rows", error.to_string());
        }
        Self::bad_request(error.to_string())
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::OldVersion => Self::new(StatusCode::BAD_REQUEST, "old_version", message),
            Failure::Store(error) => error.into(),
            // Not a 5xx, upon which clients would send the same query again.
            _ => Self::new(StatusCode::BAD_REQUEST, "query_too_large", message),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::bad_request(error.to_string())
    }
}

pub(super) async fn unknown_route(method: Method, uri: Uri) -> ApiError {
    let path = uri.path();
    if path == "/function/invoke" || path.starts_with("/v1/function/") && path.ends_with("/invoke")
    {
        let message = "functions and prompts are stored and served here, and not run: invoking is \
                       not offered; load the prompt and call the model, or import the function";
        return ApiError::new(StatusCode::NOT_IMPLEMENTED, "not_offered", message);
    }
    let message = format!("no such route: {method} {}", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, "unknown_route", message)
}

pub(super) async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let message = format!("{} does not answer {method}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", message)
}

/// Answers 503 where a request takes longer than any should.
pub(super) async fn within_deadline(request: Request, next: Next) -> Response {
    let uploads = request.uri().path().starts_with(blobs::PATH);
    let deadline = if uploads { 2 * blobs::UPLOAD_TIMEOUT } else { REQUEST_DEADLINE };
    match tokio::time::timeout(deadline, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::overloaded().into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Secret {
        #[expect(dead_code, reason = "only its name matters")]
        id: String,
    }

    #[test]
    fn names_of_types_are_not_told() {
        for (given, said) in [
            ("7", "integer `7`, expected an object at line 1"),
            ("{\"id\":7}", "integer `7`, expected a string at line 1"),
            ("{}", "missing field `id` at line 1"),
        ] {
            let error = serde_json::from_str::<Secret>(given).expect_err("refused");
            let error = ApiError::unreadable(&error);
            assert!(error.message.contains(said), "{}", error.message);
        }
    }
}
