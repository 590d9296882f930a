//! A layer for `tracing`: what is instrumented already is recorded, without a change to it.
//!
//! ```no_run
//! use tidegate::client::{Client, Config, Destination};
//! use tracing_subscriber::filter::LevelFilter;
//! use tracing_subscriber::prelude::*;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(Config::from_env()?)?;
//! let project = client.register_project("my-app").await?;
//! let traces = client.tracer(Destination::ProjectLogs(project.id));
//! tracing_subscriber::registry()
//!     .with(tidegate::tracing::layer().roots(traces).with_filter(LevelFilter::INFO))
//!     .init();
//! # Ok(())
//! # }
//! ```
//!
//! **Spans** become rows. The parent is the innermost of what surrounds it: another span of
//! `tracing`, or a [`Span`](tidegate_client::Span) of the SDK, such as that of an evaluation's task.
//! The reverse holds as well: within a span of `tracing`, `Span::current()` is its row. Without a
//! parent a span begins a trace where [`SpanLayer::roots`] says; without that it is not recorded.
//!
//! **Fields** go by their names:
//!
//! | Field | Recorded as |
//! |---|---|
//! | `input`, `output`, `expected`; `gen_ai.input.messages`, `gen_ai.output.messages`; `gen_ai.tool.call.arguments`, `.result`; `input.value`, `output.value` | input, output, expected; a text that is a JSON object or array as such |
//! | `error`, `exception.message`; `otel.status_message` with `otel.status_code` `ERROR` | error |
//! | `otel.name` | the name, instead of that of the span |
//! | `span.type`; `gen_ai.operation.name` | the type: `llm` for chat and the like, `tool` for `execute_tool`, `task` for agents |
//! | `gen_ai.usage.*` | metrics `prompt_tokens`, `completion_tokens`, `prompt_cached_tokens`, `prompt_cache_creation_tokens`, `completion_reasoning_tokens`, and `tokens`, their sum |
//! | `gen_ai.request.*`, `gen_ai.provider.name` | metadata `model`, `temperature` and so on, `provider` |
//! | `metrics.NAME`, `scores.NAME`, `metadata.NAME` | metric, score (0 to 1), metadata `NAME` |
//! | any other, `otel.kind` too | metadata of the same name |
//!
//! **Events** become entries of `metadata.logs` of the span that is current, up to 256 of them
//! (`metadata.logs_cut` says that there were more). One at the level `ERROR` sets `error`.
//! `#[instrument(ret, err)]` therefore gives a row its output and its error.
//!
//! What the SDK itself does is never recorded, whatever the filters say: neither its own spans and
//! events nor those of the HTTP stack below its uploads, nor those of a collector in this process.

mod conventions;
mod fields;
mod layer;
mod log_entry;
mod value;

use std::cell::Cell;

pub use layer::{SpanLayer, layer};

thread_local! {
    static MUTED: Cell<bool> = const { Cell::new(false) };
}

/// Has nothing of this thread recorded any more.
#[cfg(feature = "embedded")]
pub(crate) fn mute_thread() {
    MUTED.set(true);
}

fn is_muted() -> bool {
    // An error: the thread is ending.
    MUTED.try_with(Cell::get).unwrap_or(true)
}
