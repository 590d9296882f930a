//! Names for versions of datasets: snapshots, and what environments use.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tidegate_model::XactId;

use super::auth::Caller;
use super::datasets;
use super::projects::{LIST_LIMIT, check_name};
use super::reply::{ApiError, Json};
use super::request::{Id, JsonBody, Segments};
use super::table::{Route, delete, get, post, put};
use crate::app::App;
use crate::keys::Access::{Read, Write};
use crate::store::{NewSnapshot, Snapshot, SnapshotFilter, Tag};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/xact-id", Read, xact_id),
        post("/api/dataset_snapshot/register", Write, register),
        post("/api/dataset_snapshot/get", Read, find),
        post("/api/dataset_snapshot/patch_id", Write, rename),
        post("/api/dataset_snapshot/delete_id", Write, remove),
        get("/environment-object/dataset/{id}", Read, tags),
        get("/environment-object/dataset/{id}/{environment}", Read, tag),
        put("/environment-object/dataset/{id}/{environment}", Write, set_tag),
        delete("/environment-object/dataset/{id}/{environment}", Write, delete_tag),
    ]
}

/// Plain text, as the clients want it.
async fn xact_id(State(app): State<Arc<App>>, _: Caller) -> Result<impl IntoResponse, ApiError> {
    let last = app.store.last_xact().await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], last.to_string()))
}

fn version(text: &str) -> Result<XactId, ApiError> {
    text.parse().map_err(|error| ApiError::bad_request(format!("the version {text:?}: {error}")))
}

#[derive(Debug, Deserialize)]
struct Register {
    dataset_id: String,
    #[serde(alias = "name")]
    dataset_snapshot_name: String,
    description: Option<String>,
    xact_id: String,
    #[serde(default)]
    update: Option<bool>,
}

async fn register(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(body): JsonBody<Register>,
) -> Result<Json<Value>, ApiError> {
    let dataset = datasets::find(&app, &caller, &body.dataset_id).await?;
    let name = check_name(Some(body.dataset_snapshot_name))?;
    let new = NewSnapshot {
        dataset_id: dataset.id,
        name: name.ok_or_else(|| ApiError::bad_request("the name of the snapshot is empty"))?,
        description: body.description,
        xact: version(&body.xact_id)?,
        update: body.update.unwrap_or(false),
    };
    let registered = app.store.register_snapshot(new).await?;
    let registered = registered.ok_or_else(|| ApiError::not_found("dataset", &body.dataset_id))?;
    Ok(Json(json!({
        "dataset_snapshot": render(&registered.object),
        "found_existing": registered.existing,
    })))
}

#[derive(Debug, Deserialize)]
struct Wanted {
    id: Option<String>,
    dataset_id: Option<String>,
    name: Option<String>,
    xact_id: Option<String>,
    limit: Option<u32>,
}

async fn find(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let filter = SnapshotFilter {
        id: wanted.id,
        dataset_id: wanted.dataset_id,
        name: wanted.name,
        xact: wanted.xact_id.as_deref().map(version).transpose()?,
    };
    match (&filter.id, &filter.dataset_id) {
        (_, Some(dataset)) => drop(datasets::find(&app, &caller, dataset).await?),
        (Some(id), None) => {
            if snapshot(&app, &caller, id).await.is_err() {
                return Ok(Json(json!([])));
            }
        }
        (None, None) => return Err(ApiError::bad_request("\"dataset_id\" or \"id\" is missing")),
    }
    let limit = wanted.limit.unwrap_or(LIST_LIMIT).clamp(1, LIST_LIMIT);
    let found = app.store.snapshots(filter, limit).await?;
    Ok(Json(found.iter().map(render).collect()))
}

/// Finds a snapshot of a dataset that the caller may touch.
async fn snapshot(app: &App, caller: &Caller, id: &str) -> Result<Snapshot, ApiError> {
    let filter = SnapshotFilter { id: Some(id.to_owned()), ..SnapshotFilter::default() };
    let found = app.store.snapshots(filter, 1).await?.pop();
    let snapshot = found.ok_or_else(|| ApiError::not_found("snapshot", id))?;
    datasets::find(app, caller, &snapshot.dataset_id).await?;
    Ok(snapshot)
}

#[derive(Debug, Deserialize)]
struct Rename {
    id: String,
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    description: Option<Option<String>>,
}

/// Tells null from absent.
fn some<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(reader).map(Some)
}

async fn rename(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(body): JsonBody<Rename>,
) -> Result<Json<Value>, ApiError> {
    snapshot(&app, &caller, &body.id).await?;
    let name = check_name(body.name)?;
    let changed = app.store.patch_snapshot(body.id.clone(), name, body.description).await?;
    let changed = changed.ok_or_else(|| ApiError::not_found("snapshot", &body.id))?;
    Ok(Json(render(&changed)))
}

#[derive(Debug, Deserialize)]
struct Remove {
    id: String,
}

async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(Remove { id }): JsonBody<Remove>,
) -> Result<Json<Value>, ApiError> {
    snapshot(&app, &caller, &id).await?;
    let removed = app.store.delete_snapshot(id.clone()).await?;
    Ok(Json(render(&removed.ok_or_else(|| ApiError::not_found("snapshot", &id))?)))
}

fn render(snapshot: &Snapshot) -> Value {
    json!({
        "id": snapshot.id,
        "dataset_id": snapshot.dataset_id,
        "name": snapshot.name,
        "description": snapshot.description,
        "xact_id": snapshot.xact,
        "created": snapshot.created,
    })
}

async fn tags(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    let dataset = datasets::find(&app, &caller, &id).await?;
    let tags = app.store.tags(dataset.id, None).await?;
    let objects: Vec<_> = tags.iter().map(render_tag).collect();
    Ok(Json(json!({ "objects": objects })))
}

async fn tag(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((id, environment)): Segments<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let dataset = datasets::find(&app, &caller, &id).await?;
    let tag = app.store.tags(dataset.id, Some(environment.clone())).await?.pop();
    let tag = tag.ok_or_else(|| ApiError::not_found("version for environment", &environment))?;
    Ok(Json(render_tag(&tag)))
}

#[derive(Debug, Deserialize)]
struct SetTag {
    object_version: String,
}

async fn set_tag(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((id, environment)): Segments<(String, String)>,
    JsonBody(body): JsonBody<SetTag>,
) -> Result<Json<Value>, ApiError> {
    let dataset = datasets::find(&app, &caller, &id).await?;
    let environment = check_name(Some(environment))?
        .ok_or_else(|| ApiError::bad_request("the name of the environment is empty"))?;
    let xact = version(&body.object_version)?;
    let tag = app.store.set_tag(dataset.id, environment, xact).await?;
    Ok(Json(render_tag(&tag.ok_or_else(|| ApiError::not_found("dataset", &id))?)))
}

async fn delete_tag(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((id, environment)): Segments<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let dataset = datasets::find(&app, &caller, &id).await?;
    let tag = app.store.delete_tag(dataset.id, environment.clone()).await?;
    let tag = tag.ok_or_else(|| ApiError::not_found("version for environment", &environment))?;
    Ok(Json(render_tag(&tag)))
}

fn render_tag(tag: &Tag) -> Value {
    json!({
        "id": tag.id,
        "object_type": "dataset",
        "object_id": tag.dataset_id,
        "object_version": tag.xact,
        "environment_slug": tag.environment,
        "created": tag.created,
    })
}
