//! Between collectors of one machine: who has the data directory, and handing it over. The token
//! from the lock file, which only its owner can read, takes the place of a key.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::reply::{ApiError, Json};
use crate::app::App;
use crate::data_dir::TOKEN_HEADER;
use crate::options::Role;

/// How long running requests may take when a server wants the directory.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Serialize)]
pub(super) struct Answer {
    role: Role,
}

pub(super) async fn hello(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Json<Answer>, ApiError> {
    check(&app, &headers)?;
    Ok(Json(Answer { role: app.role }))
}

pub(super) async fn handover(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Json<Answer>, ApiError> {
    check(&app, &headers)?;
    if app.role != Role::Embedded {
        let message = "this collector keeps its data directory";
        return Err(ApiError::new(StatusCode::CONFLICT, "not_embedded", message));
    }
    app.lifecycle.stop_within(GRACE);
    Ok(Json(Answer { role: app.role }))
}

fn check(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get(TOKEN_HEADER).map(|token| token.as_bytes());
    if given == Some(app.token.as_bytes()) {
        Ok(())
    } else {
        Err(ApiError::new(StatusCode::FORBIDDEN, "wrong_token", "wrong token"))
    }
}
