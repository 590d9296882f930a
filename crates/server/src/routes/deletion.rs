//! `DELETE /v1/{project,experiment,dataset}/{id}`: the object as it was, with `deleted_at`.

use std::sync::Arc;

use axum::extract::State;
use serde_json::Value;
use tidegate_model::Destination;

use super::auth::Caller;
use super::reply::{ApiError, Json};
use super::request::Id;
use super::table::{Route, delete};
use super::{datasets, experiments, profile, projects};
use crate::app::App;
use crate::clock;
use crate::keys::Access::Write;
use crate::store::ObjectKind;

pub(super) fn routes() -> Vec<Route> {
    vec![
        delete("/v1/project/{id}", Write, project),
        delete("/v1/experiment/{id}", Write, experiment),
        delete("/v1/dataset/{id}", Write, dataset),
    ]
}

async fn project(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    caller.project(&app, &id).await?;
    let found = projects::find(&app, id.clone()).await?;
    remove(&app, ObjectKind::Project, "project", id, projects::render(&app, &found)).await
}

async fn experiment(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    caller.object(&app, &Destination::Experiment(id.clone())).await?;
    let found = experiments::render(&experiments::find(&app, &id).await?);
    let profile = app.store.profile_file(id.clone()).await?;
    let removed = remove(&app, ObjectKind::Experiment, "experiment", id, found).await?;
    profile::discard(&app, profile).await;
    Ok(removed)
}

async fn dataset(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    let found = datasets::render(&datasets::find(&app, &caller, &id).await?);
    remove(&app, ObjectKind::Dataset, "dataset", id, found).await
}

async fn remove(
    app: &App,
    kind: ObjectKind,
    what: &str,
    id: String,
    mut found: Value,
) -> Result<Json<Value>, ApiError> {
    // Of two requests at once, one deletes.
    if !app.store.delete(kind, id.clone()).await? {
        return Err(ApiError::not_found(what, &id));
    }
    app.sweep.notify_one();
    found["deleted_at"] = clock::now_text().into();
    Ok(Json(found))
}
