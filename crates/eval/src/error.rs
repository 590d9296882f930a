//! Why a run has no complete result.

use std::any::Any;
use std::fmt;
use std::path::PathBuf;

use tidegate_client::{ApiError, FlushError};

use crate::cells::CellsError;
use crate::data::DataError;
use crate::outcome::Outcome;

/// What kept a run from starting, or from being recorded completely.
///
/// Failing tasks and scorers are results, not errors. What was finished before an error is not
/// thrown away: [`EvalError::into_outcome`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A part of the evaluation is missing or cannot be used.
    #[error("the evaluation {project:?} {problem}")]
    Incomplete {
        /// The project it was made for.
        project: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The operating system refused a thread; nothing ran.
    #[error("cannot start a thread for the run")]
    Thread(#[source] std::io::Error),
    /// The records of cells cannot be used; nothing ran.
    #[error("cannot keep the results in files")]
    Cells(#[source] CellsError),
    /// The file of the profile cannot be written; nothing ran.
    #[error("cannot write the profile {}", path.display())]
    Profile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The experiment could not be registered; nothing ran.
    #[error("cannot register the experiment")]
    Register(#[source] ApiError),
    /// The data could not be found; nothing ran.
    #[error("the data cannot be found")]
    NoData(#[source] DataError),
    /// The data could not be read to its end. Cases before the fault ran and are recorded.
    #[error("the data cannot be read to its end")]
    Data {
        /// Where and why.
        source: DataError,
        /// What ran before.
        finished: Finished,
    },
    /// Not every result is kept in the files that were asked for, so that resuming would run some
    /// cells again.
    #[error("not all results are kept in files")]
    NotKept {
        /// Why.
        source: CellsError,
        /// All results, with their summary.
        finished: Finished,
    },
    /// Not everything is stored on the server.
    #[error("the run is not recorded completely")]
    NotRecorded {
        /// What was lost or is pending.
        source: FlushError,
        /// All results, with a summary computed here.
        finished: Finished,
    },
    /// Everything of a shard is stored, but its experiment does not say that the shard is finished,
    /// so that the shards cannot be merged from there. Running it again runs no cell.
    #[error("the shard is recorded, but its experiment does not say so")]
    NotMarked {
        /// What the server answered.
        source: ApiError,
        /// All results, with a summary computed here.
        finished: Finished,
    },
    /// An experiment cannot be read back; nothing ran.
    #[error("the experiment cannot be read back")]
    Unreadable(#[source] ApiError),
    /// Everything is stored, but the server gave no summary.
    #[error("the run is recorded, but the server gave no summary")]
    NoSummary {
        /// Its answer.
        source: ApiError,
        /// All results, with a summary computed here.
        finished: Finished,
    },
}

/// The outcome of a run that ended with an error; see [`EvalError::into_outcome`].
pub struct Finished(Box<dyn Any + Send + Sync>);

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Finished(..)")
    }
}

impl Finished {
    pub(crate) fn new<I, O, E>(outcome: Outcome<I, O, E>) -> Self
    where
        I: Send + Sync + 'static,
        O: Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        Self(Box::new(outcome))
    }
}

impl EvalError {
    /// What was finished before the error, if anything ran. The type parameters are those of
    /// the evaluation; `None` also if they are others.
    #[must_use]
    pub fn into_outcome<I: 'static, O: 'static, E: 'static>(self) -> Option<Outcome<I, O, E>> {
        match self {
            Self::Data { finished, .. }
            | Self::NotKept { finished, .. }
            | Self::NotRecorded { finished, .. }
            | Self::NotMarked { finished, .. }
            | Self::NoSummary { finished, .. } => {
                finished.0.downcast::<Outcome<I, O, E>>().ok().map(|outcome| *outcome)
            }
            Self::Incomplete { .. }
            | Self::Thread(_)
            | Self::Register(_)
            | Self::Unreadable(_)
            | Self::NoData(_)
            | Self::Cells(_)
            | Self::Profile { .. } => None,
        }
    }

    /// Whether anything ran before the error.
    #[must_use]
    pub fn has_outcome(&self) -> bool {
        matches!(
            self,
            Self::Data { .. }
                | Self::NotKept { .. }
                | Self::NotRecorded { .. }
                | Self::NotMarked { .. }
                | Self::NoSummary { .. }
        )
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "see the documentation of `Eval`",
            Self::Thread(_) => "close other programs, or raise the limit of threads",
            Self::Register(source) | Self::Unreadable(source) | Self::NoSummary { source, .. } => {
                source.hint()
            }
            Self::NotMarked { .. } => "resume the shard: no cell of it runs again",
            Self::Profile { .. } => {
                "check the directory, its permissions and the space left, or name another file"
            }
            Self::NoData(_) => "check the names of the project and the experiment, and the server",
            Self::Cells(source) | Self::NotKept { source, .. } => source.hint(),
            Self::Data { .. } => "correct the data and run again",
            Self::NotRecorded { .. } => {
                "check the server and its log, then run again; pending uploads may still arrive"
            }
        }
    }
}
