//! `GET /metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::auth::Caller;
use super::reply::ApiError;
use crate::app::App;
use crate::metrics::Sampled;
use crate::store::StoreError;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All figures. Where keys are needed, this needs one that reads everything: the load of a service
/// and its versions are nobody else's business, and scrapers send a bearer token as any client.
pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.everything()?;
    let sampled = Sampled {
        inflight_bytes: app.inflight.used(),
        inflight_limit_bytes: app.inflight.limit(),
        inflight_refused: app.inflight.refused(),
        disk_full: app.space.is_full(),
        ..Sampled::default()
    };
    // Reading sizes of files may wait for the disk.
    let read = move || app.metrics.text(&sampled.read(&app.data_dir));
    let text = tokio::task::spawn_blocking(read).await.map_err(|_| StoreError::Panicked)?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
