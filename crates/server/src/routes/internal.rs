//! Between programs of one machine: who has the data directory, handing it over, and its keys.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::reply::{ApiError, Json};
use super::request::JsonBody;
use crate::app::App;
use crate::keys::admin::{self, AdminError, Command, Outcome};
use crate::options::Role;

/// How long running requests may take when a server wants the directory.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Serialize)]
pub(super) struct Answer {
    role: Role,
}

pub(super) async fn hello(State(app): State<Arc<App>>) -> Json<Answer> {
    Json(Answer { role: app.role })
}

pub(super) async fn handover(State(app): State<Arc<App>>) -> Result<Json<Answer>, ApiError> {
    if app.role != Role::Embedded {
        let message = "this collector keeps its data directory";
        return Err(ApiError::new(StatusCode::CONFLICT, "not_embedded", message));
    }
    app.lifecycle.stop_within(GRACE);
    Ok(Json(Answer { role: app.role }))
}

pub(super) async fn keys(
    State(app): State<Arc<App>>,
    JsonBody(command): JsonBody<Command>,
) -> Result<Json<Outcome>, ApiError> {
    match admin::run(app.store.as_ref(), &app.keys, command).await {
        Ok(outcome) => Ok(Json(outcome)),
        Err(AdminError::Refused(message)) => {
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", message))
        }
        Err(AdminError::Store(error)) => Err(error.into()),
    }
}
