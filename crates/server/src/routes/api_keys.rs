//! `/v1/api_key`: what `tidegate key` does, for a page. Only a key that may do everything, or who
//! needs none, may make others.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::auth::Caller;
use super::reply::{ApiError, Json};
use super::request::{Id, JsonBody};
use super::table::{Route, delete, get, post};
use crate::app::App;
use crate::keys::Access::{Read, Write};
use crate::keys::admin::{self, AdminError, Command, CreatedKey, KeyInfo, NewKey, Outcome};
use crate::store::{Scope, StoreError};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/v1/api_key", Read, list),
        post("/v1/api_key", Write, create),
        get("/v1/api_key/{id}", Read, one),
        delete("/v1/api_key/{id}", Write, revoke),
    ]
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct KeysReply {
    /// Revoked ones included, oldest first.
    objects: Vec<KeyInfo>,
}

/// A key that was made, with its text, which is told only here.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct NewKeyReply {
    #[serde(flatten)]
    info: KeyInfo,
    key: String,
}

/// What a key is wanted for.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct KeyWanted {
    name: Option<String>,
    /// Id or name of the only project; a name that does not exist becomes a project.
    project: Option<String>,
    /// `write` unless said otherwise.
    scope: Option<Scope>,
}

async fn run(app: &App, command: Command) -> Result<Outcome, ApiError> {
    match admin::run(app.store.as_ref(), &app.keys, command).await {
        Ok(outcome) => Ok(outcome),
        Err(AdminError::Refused(message)) => Err(ApiError::bad_request(message)),
        Err(AdminError::Store(error)) => Err(error.into()),
    }
}

/// The answer was to another question, which cannot be.
fn unexpected() -> ApiError {
    StoreError::Panicked.into()
}

async fn all(app: &App) -> Result<Vec<KeyInfo>, ApiError> {
    match run(app, Command::List).await? {
        Outcome::Listed(keys) => Ok(keys),
        _ => Err(unexpected()),
    }
}

async fn find(app: &App, id: &str) -> Result<KeyInfo, ApiError> {
    let found = all(app).await?.into_iter().find(|key| key.id == id);
    found.ok_or_else(|| ApiError::not_found("key", id))
}

async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<KeysReply>, ApiError> {
    caller.admin()?;
    Ok(Json(KeysReply { objects: all(&app).await? }))
}

async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<KeyInfo>, ApiError> {
    caller.admin()?;
    Ok(Json(find(&app, &id).await?))
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(wanted): JsonBody<KeyWanted>,
) -> Result<Json<NewKeyReply>, ApiError> {
    caller.admin()?;
    let KeyWanted { name, project, scope } = wanted;
    let new = NewKey { name, project, scope: scope.unwrap_or(Scope::Write) };
    let Outcome::Created(CreatedKey { key, id, .. }) = run(&app, Command::Create(new)).await?
    else {
        return Err(unexpected());
    };
    Ok(Json(NewKeyReply { info: find(&app, &id).await?, key }))
}

/// Revokes a key, the caller's own included: the next request with it is refused.
async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<KeyInfo>, ApiError> {
    caller.admin()?;
    find(&app, &id).await?;
    match run(&app, Command::Revoke { id }).await? {
        Outcome::Revoked(key) => Ok(Json(key)),
        _ => Err(unexpected()),
    }
}
