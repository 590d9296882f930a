//! Which path goes where.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};

use super::table::{Route, get, post};
use super::{
    api_keys, arrivals, attachments, auth, blobs, bundles, datasets, deletion, envelope,
    environments, events, experiments, figures, functions, health, internal, lists, live, location,
    logs, metrics, object_info, observe, openapi, otlp, overflow, pages, patch, profile, projects,
    read, reply, request_id, restore, session, sign_in, snapshots, summary, ui,
};
use crate::app::App;
use crate::data_dir::{HANDOVER_PATH, HELLO_PATH, KEYS_PATH};
use crate::keys::Access::{Internal, Open, Read, Write};

/// Where clients upload rows.
const LOGS_PATH: &str = "/logs3";

/// Builds the router of a collector.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for Route { path, access, handler, .. } in routes() {
        let guard = from_fn_with_state((Arc::clone(&app), access), auth::guard);
        let mut handler = handler.route_layer(guard);
        if ui::is_shared(path) {
            handler = handler.route_layer(from_fn(ui::for_browsers));
        }
        handler = handler.route_layer(from_fn_with_state(path, observe::inside));
        if path == LOGS_PATH && app.arrivals.is_some() {
            handler = handler.route_layer(from_fn_with_state(Arc::clone(&app), arrivals::around));
        }
        router = router.route(path, handler);
    }
    router
        .fallback(ui::fallback)
        .method_not_allowed_fallback(reply::wrong_method)
        .layer(from_fn(reply::within_deadline))
        .layer(from_fn(otlp::faults))
        .layer(from_fn_with_state(Arc::clone(&app), envelope::around))
        .layer(from_fn(request_id::identify))
        .layer(from_fn_with_state(Arc::clone(&app), observe::outside))
        .with_state(app)
}

/// Method, path and access (in lower case) of every route, for tests that must leave none out.
#[doc(hidden)]
#[must_use]
pub fn route_table() -> Vec<(String, &'static str, String)> {
    let row = |route: Route| {
        (route.method.to_string(), route.path, format!("{:?}", route.access).to_lowercase())
    };
    routes().into_iter().map(row).collect()
}

/// The table.
pub(super) fn routes() -> Vec<Route> {
    [
        internal_routes(),
        session_routes(),
        sign_in::routes(),
        api_keys::routes(),
        object_routes(),
        datasets::routes(),
        snapshots::routes(),
        restore::routes(),
        functions::routes(),
        environments::routes(),
        bundles::routes(),
        object_info::routes(),
        patch::routes(),
        row_routes(),
        events::routes(),
        lists::routes(),
        figures::routes(),
        live::routes(),
        location::routes(),
        attachments::routes(),
        blobs::routes(),
        overflow::routes(),
        otlp::routes(),
        pages::routes(),
        deletion::routes(),
        profile::routes(),
        ui::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Health, and what collectors of one machine say to each other under a token of their own.
fn internal_routes() -> Vec<Route> {
    vec![
        get("/ping", Open, health::ping),
        get("/health/live", Open, health::ping),
        get("/health/ready", Open, health::ready),
        get("/openapi.json", Open, openapi::openapi),
        get("/metrics", Read, metrics::metrics),
        post(HELLO_PATH, Internal, internal::hello),
        post(HANDOVER_PATH, Internal, internal::handover),
        post(KEYS_PATH, Internal, internal::keys),
    ]
}

fn session_routes() -> Vec<Route> {
    vec![post("/api/apikey/login", Read, session::login), get("/version", Read, session::version)]
}

/// Projects and experiments.
fn object_routes() -> Vec<Route> {
    vec![
        post("/api/project/register", Write, projects::register),
        get("/api/project", Read, projects::get_by_query),
        post("/api/project/get", Read, projects::get),
        post("/api/experiment/register", Write, experiments::register),
        post("/api/experiment/get", Read, experiments::get),
        post("/api/base_experiment/get_id", Read, experiments::base),
        get("/experiment-comparison2", Read, summary::comparison),
        get("/v1/project", Read, projects::list),
        post("/v1/project", Write, projects::create),
        get("/v1/project/{id}", Read, projects::get_by_id),
        get("/v1/experiment", Read, experiments::list),
        post("/v1/experiment", Write, experiments::create),
        get("/v1/experiment/{id}", Read, experiments::get_by_id),
        get("/v1/experiment/{id}/summarize", Read, summary::summarize),
    ]
}

/// Writing rows and reading them back.
fn row_routes() -> Vec<Route> {
    vec![
        post(LOGS_PATH, Write, logs::ingest),
        post("/btql", Read, read::btql),
        post("/v1/experiment/{id}/fetch", Read, read::experiment),
        get("/v1/experiment/{id}/fetch", Read, read::experiment_by_query),
        post("/v1/dataset/{id}/fetch", Read, read::dataset),
        get("/v1/dataset/{id}/fetch", Read, read::dataset_by_query),
        post("/v1/project_logs/{id}/fetch", Read, read::project_logs),
        get("/v1/project_logs/{id}/fetch", Read, read::project_logs_by_query),
    ]
}
