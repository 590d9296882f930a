//! `POST /logs3`.

use std::sync::Arc;

use axum::extract::State;
use tidegate_model::wire::logs::Logs3Reply;

use super::arrivals::Measure;
use super::auth::Caller;
use super::overflow;
use super::reply::{ApiError, Json};
use super::request::Bytes;
use crate::app::App;
use crate::ingest::{self, DecodeError, Decoded};
use crate::shed::Lease;
use crate::store::StoreError;

/// Bodies up to this size are decoded on the spot, well under a millisecond.
const INLINE_BYTES: usize = 32 << 10;

pub(super) async fn ingest(
    State(app): State<Arc<App>>,
    caller: Caller,
    measure: Measure,
    body: Bytes,
) -> Result<Json<Logs3Reply>, ApiError> {
    let Bytes { data, lease } = body;
    match ingest::overflow_key(&data) {
        Some(key) => overflow::ingest(&app, &caller, key, lease, &measure).await,
        None => Ok(Json(store(&app, &caller, data, lease, &measure).await?)),
    }
}

/// Stores the rows of a body.
pub(super) async fn store(
    app: &App,
    caller: &Caller,
    data: Vec<u8>,
    lease: Lease,
    measure: &Measure,
) -> Result<Logs3Reply, ApiError> {
    let bytes = data.len();
    let Decoded { ids, writes } = decode(app, data).await?;
    measure.rows(ids.len());
    caller.rows(app, &writes).await?;
    let xact_id = app.store.write(writes, bytes).await?;
    app.metrics.stored(ids.len(), bytes);
    // The rows take about as much as the body did, until here.
    drop(lease);
    Ok(Logs3Reply { ids, xact_id })
}

async fn decode(app: &App, data: Vec<u8>) -> Result<Decoded, ApiError> {
    let decoded: Result<Decoded, DecodeError> = if data.len() <= INLINE_BYTES {
        ingest::decode(&data)
    } else {
        // Closed at no time; the wait ends with the request's deadline.
        let _permit = app.decoders.acquire().await.map_err(|_| StoreError::Closed)?;
        tokio::task::spawn_blocking(move || ingest::decode(&data))
            .await
            .map_err(|_| StoreError::Panicked)?
    };
    Ok(decoded?)
}
