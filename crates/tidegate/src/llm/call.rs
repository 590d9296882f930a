//! One call, from the request to the end of the answer.

use std::fmt;
use std::future::Future;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};
use tidegate_client::{Event, Span, SpanOptions};

use super::answer::Answer;
use super::body::{Body, most_read};
use super::media::Media;
use super::request::{Described, Kept, describe};
use super::sse::{Data, Events};
use super::stream::Streamed;
use super::{Prices, Recorder, Settings, tools};
use crate::clock;

/// A call of a model that is being recorded.
///
/// It ends with [`Call::response`], [`Call::error`] or [`Call::end`]. One that is dropped before is
/// recorded as cut off, with what had come by then.
///
/// ```
/// use serde_json::json;
/// use tidegate::llm::Recorder;
///
/// let request = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
/// let mut call = Recorder::new().call("greet", &request);
/// for word in ["Hel", "lo"] {
///     call.event(&json!({"choices": [{"index": 0, "delta": {"content": word}}]}));
/// }
/// call.end();
/// ```
#[derive(Debug)]
pub struct Call {
    /// `None` once it has ended, or if nothing is recorded.
    state: Option<Box<State>>,
}

#[derive(Debug)]
struct State {
    recorder: Recorder,
    span: Span,
    started: Instant,
    request_model: Option<String>,
    /// Who sells the answer, if that is known before it is there.
    provider: Option<String>,
    /// Seconds until the model had made something, of a stream.
    first_token: Option<f64>,
    received: Received,
    /// What was wrong with the call as a whole, such as its status.
    error: Option<String>,
    metadata: Map<String, Value>,
}

/// What has come of the answer.
#[derive(Debug)]
enum Received {
    Nothing,
    /// A body, which is read at its end.
    Body(Body),
    Stream(Box<(Events, Streamed)>),
}

impl Call {
    pub(super) fn begin(
        recorder: &Recorder,
        name: String,
        request: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Self {
        let body = |describe: &dyn Fn(&[u8]) -> Described| describe(&request().unwrap_or_default());
        Self::begin_with(recorder, name, None, body)
    }

    /// As [`Call::begin`], for a body that need not be copied; with the model, where the body does
    /// not name it.
    pub(super) fn begin_with(
        recorder: &Recorder,
        name: String,
        model: Option<&str>,
        request: impl FnOnce(&dyn Fn(&[u8]) -> Described) -> Described,
    ) -> Self {
        let settings = &recorder.0;
        let mut request_model = None;
        let span = recorder.span(|media_room| {
            let Settings { payloads, max_body_bytes: max_bytes, .. } = **settings;
            let kept = Kept { payloads, max_bytes, media_room, model };
            let Described { event, model } = request(&|body| describe(body, kept));
            request_model = model;
            SpanOptions::new(name).span_type("llm").event(event.field("context", &ORIGIN))
        });
        if !span.is_recording() {
            return Self { state: None };
        }
        let state = State {
            recorder: recorder.clone(),
            span,
            started: clock::now(),
            request_model,
            provider: settings.provider.clone(),
            first_token: None,
            received: Received::Nothing,
            error: None,
            metadata: Map::new(),
        };
        Self { state: Some(Box::new(state)) }
    }

    /// The span of the call; a disabled one if it is not recorded or has ended.
    #[must_use]
    pub fn span(&self) -> Span {
        self.state.as_ref().map_or_else(Span::disabled, |state| state.span.clone())
    }

    /// Runs a future within the span of the call.
    pub(super) async fn scope<F: Future>(&self, future: F) -> F::Output {
        match &self.state {
            Some(state) => state.span.scope(future).await,
            None => future.await,
        }
    }

    /// Takes in an event of a streamed answer, in the client's type for it.
    pub fn event<T: Serialize + ?Sized>(&mut self, event: &T) {
        let Some(state) = &mut self.state else { return };
        if let Ok(data) = serde_json::to_vec(event) {
            state.stream(|_, streamed| streamed.event(&data));
        }
    }

    /// Ends the call with a whole answer, in the client's type for it.
    pub fn response<T: Serialize + ?Sized>(mut self, response: &T) {
        let Some(state) = &mut self.state else { return };
        match serde_json::to_vec(response) {
            Ok(body) => state.body(&body),
            Err(error) => state.error = Some(format!("the answer cannot be recorded: {error}")),
        }
        self.end();
    }

    /// Ends the call as failed.
    pub fn error(mut self, error: &dyn fmt::Display) {
        self.fail(error);
        self.end();
    }

    /// Ends the call.
    pub fn end(mut self) {
        if let Some(state) = self.state.take() {
            state.end();
        }
    }

    /// Notes why the call failed; it does not end.
    pub(super) fn fail(&mut self, error: &dyn fmt::Display) {
        if let Some(state) = &mut self.state {
            state.error.get_or_insert_with(|| error.to_string());
        }
    }

    #[cfg(feature = "reqwest-middleware")]
    pub(super) fn is_recording(&self) -> bool {
        self.state.is_some()
    }

    /// Says who sells the answer, unless the recorder has been told.
    #[cfg(feature = "reqwest-middleware")]
    pub(super) fn provider(&mut self, provider: &str) {
        if let Some(state) = &mut self.state {
            state.provider.get_or_insert_with(|| provider.to_owned());
        }
    }

    /// Adds a member of the metadata.
    #[cfg(feature = "reqwest-middleware")]
    pub(super) fn note(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(state) = &mut self.state {
            state.metadata.insert(name.to_owned(), value.into());
        }
    }

    /// Takes in bytes of a body.
    #[cfg(feature = "reqwest-middleware")]
    pub(super) fn bytes(&mut self, bytes: &[u8], is_stream: bool) {
        let Some(state) = &mut self.state else { return };
        if !is_stream {
            return state.body(bytes);
        }
        state.stream(|events, streamed| {
            let mut has_content = false;
            events.push(bytes, |data| has_content |= taken(streamed, data));
            has_content
        });
    }
}

/// Gives an event to what is being put together; whether it brings content.
fn taken(streamed: &mut Streamed, data: Data) -> bool {
    match data {
        Data::Whole(data) => streamed.event(&data),
        Data::TooLong => {
            streamed.too_long();
            false
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(mut state) = self.state.take() {
            let is_done = matches!(&state.received, Received::Stream(s) if s.1.is_done());
            if !is_done {
                let text = "cut off: the call was dropped before its end";
                state.error.get_or_insert_with(|| text.to_owned());
            }
            state.end();
        }
    }
}

impl State {
    /// What media of the answer may take.
    fn media_room(&self) -> u64 {
        self.recorder.media_room(self.span.attachment_room())
    }

    fn body(&mut self, bytes: &[u8]) {
        let (max_bytes, room) = (self.recorder.0.max_body_bytes, self.media_room());
        if let Received::Nothing = self.received {
            self.received = Received::Body(Body::new(max_bytes));
        }
        if let Received::Body(body) = &mut self.received {
            body.push(bytes, most_read(max_bytes, room));
        }
    }

    fn stream(&mut self, take: impl FnOnce(&mut Events, &mut Streamed) -> bool) {
        let (max_bytes, room) = (self.recorder.0.max_body_bytes, self.media_room());
        if let Received::Nothing = self.received {
            let events = Events::new(most_read(max_bytes, room));
            self.received = Received::Stream(Box::new((events, Streamed::new(max_bytes))));
        }
        if let Received::Stream(stream) = &mut self.received {
            stream.1.allow_media(room);
        }
        if let Received::Stream(stream) = &mut self.received
            && take(&mut stream.0, &mut stream.1)
            && self.first_token.is_none()
        {
            let elapsed = clock::now().saturating_duration_since(self.started);
            self.first_token = Some(elapsed.as_secs_f64());
        }
    }

    fn end(self) {
        let room = self.media_room();
        let Self { recorder, span, request_model, provider, first_token, received, error, .. } =
            self;
        let (settings, mut metadata) = (&recorder.0, self.metadata);
        let answer = match received {
            Received::Nothing => Answer::default(),
            Received::Stream(stream) => {
                let (mut events, mut streamed) = *stream;
                events.finish(|data| {
                    taken(&mut streamed, data);
                });
                streamed.finish()
            }
            Received::Body(body) => {
                let answer = body.read(settings.max_body_bytes, Media::new(room));
                if answer.is_cut {
                    metadata.insert("response_bytes".into(), body.length().into());
                }
                answer
            }
        };
        let mut event = Event::new();
        for (name, value) in answer.usage.metrics() {
            event = event.metric(name, value);
        }
        match answer.tool_calls() {
            0 => {}
            calls => event = event.metric("tool_calls", calls as f64),
        }
        if let Some(seconds) = first_token {
            event = event.metric("time_to_first_token", seconds);
        }
        let priced = [answer.model.as_deref(), request_model.as_deref()]
            .into_iter()
            .flatten()
            .find_map(|name| Some((name, settings.prices.get(name)?)));
        if let (Some((name, price)), Some(tokens)) = (priced, answer.usage.tokens()) {
            event = event.metric("estimated_cost", price.cost(tokens));
            if settings.prices.is_bundled(name) {
                metadata.insert("price_list".into(), Prices::bundled_date().into());
            }
        }
        if answer.is_cut {
            metadata.insert("response_cut".into(), true.into());
        }
        // What the service calls the model says which version it was.
        let asked = request_model.filter(|asked| answer.model.as_ref().is_some_and(|m| m != asked));
        let provider = provider.or_else(|| answer.owner.map(str::to_owned));
        let said = [
            ("model", answer.model),
            ("request_model", asked),
            ("provider", provider),
            ("response_id", answer.id),
        ];
        for (name, text) in said {
            if let Some(text) = text {
                metadata.insert(name.into(), text.into());
            }
        }
        if let Some(details) = answer.usage.by_modality {
            metadata.insert("usage_by_modality".into(), details);
        }
        if !metadata.is_empty() {
            event = event.metadata(&metadata);
        }
        if let (Some(output), true) = (&answer.output, settings.payloads) {
            answer.media.announce();
            event = event.output(output);
        }
        let error = match (error, answer.error) {
            (Some(error), Some(detail)) => Some(format!("{error}: {detail}")),
            (error, detail) => error.or(detail),
        };
        if let Some(error) = error {
            event = event.error(&error);
        }
        span.log(event);
        if let Some(output) = &answer.output {
            tools::record(&span, output, settings.payloads);
        }
        span.end();
    }
}

/// What made the span, as every SDK says it.
const ORIGIN: Context = Context {
    span_origin: Origin {
        name: "tidegate.sdk.rust",
        version: env!("CARGO_PKG_VERSION"),
        instrumentation: Instrumentation { name: "llm" },
    },
};

#[derive(Serialize)]
struct Context {
    span_origin: Origin,
}

#[derive(Serialize)]
struct Origin {
    name: &'static str,
    version: &'static str,
    instrumentation: Instrumentation,
}

#[derive(Serialize)]
struct Instrumentation {
    name: &'static str,
}
