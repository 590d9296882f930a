//! What a task may fail with.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

/// A failure of a task that may say that trying again could help.
///
/// Any error that can be displayed is a failure of a task; only this type can ask for another try,
/// and gets it if [`Eval::retries`](crate::Eval::retries) allows some. The `?` operator makes one
/// of any error, not to be retried. (It has no `Display` of its own, which is what lets it coexist
/// with those other errors; see [`TaskError::message`].)
///
/// ```
/// use std::time::Duration;
/// use tidegate_eval::TaskError;
///
/// fn call(status: u16) -> Result<String, TaskError> {
///     match status {
///         200 => Ok("answer".into()),
///         429 => Err(TaskError::retryable("busy").retry_after(Duration::from_secs(2))),
///         _ => Err(TaskError::new("refused")),
///     }
/// }
/// assert!(call(429).is_err_and(|error| error.is_retryable()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError {
    message: String,
    retryable: bool,
    retry_after: Option<Duration>,
}

impl TaskError {
    /// Makes a failure that stays one.
    #[must_use]
    pub fn new(error: impl Display) -> Self {
        Self { message: format!("{error:#}"), retryable: false, retry_after: None }
    }

    /// Makes a failure that may pass, such as a limit of requests per minute.
    #[must_use]
    pub fn retryable(error: impl Display) -> Self {
        Self { retryable: true, ..Self::new(error) }
    }

    /// Asks to wait at least this long before the next try; at most 5 minutes are.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// What is recorded.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether another try may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    pub(crate) fn wanted_wait(&self) -> Option<Duration> {
        self.retry_after
    }

    pub(crate) fn into_message(self) -> String {
        self.message
    }
}

impl<E: Error> From<E> for TaskError {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

/// What a task given to [`Eval::try_task`](crate::Eval::try_task) may fail with: a [`TaskError`],
/// or anything that can be displayed, which is not retried.
pub trait IntoTaskError {
    /// Converts.
    fn into_task_error(self) -> TaskError;
}

impl<E: Display> IntoTaskError for E {
    fn into_task_error(self) -> TaskError {
        TaskError::new(self)
    }
}

impl IntoTaskError for TaskError {
    fn into_task_error(self) -> TaskError {
        self
    }
}
