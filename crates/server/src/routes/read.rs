//! Reading rows back: `POST /btql` and the fetch routes.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use tidegate_model::Destination;

use super::auth::Caller;
use super::reply::{ApiError, RawJson};
use super::request::{Id, JsonBody, Params};
use super::{datasets, experiments, projects};
use crate::app::App;
use crate::query::{Paging, RowQuery};
use crate::store::RowPage;

/// A page of large rows ends early, with a cursor to go on.
const PAGE_BYTES: usize = 32 << 20;

const CURSOR: HeaderName = HeaderName::from_static("x-bt-cursor");

pub(super) async fn btql(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Response, ApiError> {
    answer(&app, &caller, "data", RowQuery::from_btql(&body)?).await
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
    answer(app, caller, "events", RowQuery::of(object, paging)?).await
}

async fn answer(
    app: &App,
    caller: &Caller,
    member: &str,
    query: RowQuery,
) -> Result<Response, ApiError> {
    let RowQuery { destination, limit, after, version } = query;
    caller.object(app, &destination).await?;
    if let Some(version) = version {
        let newest = app.store.newest_xact(destination.clone()).await?;
        if newest.is_some_and(|newest| newest > version) {
            let message = "the rows have changed since that version, and older states of rows \
                           cannot be read yet; leave \"version\" out";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "old_version", message));
        }
    }
    let page = app.store.rows(destination.clone(), after, limit, PAGE_BYTES).await?;
    if !page.known {
        // Rows may come before a registration and after it; neither is a mistyped id.
        match &destination {
            Destination::Experiment(id) => drop(experiments::find(app, id).await?),
            Destination::Dataset(id) => datasets::exists(app, id).await?,
            Destination::ProjectLogs(id) => drop(projects::find(app, id.clone()).await?),
            Destination::PlaygroundLogs(_) => {}
        }
    }
    let cursor = page.next.as_ref().map(crate::store::Cursor::to_text);
    let body = RawJson(render(member, &page, cursor.as_deref()));
    Ok(match cursor {
        Some(cursor) => ([(CURSOR, cursor)], body).into_response(),
        None => body.into_response(),
    })
}

/// Joins the stored texts as they are; parsing them to add two members would cost most of the
/// time of a read.
fn render(member: &str, page: &RowPage, cursor: Option<&str>) -> String {
    let bytes: usize = page.rows.iter().map(|row| row.text.len() + 64).sum();
    let mut body = String::with_capacity(bytes + 64);
    body.push_str("{\"");
    body.push_str(member);
    body.push_str("\":[");
    for (index, row) in page.rows.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        let (xact, is_root) = (row.xact, row.is_root);
        write!(body, "{{\"_xact_id\":\"{xact}\",\"is_root\":{is_root},")
            .expect("writing to a string cannot fail");
        // A document always has members: id and created at least.
        body.push_str(row.text.strip_prefix('{').unwrap_or(&row.text));
    }
    body.push_str("],\"cursor\":");
    match cursor {
        // Letters and digits only.
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
