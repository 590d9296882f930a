//! Rows too large for a request body: uploaded as a blob, then named in `POST /logs3`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_model::wire::logs::Logs3Reply;

use super::arrivals::Measure;
use super::auth::Caller;
use super::blobs::{found, signed_url};
use super::links::BaseUrl;
use super::logs;
use super::reply::{ApiError, Json};
use super::request::JsonBody;
use super::table::{Route, post};
use crate::app::App;
use crate::keys::{Access::Write, random_hex};
use crate::shed::Lease;
use crate::store::{Blob, Purpose, StoreError};

/// How long an upload may wait to be named; then it is removed.
pub(crate) const LIFETIME: Duration = Duration::from_secs(24 * 3_600);

pub(super) fn routes() -> Vec<Route> {
    vec![post("/logs3/overflow", Write, announce)]
}

/// What the rows are is seen when they are read.
#[derive(Debug, Deserialize)]
struct Announced {
    #[serde(default)]
    size_bytes: Option<u64>,
}

async fn announce(
    State(app): State<Arc<App>>,
    caller: Caller,
    base: BaseUrl,
    JsonBody(announced): JsonBody<Announced>,
) -> Result<Json<Value>, ApiError> {
    if announced.size_bytes.is_some_and(|bytes| bytes > app.max_body_bytes as u64) {
        return Err(ApiError::too_large(app.max_body_bytes));
    }
    let key = format!("overflow-{}", random_hex::<16>()?);
    let blob = Blob {
        project: caller.only_project()?.map(str::to_owned),
        maker: caller.key_id().map(str::to_owned),
        ..Blob::new(key, Purpose::Overflow, String::new(), "application/json".into())
    };
    let stored = app.store.announce_blob(blob).await?;
    // One published client wants `headers`, the other `fields`.
    Ok(Json(json!({
        "method": "PUT",
        "signedUrl": signed_url(&app, &base, "PUT", &stored.key),
        "headers": {"Content-Type": "application/json"},
        "fields": {},
        "key": stored.key,
    })))
}

/// Stores the rows of an upload, once. A repeat, after a lost answer, gets the answer again.
pub(super) async fn ingest(
    app: &App,
    caller: &Caller,
    key: String,
    mut lease: Lease,
    measure: &Measure,
) -> Result<Json<Logs3Reply>, ApiError> {
    let unknown = || {
        let message = format!("overflow {key:?} is unknown or has expired; send the rows again");
        ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
    };
    let blob = app.store.blob(key.clone()).await?;
    let blob = blob.filter(|blob| blob.purpose == Purpose::Overflow).ok_or_else(unknown)?;
    if blob.maker.as_deref() != caller.key_id() {
        let message = "another key has made this overflow";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "not_yours", message));
    }
    if let Some(xact_id) = blob.xact {
        return Ok(Json(Logs3Reply { ids: Vec::new(), xact_id }));
    }
    let (Some(file), Some(bytes)) = (blob.file, blob.bytes) else {
        let message = format!("nothing has been uploaded as overflow {key:?} yet");
        return Err(ApiError::bad_request(message));
    };
    if !lease.cover(bytes) {
        return Err(ApiError::overloaded());
    }
    let Some(content) = found(app.blobs.content(&file).await)? else {
        // The same request may have come twice, and the other one was first.
        let taken = app.store.blob(key.clone()).await?.and_then(|blob| blob.xact);
        let xact_id = taken.ok_or_else(unknown)?;
        return Ok(Json(Logs3Reply { ids: Vec::new(), xact_id }));
    };
    let data = content.bytes(bytes).await.map_err(StoreError::from)?;
    let reply = logs::store(app, caller, data, lease, measure).await?;
    // The rows are stored; whatever fails from here on is found again when the upload expires.
    let consumed = app.store.consume_blob(key, reply.xact_id).await;
    let removed = match consumed {
        Ok(()) => app.blobs.remove(&file).await.map_err(StoreError::from),
        Err(error) => Err(error),
    };
    if let Err(error) = removed {
        tracing::warn!(target: "server::blobs", error = ?error, "a used overflow stays for now");
    }
    Ok(Json(reply))
}
