//! Experiments, in both families of routes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidegate_model::Destination;
use tidegate_model::wire::objects::{BaseExperimentReply, BaseExperimentRequest};

use super::auth::Caller;
use super::projects::{check_name, found_existing, page};
use super::reply::{ApiError, Json};
use super::request::{Id, JsonBody, Params};
use crate::app::App;
use crate::store::{Experiment, ExperimentFilter, NewExperiment, Page};

/// Members of a registration that have their own place; the others are kept as they come.
const PLACED: [&str; 11] = [
    "org_id",
    "org_name",
    "project_id",
    "project_name",
    "experiment_name",
    "name",
    "update",
    "ensure_new",
    "base_exp_id",
    "base_experiment",
    "ancestor_commits",
];

/// What both registrations share. Unknown members are kept, known ones must have their type.
#[derive(Debug, Deserialize)]
pub(super) struct Registration {
    project_id: Option<String>,
    project_name: Option<String>,
    experiment_name: Option<String>,
    name: Option<String>,
    update: Option<bool>,
    ensure_new: Option<bool>,
    repo_info: Option<Repo>,
    base_exp_id: Option<String>,
    base_experiment: Option<String>,
    ancestor_commits: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Repo {
    commit: Option<String>,
    branch: Option<String>,
}

/// Longest `Idempotency-Key`, in bytes.
const IDEMPOTENCY_KEY_BYTES: usize = 255;

/// Reads the name that a client gave its request, so that it can repeat it safely.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_BYTES).contains(&key.len()));
    let wrong = || {
        let message =
            format!("\"Idempotency-Key\" must be 1 to {IDEMPOTENCY_KEY_BYTES} visible characters");
        ApiError::bad_request(message)
    };
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

fn read(headers: &HeaderMap, body: Map<String, Value>) -> Result<NewExperiment, ApiError> {
    let registration =
        Registration::deserialize(&body).map_err(|error| ApiError::unreadable(&error))?;
    let mut details = body;
    details.retain(|member, value| !PLACED.contains(&member.as_str()) && !value.is_null());
    let present = |text: Option<String>| text.filter(|text| !text.is_empty());
    let repo = registration.repo_info.unwrap_or(Repo { commit: None, branch: None });
    let new = NewExperiment {
        project_id: present(registration.project_id),
        project_name: check_name(registration.project_name)?,
        name: check_name(registration.experiment_name.or(registration.name))?,
        registration: idempotency_key(headers)?,
        continue_existing: registration.update.unwrap_or(false)
            || registration.ensure_new == Some(false),
        commit: present(repo.commit),
        branch: present(repo.branch),
        base_id: present(registration.base_exp_id),
        base_name: present(registration.base_experiment),
        ancestor_commits: registration.ancestor_commits.unwrap_or_default(),
        details,
    };
    if new.project_id.is_none() && new.project_name.is_none() {
        return Err(ApiError::bad_request("\"project_id\" or \"project_name\" is missing"));
    }
    Ok(new)
}

/// Checks what a registration names. With a key of one project, the project is then named by id,
/// so that none is made.
async fn permitted(
    app: &App,
    caller: &Caller,
    mut new: NewExperiment,
) -> Result<NewExperiment, ApiError> {
    match (&new.project_id, &new.project_name) {
        (Some(id), _) => caller.project(app, id).await?,
        (None, Some(name)) => new.project_id = caller.project_named(app, name).await?,
        (None, None) => caller.everything()?,
    }
    if let Some(base) = &new.base_id {
        caller.object(app, &Destination::Experiment(base.clone())).await?;
    }
    Ok(new)
}

pub(super) async fn register(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let new = permitted(&app, &caller, read(&headers, body)?).await?;
    let experiment = app.store.register_experiment(new).await?.object;
    let project = json!({"id": experiment.project_id, "name": experiment.project_name});
    Ok(Json(json!({"project": project, "experiment": render(&experiment)})))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<impl IntoResponse, ApiError> {
    let new = permitted(&app, &caller, read(&headers, body)?).await?;
    let registered = app.store.register_experiment(new).await?;
    Ok((found_existing(&registered), Json(render(&registered.object))))
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    project_id: Option<String>,
    project_name: Option<String>,
    experiment_name: Option<String>,
}

/// An empty list means that there is none.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let (id, name) = (wanted.project_id, wanted.project_name);
    let project_id = within(&app, &caller, id, name.as_deref()).await?;
    let filter = ExperimentFilter {
        name: Some(wanted.experiment_name.unwrap_or_default()),
        project_id,
        project_name: name,
        ..ExperimentFilter::all(Page::first())
    };
    let experiments = app.store.experiments(filter).await?;
    Ok(Json(experiments.iter().map(render).collect()))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Value>, ApiError> {
    let name = params.take("project_name");
    let project_id = within(&app, &caller, params.take("project_id"), name.as_deref()).await?;
    let filter = ExperimentFilter {
        id: params.take("id").or_else(|| params.take("ids")),
        name: params.take("experiment_name"),
        project_id,
        project_name: name,
        page: page(&mut params)?,
    };
    let experiments = app.store.experiments(filter).await?;
    let objects: Vec<_> = experiments.iter().map(render).collect();
    Ok(Json(json!({ "objects": objects })))
}

pub(super) async fn get_by_id(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    caller.object(&app, &Destination::Experiment(id.clone())).await?;
    Ok(Json(render(&find(&app, &id).await?)))
}

/// Checks the project that a list is asked for, and returns the id of the one it is limited to.
pub(super) async fn within(
    app: &App,
    caller: &Caller,
    id: Option<String>,
    name: Option<&str>,
) -> Result<Option<String>, ApiError> {
    if let Some(id) = &id {
        caller.project(app, id).await?;
    }
    if let Some(name) = name {
        caller.project_named(app, name).await?;
    }
    Ok(id.or(caller.only_project()?.map(str::to_owned)))
}

/// A 400 means that there is no base, which clients take as an answer.
pub(super) async fn base(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(request): JsonBody<BaseExperimentRequest>,
) -> Result<Json<BaseExperimentReply>, ApiError> {
    let none = || {
        let message = "the experiment has no base experiment";
        ApiError::new(StatusCode::BAD_REQUEST, "no_base", message)
    };
    caller.object(&app, &Destination::Experiment(request.id.clone())).await?;
    let base_id = find(&app, &request.id).await?.base_id.ok_or_else(none)?;
    let base = lookup(&app, &base_id).await?;
    let base = base.filter(|base| caller.may_touch(&base.project_id).is_ok()).ok_or_else(none)?;
    Ok(Json(BaseExperimentReply { base_exp_id: base.id, base_exp_name: base.name }))
}

/// Finds an experiment by id.
///
/// # Errors
/// 404 if there is none.
pub(super) async fn find(app: &App, id: &str) -> Result<Experiment, ApiError> {
    lookup(app, id).await?.ok_or_else(|| ApiError::not_found("experiment", id))
}

/// Finds an experiment by id.
pub(super) async fn lookup(app: &App, id: &str) -> Result<Option<Experiment>, ApiError> {
    let filter =
        ExperimentFilter { id: Some(id.to_owned()), ..ExperimentFilter::all(Page::first()) };
    Ok(app.store.experiments(filter).await?.pop())
}

pub(super) fn render(experiment: &Experiment) -> Value {
    let mut rendered = json!({
        "id": experiment.id,
        "project_id": experiment.project_id,
        "name": experiment.name,
        "description": null,
        "created": experiment.created,
        "repo_info": null,
        "commit": experiment.commit,
        "base_exp_id": experiment.base_id,
        "deleted_at": null,
        "dataset_id": null,
        "dataset_version": null,
        "public": false,
        "user_id": null,
        "metadata": null,
        "tags": null,
    });
    for (name, value) in &experiment.details {
        // Only the members above without a value of ours can be set by a registration.
        if rendered.get(name).is_none_or(|own| own.is_null() || name == "public") {
            rendered[name] = value.clone();
        }
    }
    rendered
}
