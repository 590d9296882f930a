//! Scores of an experiment and how they compare.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use tidegate_model::wire::summary::ExperimentComparison;

use super::experiments;
use super::links::BaseUrl;
use super::reply::{ApiError, Json};
use super::request::{Id, Params};
use crate::app::App;
use crate::query;

/// `GET /experiment-comparison2`.
pub(super) async fn comparison(
    State(app): State<Arc<App>>,
    mut params: Params,
) -> Result<Json<ExperimentComparison>, ApiError> {
    let experiment = experiments::find(&app, &params.require("experiment_id")?).await?;
    let base = params.take("base_experiment_id");
    let compared = query::compare(app.store.as_ref(), &experiment, base).await?;
    Ok(Json(compared.comparison))
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
    Id(id): Id,
    mut params: Params,
    base: BaseUrl,
) -> Result<Json<Summary>, ApiError> {
    let experiment = experiments::find(&app, &id).await?;
    let wanted = params.take("comparison_experiment_id");
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
