//! Why something could not be loaded.

use crate::error::ApiError;

/// A prompt or parameters that could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The server has none of that name, version or environment.
    #[error("{what} not found")]
    NotFound {
        /// What was asked for, with its project and slug.
        what: String,
    },
    /// The server has several of that name, which should never happen.
    #[error("{count} objects found for {what}")]
    Several {
        /// What was asked for.
        what: String,
        /// How many.
        count: usize,
    },
    /// The answer is of another kind, or lacks something that every object has.
    #[error("{what}: the server sent none: expected {expected}")]
    Malformed {
        /// What was asked for.
        what: String,
        /// What should be in the answer.
        expected: &'static str,
    },
    /// The server refused, or its answer is not of the protocol, or it failed and copies are
    /// switched off.
    #[error("cannot load {what}")]
    Api {
        /// What was asked for.
        what: String,
        /// What happened.
        source: ApiError,
    },
    /// The server failed, and no earlier load left a copy.
    #[error("cannot load {what}, and no copy of it is in the cache")]
    NoCopy {
        /// What was asked for.
        what: String,
        /// What happened.
        source: ApiError,
    },
}

impl LoadError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => {
                "check project, slug, version and environment, and that the key may read the project"
            }
            Self::Several { .. } => "load it by its id",
            Self::Malformed { .. } => {
                "check the id or slug, and that the server is Braintrust-compatible"
            }
            Self::Api { source, .. } | Self::NoCopy { source, .. } => source.hint(),
        }
    }
}
