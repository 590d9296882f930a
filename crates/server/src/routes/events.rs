//! Writing rows of one object: `POST /v1/{project_logs,experiment,dataset}/{id}/insert` and
//! `/feedback`.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};
use tidegate_model::Destination;

use super::auth::Caller;
use super::reply::{ApiError, Json};
use super::request::{Bytes, Id};
use super::table::{Route, post};
use super::{datasets, experiments, projects};
use crate::app::App;
use crate::ingest::{self, DecodeError, Decoded};
use crate::keys::Access::Write;
use crate::store::StoreError;

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/v1/project_logs/{id}/insert", Write, insert_logs),
        post("/v1/experiment/{id}/insert", Write, insert_experiment),
        post("/v1/dataset/{id}/insert", Write, insert_dataset),
        post("/v1/project_logs/{id}/feedback", Write, logs_feedback),
        post("/v1/experiment/{id}/feedback", Write, experiment_feedback),
        post("/v1/dataset/{id}/feedback", Write, dataset_feedback),
    ]
}

type Decode = fn(&[u8], &Destination) -> Result<Decoded, DecodeError>;

macro_rules! writes {
    ($($name:ident $kind:ident $answer:ident;)+) => {$(
        async fn $name(
            State(app): State<Arc<App>>,
            caller: Caller,
            Id(id): Id,
            body: Bytes,
        ) -> Result<Json<Value>, ApiError> {
            $answer(&app, &caller, Destination::$kind(id), body).await
        }
    )+};
}

writes! {
    insert_logs ProjectLogs insert;
    insert_experiment Experiment insert;
    insert_dataset Dataset insert;
    logs_feedback ProjectLogs feedback;
    experiment_feedback Experiment feedback;
    dataset_feedback Dataset feedback;
}

async fn insert(
    app: &App,
    caller: &Caller,
    object: Destination,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let ids = write(app, caller, object, body, ingest::decode_events).await?;
    Ok(Json(json!({ "row_ids": ids })))
}

async fn feedback(
    app: &App,
    caller: &Caller,
    object: Destination,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    write(app, caller, object, body, ingest::decode_feedback).await?;
    Ok(Json(json!({"status": "success"})))
}

/// Writes rows of an object that must exist: unlike `/logs3`, nobody calls this before the
/// registration.
async fn write(
    app: &App,
    caller: &Caller,
    object: Destination,
    body: Bytes,
    decode: Decode,
) -> Result<Vec<String>, ApiError> {
    caller.object(app, &object).await?;
    match &object {
        Destination::Experiment(id) => drop(experiments::find(app, id).await?),
        Destination::Dataset(id) => drop(datasets::find(app, caller, id).await?),
        Destination::ProjectLogs(id) | Destination::PlaygroundLogs(id) => {
            drop(projects::find(app, id.clone()).await?);
        }
    }
    let Bytes { data, lease } = body;
    let bytes = data.len();
    let decoded = tokio::task::spawn_blocking(move || decode(&data, &object));
    let Decoded { ids, writes } = decoded.await.map_err(|_| StoreError::Panicked)??;
    app.store.write(writes, bytes).await?;
    // The rows take about as much as the body did, until here.
    drop(lease);
    Ok(ids)
}
