//! For clients that accept a `reqwest_middleware::ClientWithMiddleware`.

use std::error::Error as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Extensions;
use http_body::{Body as HttpBody, Frame, SizeHint};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use reqwest::{Body, Method, Request, Response, ResponseBuilderExt as _, Url};
use reqwest_middleware::{Error, Middleware, Next, Result};

use super::interface::Interface;
use super::{Call, Recorder};

impl Recorder {
    /// Middleware that records requests to language models and passes on all others. What is read
    /// of an answer is recorded while it is read: nothing is held back.
    ///
    /// A request counts if it is a POST to a path that ends like those of OpenAI, Anthropic or
    /// Google: `chat/completions`, `completions`, `responses`, `embeddings`, `v1/messages`,
    /// `:generateContent`, `:streamGenerateContent`. Put it before middleware that repeats requests
    /// to record one call, behind it to record each try.
    ///
    /// The call lasts until its answer has been read. OpenAI counts the tokens of a stream only if
    /// the request says so (`stream_options.include_usage`); it is not changed here.
    ///
    /// ```
    /// use reqwest_middleware::ClientBuilder;
    /// use tidegate::llm::Recorder;
    ///
    /// # fn build(client: reqwest::Client) {
    /// let client = ClientBuilder::new(client).with(Recorder::new().middleware()).build();
    /// # }
    /// ```
    #[must_use]
    pub fn middleware(&self) -> RecordCalls {
        RecordCalls(self.clone())
    }
}

/// What [`Recorder::middleware`] makes.
#[derive(Debug, Clone)]
pub struct RecordCalls(Recorder);

#[async_trait::async_trait]
impl Middleware for RecordCalls {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let (true, Some((interface, model))) =
            (request.method() == Method::POST, Interface::of_path(request.url().path()))
        else {
            return next.run(request, extensions).await;
        };
        let body = request.body();
        let name = interface.span_name().to_owned();
        let mut call = Call::begin_with(&self.0, name, model, |describe| {
            describe(body.and_then(Body::as_bytes).unwrap_or_default())
        });
        if !call.is_recording() {
            return next.run(request, extensions).await;
        }
        let host = request.url().host_str().unwrap_or_default();
        call.provider(interface.provider(host));
        if !host.is_empty() {
            call.note("server", host);
        }
        match call.scope(next.run(request, extensions)).await {
            Ok(response) => Ok(recorded(response, call)),
            Err(error) => {
                call.error(&failure(&error));
                Err(error)
            }
        }
    }
}

/// Why there is no answer. Without URLs: they may carry a key.
fn failure(error: &Error) -> String {
    let kind = match error {
        Error::Reqwest(error) if error.is_timeout() => "time-out",
        Error::Reqwest(error) if error.is_connect() => "cannot connect",
        Error::Reqwest(_) => "the request failed",
        Error::Middleware(error) => return format!("the request failed: {error:#}"),
    };
    causes(kind, error.source())
}

/// The causes of an error behind it. That of reqwest itself names the URL and is left out.
fn causes(text: &str, mut cause: Option<&(dyn std::error::Error + 'static)>) -> String {
    let mut text = text.to_owned();
    while let Some(error) = cause {
        if !error.is::<reqwest::Error>() {
            text = format!("{text}: {error}");
        }
        cause = error.source();
    }
    text
}

/// The same answer, recorded while it is read.
fn recorded(response: Response, mut call: Call) -> Response {
    let status = response.status();
    if !status.is_success() {
        call.note("status", status.as_u16());
        call.fail(&format!("HTTP {status}"));
    }
    let is_stream = header(response.headers(), CONTENT_TYPE)
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/event-stream"));
    let encoding = header(response.headers(), CONTENT_ENCODING).filter(|name| *name != "identity");
    let form = match encoding {
        // Nobody has decoded it, nor do we.
        Some(encoding) => {
            call.note("response_encoding", encoding);
            Form::Opaque
        }
        None if is_stream => Form::Stream,
        None => Form::Whole,
    };
    with_body(response, |body| Tee { body, call: Some(call), form })
}

fn header(headers: &HeaderMap, name: reqwest::header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Puts another body into an answer.
fn with_body(response: Response, wrap: impl FnOnce(Body) -> Tee) -> Response {
    let url: Url = response.url().clone();
    let (parts, body) = http::Response::from(response).into_parts();
    let mut wrapped = http::Response::new(Body::wrap(wrap(body)));
    *wrapped.status_mut() = parts.status;
    *wrapped.version_mut() = parts.version;
    *wrapped.headers_mut() = parts.headers;
    *wrapped.extensions_mut() = parts.extensions;
    // Only the builder can say which URL answered.
    if let Ok(with_url) = http::Response::builder().url(url).body(()) {
        wrapped.extensions_mut().extend(with_url.into_parts().0.extensions);
    }
    wrapped.into()
}

/// How the bytes of a body are read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Whole,
    Stream,
    Opaque,
}

/// A body that passes on what it reads and shows it to the call.
#[derive(Debug)]
struct Tee {
    body: Body,
    /// `None` once the body is over.
    call: Option<Call>,
    form: Form,
}

impl HttpBody for Tee {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, reqwest::Error>>> {
        let tee = self.get_mut();
        let frame = ready!(Pin::new(&mut tee.body).poll_frame(context));
        match (&frame, &mut tee.call) {
            (Some(Ok(frame)), Some(call)) => {
                if let Some(bytes) = frame.data_ref()
                    && tee.form != Form::Opaque
                {
                    call.bytes(bytes, tee.form == Form::Stream);
                }
            }
            (Some(Err(error)), _) => {
                if let Some(call) = tee.call.take() {
                    call.error(&causes("the answer broke off", error.source()));
                }
            }
            (None, _) => {
                if let Some(call) = tee.call.take() {
                    call.end();
                }
            }
            _ => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        // A body of known length is not asked again once it is there. Any other one that is
        // dropped was cut off, unless its last event says that it is complete.
        if self.body.is_end_stream()
            && let Some(call) = self.call.take()
        {
            call.end();
        }
    }
}
