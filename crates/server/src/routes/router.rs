//! Which path goes where.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use super::{auth, experiments, health, internal, logs, projects, read, reply, session, summary};
use crate::app::App;
use crate::data_dir::{HANDOVER_PATH, HELLO_PATH};

/// Builds the router of a collector.
pub(crate) fn router(app: Arc<App>) -> Router {
    let open = Router::new()
        .route("/ping", get(health::ping))
        .route("/health/live", get(health::ping))
        .route("/health/ready", get(health::ready))
        .route(HELLO_PATH, post(internal::hello))
        .route(HANDOVER_PATH, post(internal::handover));
    let guarded = Router::new()
        .route("/api/apikey/login", post(session::login))
        .route("/version", get(session::version))
        .route("/logs3", post(logs::ingest))
        .route("/btql", post(read::btql))
        .route("/api/project/register", post(projects::register))
        .route("/api/project", get(projects::get_by_query))
        .route("/api/experiment/register", post(experiments::register))
        .route("/api/experiment/get", post(experiments::get))
        .route("/api/base_experiment/get_id", post(experiments::base))
        .route("/experiment-comparison2", get(summary::comparison))
        .route("/v1/project", get(projects::list).post(projects::create))
        .route("/v1/project/{id}", get(projects::get_by_id))
        .route("/v1/experiment", get(experiments::list).post(experiments::create))
        .route("/v1/experiment/{id}", get(experiments::get_by_id))
        .route("/v1/experiment/{id}/fetch", post(read::experiment))
        .route("/v1/experiment/{id}/summarize", get(summary::summarize))
        .route_layer(from_fn_with_state(Arc::clone(&app), auth::guard));
    open.merge(guarded)
        .fallback(reply::unknown_route)
        .method_not_allowed_fallback(reply::wrong_method)
        .layer(from_fn(reply::within_deadline))
        .with_state(app)
}
