//! Uploads and downloads through signed URLs, piece by piece: no blob is ever in memory.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::links::{BaseUrl, encode};
use super::reply::{ApiError, Json};
use super::request::{self, Id, Params};
use super::table::{Route, get, put};
use crate::app::App;
use crate::blobs::{Claim, Content, Refused, Upload};
use crate::clock;
use crate::keys::Access::Open;
use crate::store::{Blob, Purpose, StoreError};

/// Path of the signed URLs, before the key.
pub(super) const PATH: &str = "/attachment/blob/";
/// For a whole upload.
pub(super) const UPLOAD_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Bytes collected before they are written.
const WRITE_BYTES: usize = 256 << 10;
/// What an upload holds in memory: the above and the piece that filled it.
const UPLOAD_MEMORY_BYTES: u64 = 1 << 20;

/// Their signature is the key.
pub(super) fn routes() -> Vec<Route> {
    vec![put("/attachment/blob/{key}", Open, upload), get("/attachment/blob/{key}", Open, download)]
}

/// A URL by which whoever has it can do one thing to one blob for a while.
pub(super) fn signed_url(app: &App, base: &BaseUrl, method: &str, key: &str) -> String {
    let (expires, signature) = app.signer.sign(method, key, clock::now().as_second());
    format!("{}{PATH}{}?expires={expires}&signature={signature}", base.0, encode(key))
}

/// Checks a signed URL and finds its blob.
async fn signed(app: &App, method: &str, key: &str, params: &mut Params) -> Result<Blob, ApiError> {
    let expires = params.take("expires").and_then(|text| text.parse().ok()).unwrap_or(0);
    let signature = params.take("signature").unwrap_or_default();
    let checked = app.signer.check(method, key, expires, &signature, clock::now().as_second());
    checked.map_err(|refused| match refused {
        Refused::Expired => {
            let message = "this URL has expired; ask for another";
            ApiError::new(StatusCode::FORBIDDEN, "url_expired", message)
        }
        Refused::Forged => {
            let message = "the signature of this URL is not valid; ask for another";
            ApiError::new(StatusCode::FORBIDDEN, "url_forged", message)
        }
    })?;
    let found = app.store.blob(key.to_owned()).await?;
    found.ok_or_else(|| ApiError::not_found("upload", key))
}

async fn upload(
    State(app): State<Arc<App>>,
    Id(key): Id,
    mut params: Params,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let blob = signed(&app, "PUT", &key, &mut params).await?;
    let (limit, name) = match blob.purpose {
        Purpose::Attachment | Purpose::Bundle => (app.max_attachment_bytes, None),
        // Not shared with others of the same bytes, so that it can go at once when it is read.
        Purpose::Overflow => (app.max_body_bytes as u64, Some(overflow_file(&key))),
        // No URL is ever signed for one.
        Purpose::Profile => return Err(ApiError::not_found("upload", &key)),
    };
    if blob.xact.is_some() {
        let message = "these rows have been stored already";
        return Err(ApiError::new(StatusCode::CONFLICT, "used", message));
    }
    let announced = request::content_length(request.headers());
    let mut body = request.into_body();
    let received = match announced {
        Some(announced) if announced as u64 > limit => Err(too_large(limit)),
        _ => receive(&app, &mut body, limit, name).await,
    };
    if received.is_err() {
        request::drain(body).await;
    }
    let (claim, bytes) = received?;
    let file = claim.name().to_owned();
    if !app.store.complete_blob(key.clone(), file, bytes, Box::new(claim)).await? {
        return Err(ApiError::not_found("upload", &key));
    }
    Ok(Json(json!({})))
}

fn too_large(limit: u64) -> ApiError {
    ApiError::too_large(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Name of the file of an overflow.
fn overflow_file(key: &str) -> String {
    let hash = Sha256::digest(format!("overflow\n{key}").as_bytes());
    hash.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

/// Writes a body into a file and returns the claim on its name, and its length. Dropped in between,
/// it leaves nothing.
async fn receive(
    app: &App,
    body: &mut Body,
    limit: u64,
    name: Option<String>,
) -> Result<(Claim, u64), ApiError> {
    let mut lease = app.inflight.lease();
    if !lease.cover(UPLOAD_MEMORY_BYTES) {
        return Err(ApiError::overloaded());
    }
    let files = app.blobs.clone();
    let mut upload = blocking(move || Upload::start(&files)).await?;
    let deadline = Instant::now() + UPLOAD_TIMEOUT;
    let mut buffer = Vec::with_capacity(WRITE_BYTES);
    loop {
        let piece = request::next_frame(body, deadline).await?;
        let ended = piece.is_none();
        buffer.extend_from_slice(&piece.unwrap_or_default());
        if upload.bytes() + buffer.len() as u64 > limit {
            return Err(too_large(limit));
        }
        if ended || buffer.len() >= WRITE_BYTES {
            (upload, buffer) = blocking(move || {
                upload.write(&buffer)?;
                buffer.clear();
                Ok((upload, buffer))
            })
            .await?;
        }
        if ended {
            let bytes = upload.bytes();
            let claim = upload.finish(name).await.map_err(StoreError::from)?;
            return Ok((claim, bytes));
        }
    }
}

/// Runs file work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Panicked)?;
    Ok(done.map_err(StoreError::from)?)
}

async fn download(
    State(app): State<Arc<App>>,
    Id(key): Id,
    mut params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let blob = signed(&app, "GET", &key, &mut params).await?;
    let missing = || ApiError::not_found("uploaded content", &key);
    let (Some(name), Purpose::Attachment | Purpose::Bundle) = (blob.file.clone(), blob.purpose)
    else {
        return Err(missing());
    };
    let content = found(app.blobs.content(&name).await)?.ok_or_else(missing)?;
    let length = content.length();
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (status, start, count) = match range.and_then(|range| part(range, length)) {
        None => (StatusCode::OK, 0, length),
        Some(Ok((start, count))) => (StatusCode::PARTIAL_CONTENT, start, count),
        Some(Err(())) => {
            let message = format!("the range is outside of the {length} bytes there are");
            let refused = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", message);
            let whole = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            return Ok((whole, refused).into_response());
        }
    };
    let mut response = Response::new(Body::from_stream(content.pieces(start, count)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    describe(headers, &blob);
    headers.insert(header::CONTENT_LENGTH, count.into());
    if status == StatusCode::PARTIAL_CONTENT {
        let end = start + count - 1;
        let range = format!("bytes {start}-{end}/{length}");
        headers.insert(header::CONTENT_RANGE, value(&range));
    }
    Ok(response)
}

/// The bytes of a file that the store knows; `None` if they are not where this collector looks.
pub(super) fn found(content: io::Result<Content>) -> Result<Option<Content>, ApiError> {
    match content {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::error!(target: "server::blobs", error = ?error, "an uploaded file is missing");
            Ok(None)
        }
        other => Ok(Some(other.map_err(StoreError::from)?)),
    }
}

/// What the bytes are, and that a browser must not take them for anything else: they come from
/// whoever could write, and share an address with everything here.
fn describe(headers: &mut HeaderMap, blob: &Blob) {
    headers.insert(header::CONTENT_TYPE, value(&blob.content_type));
    headers.insert(header::CONTENT_DISPOSITION, value(&disposition(blob)));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let policy = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
}

fn value(text: &str) -> HeaderValue {
    let fallback = HeaderValue::from_static("application/octet-stream");
    HeaderValue::from_str(text).unwrap_or(fallback)
}

/// Pictures, sound and plain text may be shown; everything else, HTML and SVG above all, is saved.
fn disposition(blob: &Blob) -> String {
    let essence = blob.content_type.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    let shown = essence == "text/plain"
        || ["image/", "audio/", "video/"].iter().any(|kind| essence.starts_with(kind))
            && essence != "image/svg+xml";
    let how = if shown { "inline" } else { "attachment" };
    if blob.filename.is_empty() {
        return how.into();
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._- ".contains(c) { c } else { '_' };
    let ascii: String = blob.filename.chars().map(plain).collect();
    format!("{how}; filename=\"{ascii}\"; filename*=UTF-8''{}", encode(&blob.filename))
}

/// Reads a `Range` of one part: its start and length. `None` where the header is to be ignored.
fn part(range: &str, length: u64) -> Option<Result<(u64, u64), ()>> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.parse::<u64>().ok();
    let (start, end) = match (from, to) {
        ("", last) => (length.saturating_sub(number(last)?), length),
        (from, "") => (number(from)?, length),
        (from, to) => (number(from)?, number(to)?.saturating_add(1).min(length)),
    };
    if !from.is_empty() && !to.is_empty() && number(to)? < start {
        return None;
    }
    Some(if start < end { Ok((start, end - start)) } else { Err(()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-3", Some(Ok((0, 4)))),
            ("bytes=4-", Some(Ok((4, 6)))),
            ("bytes=-3", Some(Ok((7, 3)))),
            ("bytes=-99", Some(Ok((0, 10)))),
            ("bytes=8-99", Some(Ok((8, 2)))),
            ("bytes=10-", Some(Err(()))),
            ("bytes=-0", Some(Err(()))),
            ("bytes=5-2", None),
            ("bytes=0-1,3-4", None),
            ("bytes=x-", None),
            ("lines=0-1", None),
            ("bytes=0-18446744073709551615", Some(Ok((0, 10)))),
        ] {
            assert_eq!(part(range, 10), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Some(Err(())));
    }

    #[test]
    fn nothing_that_could_run_is_shown_and_names_cannot_break_out() {
        let blob = |filename: &str, content_type: &str| {
            Blob::new("k".into(), Purpose::Attachment, filename.into(), content_type.into())
        };
        for (content_type, how) in [
            ("image/png", "inline"),
            ("Text/Plain; charset=utf-8", "inline"),
            ("image/svg+xml", "attachment"),
            ("text/html", "attachment"),
            ("application/octet-stream", "attachment"),
            ("", "attachment"),
        ] {
            assert_eq!(disposition(&blob("", content_type)), how, "{content_type}");
        }
        assert_eq!(
            disposition(&blob("a\";b/ü.png", "image/png")),
            "inline; filename=\"a__b__.png\"; filename*=UTF-8''a%22%3Bb%2F%C3%BC.png"
        );
    }
}
