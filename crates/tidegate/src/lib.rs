//! Evaluations and tracing for LLM applications: recording never slows the work down, nothing
//! recorded is lost silently, and a run is compared with the last one by itself.
//!
//! ```no_run
//! use tidegate::prelude::*;
//! use tidegate::scorers::exact_match;
//!
//! # async fn example() -> Result<(), Error> {
//! Eval::new("greetings")
//!     .data([Case::new("Ada").expected("Hello, Ada"), Case::new("Bo").expected("Hi, Bo")])
//!     .task(async |name, _cx| format!("Hello, {name}"))
//!     .scorer("exact_match", |args| exact_match(args.output, args.expected))
//!     .run()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! Where a run sends is decided by the environment; see [`Connection`]. With the feature
//! `embedded` nothing needs to be set: the run is recorded into a data directory by a collector
//! inside of the program.
//!
//! What is there already is recorded by a line each, behind features: spans of `tracing`
//! (`tracing-layer`), calls of language models (`llm-calls`, `reqwest-middleware`). Traces go on from
//! one service to another by [`Span::inject`](client::Span::inject) and
//! [`RemoteParent`](client::RemoteParent). Prompts and parameters that are kept on a server are
//! loaded by [`Client::load_prompt`](client::Client::load_prompt) and
//! [`Client::load_parameters`](client::Client::load_parameters). Programs without an async runtime use
//! [`blocking`].

#![deny(missing_docs)]

pub mod blocking;
mod clock;
mod connection;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
#[cfg(feature = "llm-calls")]
pub mod llm;
mod logger;
mod run;
#[cfg(feature = "tracing-layer")]
pub mod tracing;

pub use connection::Connection;
pub use error::Error;
pub use logger::{LoggerOptions, ProjectLogger, init_logger};
pub use run::Run;
/// The SDK: clients, spans, receipts.
pub use tidegate_client as client;
/// The evaluation framework.
pub use tidegate_eval as eval;
/// Scoring functions; those that ask a language model with the feature `llm`, validity under a
/// JSON Schema with `schema`.
pub use tidegate_scorers as scorers;

/// What most programs need.
pub mod prelude {
    pub use tidegate_client::{Event, Span, SpanOptions, traced};
    pub use tidegate_eval::statistics::{GateOutcome, Margin, Threshold};
    pub use tidegate_eval::{Case, Context, Eval, Outcome, Report, Score, TaskError, data};

    pub use crate::{Error, Run};
}
