//! Around `POST /logs3`, where uploads are noted or answered late.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use super::held::Held;
use crate::app::App;
use crate::arrivals::Size;

/// Before everything that looks at the request, so that one that is refused counts as well.
pub(super) async fn around(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(arrivals) = &app.arrivals else { return next.run(request).await };
    let mut arrival = arrivals.begin();
    request.extensions_mut().insert(arrival.size());
    let response = next.run(request).await;
    arrival.hold().await;
    arrival.answers(response.status().as_u16());
    response.map(|body| Held::body(body, arrival))
}

/// Where to say how large the request is; nowhere on other routes, or if nobody wants to know.
#[derive(Debug)]
pub(super) struct Measure(Option<Arc<Size>>);

impl Measure {
    /// Of the request itself.
    pub(super) fn of(request: &Request) -> Self {
        Self(request.extensions().get().cloned())
    }

    pub(super) fn rows(&self, rows: usize) {
        if let Self(Some(size)) = self {
            size.has_rows(rows);
        }
    }

    pub(super) fn bytes(&self, unpacked: usize, sent: usize) {
        if let Self(Some(size)) = self {
            size.has_bytes(unpacked, sent);
        }
    }
}

impl FromRequestParts<Arc<App>> for Measure {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}
