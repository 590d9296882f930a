//! Projects, in both families of routes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderName;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_model::wire::objects::RegisterProject;

use super::auth::Caller;
use super::reply::{ApiError, Json};
use super::request::{Id, JsonBody, Params};
use crate::app::App;
use crate::store::{Page, Project, ProjectFilter, Registered};

/// Where clients put rows of no named project.
const DEFAULT_PROJECT: &str = "Global";

/// Longest name of a project or experiment, in bytes.
const NAME_LIMIT_BYTES: usize = 1_024;

/// Objects in one answer, at most.
pub(super) const LIST_LIMIT: u32 = 1_000;

/// Tells a client that what it creates was there already.
const FOUND_EXISTING: HeaderName = HeaderName::from_static("x-bt-found-existing");

pub(super) async fn register(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(request): JsonBody<RegisterProject>,
) -> Result<Json<Value>, ApiError> {
    let name = check_name(request.project_name)?.unwrap_or_else(|| DEFAULT_PROJECT.into());
    let project = find_or_create(&app, &caller, name).await?.object;
    // All of it: what pushes functions wants more than id and name.
    Ok(Json(json!({"project": render(&app, &project)})))
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    id: Option<String>,
    #[serde(alias = "project_name")]
    name: Option<String>,
}

/// By id or by name. An empty list means that there is none.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(Wanted { id, name }): JsonBody<Wanted>,
) -> Result<Json<Value>, ApiError> {
    match (&id, &name) {
        (Some(id), _) => caller.project(&app, id).await?,
        (None, Some(name)) => drop(caller.project_named(&app, name).await?),
        (None, None) => return Err(ApiError::bad_request("\"id\" or \"name\" is missing")),
    }
    let filter = ProjectFilter { id, name, page: Page::first() };
    let mut found = app.store.projects(filter).await?;
    found.retain(|project| caller.may_touch(&project.id).is_ok());
    Ok(Json(found.iter().map(|project| render(&app, project)).collect()))
}

#[derive(Debug, Deserialize)]
pub(super) struct Create {
    name: Option<String>,
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(request): JsonBody<Create>,
) -> Result<impl IntoResponse, ApiError> {
    let name = check_name(request.name)?;
    let name = name.ok_or_else(|| ApiError::bad_request("\"name\" is missing"))?;
    let registered = find_or_create(&app, &caller, name).await?;
    let existing = found_existing(&registered);
    Ok((existing, Json(render(&app, &registered.object))))
}

pub(super) async fn get_by_query(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Value>, ApiError> {
    let id = params.require("id")?;
    caller.project(&app, &id).await?;
    let project = find(&app, id).await?;
    let rendered = render(&app, &project);
    // Old clients read the top level, some the member.
    Ok(Json(json!({"id": project.id, "name": project.name, "project": rendered})))
}

pub(super) async fn get_by_id(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    caller.project(&app, &id).await?;
    let project = find(&app, id).await?;
    Ok(Json(render(&app, &project)))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Value>, ApiError> {
    let filter = ProjectFilter {
        id: params.take("id").or_else(|| params.take("ids")),
        name: params.take("project_name"),
        page: page(&mut params)?,
    };
    // At most one project is left; the filter still decides whether it is.
    let only = caller.only_project()?.map(str::to_owned);
    let filter = match &only {
        Some(only) if filter.id.is_none() => ProjectFilter { id: Some(only.clone()), ..filter },
        _ => filter,
    };
    let mut projects = app.store.projects(filter).await?;
    projects.retain(|project| only.as_ref().is_none_or(|only| *only == project.id));
    let objects: Vec<_> = projects.iter().map(|project| render(&app, project)).collect();
    Ok(Json(json!({ "objects": objects })))
}

/// The project of that name. A key of one project finds it and makes none.
pub(super) async fn find_or_create(
    app: &App,
    caller: &Caller,
    name: String,
) -> Result<Registered<Project>, ApiError> {
    match caller.project_named(app, &name).await? {
        Some(id) => Ok(Registered { object: find(app, id).await?, existing: true }),
        None => Ok(app.store.register_project(name).await?),
    }
}

/// Finds a project by id.
///
/// # Errors
/// 404 if there is none.
pub(super) async fn find(app: &App, id: String) -> Result<Project, ApiError> {
    let filter = ProjectFilter { id: Some(id.clone()), name: None, page: Page::first() };
    let found = app.store.projects(filter).await?.pop();
    found.ok_or_else(|| ApiError::not_found("project", &id))
}

pub(super) fn render(app: &App, project: &Project) -> Value {
    let mut rendered = json!({
        "id": project.id,
        "org_id": app.org.id,
        "name": project.name,
        "created": project.created,
        "deleted_at": null,
        "user_id": null,
    });
    for (name, value) in &project.details {
        rendered[name] = value.clone();
    }
    rendered
}

/// Checks a name that a client wants; an empty one counts as absent.
pub(super) fn check_name(name: Option<String>) -> Result<Option<String>, ApiError> {
    let name = name.filter(|name| !name.trim().is_empty());
    if name.as_ref().is_some_and(|name| name.len() > NAME_LIMIT_BYTES) {
        let message = format!("a name may have at most {NAME_LIMIT_BYTES} bytes");
        return Err(ApiError::bad_request(message));
    }
    Ok(name)
}

/// Reads which part of a list is wanted.
pub(super) fn page(params: &mut Params) -> Result<Page, ApiError> {
    let limit =
        match params.take("limit") {
            None => LIST_LIMIT,
            Some(text) => text.parse().ok().filter(|&limit: &u32| limit > 0).ok_or_else(|| {
                ApiError::bad_request("\"limit\" must be a whole number above zero")
            })?,
        };
    Ok(Page { limit: limit.min(LIST_LIMIT), after: params.take("starting_after") })
}

pub(super) fn found_existing<T>(registered: &Registered<T>) -> [(HeaderName, &'static str); 1] {
    [(FOUND_EXISTING, if registered.existing { "true" } else { "false" })]
}
