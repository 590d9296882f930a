//! An answer that holds something until it is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};

/// A body, and what is dropped after its last piece, or when nobody wants it any more.
pub(super) struct Held<T> {
    body: Body,
    _until_sent: T,
}

impl<T: Unpin + Send + 'static> Held<T> {
    pub(super) fn body(body: Body, until_sent: T) -> Body {
        Body::new(Self { body, _until_sent: until_sent })
    }
}

impl<T: Unpin> hyper::body::Body for Held<T> {
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
