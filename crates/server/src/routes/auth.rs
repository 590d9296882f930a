//! Lets requests through, or not.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::reply::ApiError;
use tidegate_model::Destination;

use crate::app::App;
use crate::keys::{Access, Refusal};

/// Checks what the route needs; what a request names inside is the handler's to check, with
/// [`Caller`].
pub(super) async fn guard(
    State((app, access)): State<(Arc<App>, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    if access != Access::Open
        && let Err(refusal) = app.keys.check(request.headers())
    {
        return refused(refusal).into_response();
    }
    request.extensions_mut().insert(Caller { access });
    next.run(request).await
}

/// Who sent a request and what it may touch. Every handler that reads or changes something asks.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    #[expect(dead_code, reason = "keys have no scope yet")]
    access: Access,
}

#[expect(
    dead_code,
    clippy::unused_async,
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "keys have no scope yet"
)]
impl Caller {
    /// Whether this project may be touched as the route does.
    pub(super) async fn project(&self, _app: &App, _project_id: &str) -> Result<(), ApiError> {
        Ok(())
    }

    /// Whether the object, by its project, may be touched as the route does.
    pub(super) async fn object(&self, _app: &App, _object: &Destination) -> Result<(), ApiError> {
        Ok(())
    }

    /// Whether the caller may touch everything: for routes that create or list projects, name no
    /// project, or work on the whole store.
    pub(super) fn everything(&self) -> Result<(), ApiError> {
        Ok(())
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, ApiError> {
        parts.extensions.get().cloned().ok_or_else(|| refused(Refusal::Missing))
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
