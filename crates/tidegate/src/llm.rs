//! Calls of language models: what is asked, what is answered, when the first token came, what was
//! used and what that costs.
//!
//! A call becomes a span of the type `llm` below the current one. OpenAI's chat completions and
//! responses, Anthropic's messages and Google's `generateContent` are understood, streamed or not,
//! and so is what is compatible with them. There are three ways to it:
//!
//! - clients that accept a `reqwest_middleware::ClientWithMiddleware`: [`Recorder::middleware`],
//!   with the feature `reqwest-middleware`;
//! - any other client: [`record`] around a request, [`record_stream`] around one whose answer is a
//!   stream; the types of the client need only implement `Serialize`;
//! - code that does neither: [`Call`].
//!
//! ```
//! use serde_json::json;
//!
//! # async fn ask(request: &serde_json::Value) -> Result<serde_json::Value, std::fmt::Error> {
//! #     Ok(json!({"choices": []}))
//! # }
//! # async fn example() -> Result<(), std::fmt::Error> {
//! let request = json!({"model": "m", "messages": [{"role": "user", "content": "2 + 2?"}]});
//! let answer = tidegate::llm::record("add", &request, ask(&request)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! | Recorded | From |
//! |---|---|
//! | `input` | `messages` (and `system`, as the last one), `input` or `prompt` of the request; Google's `contents` with the model |
//! | `output` | `choices`, `output` items, `candidates`, or role, content and stop reason; a stream put together |
//! | `metadata` | all else of the request; `model` as the answer names it, `request_model` if that is another, `provider`, `response_id`, `price_list`: the date of the [bundled prices](Prices::bundled), if they made the cost |
//! | `metrics` | `prompt_tokens`, `prompt_cached_tokens`, `prompt_cache_creation_tokens` or those for `5m` and `1h`, `completion_tokens`, `completion_reasoning_tokens`, `tokens`, sound and pictures of them, `tool_calls`; `time_to_first_token` of streams (seconds); `estimated_cost` |
//! | `error` | what failed: the transport, the status, an error within the stream |
//!
//! What the service does itself meanwhile, such as searching the web, becomes a span of the type `tool`
//! below the call.
//!
//! Pictures, sound and documents that stand there as base64 become attachments, with a reference in
//! their place: what OpenAI has in `image_url`, `file_data`, `input_audio` and the `result` of
//! `image_generation_call`, Anthropic in a `source`, Google in `inlineData` (a reference in
//! `image_url` or `file` stands for that). What cannot be taken stays as it was: what is no base64, or
//! less than 20 characters of it, has no room in the client's byte budget, or is in a body of more
//! than 32 MiB.
//!
//! Without [`Recorder::payloads`] the row has no input and no output, and of the request only its
//! numbers, truth values and model. A body beyond [`Recorder::max_body_bytes`] is cut, without its
//! attachments counted, and
//! `metadata.request_cut` or `metadata.response_cut` says so; it is passed on whole in any case.

mod answer;
mod body;
mod call;
mod interface;
mod media;
#[cfg(feature = "reqwest-middleware")]
mod middleware;
mod request;
#[cfg_attr(
    not(any(test, feature = "reqwest-middleware")),
    expect(dead_code, reason = "clients with types of their own have split their stream already")
)]
mod sse;
mod stream;
mod tools;
mod usage;
mod wrap;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use tidegate_client::{Span, Tracer};

pub use call::Call;
pub use tidegate_model::price::{LongPrompt, Price, Prices};
pub use wrap::{RecordedStream, record, record_stream};

/// What is kept of a body: rows of several times as much are what servers accept.
const DEFAULT_MAX_BODY_BYTES: usize = 1 << 20;

/// How calls are recorded. Clones are cheap.
#[derive(Clone)]
pub struct Recorder(Arc<Settings>);

#[derive(Clone)]
struct Settings {
    payloads: bool,
    attachments: bool,
    max_body_bytes: usize,
    prices: Prices,
    provider: Option<String>,
    roots: Option<Tracer>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("payloads", &self.0.payloads)
            .field("attachments", &self.0.attachments)
            .field("max_body_bytes", &self.0.max_body_bytes)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// Records everything, up to 1 MiB of each body, below the current span; with the bundled
    /// prices.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Settings {
            payloads: true,
            attachments: true,
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
            prices: Prices::bundled(),
            provider: None,
            roots: None,
        }))
    }

    /// Whether what is asked and answered is recorded; true by default. Timing, counts, cost and
    /// errors are recorded in any case.
    #[must_use]
    pub fn payloads(mut self, payloads: bool) -> Self {
        self.settings().payloads = payloads;
        self
    }

    /// Whether pictures, sound and documents that are base64 in a request or an answer become
    /// [attachments](tidegate_client::Attachment); true by default. Otherwise the base64 stays, as
    /// far as [`Recorder::max_body_bytes`] allows. Without payloads nothing is attached.
    ///
    /// ```
    /// use tidegate::llm::Recorder;
    ///
    /// let recorder = Recorder::new().attachments(false);
    /// ```
    #[must_use]
    pub fn attachments(mut self, attachments: bool) -> Self {
        self.settings().attachments = attachments;
        self
    }

    /// How much of a request and of an answer is kept, in bytes; 1 MiB by default. Base64 that
    /// becomes an attachment does not count.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.settings().max_body_bytes = bytes;
        self
    }

    /// What models cost; [`Prices::bundled`] by default. No cost is recorded of models without a
    /// price, and of none with [`Prices::new`].
    ///
    /// ```
    /// use tidegate::llm::{Price, Prices, Recorder};
    ///
    /// let own = Prices::bundled().price("my-model", Price::new(0.5, 2.0));
    /// let recorder = Recorder::new().prices(own);
    /// ```
    #[must_use]
    pub fn prices(mut self, prices: Prices) -> Self {
        self.settings().prices = prices;
        self
    }

    /// Who sells the answers, for `metadata.provider`. By default it is told by the host, where that
    /// is known, and else by whose interface it is: `openai`, `anthropic` or `google`.
    #[must_use]
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.settings().provider = Some(provider.into());
        self
    }

    /// Where calls go that are below no span; by default they are not recorded.
    #[must_use]
    pub fn roots(mut self, tracer: Tracer) -> Self {
        self.settings().roots = Some(tracer);
        self
    }

    /// Begins a call; see [`Call`].
    pub fn call<T: Serialize + ?Sized>(&self, name: impl Into<String>, request: &T) -> Call {
        let name = name.into();
        // Nothing is serialized where nothing is recorded.
        Call::begin(self, name, || serde_json::to_vec(request).ok())
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }

    /// What media may take of the byte budget, which has so much for attachments.
    fn media_room(&self, room: u64) -> u64 {
        if self.0.payloads && self.0.attachments { room } else { 0 }
    }

    /// A span for a call, if it is to be recorded; the options are given the room for its media.
    fn span(&self, options: impl FnOnce(u64) -> tidegate_client::SpanOptions) -> Span {
        let options = |room| options(self.media_room(room));
        match (Span::current(), &self.0.roots) {
            (Some(current), _) if current.is_recording() => {
                current.child(options(current.attachment_room()))
            }
            (None, Some(roots)) => roots.start_span(options(roots.attachment_room())),
            _ => Span::disabled(),
        }
    }
}
