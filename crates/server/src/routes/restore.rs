//! Going back to an earlier state of a dataset.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_model::{Destination, XactId};

use super::auth::Caller;
use super::datasets;
use super::reply::{ApiError, Json};
use super::request::{Id, JsonBody};
use super::table::{Route, post};
use crate::app::App;
use crate::keys::Access::{Read, Write};

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/v1/dataset/{id}/restore/preview", Read, preview),
        post("/v1/dataset/{id}/restore", Write, restore),
    ]
}

#[derive(Debug, Deserialize)]
struct Restore {
    version: XactId,
}

async fn preview(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    JsonBody(body): JsonBody<Restore>,
) -> Result<Json<Value>, ApiError> {
    check(&app, &caller, &id).await?;
    let found = app.store.preview_restore(id, body.version).await?;
    Ok(Json(json!({"rows_to_restore": found.restored, "rows_to_delete": found.deleted})))
}

async fn restore(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    JsonBody(body): JsonBody<Restore>,
) -> Result<Json<Value>, ApiError> {
    check(&app, &caller, &id).await?;
    let done = app.store.restore(id, body.version).await?;
    Ok(Json(json!({
        "xact_id": done.xact.map(|xact| xact.to_string()),
        "rows_restored": done.restored,
        "rows_deleted": done.deleted,
    })))
}

/// Only what is registered can be restored: rows alone may have been logged by mistake.
async fn check(app: &App, caller: &Caller, id: &str) -> Result<(), ApiError> {
    caller.object(app, &Destination::Dataset(id.to_owned())).await?;
    datasets::exists(app, id).await
}
