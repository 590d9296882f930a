//! `PATCH /v1/{project,experiment,dataset}/{id}`: members sent replace those stored, objects are
//! merged into objects, and null or absent leaves things as they are.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value};
use tidegate_model::Destination;

use super::auth::Caller;
use super::projects::check_name;
use super::reply::{ApiError, Json};
use super::request::{Id, JsonBody};
use super::table::{Route, patch};
use super::{datasets, experiments, projects};
use crate::app::App;
use crate::keys::Access::Write;
use crate::store::{ObjectKind, Patch};

/// Members of an experiment or dataset that can be changed and have no place of their own.
const EXPERIMENT: [&str; 10] = [
    "description",
    "repo_info",
    "dataset_id",
    "dataset_version",
    "parameters_id",
    "parameters_version",
    "public",
    "metadata",
    "tags",
    "internal_metadata",
];
const DATASET: [&str; 3] = ["description", "metadata", "tags"];
const PROJECT: [&str; 3] = ["description", "settings", "metadata"];

pub(super) fn routes() -> Vec<Route> {
    vec![
        patch("/v1/project/{id}", Write, project),
        patch("/v1/experiment/{id}", Write, experiment),
        patch("/v1/dataset/{id}", Write, dataset),
    ]
}

/// Known members must have their type.
#[derive(Debug, Deserialize)]
struct Changes {
    name: Option<String>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "metadata")]
    _metadata: Option<Map<String, Value>>,
    #[serde(rename = "settings")]
    _settings: Option<Map<String, Value>>,
    #[serde(rename = "tags")]
    _tags: Option<Vec<String>>,
    #[serde(rename = "public")]
    _public: Option<bool>,
    base_exp_id: Option<String>,
    repo_info: Option<Repo>,
}

#[derive(Debug, Deserialize)]
struct Repo {
    commit: Option<String>,
}

fn read(body: Map<String, Value>, members: &[&str]) -> Result<Patch, ApiError> {
    let changes = Changes::deserialize(&body).map_err(|error| ApiError::unreadable(&error))?;
    let mut details = body;
    details.retain(|member, value| members.contains(&member.as_str()) && !value.is_null());
    Ok(Patch {
        name: check_name(changes.name)?,
        base_id: changes.base_exp_id.filter(|id| !id.is_empty()),
        commit: changes.repo_info.and_then(|repo| repo.commit),
        details,
    })
}

async fn project(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let changes = read(body, &PROJECT)?;
    caller.project(&app, &id).await?;
    apply(&app, ObjectKind::Project, &id, changes).await?;
    Ok(Json(projects::render(&app, &projects::find(&app, id).await?)))
}

async fn experiment(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let changes = read(body, &EXPERIMENT)?;
    caller.object(&app, &Destination::Experiment(id.clone())).await?;
    if let Some(base) = &changes.base_id {
        caller.object(&app, &Destination::Experiment(base.clone())).await?;
    }
    apply(&app, ObjectKind::Experiment, &id, changes).await?;
    Ok(Json(experiments::render(&experiments::find(&app, &id).await?)))
}

async fn dataset(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let changes = read(body, &DATASET)?;
    datasets::find(&app, &caller, &id).await?;
    apply(&app, ObjectKind::Dataset, &id, changes).await?;
    Ok(Json(datasets::render(&datasets::find(&app, &caller, &id).await?)))
}

async fn apply(app: &App, kind: ObjectKind, id: &str, changes: Patch) -> Result<(), ApiError> {
    if app.store.patch(kind, id.to_owned(), changes).await? {
        return Ok(());
    }
    let what = match kind {
        ObjectKind::Project => "project",
        ObjectKind::Experiment => "experiment",
        ObjectKind::Dataset => "dataset",
    };
    Err(ApiError::not_found(what, id))
}
