//! Attachments: announced here, uploaded and downloaded through signed URLs (`routes::blobs`).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::Caller;
use super::blobs::signed_url;
use super::links::BaseUrl;
use super::reply::{ApiError, Json};
use super::request::{JsonBody, Params};
use super::table::{Route, get, post};
use crate::app::App;
use crate::clock;
use crate::keys::Access::{Read, Write};
use crate::store::{Blob, Progress, Purpose};

/// Longest key, file name and content type, in bytes.
const NAME_LIMIT_BYTES: usize = 1_024;
/// Longest message of a failed upload that is kept, in bytes.
const ERROR_LIMIT_BYTES: usize = 4_096;

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/attachment", Write, announce),
        post("/attachment/status", Write, report),
        get("/attachment", Read, find),
    ]
}

#[derive(Debug, Deserialize)]
struct Announced {
    key: String,
    filename: Option<String>,
    content_type: Option<String>,
}

/// Again is fine: a client that lost an answer starts over.
async fn announce(
    State(app): State<Arc<App>>,
    caller: Caller,
    base: BaseUrl,
    JsonBody(announced): JsonBody<Announced>,
) -> Result<Json<Value>, ApiError> {
    let Announced { key, filename, content_type } = announced;
    check_text("key", &key)?;
    if key.is_empty() {
        return Err(ApiError::bad_request("\"key\" is empty"));
    }
    let filename = filename.unwrap_or_default();
    check_text("filename", &filename)?;
    let content_type =
        content_type.filter(|t| !t.is_empty()).unwrap_or("application/octet-stream".into());
    check_text("content_type", &content_type)?;
    if HeaderValue::from_str(&content_type).is_err() {
        return Err(ApiError::bad_request("\"content_type\" is not one"));
    }
    let blob = Blob {
        project: caller.only_project()?.map(str::to_owned),
        maker: caller.key_id().map(str::to_owned),
        ..Blob::new(key, Purpose::Attachment, filename, content_type)
    };
    let stored = app.store.announce_blob(blob.clone()).await?;
    if stored.purpose != blob.purpose {
        let message = "this \"key\" is in use; choose another";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "not_yours", message));
    }
    may_change(&app, &caller, &stored).await?;
    let signed = signed_url(&app, &base, "PUT", &stored.key);
    Ok(Json(json!({"signedUrl": signed, "headers": {}})))
}

fn check_text(what: &str, text: &str) -> Result<(), ApiError> {
    if text.len() > NAME_LIMIT_BYTES || text.chars().any(char::is_control) {
        let message = format!(
            "{what:?} must have at most {NAME_LIMIT_BYTES} bytes and no control characters"
        );
        return Err(ApiError::bad_request(message));
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Report {
    key: String,
    status: Status,
}

#[derive(Debug, Deserialize)]
struct Status {
    upload_status: String,
    error_message: Option<String>,
}

/// The end of an upload as the client saw it. That it is complete is known here better.
async fn report(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(Report { key, status }): JsonBody<Report>,
) -> Result<Json<Value>, ApiError> {
    let blob = attachment(&app, &caller, &key).await?;
    may_change(&app, &caller, &blob).await?;
    match status.upload_status.as_str() {
        "done" if blob.file.is_none() => {
            let message = "nothing has been uploaded under this key yet";
            return Err(ApiError::bad_request(message));
        }
        "done" | "uploading" => {}
        "error" if blob.file.is_none() => {
            let mut error = status.error_message.unwrap_or_default();
            error.truncate(error.floor_char_boundary(ERROR_LIMIT_BYTES));
            app.store.fail_blob(key, error).await?;
        }
        // The answer to the upload was lost, not the upload.
        "error" => {}
        other => {
            let message = format!("\"upload_status\" {other:?} is not done, error or uploading");
            return Err(ApiError::bad_request(message));
        }
    }
    Ok(Json(json!({})))
}

async fn find(
    State(app): State<Arc<App>>,
    caller: Caller,
    base: BaseUrl,
    mut params: Params,
) -> Result<Json<Value>, ApiError> {
    if let Some(url) = params.take("url") {
        // Somewhere else; whoever can reach it needs no help of ours.
        if url.starts_with("https://") || url.starts_with("http://") {
            let status = json!({"upload_status": "done"});
            return Ok(Json(json!({"downloadUrl": url, "status": status})));
        }
        let message = "only external attachments with http and https URLs can be downloaded";
        return Err(ApiError::bad_request(message));
    }
    let blob = attachment(&app, &caller, &params.require("key")?).await?;
    let status = match blob.progress {
        Progress::Done => json!({"upload_status": "done"}),
        Progress::Uploading => json!({"upload_status": "uploading"}),
        Progress::Failed(error) => json!({"upload_status": "error", "error_message": error}),
    };
    let url = signed_url(&app, &base, "GET", &blob.key);
    Ok(Json(json!({"downloadUrl": url, "status": status})))
}

/// Finds an attachment. Its key is a secret of whoever can read the rows that name it; one that was
/// made with a key of one project is that project's alone.
async fn attachment(app: &App, caller: &Caller, key: &str) -> Result<Blob, ApiError> {
    let found = app.store.blob(key.to_owned()).await?;
    let found = found.filter(|blob| blob.purpose == Purpose::Attachment);
    let blob = found.ok_or_else(|| ApiError::not_found("attachment", key))?;
    if let Some(project) = &blob.project {
        caller.project(app, project).await?;
    }
    Ok(blob)
}

/// Whoever may read an attachment can tell its key, but only those may change it that could have
/// made it.
async fn may_change(app: &App, caller: &Caller, blob: &Blob) -> Result<(), ApiError> {
    match &blob.project {
        Some(project) => caller.project(app, project).await,
        None => caller.everything(),
    }
}

impl Blob {
    /// An upload to come, made without a key.
    pub(super) fn new(
        key: String,
        purpose: Purpose,
        filename: String,
        content_type: String,
    ) -> Self {
        Self {
            key,
            purpose,
            project: None,
            maker: None,
            filename,
            content_type,
            progress: Progress::Uploading,
            file: None,
            bytes: None,
            xact: None,
            created_us: clock::now().as_microsecond(),
        }
    }
}
