//! Evaluations: cases, a task, scorers, a bounded runner and a summary.
//!
//! ```text
//! data -> case x trial -> runner (slots, byte gate, time-out) -> task -> scorers -> summary -> report
//! ```
//!
//! The crate `tidegate` adds `run()`, which finds the destination by itself; here
//! [`Eval::run_with`] takes a client.

#![deny(missing_docs)]

mod adaptive;
mod backoff;
mod blocking;
mod case;
mod cells;
mod classification;
mod clock;
mod compared;
mod context;
pub mod data;
mod error;
mod eval;
mod evidence;
mod gate;
mod json;
mod outcome;
mod panic;
pub mod report;
mod run_scorer;
mod runner;
mod scorer;
mod stop;
mod task;
mod task_error;
mod traits;
mod trial;

pub use adaptive::Concurrency;
#[doc(hidden)]
pub use blocking::block_on;
pub use case::{Case, IntoCase};
pub use cells::{Cells, CellsError, CellsSummary, KeptPart, KeptParts, PartState, Shard};
pub use classification::{Classification, IntoClassification};
pub use context::Context;
pub use error::{EvalError, Finished};
pub use eval::{Eval, merge, merge_recorded};
pub use gate::{Condition, GateResult, ParseConditionError};
pub use outcome::{CaseResult, Outcome, Summary};
pub use report::Report;
pub use scorer::{IntoScore, Score, ScorerArgs, SharedArgs};
pub use task_error::{IntoTaskError, TaskError};
pub use traits::{BoxFuture, Scorer, Task};

pub use data::DataError;
/// Estimates, comparisons, margins: what a [`Summary`] holds and its options are made of.
pub use tidegate_analysis::statistics;
/// What scorers see of a task if [`Eval::keep_trace`] is on.
pub use tidegate_client::{Trace, TraceSpan};
