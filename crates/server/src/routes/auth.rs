//! Lets requests through, or not.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::reply::ApiError;
use crate::app::App;
use crate::keys::Refusal;

pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match app.keys.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refused(refusal).into_response(),
    }
}

fn refused(refusal: Refusal) -> ApiError {
    let (status, code, message) = match refusal {
        Refusal::Missing => (
            StatusCode::UNAUTHORIZED,
            "key_missing",
            "an API key is needed: send it as \"Authorization: Bearer <key>\"",
        ),
        Refusal::Unknown => (StatusCode::UNAUTHORIZED, "key_unknown", "unknown API key"),
        Refusal::Revoked => (StatusCode::UNAUTHORIZED, "key_revoked", "this API key was revoked"),
        Refusal::ForeignOrigin => (
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "requests from other web pages or host names need an API key",
        ),
    };
    ApiError::new(status, code, message)
}
