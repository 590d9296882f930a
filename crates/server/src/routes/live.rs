//! `GET /api/events`: changes as they happen, as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tidegate_model::Destination;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::auth::{Caller, refused};
use super::lists::check_known;
use super::projects;
use super::reply::ApiError;
use super::request::Params;
use super::table::{Route, get};
use crate::app::App;
use crate::clock;
use crate::keys::Access::Read;
use crate::keys::Identity;
use crate::live::{News, Watched};

/// A comment is sent after so long without an event, so that proxies keep the connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a connection lasts unless the request says otherwise, and at most; a browser comes
/// again by itself.
const LIFETIME: Duration = Duration::from_secs(3_600);
/// When a browser comes again.
const RETRY: Duration = Duration::from_secs(1);

/// What a reader has seen last, as browsers say it.
const LAST_EVENT_ID: &str = "last-event-id";

pub(super) fn routes() -> Vec<Route> {
    vec![get("/api/events", Read, events)]
}

async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    method: Method,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, ApiError> {
    let watched = watched(&app, &caller, &mut params).await?;
    let lifetime = match params.take("seconds") {
        None => LIFETIME,
        Some(text) => {
            let seconds = text.parse().ok().map(Duration::from_secs);
            seconds.filter(|seconds| *seconds <= LIFETIME).ok_or_else(|| {
                let most = LIFETIME.as_secs();
                let message = format!("\"seconds\" must be a whole number up to {most}");
                ApiError::bad_request(message)
            })?
        }
    };
    let who = app.keys.identify(&headers, &method).map_err(refused)?;
    let left = match &who {
        Identity::Session(_, session) => {
            let left = session.expires.saturating_sub(clock::now().as_second());
            Duration::from_secs(u64::try_from(left).unwrap_or_default())
        }
        _ => LIFETIME,
    };
    let keys = app.keys.changes();
    let (place, newest) = app.live.join().ok_or_else(ApiError::overloaded)?;
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let now = *newest.borrow();
    let known = last.and_then(|id| app.live.number(id));
    let mut waiting = VecDeque::new();
    match (last, known) {
        (_, Some(_)) => {}
        (None, None) => waiting.push_back(event(&app, "ready", now, "{}").retry(RETRY)),
        (Some(_), None) => waiting.push_back(event(&app, "reset", now, "{}").retry(RETRY)),
    }
    let reader = Reader {
        watched,
        seen: known.unwrap_or(now),
        waiting,
        newest,
        keys,
        who,
        headers,
        method,
        ends: Instant::now() + lifetime.min(left),
        _place: place,
        app,
    };
    let stream = stream::unfold(reader, |mut reader| async {
        Some((Ok::<_, Infallible>(reader.next().await?), reader))
    });
    let mut response =
        Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    // Or nginx collects events until they fill a page of its memory.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(unbuffered, HeaderValue::from_static("no"));
    Ok(response)
}

async fn watched(app: &App, caller: &Caller, params: &mut Params) -> Result<Watched, ApiError> {
    let ids = ["project_id", "experiment_id", "dataset_id"].map(|name| params.take(name));
    Ok(match ids {
        [Some(id), None, None] => {
            caller.project(app, &id).await?;
            projects::find(app, id.clone()).await?;
            Watched::Project(id)
        }
        [None, Some(id), None] => object(app, caller, Destination::Experiment(id)).await?,
        [None, None, Some(id)] => object(app, caller, Destination::Dataset(id)).await?,
        [None, None, None] => match caller.only_project()? {
            Some(id) => Watched::Project(id.to_owned()),
            None => Watched::Everything,
        },
        _ => {
            let message = "name one of project_id, experiment_id and dataset_id, or none";
            return Err(ApiError::bad_request(message));
        }
    })
}

async fn object(app: &App, caller: &Caller, object: Destination) -> Result<Watched, ApiError> {
    caller.object(app, &object).await?;
    check_known(app, &object).await?;
    Ok(Watched::Object(object))
}

fn event(app: &App, name: &str, number: u64, data: &str) -> Event {
    Event::default().event(name).id(app.live.id(number)).data(data)
}

/// One connection. It asks for news when it can send some: what it did not come for meanwhile is
/// told as its latest state only, or by `reset`.
struct Reader {
    app: Arc<App>,
    watched: Watched,
    seen: u64,
    /// To be sent before anything newer.
    waiting: VecDeque<Event>,
    newest: watch::Receiver<u64>,
    keys: watch::Receiver<()>,
    who: Identity,
    headers: HeaderMap,
    method: Method,
    ends: Instant,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// The next event; `None` ends the connection.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.app.lifecycle.is_stopping() || !self.is_still() {
                return None;
            }
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            self.newest.borrow_and_update();
            self.look();
            if !self.waiting.is_empty() {
                continue;
            }
            // Cancel safe: all only wait.
            tokio::select! {
                () = self.app.lifecycle.stopping() => return None,
                () = tokio::time::sleep_until(self.ends) => return None,
                _ = self.newest.changed() => {}
                _ = self.keys.changed() => self.keys.mark_changed(),
            }
        }
    }

    /// Whether whoever reads still may: a key may have been revoked, a session ended.
    fn is_still(&mut self) -> bool {
        if !self.keys.has_changed().unwrap_or(true) {
            return true;
        }
        self.keys.borrow_and_update();
        self.app.keys.is_still(&self.headers, &self.method, &self.who)
    }

    fn look(&mut self) {
        let (news, number) = self.app.live.after(self.seen, &self.watched);
        self.seen = number;
        match news {
            News::Reset => self.waiting.push_back(event(&self.app, "reset", number, "{}")),
            News::Changes(changes) => {
                for (number, changed) in changes {
                    // An object of plain members is always JSON.
                    let data = serde_json::to_string(&*changed).unwrap_or_default();
                    self.waiting.push_back(event(&self.app, "changed", number, &data));
                }
            }
        }
    }
}
