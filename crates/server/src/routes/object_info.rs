//! `POST /api/self/get_object_info`: what an id stands for.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::Caller;
use super::experiments;
use super::reply::{ApiError, Json};
use super::request::JsonBody;
use super::table::{Route, post};
use crate::app::App;
use crate::keys::Access::Read;
use crate::store::{DatasetFilter, Page, ProjectFilter};

/// Ids in one request, at most.
const IDS: usize = 100;

pub(super) fn routes() -> Vec<Route> {
    vec![post("/api/self/get_object_info", Read, info)]
}

#[derive(Debug, Deserialize)]
struct Wanted {
    object_type: String,
    object_ids: Ids,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Ids {
    Many(Vec<String>),
    One(String),
}

/// Ids that stand for nothing are left out.
async fn info(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let ids = match wanted.object_ids {
        Ids::Many(ids) => ids,
        Ids::One(id) => vec![id],
    };
    if ids.len() > IDS {
        return Err(ApiError::bad_request(format!("at most {IDS} ids can be asked for at once")));
    }
    let mut infos = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(found) = find(&app, &wanted.object_type, &id).await? else { continue };
        caller.project(&app, &found.project_id).await?;
        let mut parents = json!({"organization": {"id": app.org.id, "name": app.org.name}});
        if wanted.object_type != "project" {
            parents["project"] = json!({"id": found.project_id, "name": found.project_name});
        }
        infos.push(json!({
            "object_id": id,
            "object_name": found.name,
            "parent_cols": parents,
        }));
    }
    Ok(Json(infos.into()))
}

struct Found {
    name: String,
    project_id: String,
    project_name: String,
}

async fn find(app: &App, kind: &str, id: &str) -> Result<Option<Found>, ApiError> {
    Ok(match kind {
        // The logs of a project have its id.
        "project" | "project_log" | "project_logs" => {
            let filter = ProjectFilter { id: Some(id.to_owned()), name: None, page: Page::first() };
            app.store.projects(filter).await?.pop().map(|project| Found {
                name: project.name.clone(),
                project_id: project.id,
                project_name: project.name,
            })
        }
        "experiment" => experiments::lookup(app, id).await?.map(|experiment| Found {
            name: experiment.name,
            project_id: experiment.project_id,
            project_name: experiment.project_name,
        }),
        "dataset" => app.store.datasets(DatasetFilter::id(id)).await?.pop().map(|dataset| Found {
            name: dataset.name,
            project_id: dataset.project_id,
            project_name: dataset.project_name,
        }),
        _ => {
            let message = format!(
                "object type {kind:?} is not known; it is project, project_logs, experiment or \
                 dataset"
            );
            return Err(ApiError::bad_request(message));
        }
    })
}
