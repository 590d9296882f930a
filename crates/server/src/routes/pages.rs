//! The links that clients print, for programs: they lead to what the API says about the object. A
//! browser gets the page instead, see [`ui`](super::ui).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tidegate_model::{Destination, TraceId};

use super::auth::Caller;
use super::links::encode;
use super::reply::ApiError;
use super::request::{Params, Segments};
use super::table::{Route, get};
use super::{datasets, experiments, location, projects};
use crate::app::App;
use crate::keys::Access::Read;
use crate::store::{DatasetFilter, ExperimentFilter, Page, Project, ProjectFilter, Trace};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/app/{org}/p/{project}", Read, project),
        get("/app/{org}/p/{project}/logs", Read, logs),
        get("/app/{org}/p/{project}/experiments/{experiment}", Read, experiment),
        get("/app/{org}/p/{project}/datasets/{dataset}", Read, dataset),
        get("/app/{org}/object", Read, object),
    ]
}

/// Temporary: a name may come to mean another object.
fn redirect(path: String) -> Response {
    let headers = [(header::LOCATION, path), (header::CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
}

/// Finds a project by the name in a link. The organisation in it is not looked at: there is one,
/// and links printed before it was renamed should work.
async fn find(app: &App, caller: &Caller, name: &str) -> Result<Project, ApiError> {
    caller.project_named(app, name).await?;
    let filter = ProjectFilter { id: None, name: Some(name.into()), page: Page::first() };
    let found = app.store.projects(filter).await?.pop();
    found.ok_or_else(|| ApiError::not_found("project", name))
}

async fn project(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((_, name)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let project = find(&app, &caller, &name).await?;
    Ok(redirect(format!("/v1/project/{}", project.id)))
}

async fn logs(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((_, name)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let project = find(&app, &caller, &name).await?;
    Ok(redirect(format!("/v1/project_logs/{}/fetch", project.id)))
}

async fn experiment(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((_, project, name)): Segments<(String, String, String)>,
) -> Result<Response, ApiError> {
    let project = find(&app, &caller, &project).await?;
    let filter = ExperimentFilter {
        name: Some(name.clone()),
        project_id: Some(project.id),
        ..ExperimentFilter::all(Page::first())
    };
    let found = app.store.experiments(filter).await?.pop();
    let experiment = found.ok_or_else(|| ApiError::not_found("experiment", &name))?;
    Ok(redirect(format!("/v1/experiment/{}", experiment.id)))
}

async fn dataset(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((_, project, name)): Segments<(String, String, String)>,
) -> Result<Response, ApiError> {
    let project = find(&app, &caller, &project).await?;
    let filter = DatasetFilter {
        name: Some(name.clone()),
        project_id: Some(project.id),
        ..DatasetFilter::all(Page::first())
    };
    let found = app.store.datasets(filter).await?.pop();
    let dataset = found.ok_or_else(|| ApiError::not_found("dataset", &name))?;
    Ok(redirect(format!("/v1/dataset/{}", dataset.id)))
}

/// `?object_type=&object_id=`, for a span with its row's `id`.
async fn object(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut params: Params,
) -> Result<Response, ApiError> {
    let object = location::named(&mut params)?;
    let id = object.object_id().to_owned();
    caller.object(&app, &object).await?;
    match &object {
        Destination::Experiment(id) => drop(experiments::find(&app, id).await?),
        Destination::Dataset(id) => datasets::exists(&app, id).await?,
        Destination::ProjectLogs(id) | Destination::PlaygroundLogs(id) => {
            drop(projects::find(&app, id.clone()).await?);
        }
    }
    let path = format!("/v1/{}/{}", object.kind(), encode(&id));
    Ok(redirect(match (params.take("id"), &object) {
        (None, Destination::Experiment(_) | Destination::Dataset(_)) => path,
        (None, _) => format!("{path}/fetch"),
        (Some(row), _) => {
            let trace = app.store.trace_of_row(object.clone(), row.as_str().into()).await?;
            let root = match trace.ok_or_else(|| ApiError::not_found("span", &row))? {
                Trace::Id(bits) => TraceId::from_bits(u128::from_be_bytes(bits)).to_string(),
                Trace::Text(text) => text,
                Trace::None => return Ok(redirect(format!("{path}/fetch"))),
            };
            let object = format!("/api/objects/{}/{}", object.kind(), encode(&id));
            format!("{object}/trace?root_span_id={}", encode(&root))
        }
    }))
}
