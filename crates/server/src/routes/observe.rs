//! Each request is counted, timed and logged under the pattern of its route.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use crate::app::App;
use crate::clock;

/// Carries the id of a request and of its answer.
const REQUEST_ID: &str = "x-request-id";

/// What a request for no route counts as: its path is anybody's to choose.
const UNMATCHED: &str = "unmatched";

/// The status in figures and logs of a request whose client left before the answer.
const CLIENT_LEFT: u16 = 499;

/// The route that a request turned out to be for, told from the inside to the outside.
#[derive(Debug, Clone, Default)]
struct Matched(Arc<OnceLock<&'static str>>);

/// Around everything: counts and logs.
pub(super) async fn outside(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let matched = Matched::default();
    request.extensions_mut().insert(matched.clone());
    let method = name(request.method());
    let began = clock::monotonic();
    let mut observed = Observed { app, matched, method, began, done: false };
    let response = next.run(request).await;
    observed.finish(response.status().as_u16(), id(response.headers()));
    response
}

/// Around one route: says which it is, to the outside and to what is logged meanwhile.
pub(super) async fn inside(
    State(route): State<&'static str>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(Matched(matched)) = request.extensions().get() {
        // There is one route per request, so it is not set yet.
        matched.set(route).ok();
    }
    // Of the highest level, so that a warning from within has it whatever is logged.
    let span = tracing::error_span!(
        target: "server::request",
        "request",
        request_id = id(request.headers()),
        method = name(request.method()),
        route,
    );
    next.run(request).instrument(span).await
}

/// A request under way. Dropped early, it counts as left by its client.
struct Observed {
    app: Arc<App>,
    matched: Matched,
    method: &'static str,
    began: Instant,
    done: bool,
}

impl Observed {
    fn finish(&mut self, status: u16, request_id: &str) {
        self.done = true;
        let took = self.began.elapsed();
        let route = self.matched.0.get().copied().unwrap_or(UNMATCHED);
        self.app.metrics.request(route, self.method, status, took);
        let duration_ms = took.as_secs_f64() * 1e3;
        tracing::info!(
            target: "server::request",
            request_id,
            method = self.method,
            route,
            status,
            duration_ms,
            "answered"
        );
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if !self.done {
            self.finish(CLIENT_LEFT, "");
        }
    }
}

fn id(headers: &HeaderMap) -> &str {
    headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default()
}

/// The method as a label; a client may invent others.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
