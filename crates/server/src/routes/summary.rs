//! Scores of an experiment and how they compare.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use tidegate_model::Destination;
use tidegate_model::wire::summary::ExperimentComparison;

use super::auth::Caller;
use super::experiments;
use super::links::BaseUrl;
use super::reply::{ApiError, Json};
use super::request::{Id, Params};
use crate::app::App;
use crate::query;
use crate::store::Experiment;

/// `GET /experiment-comparison2`.
pub(super) async fn comparison(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<ExperimentComparison>, ApiError> {
    let id = params.require("experiment_id")?;
    let wanted = params.take("base_experiment_id");
    let experiment = permitted(&app, &caller, &id, wanted.as_deref()).await?;
    let compared = query::compare(app.store.as_ref(), &experiment, wanted).await?;
    Ok(Json(compared.comparison))
}

/// Finds the experiment, and checks it and what it is compared with. A base fixed at registration
/// that the caller may not see is left out.
async fn permitted(
    app: &App,
    caller: &Caller,
    id: &str,
    base: Option<&str>,
) -> Result<Experiment, ApiError> {
    for id in [Some(id), base].into_iter().flatten() {
        caller.object(app, &Destination::Experiment(id.into())).await?;
    }
    let mut experiment = experiments::find(app, id).await?;
    if let Some(base) = experiment.base_id.take_if(|_| base.is_none())
        && caller.object(app, &Destination::Experiment(base.clone())).await.is_ok()
    {
        experiment.base_id = Some(base);
    }
    Ok(experiment)
}

/// The published Python client fails on any member more.
#[derive(Serialize)]
pub(super) struct Summary {
    project_name: String,
    experiment_name: String,
    project_url: String,
    experiment_url: String,
    comparison_experiment_name: Option<String>,
    #[serde(flatten)]
    comparison: ExperimentComparison,
}

/// `GET /v1/experiment/{id}/summarize`.
pub(super) async fn summarize(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    mut params: Params,
    base: BaseUrl,
) -> Result<Json<Summary>, ApiError> {
    let wanted = params.take("comparison_experiment_id");
    let experiment = permitted(&app, &caller, &id, wanted.as_deref()).await?;
    let compared = query::compare(app.store.as_ref(), &experiment, wanted).await?;
    let (org, project) = (&app.org.name, &experiment.project_name);
    Ok(Json(Summary {
        project_url: base.project(org, project),
        experiment_url: base.experiment(org, project, &experiment.name),
        project_name: experiment.project_name.clone(),
        experiment_name: experiment.name,
        comparison_experiment_name: compared.base.map(|base| base.name),
        comparison: compared.comparison,
    }))
}
