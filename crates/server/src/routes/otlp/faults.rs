//! Refusals in the form that exporters expect.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt as _;
use prost::Message;
use serde_json::Value;

use super::{PATH, encoding};
use crate::otlp::Encoding;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Eq, Message)]
struct Status {
    /// A code of gRPC.
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// Around all routes: what goes wrong with an export, wherever that is noticed, is told in
/// protobuf to whoever sent protobuf. A full disk is a 503, the only one of the two statuses that
/// exporters repeat a request after.
pub(in crate::routes) async fn faults(request: Request, next: Next) -> Response {
    if request.uri().path() != PATH {
        return next.run(request).await;
    }
    let encoding = encoding(request.headers());
    let mut response = next.run(request).await;
    if response.status() == StatusCode::INSUFFICIENT_STORAGE {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    let status = response.status();
    let fails = status.is_client_error() || status.is_server_error();
    if !fails || encoding != Some(Encoding::Protobuf) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Our own error, which is short and there already.
    let said = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let said: Value = serde_json::from_slice(&said).unwrap_or_default();
    let message = said.get("error").and_then(Value::as_str).unwrap_or_default().to_owned();
    let body = Status { code: code(status), message }.encode_to_vec();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    Response::from_parts(parts, Body::from(body))
}

/// The code of gRPC that stands for a status.
fn code(status: StatusCode) -> i32 {
    match status.as_u16() {
        401 => 16,
        403 => 7,
        404 => 5,
        405 => 12,
        408 => 4,
        413 | 429 => 8,
        400..=499 => 3,
        503 => 14,
        _ => 13,
    }
}
