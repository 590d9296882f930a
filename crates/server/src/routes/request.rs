//! Reading requests without trust: no content type is needed, an empty body is an empty object,
//! and every wait and every buffer has a limit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout, timeout_at};

use super::arrivals::Measure;
use super::encoding::Encoding;
use super::reply::ApiError;
use crate::app::App;
use crate::shed::Lease;

/// For the next piece of a body.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);
/// For a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(300);
/// A refused body is read to its end, within limits, since many clients only then see the reply.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// See [`DRAIN_TIMEOUT`].
const DRAIN_BYTES: usize = 256 << 20;

/// Longest body that is read as one JSON object; rows come in their own, larger ones.
const JSON_BODY_BYTES: usize = 4 << 20;
/// A list of one-digit numbers takes so many times its text, as a tree.
const JSON_TREE_FACTOR: usize = 16;

/// A request's body and the lease on its bytes.
#[derive(Debug)]
pub(super) struct Bytes {
    pub(super) data: Vec<u8>,
    pub(super) lease: Lease,
}

impl FromRequest<Arc<App>> for Bytes {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        Self::within(request, app, app.max_body_bytes).await
    }
}

impl Bytes {
    /// Reads a body of at most `limit` bytes, packed and unpacked.
    pub(super) async fn within(
        request: Request,
        app: &App,
        limit: usize,
    ) -> Result<Self, ApiError> {
        let encoding = Encoding::of(request.headers())?;
        let announced = content_length(request.headers());
        let measure = Measure::of(&request);
        let mut body = request.into_body();
        let read = read(&mut body, announced, app, limit).await;
        if read.is_err() {
            drain(body).await;
        }
        let Bytes { data, lease } = read?;
        let sent = data.len();
        measure.bytes(sent, sent);
        let Some(encoding) = encoding else { return Ok(Self { data, lease }) };
        let (data, lease) = encoding.unpack(data, limit, lease).await?;
        measure.bytes(data.len(), sent);
        Ok(Self { data, lease })
    }
}

async fn read(
    body: &mut Body,
    announced: Option<usize>,
    app: &App,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let mut lease = app.inflight.lease();
    let mut data = Vec::new();
    if let Some(announced) = announced {
        if announced > limit {
            return Err(ApiError::too_large(limit));
        }
        reserve(&mut lease, announced)?;
        data.reserve_exact(announced);
    }
    let deadline = Instant::now() + BODY_TIMEOUT;
    while let Some(frame) = next_frame(body, deadline).await? {
        if data.len() + frame.len() > limit {
            return Err(ApiError::too_large(limit));
        }
        reserve(&mut lease, data.len() + frame.len())?;
        data.extend_from_slice(&frame);
    }
    Ok(Bytes { data, lease })
}

fn reserve(lease: &mut Lease, bytes: usize) -> Result<(), ApiError> {
    if lease.cover(bytes as u64) { Ok(()) } else { Err(ApiError::overloaded()) }
}

/// Waits for the next piece of a body, `None` at its end.
pub(super) async fn next_frame(
    body: &mut Body,
    deadline: Instant,
) -> Result<Option<axum::body::Bytes>, ApiError> {
    let slow =
        || ApiError::new(StatusCode::REQUEST_TIMEOUT, "slow", "the request body came too slowly");
    let until = deadline.min(Instant::now() + PIECE_TIMEOUT);
    loop {
        match timeout_at(until, body.frame()).await.map_err(|_| slow())? {
            None => return Ok(None),
            Some(Ok(frame)) => {
                // Trailers are of no use here.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(_)) => return Err(ApiError::bad_request("the request body is incomplete")),
        }
    }
}

/// Reads the body of a refused request, within limits.
pub(super) async fn drain(mut body: Body) {
    let reading = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, axum::body::Bytes::len);
            if bytes > DRAIN_BYTES {
                break;
            }
        }
    };
    // A time-out changes nothing: the request is refused anyway.
    timeout(DRAIN_TIMEOUT, reading).await.unwrap_or_default();
}

pub(super) fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A JSON object as body; an empty body counts as `{}`.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let limit = app.max_body_bytes.min(JSON_BODY_BYTES);
        let Bytes { data, mut lease } = Bytes::within(request, app, limit).await?;
        reserve(&mut lease, data.len() * JSON_TREE_FACTOR)?;
        let text = data.trim_ascii();
        let text = if text.is_empty() { b"{}" } else { text };
        // A list would be taken for the members of an object in their order.
        if !text.starts_with(b"{") {
            return Err(ApiError::bad_request("the request body must be a JSON object"));
        }
        let parsed = serde_json::from_slice(text);
        parsed.map(Self).map_err(|error| ApiError::unreadable(&error))
    }
}

/// The parameters after `?`; empty ones count as absent.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Takes a parameter out; of several, the last one counts.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.take_all(name).pop()
    }

    /// Takes a parameter out that may be there several times.
    pub(super) fn take_all(&mut self, name: &str) -> Vec<String> {
        let taken = self.0.extract_if(.., |(key, _)| key == name);
        taken.map(|(_, value)| value).filter(|value| !value.is_empty()).collect()
    }

    /// Takes out all whose name begins so, in the order of the rest of their names; of several with
    /// one name, the last one counts.
    pub(super) fn take_below(&mut self, beginning: &str) -> Vec<(String, String)> {
        let taken = self.0.extract_if(.., |(key, _)| key.starts_with(beginning));
        let taken = taken.filter(|(_, value)| !value.is_empty());
        let by_name: BTreeMap<_, _> =
            taken.map(|(key, value)| (key[beginning.len()..].to_owned(), value)).collect();
        by_name.into_iter().collect()
    }

    /// Takes a parameter out that must be there.
    pub(super) fn require(&mut self, name: &str) -> Result<String, ApiError> {
        self.take(name)
            .ok_or_else(|| ApiError::bad_request(format!("parameter {name:?} is missing")))
    }
}

impl FromRequestParts<Arc<App>> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(values)| Self(values))
            .map_err(|_| ApiError::bad_request("the parameters after ? are malformed"))
    }
}

/// The `{id}` of a path.
#[derive(Debug)]
pub(super) struct Id(pub(super) String);

impl FromRequestParts<Arc<App>> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        axum::extract::Path::from_request_parts(parts, app)
            .await
            .map(|axum::extract::Path(id)| Self(id))
            .map_err(|_| ApiError::bad_request("the id in the path is malformed"))
    }
}

/// The parameters of a path with several, in order.
#[derive(Debug)]
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        axum::extract::Path::from_request_parts(parts, app)
            .await
            .map(|axum::extract::Path(segments)| Self(segments))
            .map_err(|_| ApiError::bad_request("the path is malformed"))
    }
}
