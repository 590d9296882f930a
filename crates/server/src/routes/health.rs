//! Whether the collector is there, and whether it can work.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;

use super::reply::{ApiError, Json};
use crate::app::App;
use crate::store::StoreError;

/// Longest wait for the writer; whoever asks about health waits a few seconds at most.
const WRITER_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Serialize)]
pub(super) struct Status {
    status: &'static str,
}

pub(super) async fn ping() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// Ready means that a write would be taken: the writer answers and the disk has room.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Status>, ApiError> {
    let not = |code, message| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
    let stopping = || not("stopping", "the server is stopping");
    if app.lifecycle.is_stopping() {
        return Err(stopping());
    }
    if app.space.is_full() {
        return Err(not("disk_full", "the disk is full: writes are refused until there is room"));
    }
    match timeout(WRITER_TIMEOUT, app.store.org(None)).await {
        Ok(Ok(_)) => Ok(Json(Status { status: "ready" })),
        Ok(Err(StoreError::Closed)) if app.lifecycle.is_stopping() => Err(stopping()),
        Ok(Err(StoreError::Closed)) => {
            Err(not("writer_stopped", "nothing is written any more: restart the server"))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => {
            Err(not("writer_busy", "the writer does not answer in time: the disk may be slow"))
        }
    }
}
