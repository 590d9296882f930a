//! Lets requests through, or not.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tidegate_model::Destination;

use super::reply::ApiError;
use super::request::drain;
use crate::app::App;
use crate::data_dir::TOKEN_HEADER;
use crate::keys::{Access, Key, Refusal};
use crate::store::{Page, ProjectFilter, RowWrite, Scope};

/// Checks what the route needs; what a request names inside is the handler's to check, with
/// [`Caller`].
pub(super) async fn guard(
    State((app, access)): State<(Arc<App>, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let caller = match access {
        Access::Open => Ok(Caller::Nobody),
        Access::Internal => owns_directory(&app, headers).map(|()| Caller::Owner),
        Access::Read | Access::Write => match app.keys.check(headers, request.method(), access) {
            Ok(Some(key)) => Ok(Caller::Key(key)),
            Ok(None) => Ok(Caller::Owner),
            Err(refusal) => Err(refused(refusal)),
        },
    };
    match caller {
        Ok(caller) => {
            let deletes = request.method() == Method::DELETE;
            request.extensions_mut().insert(caller);
            let response = next.run(request).await;
            if deletes {
                app.owners.forget();
            }
            response
        }
        Err(error) => {
            drain(request.into_body()).await;
            error.into_response()
        }
    }
}

fn owns_directory(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get(TOKEN_HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
    let token = app.token.as_bytes();
    // All bytes, whatever the first ones are: how long it takes tells nothing.
    let differing = given.iter().zip(token).fold(0, |differing, (a, b)| differing | (a ^ b));
    if given.len() == token.len() && differing == 0 {
        Ok(())
    } else {
        Err(ApiError::new(StatusCode::FORBIDDEN, "wrong_token", "wrong token"))
    }
}

/// Who sent a request and what it may touch. Every handler that reads or changes something asks.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// A stranger on an open route: may touch nothing.
    Nobody,
    /// Somebody on this machine, where no key is needed: may touch everything.
    Owner,
    /// Whoever has this key.
    Key(Arc<Key>),
}

impl Caller {
    /// Id of the only project the caller may touch; `None` for everything. Lists show no other.
    ///
    /// # Errors
    /// A caller that may touch nothing is refused.
    pub(super) fn only_project(&self) -> Result<Option<&str>, ApiError> {
        match self {
            Self::Nobody => Err(refused(Refusal::Missing)),
            Self::Owner => Ok(None),
            Self::Key(key) => Ok(key.stored.project.as_deref()),
        }
    }

    /// Id of the caller's key; `None` where none is needed.
    pub(super) fn key_id(&self) -> Option<&str> {
        match self {
            Self::Nobody | Self::Owner => None,
            Self::Key(key) => Some(&key.stored.id),
        }
    }

    /// Whether the caller may make and revoke keys: only who may do everything else.
    pub(super) fn admin(&self) -> Result<(), ApiError> {
        self.everything()?;
        match self {
            Self::Key(key) if key.stored.scope != Scope::Write => Err(refused(Refusal::ReadOnly)),
            _ => Ok(()),
        }
    }

    /// Whether this project may be touched as the route does.
    pub(super) fn may_touch(&self, project_id: &str) -> Result<(), ApiError> {
        match self.only_project()? {
            Some(only) if only != project_id => Err(other_project()),
            _ => Ok(()),
        }
    }

    /// Whether this project may be touched as the route does.
    #[expect(clippy::unused_async, reason = "the same shape as the other checks")]
    pub(super) async fn project(&self, _app: &App, project_id: &str) -> Result<(), ApiError> {
        self.may_touch(project_id)
    }

    /// Whether the project of this name may be touched. For a key of one project its id is
    /// returned, which is then the one to go on with: the name must not make a project.
    pub(super) async fn project_named(
        &self,
        app: &App,
        name: &str,
    ) -> Result<Option<String>, ApiError> {
        let Some(only) = self.only_project()? else { return Ok(None) };
        let filter = ProjectFilter { id: None, name: Some(name.into()), page: Page::first() };
        let found = app.store.projects(filter).await?.pop();
        match found.filter(|project| project.id == only) {
            Some(project) => Ok(Some(project.id)),
            // The same for one that does not exist: names are nothing to be tried out.
            None => Err(other_project()),
        }
    }

    /// Whether the object, by its project, may be touched as the route does. An object that nobody
    /// registered has no project, so a key of one project may not touch it.
    pub(super) async fn object(&self, app: &App, object: &Destination) -> Result<(), ApiError> {
        let Some(only) = self.only_project()? else { return Ok(()) };
        let project = match object {
            Destination::ProjectLogs(id) => Some(id.clone()),
            _ => app.owners.project(app.store.as_ref(), object).await?,
        };
        if project.as_deref() == Some(only) { Ok(()) } else { Err(other_project()) }
    }

    /// [`Caller::object`] for where rows go; neighbours often go to the same place.
    pub(super) async fn rows(&self, app: &App, rows: &[RowWrite]) -> Result<(), ApiError> {
        if self.only_project()?.is_none() {
            return Ok(());
        }
        let mut last = None;
        for RowWrite { destination, .. } in rows {
            if last != Some(destination) {
                self.object(app, destination).await?;
                last = Some(destination);
            }
        }
        Ok(())
    }

    /// Whether the caller may touch everything: for routes that create projects, name no project,
    /// or work on the whole store.
    pub(super) fn everything(&self) -> Result<(), ApiError> {
        match self.only_project()? {
            None => Ok(()),
            Some(_) => Err(other_project()),
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, ApiError> {
        parts.extensions.get().cloned().ok_or_else(|| refused(Refusal::Missing))
    }
}

fn other_project() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "key_other_project",
        "this API key is limited to one project, and the request reaches beyond it; use a key of \
         the project concerned, or one for all projects",
    )
}

pub(super) fn refused(refusal: Refusal) -> ApiError {
    let (status, code, message) = match refusal {
        Refusal::Missing => (
            StatusCode::UNAUTHORIZED,
            "key_missing",
            "an API key is needed: send it as \"Authorization: Bearer <key>\"",
        ),
        Refusal::Unknown => (
            StatusCode::UNAUTHORIZED,
            "key_unknown",
            "unknown API key; see `tidegate key list` on the server",
        ),
        Refusal::SessionOver => {
            (StatusCode::UNAUTHORIZED, "session_over", "the session is over; sign in again")
        }
        Refusal::Revoked => {
            (StatusCode::UNAUTHORIZED, "key_revoked", "this API key was revoked; ask for another")
        }
        Refusal::ReadOnly => (
            StatusCode::FORBIDDEN,
            "key_read_only",
            "this API key may only read; use one that may write",
        ),
        Refusal::TooMany { retry_after } => {
            let message = "this API key has sent too many requests; wait as Retry-After says";
            return ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
                .retry_after(retry_after);
        }
        Refusal::ForeignOrigin => (
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "requests from other web pages or host names need an API key of their own",
        ),
    };
    ApiError::new(status, code, message)
}
