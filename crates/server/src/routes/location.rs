//! `GET /api/location`: where the page shows what a link names by ids.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use tidegate_model::Destination;
use tidegate_model::wire::objects::Named;

use super::auth::Caller;
use super::reply::{ApiError, Json};
use super::request::Params;
use super::table::{Route, get};
use super::{datasets, experiments, projects};
use crate::app::App;
use crate::keys::Access::Read;
use crate::query::{self, Plan};

pub(super) fn routes() -> Vec<Route> {
    vec![get("/api/location", Read, location)]
}

/// An object, or a row of it, by the names that links have.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "ObjectLocation"))]
pub(super) struct Location {
    /// `experiment`, `dataset` or `project_logs`.
    object_type: &'static str,
    object_id: String,
    project: Named,
    /// Name of the experiment or dataset.
    name: Option<String>,
    /// Of the row that was asked for; `null` if none was.
    row: Option<RowLocation>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct RowLocation {
    id: String,
    root_span_id: String,
    span_id: Option<String>,
}

/// Finds what `object_type`, `object_id` and maybe `id` name.
async fn location(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Location>, ApiError> {
    let object = named(&mut params)?;
    caller.object(&app, &object).await?;
    let (project, name) = match &object {
        Destination::Experiment(id) => {
            let found = experiments::find(&app, id).await?;
            (Named { id: found.project_id, name: found.project_name }, Some(found.name))
        }
        Destination::Dataset(id) => {
            let found = datasets::find(&app, &caller, id).await?;
            (Named { id: found.project_id, name: found.project_name }, Some(found.name))
        }
        Destination::ProjectLogs(id) | Destination::PlaygroundLogs(id) => {
            let found = projects::find(&app, id.clone()).await?;
            (Named { id: found.id, name: found.name }, None)
        }
    };
    let row = match params.take("id") {
        Some(id) => Some(find_row(&app, &object, id).await?),
        None => None,
    };
    let (object_type, object_id) = (object.kind(), object.object_id().to_owned());
    Ok(Json(Location { object_type, object_id, project, name, row }))
}

/// Reads `object_type` and `object_id`, as links have them.
pub(super) fn named(params: &mut Params) -> Result<Destination, ApiError> {
    let (kind, id) = (params.require("object_type")?, params.require("object_id")?);
    Ok(match kind.as_str() {
        "experiment" => Destination::Experiment(id),
        "dataset" => Destination::Dataset(id),
        "project_logs" | "project_log" => Destination::ProjectLogs(id),
        _ => {
            let message = format!(
                "object type {kind:?} has no link; it is experiment, dataset or project_logs"
            );
            return Err(ApiError::bad_request(message));
        }
    })
}

async fn find_row(app: &App, object: &Destination, id: String) -> Result<RowLocation, ApiError> {
    let member = |name: &str| json!({"alias": name, "expr": {"op": "ident", "name": [name]}});
    let body = json!({"query": {
        "select": [member("root_span_id"), member("span_id")],
        "from": {
            "op": "function",
            "name": {"op": "ident", "name": [object.kind()]},
            "args": [{"op": "literal", "value": object.object_id()}],
        },
        "filter": {
            "op": "eq",
            "left": {"op": "ident", "name": ["id"]},
            "right": {"op": "literal", "value": id},
        },
        "limit": 1,
    }});
    let Value::Object(body) = body else { return Err(ApiError::not_found("row", &id)) };
    let page = query::run(app.store.as_ref(), Plan::of(query::request(&body)?)?).await?;
    let found = page.rows.first().ok_or_else(|| ApiError::not_found("row", &id))?;
    let found: Value = serde_json::from_str(found).map_err(|error| ApiError::internal(&error))?;
    let text = |name: &str| found[name].as_str().map(str::to_owned);
    // A row without a trace is one by its id.
    let root_span_id = text("root_span_id").unwrap_or_else(|| id.clone());
    Ok(RowLocation { root_span_id, span_id: text("span_id"), id })
}
