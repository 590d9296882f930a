//! Around a request of any client.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use serde::Serialize;

use super::{Call, Recorder};

/// Records a request and its answer as [`Recorder::new`] does; see [`Recorder::record`].
///
/// # Errors
/// That of the request, unchanged.
pub fn record<T, F, R, E>(name: &str, request: &T, answer: F) -> impl Future<Output = Result<R, E>>
where
    T: Serialize + ?Sized,
    F: Future<Output = Result<R, E>>,
    R: Serialize,
    E: Display,
{
    let answer = Box::pin(answer);
    async move { Recorder::new().record(name, request, answer).await }
}

/// Records a request whose answer is a stream as [`Recorder::new`] does; see
/// [`Recorder::record_stream`].
///
/// # Errors
/// That of the request, unchanged.
pub fn record_stream<T, F, S, E>(
    name: &str,
    request: &T,
    answer: F,
) -> impl Future<Output = Result<RecordedStream<S>, E>>
where
    T: Serialize + ?Sized,
    F: Future<Output = Result<S, E>>,
    E: Display,
{
    let answer = Box::pin(answer);
    async move { Recorder::new().record_stream(name, request, answer).await }
}

impl Recorder {
    /// Records a request and its answer, in the types that the client has for them.
    ///
    /// # Errors
    /// That of the request, unchanged.
    ///
    /// # Cancel safety
    /// Dropping the future drops that of the request; the call is recorded as cut off.
    pub fn record<T, F, R, E>(
        &self,
        name: &str,
        request: &T,
        answer: F,
    ) -> impl Future<Output = Result<R, E>>
    where
        T: Serialize + ?Sized,
        F: Future<Output = Result<R, E>>,
        R: Serialize,
        E: Display,
    {
        // Boxed, and not by an `async fn`: the state of each future around it would hold it again.
        let answer = Box::pin(answer);
        async move {
            let call = self.call(name, request);
            match call.scope(answer).await {
                Ok(answer) => {
                    call.response(&answer);
                    Ok(answer)
                }
                Err(error) => {
                    call.error(&error);
                    Err(error)
                }
            }
        }
    }

    /// Records a request whose answer is a stream of results. The stream that comes back passes
    /// each item on as it comes.
    ///
    /// # Errors
    /// That of the request, unchanged.
    ///
    /// # Cancel safety
    /// As [`Recorder::record`]; a stream that is dropped before its end is recorded as cut off.
    pub fn record_stream<T, F, S, E>(
        &self,
        name: &str,
        request: &T,
        answer: F,
    ) -> impl Future<Output = Result<RecordedStream<S>, E>>
    where
        T: Serialize + ?Sized,
        F: Future<Output = Result<S, E>>,
        E: Display,
    {
        let answer = Box::pin(answer);
        async move {
            let call = self.call(name, request);
            match call.scope(answer).await {
                Ok(stream) => Ok(RecordedStream { stream: Box::pin(stream), call: Some(call) }),
                Err(error) => {
                    call.error(&error);
                    Err(error)
                }
            }
        }
    }
}

/// A stream that is recorded while it is read.
#[derive(Debug)]
pub struct RecordedStream<S> {
    stream: Pin<Box<S>>,
    /// `None` once the stream is over.
    call: Option<Call>,
}

impl<S, T, E> Stream for RecordedStream<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Serialize,
    E: Display,
{
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.stream.as_mut().poll_next(context);
        match &item {
            Poll::Ready(Some(Ok(event))) => {
                if let Some(call) = &mut self.call {
                    call.event(event);
                }
            }
            // Some streams go on after an error.
            Poll::Ready(Some(Err(error))) => {
                if let Some(call) = &mut self.call {
                    call.fail(error);
                }
            }
            Poll::Ready(None) => {
                if let Some(call) = self.call.take() {
                    call.end();
                }
            }
            Poll::Pending => {}
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}
