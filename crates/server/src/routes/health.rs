//! Whether the collector is there, and whether it can work.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::reply::{ApiError, Json};
use crate::app::App;

#[derive(Serialize)]
pub(super) struct Status {
    status: &'static str,
}

pub(super) async fn ping() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// Goes through the writer and back: ready means that a write would be taken.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Status>, ApiError> {
    if app.lifecycle.is_stopping() {
        let message = "the server is stopping";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message));
    }
    app.store.org(None).await?;
    Ok(Json(Status { status: "ready" }))
}
