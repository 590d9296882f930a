//! The builder of a run.

mod data;
mod found;
mod joined;
mod kept;
mod merge;
mod options;
mod profile;
mod recorded;
mod run;

pub use merge::merge;
pub use recorded::merge_recorded;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tidegate_analysis::statistics::Options;
use tidegate_client::ExperimentOptions;

use crate::cells::{Cells, Decode};
use crate::classification::{BoxClassifier, IntoClassification};
use crate::context::Context;
use crate::data::Source;
use crate::gate::Gate;
use crate::outcome::CaseResult;
use crate::report::Report;
use crate::run_scorer::RunScorer;
use crate::scorer::{BoxScorer, IntoScore, ScorerArgs, SharedArgs};
use crate::stop::Stop;
use crate::task::{self, BoxTask};
use crate::task_error::IntoTaskError;
use crate::traits::{Scorer, Task};
use crate::trial::Rules;

const DEFAULT_CONCURRENCY: usize = 10;
const DEFAULT_FLUSH_TIMEOUT: Duration = Duration::from_secs(60);

/// An evaluation: data, a task, scorers.
///
/// Each trial of a case becomes a root span `eval` with a child `task` and a child per scorer.
/// A failing task or scorer, a panic included, is a recorded result and never the end of the run.
///
/// ```
/// use tidegate_eval::{Case, Eval, Report};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let outcome = Eval::new("greetings")
///     .data([Case::new("Ada").expected("Hello, Ada"), Case::new("Bo").expected("Hi, Bo")])
///     .task(async |name, _cx| format!("Hello, {name}"))
///     .scorer("exact", |args| args.expected.is_some_and(|expected| expected == args.output))
///     .report(Report::Silent)
///     .run_without_sending()
///     .await?;
/// assert_eq!(outcome.summary.comparison.scores["exact"].score, 0.5);
/// # Ok::<(), tidegate_eval::EvalError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an evaluation does nothing until it is run"]
pub struct Eval<I = (), O = (), E = ()> {
    source: Option<Source<I, E>>,
    task: Option<BoxTask<I, O>>,
    scorers: Vec<BoxScorer<I, O, E>>,
    classifiers: Vec<BoxClassifier<I, O, E>>,
    run_scorers: Vec<RunScorer<I, O, E>>,
    stop: Stop,
    decode: Option<Decode<O>>,
    plan: Plan,
}

/// What does not depend on the types.
#[derive(Debug, Clone)]
struct Plan {
    project: String,
    experiment: ExperimentOptions,
    metadata: Map<String, Value>,
    parameters: Arc<Map<String, Value>>,
    max_concurrency: usize,
    adaptive: Option<(usize, usize)>,
    trials: u32,
    timeout: Option<Duration>,
    max_errors: Option<u64>,
    scorer_concurrency: Option<usize>,
    rules: Rules,
    flush_timeout: Duration,
    report: Report,
    statistics: Options,
    gates: Vec<Gate>,
    worst_regressions: usize,
    cells: Option<Cells>,
    task_version: Option<String>,
    scorer_versions: BTreeMap<String, String>,
    profile: Option<PathBuf>,
}

impl<I, O, E> std::fmt::Debug for Eval<I, O, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Eval").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl Eval {
    /// Names the project, which is created if it is unknown.
    pub fn new(project: impl Into<String>) -> Self {
        let project = project.into();
        let plan = Plan {
            experiment: ExperimentOptions::new(&project),
            metadata: Map::new(),
            parameters: Arc::default(),
            project,
            max_concurrency: DEFAULT_CONCURRENCY,
            adaptive: None,
            trials: 1,
            timeout: None,
            max_errors: None,
            scorer_concurrency: None,
            rules: Rules::default(),
            flush_timeout: DEFAULT_FLUSH_TIMEOUT,
            report: Report::default(),
            statistics: Options::default(),
            gates: Vec::new(),
            worst_regressions: 5,
            cells: None,
            task_version: None,
            scorer_versions: BTreeMap::new(),
            profile: None,
        };
        Self::of(None, None, Stop::never(), plan)
    }

    fn source<I, E>(self, source: Source<I, E>) -> Eval<I, (), E> {
        let Self { stop, plan, .. } = self;
        Eval::of(Some(source), None, stop, plan)
    }
}

impl<I, O, E> Eval<I, O, E> {
    fn of(
        source: Option<Source<I, E>>,
        task: Option<BoxTask<I, O>>,
        stop: Stop,
        plan: Plan,
    ) -> Self {
        let (scorers, classifiers, run_scorers) = (Vec::new(), Vec::new(), Vec::new());
        Self { source, task, scorers, classifiers, run_scorers, stop, decode: None, plan }
    }
}

impl<I: Send + Sync + 'static, E> Eval<I, (), E> {
    /// Sets the task: what is under evaluation, called once per trial. Set it after the data and
    /// before the scorers.
    ///
    /// The closure is cloned for each call, so captured values should be cheap to clone. A task
    /// that can fail belongs to [`Eval::try_task`]; a `Result` is refused here when the run starts.
    pub fn task<O, F, Fut>(self, task: F) -> Eval<I, O, E>
    where
        F: FnOnce(Arc<I>, Context) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = O> + Send + 'static,
    {
        self.calling(task::plain(task))
    }

    /// Sets a task that can fail. Its error is recorded, the scorers of that trial do not run,
    /// and the run goes on. One that fails with a retryable [`TaskError`](crate::TaskError) is
    /// tried again if [`Eval::retries`] allows it.
    pub fn try_task<O, X, F, Fut>(self, task: F) -> Eval<I, O, E>
    where
        F: FnOnce(Arc<I>, Context) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<O, X>> + Send + 'static,
        X: IntoTaskError,
    {
        self.calling(task::fallible(task))
    }

    /// Sets a task that is a type of its own, such as one chosen at run time; see [`Task`]. Its
    /// errors are treated as those of [`Eval::try_task`].
    pub fn task_with<O: 'static>(self, task: impl Task<I, O> + 'static) -> Eval<I, O, E> {
        self.calling(task::object(task))
    }

    fn calling<O>(self, task: BoxTask<I, O>) -> Eval<I, O, E> {
        let Self { source, stop, plan, .. } = self;
        Eval::of(source, Some(task), stop, plan)
    }
}

impl<I, O, E> Eval<I, O, E>
where
    I: Send + Sync + 'static,
    O: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Adds a scorer. Scorers of one trial run concurrently, each in a span of its own.
    pub fn scorer<S: IntoScore>(
        mut self,
        name: impl Into<String>,
        scorer: impl Fn(ScorerArgs<'_, I, O, E>) -> S + Send + Sync + 'static,
    ) -> Self {
        self.scorers.push(BoxScorer::sync(name.into(), scorer));
        self
    }

    /// Adds an async scorer. The closure is cloned for each call.
    pub fn scorer_async<S, F, Fut>(mut self, name: impl Into<String>, scorer: F) -> Self
    where
        S: IntoScore,
        F: FnOnce(SharedArgs<I, O, E>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = S> + Send + 'static,
    {
        self.scorers.push(BoxScorer::asynchronous(name.into(), scorer));
        self
    }

    /// Adds a scorer that is a type of its own; see [`Scorer`].
    pub fn scorer_with(mut self, scorer: impl Scorer<I, O, E> + 'static) -> Self {
        self.scorers.push(BoxScorer::object(scorer));
        self
    }

    /// Adds a classifier, which says what an output is instead of how good it is: the topic, the
    /// kind of failure. Classifiers run beside the scorers, within the same limits; the summary
    /// counts the trials of each class.
    ///
    /// ```
    /// use tidegate_eval::{Case, Eval, Report};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let outcome = Eval::new("tone")
    ///     .data([Case::new("Thanks!"), Case::new("No."), Case::new("Great!")])
    ///     .task(async |text, _cx| text.to_string())
    ///     .classifier("tone", |args| if args.output.ends_with('!') { "warm" } else { "cold" })
    ///     .report(Report::Silent)
    ///     .run_without_sending()
    ///     .await?;
    /// assert_eq!(outcome.summary.classifications["tone"]["warm"], 2);
    /// # Ok::<(), tidegate_eval::EvalError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn classifier<C: IntoClassification>(
        mut self,
        name: impl Into<String>,
        classifier: impl Fn(ScorerArgs<'_, I, O, E>) -> C + Send + Sync + 'static,
    ) -> Self {
        self.classifiers.push(BoxClassifier::classifying(name.into(), classifier));
        self
    }

    /// Adds an async classifier. The closure is cloned for each call.
    pub fn classifier_async<C, F, Fut>(mut self, name: impl Into<String>, classifier: F) -> Self
    where
        C: IntoClassification,
        F: FnOnce(SharedArgs<I, O, E>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = C> + Send + 'static,
    {
        self.classifiers.push(BoxClassifier::classifying_async(name.into(), classifier));
        self
    }

    /// Adds a scorer of the run as a whole, called once with all results, failed ones included,
    /// when the last one is there: for figures that are no mean over cases, such as F1.
    ///
    /// Its score stands in the summary and in [`Outcome::to_json`](crate::Outcome::to_json); it
    /// belongs to no span and is not sent. One that fails, or panics, is a warning.
    ///
    /// ```
    /// use tidegate_eval::{Case, Eval, Report};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let outcome = Eval::new("spam")
    ///     .data([Case::new("buy now").expected(true), Case::new("hello").expected(false)])
    ///     .task(async |text, _cx| text.contains("now"))
    ///     .run_scorer("precision", |results| {
    ///         let (mut flagged, mut right) = (0.0, 0.0);
    ///         for result in results.iter().filter(|r| r.output.as_deref() == Some(&true)) {
    ///             flagged += 1.0;
    ///             right += f64::from(u8::from(result.expected.as_deref() == Some(&true)));
    ///         }
    ///         (flagged > 0.0).then_some(right / flagged)
    ///     })
    ///     .report(Report::Silent)
    ///     .run_without_sending()
    ///     .await?;
    /// assert_eq!(outcome.summary.run_scores["precision"], Some(1.0));
    /// # Ok::<(), tidegate_eval::EvalError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_scorer<S: IntoScore>(
        mut self,
        name: impl Into<String>,
        scorer: impl FnOnce(&[CaseResult<I, O, E>]) -> S + Send + 'static,
    ) -> Self {
        self.run_scorers.push(RunScorer::new(name.into(), scorer));
        self
    }
}
