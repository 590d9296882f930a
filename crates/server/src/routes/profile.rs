//! The profile of a run, kept with its experiment: what happened when, as
//! [`tidegate_model::profile`] describes it.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::{Value, json};
use tidegate_analysis::explain::{Explanation, explain};
use tidegate_analysis::export;
use tidegate_analysis::profile::{Profile, ProfileError};
use tidegate_model::Destination;

use super::auth::Caller;
use super::blobs::blocking;
use super::experiments;
use super::reply::{ApiError, Json, RawJson};
use super::request::{Bytes, Id};
use super::table::{Route, get, put};
use crate::app::App;
use crate::blobs::{Content, Upload};
use crate::clock;
use crate::keys::Access::{Read, Write};
use crate::keys::random_hex;
use crate::maintenance::Collection;
use crate::store::{NewProfile, StoreError, Stored};

/// Largest profile, packed and unpacked: some 600 000 spans.
pub(super) const PROFILE_BYTES: usize = 64 << 20;
/// A profile in memory, its text included, in lengths of that text.
const MEMORY_FACTOR: u64 = 4;
/// The same, and what is made of it.
const EXPLAINED_FACTOR: u64 = 5;
/// How often a file is looked up that another profile replaces meanwhile.
const LOOKS: u32 = 3;

pub(super) fn routes() -> Vec<Route> {
    let path = "/api/experiments/{id}/profile";
    vec![
        put(path, Write, keep),
        get(path, Read, read),
        get("/api/experiments/{id}/timeline", Read, timeline),
        get("/api/experiments/{id}/speedscope", Read, speedscope),
    ]
}

async fn keep(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    caller.object(&app, &Destination::Experiment(id.clone())).await?;
    // Before its body is read: most faults are here.
    experiments::find(&app, &id).await?;
    let Bytes { data, mut lease } = Bytes::within(request, &app, PROFILE_BYTES).await?;
    let bytes = data.len() as u64;
    if !lease.cover(bytes * MEMORY_FACTOR) {
        return Err(ApiError::overloaded());
    }
    let permit = app.profiles.acquire().await.map_err(|_| StoreError::Closed)?;
    let files = app.blobs.clone();
    let (upload, counts) = blocking(move || {
        let counts = match Profile::read(data.as_slice()) {
            Ok(profile) => (profile.spans.len(), profile.requests.len()),
            Err(error) => return Ok(Err(error)),
        };
        let mut upload = Upload::start(&files)?;
        upload.write(&data)?;
        Ok(Ok((upload, counts)))
    })
    .await?
    .map_err(|error| ApiError::bad_request(error.to_string()))?;
    drop((permit, lease));
    let claim = upload.finish(None).await.map_err(StoreError::from)?;
    let profile = NewProfile {
        key: format!("profile-{}", random_hex::<16>()?),
        experiment_id: id.clone(),
        file: claim.name().to_owned(),
        bytes,
        created_us: clock::now().as_microsecond(),
    };
    let stored = app.store.put_profile(profile, Box::new(claim)).await?;
    let Stored { replaced } = stored.ok_or_else(|| ApiError::not_found("experiment", &id))?;
    discard(&app, replaced).await;
    let (spans, requests) = counts;
    Ok(Json(json!({"experiment_id": id, "bytes": bytes, "spans": spans, "requests": requests})))
}

/// Removes the file of a profile that is no more. What fails is collected later.
pub(super) async fn discard(app: &App, file: Option<String>) {
    let names = file.into_iter().collect();
    if let Err(error) = Collection::of(app).remove(names).await {
        tracing::warn!(target: "server::blobs", error = ?error, "an old profile stays for now");
    }
}

async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, ApiError> {
    caller.object(&app, &Destination::Experiment(id.clone())).await?;
    let content = open(&app, &id).await?;
    let length = content.length();
    let mut response = Response::new(Body::from_stream(content.pieces(0, length)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    let name = HeaderValue::from_static("attachment; filename=\"profile.jsonl\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    headers.insert(header::CONTENT_LENGTH, length.into());
    Ok(response)
}

/// What the run was waiting for: shape of its uploads, critical path, processor, diagnosis.
async fn timeline(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Explanation>, ApiError> {
    caller.object(&app, &Destination::Experiment(id.clone())).await?;
    let content = open(&app, &id).await?;
    let mut lease = app.inflight.lease();
    if !lease.cover(content.length() * EXPLAINED_FACTOR) {
        return Err(ApiError::overloaded());
    }
    let data = content.bytes(PROFILE_BYTES as u64).await.map_err(StoreError::from)?;
    let _permit = app.profiles.acquire().await.map_err(|_| StoreError::Closed)?;
    let explained = blocking(move || {
        let profile = Profile::read(data.as_slice());
        Ok(profile.map(|profile| explain(&profile)))
    });
    // It was one when it came.
    let damaged = |error: ProfileError| StoreError::Damaged(error.to_string());
    Ok(Json(explained.await?.map_err(damaged)?))
}

/// The profile for speedscope: `/speedscope/#profileURL=…` opens it.
async fn speedscope(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> Result<RawJson, ApiError> {
    caller.object(&app, &Destination::Experiment(id.clone())).await?;
    let content = open(&app, &id).await?;
    let mut lease = app.inflight.lease();
    if !lease.cover(content.length() * EXPLAINED_FACTOR) {
        return Err(ApiError::overloaded());
    }
    let data = content.bytes(PROFILE_BYTES as u64).await.map_err(StoreError::from)?;
    let _permit = app.profiles.acquire().await.map_err(|_| StoreError::Closed)?;
    let exported = blocking(move || {
        let profile = match Profile::read(data.as_slice()) {
            Ok(profile) => profile,
            Err(error) => return Ok(Err(error)),
        };
        let mut exported = Vec::new();
        export::speedscope::write(&profile, &mut exported)?;
        Ok(Ok(exported))
    });
    // It was one when it came.
    let damaged = |error: ProfileError| StoreError::Damaged(error.to_string());
    let exported = exported.await?.map_err(damaged)?;
    let text = String::from_utf8(exported).map_err(|error| ApiError::internal(&error))?;
    Ok(RawJson(text))
}

/// Opens the file of an experiment's profile.
async fn open(app: &App, id: &str) -> Result<Content, ApiError> {
    let missing = || ApiError::not_found("profile of experiment", id);
    for _ in 0..LOOKS {
        let name = app.store.profile_file(id.to_owned()).await?.ok_or_else(missing)?;
        match app.blobs.content(&name).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return Ok(other.map_err(StoreError::from)?),
        }
    }
    Err(missing())
}
