//! Reading rows back: `POST /btql` and the fetch routes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderName;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use tidegate_model::Destination;

use super::auth::Caller;
use super::reply::{ApiError, RawJson};
use super::request::{Id, JsonBody, Params};
use super::{datasets, experiments, projects};
use crate::app::App;
use crate::query::{self, Page, Paging, Plan, Query};

const CURSOR: HeaderName = HeaderName::from_static("x-bt-cursor");

pub(super) async fn btql(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Response, ApiError> {
    answer(&app, &caller, "data", query::request(&body)?).await
}

macro_rules! fetches {
    ($($by_body:ident $by_query:ident $kind:ident;)+) => {$(
        pub(super) async fn $by_body(
            State(app): State<Arc<App>>,
            caller: Caller,
            Id(id): Id,
            JsonBody(paging): JsonBody<Paging>,
        ) -> Result<Response, ApiError> {
            fetch(&app, &caller, Destination::$kind(id), paging).await
        }

        pub(super) async fn $by_query(
            State(app): State<Arc<App>>,
            caller: Caller,
            Id(id): Id,
            mut params: Params,
        ) -> Result<Response, ApiError> {
            let cursor = params.take("cursor");
            let paging = Paging::from_texts(params.take("limit"), cursor, params.take("version"));
            fetch(&app, &caller, Destination::$kind(id), paging).await
        }
    )+};
}

fetches! {
    experiment experiment_by_query Experiment;
    dataset dataset_by_query Dataset;
    project_logs project_logs_by_query ProjectLogs;
}

async fn fetch(
    app: &App,
    caller: &Caller,
    object: Destination,
    paging: Paging,
) -> Result<Response, ApiError> {
    answer(app, caller, "events", Query::of(object, &paging)?).await
}

async fn answer(
    app: &App,
    caller: &Caller,
    member: &str,
    query: Query,
) -> Result<Response, ApiError> {
    let destination = query.object().clone();
    caller.object(app, &destination).await?;
    let page = query::run(app.store.as_ref(), Plan::of(query)?).await?;
    if !page.known {
        // Rows may come before a registration and after it; neither is a mistyped id.
        match &destination {
            Destination::Experiment(id) => drop(experiments::find(app, id).await?),
            Destination::Dataset(id) => datasets::exists(app, id).await?,
            Destination::ProjectLogs(id) => drop(projects::find(app, id.clone()).await?),
            Destination::PlaygroundLogs(_) => {}
        }
    }
    let body = RawJson(render(member, &page));
    Ok(match page.cursor {
        Some(cursor) => ([(CURSOR, cursor)], body).into_response(),
        None => body.into_response(),
    })
}

fn render(member: &str, page: &Page) -> String {
    let bytes: usize = page.rows.iter().map(|row| row.len() + 1).sum();
    let cursor = page.cursor.as_deref();
    let mut body = String::with_capacity(bytes + cursor.map_or(0, str::len) + 64);
    body.push_str("{\"");
    body.push_str(member);
    body.push_str("\":[");
    for (index, row) in page.rows.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(row);
    }
    body.push_str("],\"cursor\":");
    match cursor {
        // Letters, digits and dots only.
        Some(cursor) => {
            body.push('"');
            body.push_str(cursor);
            body.push('"');
        }
        None => body.push_str("null"),
    }
    body.push('}');
    body
}
