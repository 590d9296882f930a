//! What a task sees of its run.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};
use tidegate_client::Span;
use tokio_util::sync::CancellationToken;

use crate::json;

/// Handed to the task beside the input: its span, its labels, and where to leave metadata.
///
/// Clones share everything.
#[derive(Debug, Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    span: Span,
    trial: u32,
    case_id: Option<String>,
    tags: Arc<[String]>,
    metadata: Mutex<Map<String, Value>>,
    run: Arc<CancellationToken>,
    /// Made when somebody asks: most tasks do not.
    own: OnceLock<CancellationToken>,
}

impl Context {
    pub(crate) fn new(
        span: Span,
        trial: u32,
        case_id: Option<String>,
        tags: Arc<[String]>,
        metadata: Map<String, Value>,
        run: Arc<CancellationToken>,
    ) -> Self {
        let (metadata, own) = (Mutex::new(metadata), OnceLock::new());
        Self { inner: Arc::new(Inner { span, trial, case_id, tags, metadata, run, own }) }
    }

    /// The span of the task. It is also the current span while the task runs, so
    /// [`Span::start`] makes children of it anywhere in the task's code.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.inner.span
    }

    /// Which repetition of the case this is, starting at 0.
    #[must_use]
    pub fn trial(&self) -> u32 {
        self.inner.trial
    }

    /// The name of the case, if it has one.
    #[must_use]
    pub fn case_id(&self) -> Option<&str> {
        self.inner.case_id.as_deref()
    }

    /// The tags of the case.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        &self.inner.tags
    }

    /// The metadata of the case, with what the task has set so far.
    #[must_use]
    pub fn metadata(&self) -> Map<String, Value> {
        self.inner.metadata.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets one member of the metadata, for the scorers and the recorded case; a value that
    /// cannot be serialized becomes a text that says so.
    pub fn set_metadata<T: Serialize + ?Sized>(&self, name: impl Into<String>, value: &T) {
        let value = json::value(value);
        let mut metadata = self.inner.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        metadata.insert(name.into(), value);
    }

    /// Resolves when the run has timed out. A task is dropped at its next await then; blocking
    /// code that a task has started elsewhere can watch this to stop too.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn cancelled(&self) {
        self.own().cancelled().await;
    }

    /// Whether the run has timed out.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        match self.inner.own.get() {
            Some(own) => own.is_cancelled(),
            None => self.inner.run.is_cancelled(),
        }
    }

    /// Tells what the task has started elsewhere to stop.
    pub(crate) fn cancel(&self) {
        self.own().cancel();
    }

    fn own(&self) -> &CancellationToken {
        self.inner.own.get_or_init(|| self.inner.run.child_token())
    }
}
