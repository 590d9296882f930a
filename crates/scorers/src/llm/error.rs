//! What can go wrong between a question and its answer.

use std::time::Duration;

/// No score from a model. Never contains the key, the prompt or a whole URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LlmError {
    /// The variables cannot be serialized.
    #[error("the variables of the prompt cannot be serialized")]
    Variables(#[source] serde_json::Error),
    /// The prompt needs a value that was not given.
    #[error("the prompt needs a value for {name:?}")]
    MissingVariable {
        /// As it is in the template.
        name: String,
    },
    /// Nothing answers there, or not in time.
    #[error("cannot reach {origin}")]
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// The network error.
        source: reqwest::Error,
    },
    /// 401 or 403.
    #[error("{origin} refused the key")]
    Unauthorized {
        /// Scheme, host and port.
        origin: String,
    },
    /// Any other status than 2xx.
    #[error("{origin} answered {status}: {message}")]
    Status {
        /// Scheme, host and port.
        origin: String,
        /// HTTP status code.
        status: u16,
        /// What the endpoint said, shortened and without the key.
        message: String,
        /// What the endpoint asked to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is larger than the cap.
    #[error("the answer exceeds {limit_bytes} bytes")]
    TooLong {
        /// The cap.
        limit_bytes: usize,
    },
    /// The answer is not what the API says.
    #[error("unexpected answer: {what}")]
    Reply {
        /// What is wrong with it.
        what: String,
    },
    /// The model chose something that was not offered.
    #[error("the model chose {choice:?}, which is not one of {known:?}")]
    UnknownChoice {
        /// What it chose, shortened.
        choice: String,
        /// What was offered.
        known: Vec<String>,
    },
}

impl LlmError {
    /// Whether the same request may succeed later. A [`Judge`](super::Judge) has then repeated it as
    /// often as it may.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
            _ => false,
        }
    }

    /// Whether time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if source.is_timeout())
    }

    /// What the endpoint asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
