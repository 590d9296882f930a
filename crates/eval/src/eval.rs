//! The builder of a run.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use tidegate_analysis::comparison::compare;
use tidegate_client::{ApiError, Client, Experiment, ExperimentOptions, FlushError, Receipt};
use tidegate_model::wire::objects::Named;
use tidegate_model::wire::summary::ExperimentComparison;
use tokio_util::sync::CancellationToken;

use crate::case::IntoCase;
use crate::context::Context;
use crate::data::Source;
use crate::error::{EvalError, Finished};
use crate::outcome::{Outcome, Summary};
use crate::report::{Progress, Report, Terminal};
use crate::runner::{self, Limits, Ran};
use crate::scorer::{IntoScore, Scorer, ScorerArgs, SharedArgs};
use crate::task::{self, Task};
use crate::trial::Shared;

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
    task: Option<Task<I, O>>,
    scorers: Vec<Scorer<I, O, E>>,
    plan: Plan,
}

/// What does not depend on the types.
#[derive(Debug, Clone)]
struct Plan {
    project: String,
    experiment: ExperimentOptions,
    max_concurrency: usize,
    trials: u32,
    timeout: Option<Duration>,
    flush_timeout: Duration,
    report: Report,
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
            project,
            max_concurrency: DEFAULT_CONCURRENCY,
            trials: 1,
            timeout: None,
            flush_timeout: DEFAULT_FLUSH_TIMEOUT,
            report: Report::default(),
        };
        Self { source: None, task: None, scorers: Vec::new(), plan }
    }

    /// Sets where cases come from: anything that iterates over [`Case`](crate::Case)s, or over
    /// results of them such as [`data::jsonl`](crate::data::jsonl).
    ///
    /// It is read on a thread of its own, as the run goes, at most two cases ahead. An error
    /// ends the run with [`EvalError::Data`] after the cases before it.
    pub fn data<D, I, E>(self, data: D) -> Eval<I, (), E>
    where
        D: IntoIterator<
                Item: IntoCase<Input = I, Expected = E> + 'static,
                IntoIter: Send + 'static,
            >,
        I: Send + 'static,
        E: Send + 'static,
    {
        let source = Some(Source::new(data));
        Eval { source, task: None, scorers: Vec::new(), plan: self.plan }
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
        let Self { source, plan, .. } = self;
        Eval { source, task: Some(task::plain(task)), scorers: Vec::new(), plan }
    }

    /// Sets a task that can fail. Its error is recorded, the scorers of that trial do not run,
    /// and the run goes on.
    pub fn try_task<O, X, F, Fut>(self, task: F) -> Eval<I, O, E>
    where
        F: FnOnce(Arc<I>, Context) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<O, X>> + Send + 'static,
        X: Display,
    {
        let Self { source, plan, .. } = self;
        Eval { source, task: Some(task::fallible(task)), scorers: Vec::new(), plan }
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
        self.scorers.push(Scorer::sync(name.into(), scorer));
        self
    }

    /// Adds an async scorer. The closure is cloned for each call.
    pub fn scorer_async<S, F, Fut>(mut self, name: impl Into<String>, scorer: F) -> Self
    where
        S: IntoScore,
        F: FnOnce(SharedArgs<I, O, E>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = S> + Send + 'static,
    {
        self.scorers.push(Scorer::asynchronous(name.into(), scorer));
        self
    }
}

impl<I, O, E> Eval<I, O, E> {
    /// Names the experiment. The server appends a suffix if the name is taken, and invents a
    /// name if none is set.
    pub fn experiment_name(mut self, name: impl Into<String>) -> Self {
        self.plan.experiment = self.plan.experiment.name(name);
        self
    }

    /// Describes the experiment.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.plan.experiment = self.plan.experiment.description(description);
        self
    }

    /// Sets metadata of the experiment.
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.plan.experiment = self.plan.experiment.metadata(metadata);
        self
    }

    /// Sets tags of the experiment.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.plan.experiment = self.plan.experiment.tags(tags);
        self
    }

    /// Compares with the experiment of this name. By default it is the newest one made at an
    /// ancestor commit, else the previous one of the project.
    pub fn base_experiment(mut self, name: impl Into<String>) -> Self {
        self.plan.experiment = self.plan.experiment.base_experiment(name);
        self
    }

    /// Continues an existing experiment of the same name instead of making a new one.
    pub fn update(mut self, update: bool) -> Self {
        self.plan.experiment = self.plan.experiment.update(update);
        self
    }

    /// Sets how many trials run at once; 10 by default, at least one.
    pub fn max_concurrency(mut self, trials: usize) -> Self {
        self.plan.max_concurrency = trials.max(1);
        self
    }

    /// Repeats every case this often, unless the case says otherwise; once by default.
    pub fn trials(mut self, trials: u32) -> Self {
        self.plan.trials = trials.max(1);
        self
    }

    /// Limits the whole run, from the first case on; none by default. When it passes, no
    /// further case starts, running ones are recorded as failed with `timed out`, and everything
    /// finished is kept and summarized.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.plan.timeout = Some(timeout);
        self
    }

    /// Limits the wait for the uploads after the last case; 60 s by default.
    pub fn flush_timeout(mut self, timeout: Duration) -> Self {
        self.plan.flush_timeout = timeout;
        self
    }

    /// Sets what is shown; [`Report::Terminal`] by default.
    pub fn report(mut self, report: Report) -> Self {
        self.plan.report = report;
        self
    }
}

impl<I, O, E> Eval<I, O, E>
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    /// Runs and records through `client`, compares with the base experiment, and reports.
    ///
    /// Needs a tokio runtime with time enabled. Uploads run beside the cases; only when the byte
    /// budget is full the next case waits for room. Make the client with
    /// [`Policy::Block`](tidegate_client::Policy::Block), or a full budget drops records instead.
    ///
    /// # Errors
    /// [`EvalError`] if the run could not start, the data broke off, or not everything is
    /// recorded. Failed tasks and scorers are results.
    ///
    /// # Cancel safety
    /// Dropping the future aborts running trials; what they recorded is still uploaded.
    pub async fn run_with(self, client: &Client) -> Result<Outcome<I, O, E>, EvalError> {
        let plan = self.check()?;
        let experiment = client.register_experiment(plan.experiment.clone()).await;
        let experiment = experiment.map_err(EvalError::Register)?;
        let record = Some((client.clone(), Arc::new(experiment.destination())));
        let (ran, terminal) = self.go(record, Some(&experiment)).await?;
        let flushed = client.flush(plan.flush_timeout).await;
        let compared = match &flushed {
            Ok(_) => summarize(client, &experiment).await.map(Some),
            // The server has not got everything, so its figures would be of a part.
            Err(_) => Ok(None),
        };
        finish(plan, ran, Some(experiment), flushed, compared, &terminal)
    }

    /// Runs without recording anything anywhere; the summary is computed here.
    ///
    /// # Errors
    /// [`EvalError`] if the run could not start or the data broke off.
    pub async fn run_without_sending(self) -> Result<Outcome<I, O, E>, EvalError> {
        let plan = self.check()?;
        let (ran, terminal) = self.go(None, None).await?;
        finish(plan, ran, None, Ok(Receipt::default()), Ok(None), &terminal)
    }

    fn check(&self) -> Result<Plan, EvalError> {
        let project = self.plan.project.clone();
        let problem = if self.source.is_none() {
            "has no data: call `data` first"
        } else if self.task.is_none() {
            "has no task: call `task` or `try_task`"
        } else if std::any::type_name::<O>().starts_with("core::result::Result<") {
            "has a task that returns a Result: use `try_task`, so that errors are recorded as such"
        } else {
            return Ok(self.plan.clone());
        };
        Err(EvalError::Incomplete { project, problem })
    }

    async fn go(
        self,
        record: Option<(Client, Arc<tidegate_model::Destination>)>,
        experiment: Option<&Experiment>,
    ) -> Result<(Ran<I, O, E>, Terminal), EvalError> {
        let Self { source, task, scorers, plan } = self;
        let (Some(source), Some(task)) = (source, task) else {
            unreachable!("checked before the run starts");
        };
        let terminal = Terminal::new(plan.report);
        let sending = record.is_some();
        let cancel = CancellationToken::new();
        let shared = Arc::new(Shared { task, scorers, record, cancel });
        let cases = match source.start() {
            Ok(cases) => cases,
            Err(error) => {
                let nothing = Ran::failed(error);
                return Ok((nothing, terminal));
            }
        };
        let count = cases.count().map(|count| count * u64::from(plan.trials));
        let name = experiment.map_or(plan.project.as_str(), |experiment| &experiment.name);
        let progress = Progress::start(&terminal, name, count, sending);
        let limits = Limits {
            max_concurrency: plan.max_concurrency,
            trials: plan.trials,
            timeout: plan.timeout,
        };
        let ran = runner::run(shared, cases, limits, &progress).await;
        progress.end();
        Ok((ran, terminal))
    }
}

type Compared = (Option<Named>, ExperimentComparison);

async fn summarize(client: &Client, experiment: &Experiment) -> Result<Compared, ApiError> {
    let base = client.base_experiment(&experiment.id).await?;
    let base_id = base.as_ref().map(|base| base.id.as_str());
    let comparison = client.experiment_comparison(&experiment.id, base_id).await?;
    Ok((base, comparison))
}

fn finish<I, O, E>(
    plan: Plan,
    ran: Ran<I, O, E>,
    experiment: Option<Experiment>,
    flushed: Result<Receipt, FlushError>,
    compared: Result<Option<Compared>, ApiError>,
    terminal: &Terminal,
) -> Result<Outcome<I, O, E>, EvalError>
where
    I: Send + Sync + 'static,
    O: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    let (compared, no_summary) = match compared {
        Ok(compared) => (compared, None),
        Err(error) => (None, Some(error)),
    };
    let (base, comparison) = compared.unwrap_or_else(|| (None, compare(&ran.trials, None)));
    let receipt = match &flushed {
        Ok(receipt) => receipt.clone(),
        Err(error) => error.receipt().clone(),
    };
    let task_errors = ran.results.iter().filter(|result| result.error.is_some()).count();
    let scorer_errors: usize = ran.results.iter().map(|result| result.scorer_errors.len()).sum();
    let summary = Summary {
        project: experiment.as_ref().map_or(plan.project, |e| e.project.name.clone()),
        experiment,
        base,
        comparison,
        trials: ran.results.len() as u64,
        task_errors: task_errors as u64,
        scorer_errors: scorer_errors as u64,
        timed_out: ran.timed_out,
        duration: ran.duration,
    };
    let outcome = Outcome { results: ran.results, summary, receipt };
    terminal.summary(&outcome.summary, &outcome.receipt);
    if let Some(source) = ran.data_error {
        return Err(EvalError::Data { source, finished: Finished::new(outcome) });
    }
    if let Err(source) = flushed {
        return Err(EvalError::NotRecorded { source, finished: Finished::new(outcome) });
    }
    if let Some(source) = no_summary {
        return Err(EvalError::NoSummary { source, finished: Finished::new(outcome) });
    }
    Ok(outcome)
}
