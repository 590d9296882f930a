//! What a task sees of its run.

use std::any::{Any, type_name};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

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
    inputs: Inputs,
    added_tags: Mutex<Vec<String>>,
    saw_expected: AtomicBool,
    metadata: Mutex<Map<String, Value>>,
    metrics: Mutex<BTreeMap<String, f64>>,
    /// Made when somebody asks: most tasks do not.
    own: OnceLock<CancellationToken>,
}

/// What a context is made of.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) span: Span,
    pub(crate) trial: u32,
    pub(crate) case_id: Option<String>,
    pub(crate) expected: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) mistyped: Arc<Mistyped>,
    pub(crate) tags: Arc<[String]>,
    pub(crate) parameters: Arc<Map<String, Value>>,
    pub(crate) metadata: Map<String, Value>,
    /// Cancelled when the run times out.
    pub(crate) run: Arc<CancellationToken>,
}

/// The first type that a task has asked for as that of an expected output, and that it is not.
#[derive(Debug)]
pub(crate) struct Mistyped {
    actual: &'static str,
    asked: OnceLock<&'static str>,
}

impl Mistyped {
    /// Of a run whose cases have this type.
    pub(crate) fn of<E>() -> Self {
        Self { actual: type_name::<E>(), asked: OnceLock::new() }
    }

    fn asked_for<E>(&self) {
        // Only the first one is told.
        self.asked.set(type_name::<E>()).ok();
    }

    pub(crate) fn warning(&self) -> Option<String> {
        let (actual, asked) = (self.actual, self.asked.get()?);
        Some(format!(
            "the task asked for an expected output of type {asked} and got none: those of the \
             cases are {actual}"
        ))
    }
}

impl Context {
    pub(crate) fn new(mut inputs: Inputs) -> Self {
        let metadata = Mutex::new(std::mem::take(&mut inputs.metadata));
        let (added_tags, metrics, own) = (Mutex::default(), Mutex::default(), OnceLock::new());
        let saw_expected = AtomicBool::new(false);
        let inner = Inner { inputs, added_tags, saw_expected, metadata, metrics, own };
        Self { inner: Arc::new(inner) }
    }

    /// The span of the task. It is also the current span while the task runs, so
    /// [`Span::start`] makes children of it anywhere in the task's code.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.inner.inputs.span
    }

    /// Which repetition of the case this is, starting at 0.
    #[must_use]
    pub fn trial(&self) -> u32 {
        self.inner.inputs.trial
    }

    /// The name of the case, if it has one.
    #[must_use]
    pub fn case_id(&self) -> Option<&str> {
        self.inner.inputs.case_id.as_deref()
    }

    /// The tags of the case.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        &self.inner.inputs.tags
    }

    /// Adds tags to this trial, for the scorers and the recorded case; each is kept once.
    pub fn add_tags<T: Into<String>>(&self, tags: impl IntoIterator<Item = T>) {
        // The iterator is the caller's, and may add tags too: not under the lock.
        let tags: Vec<String> = tags.into_iter().map(Into::into).collect();
        self.added_tags().extend(tags);
    }

    pub(crate) fn add_tags_to(&self, all: &mut Vec<String>) {
        for tag in self.added_tags().drain(..) {
            if !all.contains(&tag) {
                all.push(tag);
            }
        }
    }

    fn added_tags(&self) -> MutexGuard<'_, Vec<String>> {
        self.inner.added_tags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The expected output of the case; `None` if it has none.
    ///
    /// `E` must be the type that the cases have, or `None` comes back here as well and the summary
    /// has a warning that names both: with `Case::new(..).expected("yes")` it is `&'static str`,
    /// not `String`.
    #[must_use]
    pub fn expected<E: Send + Sync + 'static>(&self) -> Option<Arc<E>> {
        self.inner.saw_expected.store(true, Ordering::Relaxed);
        let expected = self.inner.inputs.expected.clone()?;
        let expected = expected.downcast().ok();
        if expected.is_none() {
            self.inner.inputs.mistyped.asked_for::<E>();
        }
        expected
    }

    /// Whether what the task returns may depend on the expected output.
    pub(crate) fn has_seen_expected(&self) -> bool {
        self.inner.saw_expected.load(Ordering::Relaxed)
    }

    /// The parameters of the run; see [`Eval::parameters`](crate::Eval::parameters).
    #[must_use]
    pub fn parameters(&self) -> &Map<String, Value> {
        &self.inner.inputs.parameters
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

    /// Adds to a metric of the trial, such as `tokens`, `prompt_tokens` or `estimated_cost` (in
    /// dollars): it is recorded on the task's span, and counts in the summary, in gates and in the
    /// running totals on the terminal. Other names are recorded and do not count. A number that
    /// is not finite is left out.
    ///
    /// What a span inside of the task records by itself counts already; add each amount once.
    ///
    /// ```
    /// use tidegate_eval::statistics::Threshold;
    /// use tidegate_eval::{Case, Eval, Report};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let outcome = Eval::new("greetings")
    ///     .data([Case::new("Ada"), Case::new("Bo")])
    ///     .task(async |name, cx| {
    ///         cx.add_metric("tokens", 12.0);
    ///         format!("Hello, {name}")
    ///     })
    ///     .gate_mean("tokens", Threshold::AtMost(100.0))
    ///     .report(Report::Silent)
    ///     .run_without_sending()
    ///     .await?;
    /// assert_eq!(outcome.summary.comparison.metrics["tokens"].metric, 12.0);
    /// assert_eq!(outcome.results[0].metrics["tokens"], 12.0);
    /// # Ok::<(), tidegate_eval::EvalError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_metric(&self, name: impl Into<String>, amount: f64) {
        let mut metrics = self.inner.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = metrics.entry(name.into()).or_default();
        if (*sum + amount).is_finite() {
            *sum += amount;
        }
    }

    /// What [`Context::add_metric`] has added up so far.
    pub(crate) fn metrics(&self) -> BTreeMap<String, f64> {
        self.inner.metrics.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
            None => self.inner.inputs.run.is_cancelled(),
        }
    }

    /// Tells what the task has started elsewhere to stop.
    pub(crate) fn cancel(&self) {
        self.own().cancel();
    }

    fn own(&self) -> &CancellationToken {
        self.inner.own.get_or_init(|| self.inner.inputs.run.child_token())
    }
}
