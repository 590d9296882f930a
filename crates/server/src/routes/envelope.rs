//! What is the same for every answer: headers that keep browsers from doing more with it than
//! showing it, a bound on what waits to be sent, and an answer even after a panic.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use hyper::body::Body as _;

use super::held::Held;
use super::reply::ApiError;
use super::request::drain;
use crate::app::App;
use crate::store::StoreError;

/// Longest path with its parameters, in bytes.
const TARGET_BYTES: usize = 16 << 10;

/// Shorter answers are not counted: there are no more of them than connections.
const COUNTED_BYTES: u64 = 64 << 10;

/// On every answer that does not say otherwise. No `Access-Control-Allow-Origin` is ever sent, so
/// no page from elsewhere reads an answer.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

pub(super) async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = match refuse(&request) {
        Some(error) => {
            drain(request.into_body()).await;
            error.into_response()
        }
        // Nothing half-changed is left behind: state is changed in the store, in transactions.
        None => match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => held(&app, response),
            Err(_) => ApiError::internal(&StoreError::Panicked).into_response(),
        },
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

fn refuse(request: &Request) -> Option<ApiError> {
    let target = request.uri().path_and_query()?.as_str();
    let message = format!("the path and its parameters are longer than {TARGET_BYTES} bytes");
    (target.len() > TARGET_BYTES)
        .then(|| ApiError::new(StatusCode::URI_TOO_LONG, "uri_too_long", message))
}

/// Counts the bytes of an answer until it is sent. Those of a body that is produced while it is
/// sent are not held, so they do not count.
fn held(app: &App, response: Response) -> Response {
    let length = response.body().size_hint().exact().unwrap_or(0);
    if length <= COUNTED_BYTES {
        return response;
    }
    let mut lease = app.answers.lease();
    if !lease.cover(length) {
        return ApiError::overloaded().into_response();
    }
    response.map(|body| Held::body(body, lease))
}
