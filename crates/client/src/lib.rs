//! The SDK: spans that cost about a microsecond to record, uploaded by a thread of its own
//! within a budget of bytes, every record accounted for.
//!
//! ```text
//! Span::log -> record -> byte budget -> inbox -> [pipeline: coalesce, batch, retry] -> POST /logs3
//!  (span)     (record)    (budget)     (inbox)         (pipeline, driver)               (session)
//! ```
//!
//! ```no_run
//! use std::time::Duration;
//! use tidegate_client::{Client, Config, Event, ExperimentOptions, SpanOptions};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(Config::from_env()?)?;
//! let experiment = client.register_experiment(ExperimentOptions::new("my-project")).await?;
//! let span = client.start_span(experiment.destination(), SpanOptions::new("answer"));
//! span.log(Event::new().input(&"2 + 2").output(&4));
//! span.end();
//! let receipt = client.flush(Duration::from_secs(30)).await?;
//! assert_eq!(receipt.rows, 1);
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

#[cfg(feature = "__bench")]
#[doc(hidden)]
pub mod bench;
mod budget;
// Not inside of `budget.rs`: that file is compiled by `tidegate-loom` too, with other locks.
#[cfg(test)]
#[path = "budget/tests.rs"]
mod budget_tests;
mod cache;
mod client;
mod clock;
mod compress;
mod config;
mod current;
mod dataset;
mod doorbell;
mod driver;
mod dump;
pub mod env;
mod error;
mod event;
mod experiment;
mod feedback;
mod git;
mod http;
mod ids;
mod inbox;
mod json;
mod load;
mod locate;
mod logger;
mod mask;
mod notice;
mod open_experiment;
mod outline;
mod parameters;
mod parent;
mod pipeline;
pub mod process;
mod profile;
mod prompt;
mod record;
mod recorder;
mod remote;
mod requests;
mod session;
mod span;
pub mod spool;
mod sync;
mod template;
mod trace;
mod tracer;
pub mod what_if;

pub use cache::{CacheLocation, CacheOptions};
pub use client::{Client, FoundExperiment, KeepProfileError, ProfileKept};
pub use compress::Compression;
pub use config::{Config, HOSTED_APP_URL, Policy};
pub use dataset::{
    Dataset, DatasetOptions, DatasetRecord, DatasetRow, DatasetRows, DatasetSummary,
};
pub use error::{ApiError, FlushError};
pub use event::Event;
pub use experiment::{Experiment, ExperimentOptions};
pub use feedback::{Feedback, FeedbackSource};
pub use inbox::{DropReason, Receipt};
pub use load::{LoadError, LoadSource};
pub use locate::{Locate, LocateError, LocateFuture};
pub use logger::Logger;
pub use notice::{Problem, ProblemKind};
pub use open_experiment::{ExperimentSummary, OpenExperiment, ReadonlyExperiment, SummaryError};
pub use outline::{RowPages, Select};
pub use parameters::{LoadParameters, Parameters, ParametersError};
pub use parent::{Parent, ParentError};
pub use profile::{ProfileFile, ProfileWriter, Profiling};
pub use prompt::{
    BuildError, BuildOptions, BuiltPrompt, LoadPrompt, Prompt, PromptContent, TemplateFormat,
};
pub use remote::RemoteParent;
pub use requests::Request;
pub use span::{Span, SpanOptions, traced};
pub use template::TemplateError;
pub use trace::{Trace, TraceBuffer, TraceSpan};
pub use tracer::Tracer;

/// W3C trace context and baggage as values.
pub use tidegate_model::w3c;
pub use tidegate_model::{Destination, SpanId, TraceId};
