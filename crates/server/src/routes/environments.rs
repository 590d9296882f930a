//! Which version of a prompt, of parameters or of another function an environment uses.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::Caller;
use super::definitions::{Family, environment};
use super::functions::find;
use super::reply::{ApiError, Json};
use super::request::{JsonBody, Segments};
use super::table::{Route, delete, get, post, put};
use crate::app::App;
use crate::functions::version;
use crate::keys::Access::{Read, Write};
use crate::store::{At, Function, FunctionTag};

/// What the clients call what has versions here; all three name any function.
const KINDS: [&str; 3] = ["prompt", "parameters", "function"];

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/environment-object/{kind}/{id}", Read, list),
        post("/environment-object/{kind}/{id}", Write, add),
        get("/environment-object/{kind}/{id}/{environment}", Read, one),
        put("/environment-object/{kind}/{id}/{environment}", Write, set),
        delete("/environment-object/{kind}/{id}/{environment}", Write, remove),
    ]
}

async fn function(app: &App, caller: &Caller, kind: &str, id: &str) -> Result<Function, ApiError> {
    if !KINDS.contains(&kind) {
        let message = format!(
            "{kind:?} has no versions for environments: use dataset, prompt, parameters or function"
        );
        return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", message));
    }
    find(app, caller, Family::Function, id, At::Newest).await
}

fn render(kind: &str, tag: &FunctionTag) -> Value {
    json!({
        "id": tag.id,
        "object_type": kind,
        "object_id": tag.function_id,
        "object_version": tag.xact,
        "environment_slug": tag.environment,
        "created": tag.created,
    })
}

fn missing(environment: &str) -> ApiError {
    ApiError::not_found("version for environment", environment)
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((kind, id)): Segments<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let function = function(&app, &caller, &kind, &id).await?;
    let tags = app.store.function_tags(function.id, None).await?;
    let objects: Vec<_> = tags.iter().map(|tag| render(&kind, tag)).collect();
    Ok(Json(json!({ "objects": objects })))
}

async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((kind, id, name)): Segments<(String, String, String)>,
) -> Result<Json<Value>, ApiError> {
    let function = function(&app, &caller, &kind, &id).await?;
    let tag = app.store.function_tags(function.id, Some(name.clone())).await?.pop();
    Ok(Json(render(&kind, &tag.ok_or_else(|| missing(&name))?)))
}

#[derive(Debug, Deserialize)]
struct Version {
    object_version: String,
}

#[derive(Debug, Deserialize)]
struct Added {
    object_version: String,
    environment_slug: String,
}

/// Sets it, as a client does that names the environment in the body.
async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((kind, id)): Segments<(String, String)>,
    JsonBody(Added { object_version, environment_slug }): JsonBody<Added>,
) -> Result<Json<Value>, ApiError> {
    point(&app, &caller, &kind, &id, environment_slug, &object_version).await
}

async fn set(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((kind, id, name)): Segments<(String, String, String)>,
    JsonBody(Version { object_version }): JsonBody<Version>,
) -> Result<Json<Value>, ApiError> {
    point(&app, &caller, &kind, &id, name, &object_version).await
}

async fn point(
    app: &App,
    caller: &Caller,
    kind: &str,
    id: &str,
    name: String,
    object_version: &str,
) -> Result<Json<Value>, ApiError> {
    let function = function(app, caller, kind, id).await?;
    let unknown = || {
        let message =
            format!("{kind} {id:?} has no version {object_version:?}, nor an earlier one");
        ApiError::bad_request(message)
    };
    let xact = version(object_version).ok_or_else(unknown)?;
    let tag = app.store.set_function_tag(function.id, environment(name)?, xact).await?;
    Ok(Json(render(kind, &tag.ok_or_else(unknown)?)))
}

async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((kind, id, name)): Segments<(String, String, String)>,
) -> Result<Json<Value>, ApiError> {
    let function = function(&app, &caller, &kind, &id).await?;
    let tag = app.store.delete_function_tag(function.id, name.clone()).await?;
    Ok(Json(render(&kind, &tag.ok_or_else(|| missing(&name))?)))
}
