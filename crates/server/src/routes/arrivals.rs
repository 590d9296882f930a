//! Around `POST /logs3`, where uploads are noted or answered late.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use crate::app::App;
use crate::arrivals::{Arrival, Size};

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
    response.map(|body| Body::new(Answer { body, _arrival: arrival }))
}

/// An answer that is being sent. It is dropped after its last piece.
struct Answer {
    body: Body,
    _arrival: Arrival,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
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
