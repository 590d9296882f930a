//! `/api/session`: a browser shows a key once and goes on with a cookie.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tidegate_model::wire::objects::Named;

use super::auth::refused;
use super::links::is_https;
use super::reply::{ApiError, Json};
use super::request::JsonBody;
use super::table::{Route, delete, get, post};
use crate::app::App;
use crate::keys::Access::Open;
use crate::keys::{COOKIE, Identity, Key, LIFETIME_SECONDS, SignInError};
use crate::store::{Page, ProjectFilter, Scope};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/session", Open, session),
        post("/api/session", Open, begin),
        delete("/api/session", Open, end),
    ]
}

/// Who asks and what they may do.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct SessionReply {
    /// Whether there is any use in going on; otherwise a key is to be shown first.
    signed_in: bool,
    /// Whether requests need a key here at all.
    keys_needed: bool,
    /// Whether keys may be made and revoked.
    admin: bool,
    /// `null` for a stranger.
    scope: Option<Scope>,
    /// The only project that may be seen; `null` for all of them.
    project: Option<Named>,
    /// `null` where none is needed.
    key: Option<SessionKey>,
    /// When the session ends, ISO 8601; `null` without one.
    expires: Option<String>,
    /// `null` for a stranger.
    org: Option<Named>,
    version: &'static str,
}

/// The key that was shown.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct SessionKey {
    id: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Shown {
    key: String,
}

async fn session(
    State(app): State<Arc<App>>,
    method: Method,
    headers: HeaderMap,
) -> Result<Json<SessionReply>, ApiError> {
    let who = app.keys.identify(&headers, &method).ok();
    Ok(Json(describe(&app, who.as_ref()).await?))
}

async fn describe(app: &App, who: Option<&Identity>) -> Result<SessionReply, ApiError> {
    let stranger = SessionReply {
        signed_in: false,
        keys_needed: app.keys.needed(),
        admin: false,
        scope: None,
        project: None,
        key: None,
        expires: None,
        org: None,
        version: env!("CARGO_PKG_VERSION"),
    };
    let Some(who) = who else { return Ok(stranger) };
    let org = Some(Named { id: app.org.id.clone(), name: app.org.name.clone() });
    let (key, expires): (&Key, _) = match who {
        Identity::Anybody => {
            let scope = Some(Scope::Write);
            return Ok(SessionReply { signed_in: true, admin: true, scope, org, ..stranger });
        }
        Identity::Key(key) => (key, None),
        Identity::Session(key, session) => {
            let at = Timestamp::from_second(session.expires).ok();
            (key, at.map(|at| at.to_string()))
        }
    };
    let project = match &key.stored.project {
        None => None,
        Some(id) => {
            let filter = ProjectFilter { id: Some(id.clone()), name: None, page: Page::first() };
            let found = app.store.projects(filter).await?.pop();
            // A key of a deleted project opens nothing, but it is not one for everything.
            Some(Named { id: id.clone(), name: found.map(|found| found.name).unwrap_or_default() })
        }
    };
    let scope = key.stored.scope;
    Ok(SessionReply {
        signed_in: true,
        admin: scope == Scope::Write && project.is_none(),
        scope: Some(scope),
        project,
        key: Some(SessionKey { id: key.stored.id.clone(), name: key.stored.name.clone() }),
        expires,
        org,
        ..stranger
    })
}

async fn begin(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    JsonBody(Shown { key }): JsonBody<Shown>,
) -> Result<Response, ApiError> {
    let signed_in = app.keys.sign_in(&headers, &key).await;
    let (token, key, session) = signed_in.map_err(|error| match error {
        SignInError::Refused(refusal) => refused(refusal),
        SignInError::Crowded => {
            let message = "too many keys are being tried; wait a second";
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message).retry_after(1)
        }
        SignInError::Store(error) => error.into(),
    })?;
    let reply = describe(&app, Some(&Identity::Session(key, session))).await?;
    Ok(with_cookie(&headers, &token, LIFETIME_SECONDS, Json(reply)))
}

async fn end(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiError> {
    app.keys.sign_out(&headers).map_err(refused)?;
    let reply = Json(describe(&app, None).await?);
    Ok(with_cookie(&headers, "", 0, reply))
}

/// Sets the cookie. No script can read it, and a browser sends it for requests of our own pages
/// only (`Strict`). Links from elsewhere work all the same: what they open is the page, which has
/// nothing of anybody in it and needs no cookie, and it is the page that then asks, as our own.
fn with_cookie(
    headers: &HeaderMap,
    token: &str,
    seconds: i64,
    reply: impl IntoResponse,
) -> Response {
    let secure = if is_https(headers) { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut response = reply.into_response();
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
