//! The code of functions: announced here, uploaded and downloaded through signed URLs
//! (`routes::blobs`). It is kept as it came, and not run.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::auth::Caller;
use super::blobs::signed_url;
use super::links::BaseUrl;
use super::reply::{ApiError, Json};
use super::request::{Id, JsonBody};
use super::table::{Route, get, post};
use crate::app::App;
use crate::keys::Access::{Read, Write};
use crate::store::{Blob, Purpose};

pub(super) fn routes() -> Vec<Route> {
    vec![post("/function/code", Write, announce), get("/function/code/{id}", Read, find)]
}

/// What the code runs in is said again by each function.
#[derive(Debug, Deserialize)]
struct Announced {
    #[serde(rename = "runtime_context")]
    _runtime_context: Option<Map<String, Value>>,
}

async fn announce(
    State(app): State<Arc<App>>,
    caller: Caller,
    base: BaseUrl,
    JsonBody(Announced { .. }): JsonBody<Announced>,
) -> Result<Json<Value>, ApiError> {
    // Whoever knows it may read the code, so it must not be guessed.
    let key = Uuid::new_v4().to_string();
    let blob = Blob {
        project: caller.only_project()?.map(str::to_owned),
        maker: caller.key_id().map(str::to_owned),
        ..Blob::new(key, Purpose::Bundle, String::new(), "application/octet-stream".into())
    };
    let stored = app.store.announce_blob(blob).await?;
    let url = signed_url(&app, &base, "PUT", &stored.key);
    Ok(Json(json!({"url": url, "bundleId": stored.key})))
}

async fn find(
    State(app): State<Arc<App>>,
    caller: Caller,
    base: BaseUrl,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    let found = app.store.blob(id.clone()).await?;
    let found = found.filter(|blob| blob.purpose == Purpose::Bundle && blob.file.is_some());
    let blob = found.ok_or_else(|| ApiError::not_found("bundle", &id))?;
    if let Some(project) = &blob.project {
        caller.project(&app, project).await?;
    }
    let url = signed_url(&app, &base, "GET", &blob.key);
    Ok(Json(json!({"url": url, "bundleId": blob.key, "bytes": blob.bytes})))
}
