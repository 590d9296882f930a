//! Datasets, in both families of routes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidegate_model::Destination;

use super::auth::Caller;
use super::experiments::within;
use super::links::BaseUrl;
use super::projects::{check_name, found_existing, page};
use super::reply::{ApiError, Json};
use super::request::{Id, JsonBody, Params};
use super::table::{Route, get, post};
use crate::app::App;
use crate::keys::Access::{Read, Write};
use crate::store::{Dataset, DatasetFilter, NewDataset, Page};

/// Where clients put records of no named dataset.
const DEFAULT_DATASET: &str = "logs";

/// Members of a registration that have their own place; the others are kept as they come.
const PLACED: [&str; 6] =
    ["org_id", "org_name", "project_id", "project_name", "dataset_name", "name"];

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/api/dataset/register", Write, register),
        post("/api/dataset/get", Read, find_all),
        get("/dataset-summary", Read, summary),
        get("/v1/dataset", Read, list),
        post("/v1/dataset", Write, create),
        get("/v1/dataset/{id}", Read, get_by_id),
        get("/v1/dataset/{id}/summarize", Read, summarize),
    ]
}

/// What both registrations share. Unknown members are kept, known ones must have their type.
#[derive(Debug, Deserialize)]
struct Registration {
    project_id: Option<String>,
    project_name: Option<String>,
    dataset_name: Option<String>,
    name: Option<String>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "metadata")]
    _metadata: Option<Map<String, Value>>,
}

fn read(body: Map<String, Value>) -> Result<NewDataset, ApiError> {
    let registration =
        Registration::deserialize(&body).map_err(|error| ApiError::unreadable(&error))?;
    let mut details = body;
    details.retain(|member, value| !PLACED.contains(&member.as_str()) && !value.is_null());
    let name = check_name(registration.dataset_name.or(registration.name))?;
    let new = NewDataset {
        project_id: registration.project_id.filter(|id| !id.is_empty()),
        project_name: check_name(registration.project_name)?,
        name: name.unwrap_or_else(|| DEFAULT_DATASET.into()),
        details,
    };
    if new.project_id.is_none() && new.project_name.is_none() {
        return Err(ApiError::bad_request("\"project_id\" or \"project_name\" is missing"));
    }
    Ok(new)
}

/// Checks the project that a registration names.
async fn permitted(
    app: &App,
    caller: &Caller,
    mut new: NewDataset,
) -> Result<NewDataset, ApiError> {
    match (&new.project_id, &new.project_name) {
        (Some(id), _) => caller.project(app, id).await?,
        (None, Some(name)) => new.project_id = caller.project_named(app, name).await?,
        (None, None) => caller.everything()?,
    }
    Ok(new)
}

async fn register(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<impl IntoResponse, ApiError> {
    let new = permitted(&app, &caller, read(body)?).await?;
    let registered = app.store.register_dataset(new).await?;
    let (existing, dataset) = (found_existing(&registered), registered.object);
    let project = json!({"id": dataset.project_id, "name": dataset.project_name});
    Ok((existing, Json(json!({"project": project, "dataset": render(&dataset)}))))
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<impl IntoResponse, ApiError> {
    let new = permitted(&app, &caller, read(body)?).await?;
    let registered = app.store.register_dataset(new).await?;
    Ok((found_existing(&registered), Json(render(&registered.object))))
}

#[derive(Debug, Deserialize)]
struct Wanted {
    id: Option<String>,
    project_id: Option<String>,
    project_name: Option<String>,
    dataset_name: Option<String>,
}

/// By id, or by name in a project. An empty list means that there is none.
async fn find_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Json<Value>, ApiError> {
    if wanted.id.is_none() && wanted.dataset_name.is_none() {
        return Err(ApiError::bad_request("\"id\" or \"dataset_name\" is missing"));
    }
    let (project_id, project_name) = (wanted.project_id, wanted.project_name);
    let project_id = within(&app, &caller, project_id, project_name.as_deref()).await?;
    let filter = DatasetFilter {
        id: wanted.id,
        name: wanted.dataset_name,
        project_id,
        project_name,
        ..DatasetFilter::all(Page::first())
    };
    let datasets = app.store.datasets(filter).await?;
    Ok(Json(datasets.iter().map(render).collect()))
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Value>, ApiError> {
    let name = params.take("project_name");
    let project_id = within(&app, &caller, params.take("project_id"), name.as_deref()).await?;
    let filter = DatasetFilter {
        id: params.take("id").or_else(|| params.take("ids")),
        name: params.take("dataset_name"),
        project_id,
        project_name: name,
        page: page(&mut params)?,
    };
    let datasets = app.store.datasets(filter).await?;
    let objects: Vec<_> = datasets.iter().map(render).collect();
    Ok(Json(json!({ "objects": objects })))
}

async fn get_by_id(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&find(&app, &caller, &id).await?)))
}

async fn summary(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Value>, ApiError> {
    let dataset = find(&app, &caller, &params.require("dataset_id")?).await?;
    let total = app.store.count_roots(Destination::Dataset(dataset.id)).await?;
    Ok(Json(json!({ "total_records": total })))
}

async fn summarize(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    mut params: Params,
    base: BaseUrl,
) -> Result<Json<Value>, ApiError> {
    let dataset = find(&app, &caller, &id).await?;
    let counted = params
        .take("summarize_data")
        .is_some_and(|wanted| wanted.eq_ignore_ascii_case("true") || wanted == "1");
    let data_summary = if counted {
        let total = app.store.count_roots(Destination::Dataset(dataset.id)).await?;
        json!({ "total_records": total })
    } else {
        Value::Null
    };
    let (org, project) = (&app.org.name, &dataset.project_name);
    Ok(Json(json!({
        "project_name": project,
        "dataset_name": dataset.name,
        "project_url": base.project(org, project),
        "dataset_url": base.dataset(org, project, &dataset.name),
        "data_summary": data_summary,
    })))
}

/// Finds a dataset that the caller may touch.
///
/// # Errors
/// 404 if there is none.
pub(super) async fn find(app: &App, caller: &Caller, id: &str) -> Result<Dataset, ApiError> {
    caller.object(app, &Destination::Dataset(id.to_owned())).await?;
    let found = app.store.datasets(DatasetFilter::id(id)).await?.pop();
    found.ok_or_else(|| ApiError::not_found("dataset", id))
}

/// Checks that a dataset exists.
///
/// # Errors
/// 404 if it does not.
pub(super) async fn exists(app: &App, id: &str) -> Result<(), ApiError> {
    let found = app.store.datasets(DatasetFilter::id(id)).await?;
    if found.is_empty() { Err(ApiError::not_found("dataset", id)) } else { Ok(()) }
}

pub(super) fn render(dataset: &Dataset) -> Value {
    let mut rendered = json!({
        "id": dataset.id,
        "project_id": dataset.project_id,
        "name": dataset.name,
        "description": null,
        "created": dataset.created,
        "deleted_at": null,
        "user_id": null,
        "metadata": null,
        "tags": null,
    });
    for (name, value) in &dataset.details {
        // Only the members above without a value of ours can be set by a registration.
        if rendered.get(name).is_none_or(Value::is_null) {
            rendered[name] = value.clone();
        }
    }
    rendered
}
