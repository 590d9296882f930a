//! `POST /otel/v1/traces`: OTLP over HTTP, in protobuf and in JSON.

mod faults;
mod reply;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use tidegate_model::{Destination, RowId};

use super::auth::Caller;
use super::reply::ApiError;
use super::request::Bytes;
use super::table::{Route, post};
use super::{experiments, projects};
use crate::app::App;
use crate::keys::Access::Write;
use crate::otlp::{Above, BodyFault, Decoded, Encoding, Parent, ParentObject, Traced, decode};
use crate::shed::Lease;
use crate::store::{Change, Page, ProjectFilter, RowWrite, StoreError};

pub(super) use faults::faults;

/// Where exporters send traces.
pub(super) const PATH: &str = "/otel/v1/traces";
/// Names where the spans of a request go.
pub(super) const PARENT_HEADER: &str = "x-bt-parent";

/// Bodies up to this size are decoded on the spot, well under a millisecond.
const INLINE_BYTES: usize = 16 << 10;
/// Different objects that the spans of a request may name themselves.
const PARENTS: usize = 64;

/// Where a span goes: the object, and the span there that it is below.
type Home = (Destination, Option<Above>);

pub(super) fn routes() -> Vec<Route> {
    vec![post(PATH, Write, ingest)]
}

/// The form of a body by its content type; `None` for any other.
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let said = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media.as_str() {
        "application/x-protobuf" | "application/protobuf" => Some(Encoding::Protobuf),
        "application/json" => Some(Encoding::Json),
        _ => None,
    }
}

async fn ingest(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let encoding = encoding(&headers).ok_or_else(|| {
        let message = "content type must be application/x-protobuf or application/json";
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", message)
    })?;
    let default = header_parent(&headers)?;
    // Before anything is decoded: a header that names nothing is an error even without spans.
    let default = match default {
        Some(parent) => Some(home(&app, &caller, parent).await?),
        None => None,
    };
    let Bytes { data, lease } = body;
    let bytes = data.len();
    let (mut decoded, lease) = decoded(&app, encoding, data, lease).await?;
    let spans = std::mem::take(&mut decoded.spans);
    let writes = placed(&app, &caller, default.as_ref(), spans, &mut decoded).await?;
    if !writes.is_empty() {
        let count = writes.len();
        app.store.write(writes, bytes).await?;
        app.metrics.stored(count, bytes);
    }
    // The rows are held until here.
    drop(lease);
    Ok(reply::render(encoding, &decoded))
}

fn header_parent(headers: &HeaderMap) -> Result<Option<Parent>, ApiError> {
    let Some(value) = headers.get(PARENT_HEADER) else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes())
        .map_err(|_| ApiError::bad_request(format!("header {PARENT_HEADER} is not UTF-8")))?;
    let parent = Parent::parse(text);
    parent.map(Some).map_err(|error| ApiError::bad_request(format!("{PARENT_HEADER}: {error}")))
}

async fn decoded(
    app: &App,
    encoding: Encoding,
    data: Vec<u8>,
    mut lease: Lease,
) -> Result<(Decoded, Lease), ApiError> {
    let length = data.len();
    let work = move || {
        let body = data.len() as u64;
        let decoded = decode(encoding, &data, |held| lease.cover(body + held as u64))?;
        Ok((decoded, lease))
    };
    if length <= INLINE_BYTES {
        return work();
    }
    // Closed at no time; the wait ends with the request's deadline.
    let _permit = app.decoders.acquire().await.map_err(|_| StoreError::Closed)?;
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Panicked)?
}

impl From<BodyFault> for ApiError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::Memory => Self::overloaded(),
            BodyFault::TooMany => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_rows", fault.to_string())
            }
            _ => Self::bad_request(fault.to_string()),
        }
    }
}

/// Rows with their destinations: what a span says itself, else what the header says. A span that
/// has none is rejected; if that is so for all of them, the request is.
async fn placed(
    app: &App,
    caller: &Caller,
    default: Option<&Home>,
    spans: Vec<Traced>,
    decoded: &mut Decoded,
) -> Result<Vec<RowWrite>, ApiError> {
    let mut known: HashMap<String, Result<Home, String>> = HashMap::new();
    let mut writes = Vec::with_capacity(spans.len());
    let mut homeless = 0;
    for Traced { mut row, parent } in spans {
        let place = match parent {
            Some(text) => {
                if !known.contains_key(&text) {
                    let found = own_home(app, caller, &text, known.len()).await?;
                    known.insert(text.clone(), found);
                }
                known.get(&text).cloned().unwrap_or_else(|| Err(String::new()))
            }
            None => default.cloned().ok_or_else(|| {
                homeless += 1;
                format!("it has no attribute braintrust.parent, nor has the request a header {PARENT_HEADER}")
            }),
        };
        let (destination, above) = match place {
            Ok(home) => home,
            Err(error) => {
                decoded.reject(&error);
                continue;
            }
        };
        if let Some(above) = above {
            above.adopt(&mut row);
        }
        for (name, value) in destination.members() {
            row.insert(name.into(), value.into());
        }
        let id = row.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
        let id = RowId::from(id);
        writes.push(RowWrite { destination, id, change: Change::Merge(row) });
    }
    if homeless > 0 && writes.is_empty() {
        return Err(ApiError::bad_request(format!(
            "nothing says where the spans belong: send the header {PARENT_HEADER} with \
             project_name:<name>, project_id:<id> or experiment_id:<id>"
        )));
    }
    Ok(writes)
}

/// What a span's own attribute names; the text says why it names nothing.
async fn own_home(
    app: &App,
    caller: &Caller,
    text: &str,
    known: usize,
) -> Result<Result<Home, String>, ApiError> {
    if known == PARENTS {
        return Ok(Err(format!("the request names more than {PARENTS} parents")));
    }
    let parent = match Parent::parse(text) {
        Ok(parent) => parent,
        Err(error) => return Ok(Err(error.to_string())),
    };
    match home(app, caller, parent).await {
        Ok(home) => Ok(Ok(home)),
        Err(error) => error.bad_request_message().map(Err),
    }
}

/// Finds the object that is meant; a project of a new name is made.
///
/// # Errors
/// 400 if there is none, 403 if the caller may not touch it.
async fn home(app: &App, caller: &Caller, parent: Parent) -> Result<Home, ApiError> {
    let unknown = |what: &str, id: &str| {
        ApiError::bad_request(format!("{what} {id:?}, which the parent names, does not exist"))
    };
    let destination = match parent.object {
        ParentObject::ProjectId(id) => {
            caller.may_touch(&id)?;
            let filter = ProjectFilter { id: Some(id.clone()), name: None, page: Page::first() };
            let found = app.store.projects(filter).await?.pop();
            found.ok_or_else(|| unknown("project", &id))?;
            Destination::ProjectLogs(id)
        }
        ParentObject::ProjectName(name) => {
            let name = projects::check_name(Some(name))?
                .ok_or_else(|| ApiError::bad_request("the parent names no project"))?;
            let project = projects::find_or_create(app, caller, name).await?.object;
            Destination::ProjectLogs(project.id)
        }
        ParentObject::ExperimentId(id) => {
            let object = Destination::Experiment(id.clone());
            caller.object(app, &object).await?;
            experiments::lookup(app, &id).await?.ok_or_else(|| unknown("experiment", &id))?;
            object
        }
        ParentObject::PlaygroundId(id) => {
            let object = Destination::PlaygroundLogs(id);
            caller.object(app, &object).await?;
            object
        }
    };
    Ok((destination, parent.above))
}
