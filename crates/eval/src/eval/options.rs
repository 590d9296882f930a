//! What may be set beside data, task and scorers.

use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tidegate_analysis::statistics::{Margin, Options, Threshold};

use super::Eval;
use crate::cells::Cells;
use crate::gate::{Condition, Gate};
use crate::report::Report;
use crate::stop::Stop;

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
        self.plan.metadata = metadata;
        self
    }

    /// Sets parameters of the run, such as a model and a temperature. Tasks read them by
    /// [`Context::parameters`](crate::Context::parameters), and the experiment's metadata has them
    /// as its member `parameters`, so that a run says by itself what it was made with.
    ///
    /// ```
    /// use serde_json::{Value, json};
    /// use tidegate_eval::{Case, Eval, Report};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let parameters = json!({"greeting": "Hi"}).as_object().cloned().unwrap_or_default();
    /// let outcome = Eval::new("greetings")
    ///     .parameters(parameters)
    ///     .data([Case::new("Ada")])
    ///     .task(async |name, cx| match cx.parameters().get("greeting") {
    ///         Some(Value::String(greeting)) => format!("{greeting}, {name}"),
    ///         _ => format!("Hello, {name}"),
    ///     })
    ///     .report(Report::Silent)
    ///     .run_without_sending()
    ///     .await?;
    /// assert_eq!(outcome.results[0].output.as_deref().map(String::as_str), Some("Hi, Ada"));
    /// # Ok::<(), tidegate_eval::EvalError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parameters(mut self, parameters: Map<String, Value>) -> Self {
        self.plan.parameters = Arc::new(parameters);
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

    /// Sets how many tasks run at once; 10 by default, at least one. Scorers have a limit of
    /// their own, [`Eval::scorer_concurrency`].
    pub fn max_concurrency(mut self, trials: usize) -> Self {
        self.plan.max_concurrency = trials.max(1);
        self.plan.adaptive = None;
        self
    }

    /// Lets the number of tasks that run at once adapt to what a service allows, between these
    /// two, instead of [`Eval::max_concurrency`]. The last of the two that is called counts.
    ///
    /// It starts with the lower one. While calls come through it doubles per round, and after the
    /// first cut grows by one per round. A call that fails with a retryable
    /// [`TaskError`](crate::TaskError) cuts it to 70 %, once for all calls that began before the
    /// cut; one that names a wait also keeps further cases from starting until then, at most 5
    /// minutes. Set [`Eval::retries`] too: finding the limit takes a few rejected calls.
    /// [`Summary::concurrency`](crate::Summary::concurrency) has what it came to.
    ///
    /// ```
    /// use tidegate_eval::{Case, Eval, Report, TaskError};
    ///
    /// async fn ask(question: u32) -> Result<u32, TaskError> {
    ///     // On a 429: Err(TaskError::retryable("busy").retry_after(wait))
    ///     Ok(question)
    /// }
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let outcome = Eval::new("questions")
    ///     .data((0..100).map(Case::new))
    ///     .try_task(async |question, _cx| ask(*question).await)
    ///     .adaptive_concurrency(4..=64)
    ///     .retries(5)
    ///     .report(Report::Silent)
    ///     .run_without_sending()
    ///     .await?;
    /// assert!(outcome.summary.concurrency.is_some_and(|reached| reached.cuts == 0));
    /// # Ok::<(), tidegate_eval::EvalError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn adaptive_concurrency(mut self, trials: RangeInclusive<usize>) -> Self {
        let min = (*trials.start()).max(1);
        let max = (*trials.end()).max(min);
        self.plan.max_concurrency = max;
        self.plan.adaptive = Some((min, max));
        self
    }

    /// Sets how many scorer calls run at once, at least one. By default as many as the tasks that
    /// may run at once have scorers.
    ///
    /// A task's slot is free for the next case while its scorers run or wait, so a slow judge does
    /// not slow the tasks down; only with 1 000 trials waiting for scorers no further case starts.
    pub fn scorer_concurrency(mut self, calls: usize) -> Self {
        self.plan.scorer_concurrency = Some(calls.max(1));
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

    /// Limits each task, all its tries and the waits between them included, and each scorer call;
    /// none by default. What takes longer is recorded as failed with `timed out after ..`, and the
    /// others go on. Code is ended at its next await; code that never awaits goes on to its end.
    pub fn case_timeout(mut self, timeout: Duration) -> Self {
        self.plan.rules.case_timeout = Some(timeout);
        self
    }

    /// Tries a task this many times more if it fails with a retryable
    /// [`TaskError`](crate::TaskError); never by default. Other errors and panics are not retried.
    ///
    /// The wait before try n + 1 is random, up to 0.5 s doubled n - 1 times and 30 s at most, and
    /// no shorter than the error asks for. It keeps the task's slot, so that a service that asks
    /// for fewer calls gets fewer, and counts as time of the task. The metadata of the trial has
    /// `attempts` if there was more than one.
    ///
    /// ```
    /// use tidegate_eval::{Case, Eval, Report, TaskError};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// static CALLS: AtomicU32 = AtomicU32::new(0);
    /// let outcome = Eval::new("flaky")
    ///     .data([Case::new("Ada")])
    ///     .try_task(async |name, _cx| match CALLS.fetch_add(1, Ordering::Relaxed) {
    ///         0 => Err(TaskError::retryable("busy")),
    ///         _ => Ok(format!("Hello, {name}")),
    ///     })
    ///     .retries(2)
    ///     .report(Report::Silent)
    ///     .run_without_sending()
    ///     .await?;
    /// assert_eq!(outcome.results[0].metadata["attempts"], 2);
    /// # Ok::<(), tidegate_eval::EvalError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retries(mut self, retries: u32) -> Self {
        self.plan.rules.retries = retries;
        self
    }

    /// Starts no further case once this many trials have failed, which the summary says; without
    /// limit by default, at least one. Trials under way end as usual and count.
    pub fn max_errors(mut self, trials: u64) -> Self {
        self.plan.max_errors = Some(trials.max(1));
        self
    }

    /// Stops when this resolves, for example at the first Ctrl-C: no further case starts, those
    /// under way end as usual with their scorers, and everything is recorded and summarized.
    /// [`Summary::stopped`](crate::Summary::stopped) says so, and no gate passes then.
    ///
    /// Only the run waits for it, so it may resolve never; it is dropped at the end. To give up at
    /// once, drop the future of the run instead. A panic of it counts as a wish to stop.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidegate_eval::{Case, Eval, Report};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let outcome = Eval::new("endless")
    ///     .data((0_u64..).map(Case::new))
    ///     .task(async |number, _cx| *number + 1)
    ///     .stop_when(tokio::time::sleep(Duration::from_millis(20)))
    ///     .report(Report::Silent)
    ///     .run_without_sending()
    ///     .await?;
    /// assert!(outcome.summary.stopped);
    /// # Ok::<(), tidegate_eval::EvalError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop_when(mut self, wish: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = Stop::when(wish);
        self
    }

    /// Counts a failed task as this score for each scorer, and a failed scorer as this score of
    /// its own, in 0..=1; by default failures have no score, so that means are of the rest.
    ///
    /// A scorer that returns several scores counts under its own name then, since those of the
    /// scores are not known.
    pub fn error_score(mut self, score: f64) -> Self {
        self.plan.rules.error_score = Some(score);
        self
    }

    /// Keeps what each task records, for its scorers: [`ScorerArgs::trace`] has the span of the task
    /// and all below it, from memory, without a flush or a query; with sending and without. Off by
    /// default, so that runs whose scorers do not look at it pay nothing.
    ///
    /// A trial keeps up to 4 MiB until it is scored; what does not fit is left out, and
    /// [`Trace::is_truncated`] says so. All tries of a task are in it, and what it records after
    /// its end is not. Values are as they are sent, that is, masked.
    ///
    /// ```
    /// use tidegate_client::{Event, Span, SpanOptions};
    /// use tidegate_eval::{Case, Eval, Report};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let outcome = Eval::new("agent")
    ///     .data([Case::new("weather in Berlin"), Case::new("hello")])
    ///     .task(async |request, _cx| {
    ///         if request.contains("weather") {
    ///             let tool = Span::start(SpanOptions::new("forecast").span_type("tool"));
    ///             tool.log(Event::new().input(&*request).output(&"rain"));
    ///         }
    ///         "done"
    ///     })
    ///     .scorer("used_a_tool", |args| match args.trace {
    ///         Some(trace) => Ok(trace.spans_of_type("tool").count() > 0),
    ///         None => Err("the trace is not kept"),
    ///     })
    ///     .keep_trace(true)
    ///     .report(Report::Silent)
    ///     .run_without_sending()
    ///     .await?;
    /// assert_eq!(outcome.summary.comparison.scores["used_a_tool"].score, 0.5);
    /// # Ok::<(), tidegate_eval::EvalError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`ScorerArgs::trace`]: crate::ScorerArgs::trace
    /// [`Trace::is_truncated`]: crate::Trace::is_truncated
    pub fn keep_trace(mut self, keep: bool) -> Self {
        self.plan.rules.keep_trace = keep;
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

    /// Sets how many of the cases whose score fell most are shown with both outputs; 5 by default.
    /// With 0, or without a base, none are looked for. More than 100 are not.
    pub fn worst_regressions(mut self, cases: usize) -> Self {
        self.plan.worst_regressions = cases.min(100);
        self
    }

    /// Sets how intervals and comparisons are made. By default at 95 %, and no difference is so
    /// small that it counts as none: [`Options::same_within`].
    pub fn statistics(mut self, options: Options) -> Self {
        self.plan.statistics = options;
        self
    }

    /// Demands that the mean of a score or metric keeps a limit. The interval decides, not the
    /// mean, so a run of few cases may leave it undecided; see [`Outcome::verdict`]. A name that
    /// no trial has is a failure.
    ///
    /// Scores are fractions (0.9), metrics in their unit (`duration` in seconds).
    ///
    /// ```
    /// use tidegate_eval::statistics::{GateOutcome, Threshold};
    /// use tidegate_eval::{Case, Eval, Report};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let outcome = Eval::new("squares")
    ///     .data((0..200).map(|number| Case::new(number).expected(number * number)))
    ///     .task(async |number, _cx| *number * *number)
    ///     .scorer("exact", |args| args.expected == Some(args.output))
    ///     .gate("exact", Threshold::AtLeast(0.9))
    ///     .report(Report::Silent)
    ///     .run_without_sending()
    ///     .await?;
    /// assert_eq!(outcome.verdict(), GateOutcome::Pass);
    /// # Ok::<(), tidegate_eval::EvalError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// It never passes while trials have failed and so have no score: then it is undecided.
    ///
    /// [`Outcome::verdict`]: crate::Outcome::verdict
    pub fn gate(self, name: impl Into<String>, threshold: Threshold) -> Self {
        self.condition(name, Condition::Threshold(threshold))
    }

    /// Demands that the mean of a score or metric in this run keeps a limit, whatever its interval
    /// says: for a handful of cases that are meant to be all there is, where [`Eval::gate`] would
    /// rightly stay undecided. It says nothing about other cases than these.
    ///
    /// It never passes while trials have failed and so have no score: then it is undecided.
    ///
    /// ```
    /// use tidegate_eval::statistics::{GateOutcome, Threshold};
    /// use tidegate_eval::{Case, Eval, Report};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let outcome = Eval::new("squares")
    ///     .data((0..4).map(|number| Case::new(number).expected(number * number)))
    ///     .task(async |number, _cx| *number * *number)
    ///     .scorer("exact", |args| args.expected == Some(args.output))
    ///     .gate_mean("exact", Threshold::AtLeast(0.9))
    ///     .report(Report::Silent)
    ///     .run_without_sending()
    ///     .await?;
    /// assert_eq!(outcome.verdict(), GateOutcome::Pass);
    /// # Ok::<(), tidegate_eval::EvalError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gate_mean(self, name: impl Into<String>, threshold: Threshold) -> Self {
        self.condition(name, Condition::Mean(threshold))
    }

    /// Demands that a score or metric is no worse than the base's by more than `margin`, in its
    /// unit. It passes if no matched case changed; otherwise with [`Margin::ZERO`] only a sure
    /// improvement does. Without a base it is undecided.
    pub fn no_regression(self, name: impl Into<String>, margin: Margin) -> Self {
        self.condition(name, Condition::NoRegression(margin))
    }

    /// Adds a gate of any kind; a [`Condition`] can be read from text.
    pub fn condition(mut self, name: impl Into<String>, condition: Condition) -> Self {
        self.plan.gates.push(Gate { name: name.into(), condition });
        self
    }

    /// Keeps the result of each trial in a file as soon as it is there, so that the run can be
    /// resumed after a crash, and later runs can take over what has not changed. Off by default.
    ///
    /// Works with any destination and with none. An output that cannot be read back from its JSON
    /// is made again. See [`Cells`].
    pub fn cells(mut self, cells: Cells) -> Self
    where
        O: DeserializeOwned,
    {
        self.decode = Some(|output| serde_json::from_str(output.get()));
        self.plan.cells = Some(cells);
        self
    }

    /// Says which version of the task this is: recorded outputs of another one are not taken over.
    /// By default it is a hash of the running executable, which every change of the program
    /// changes. Say more than the code if more decides, such as the name of a model.
    pub fn task_version(mut self, version: impl Into<String>) -> Self {
        self.plan.task_version = Some(version.into());
        self
    }

    /// Says which version of a scorer this is: it runs again on recorded outputs that another one
    /// has scored. By default it is a hash of the running executable.
    pub fn scorer_version(mut self, scorer: impl Into<String>, version: impl Into<String>) -> Self {
        self.plan.scorer_versions.insert(scorer.into(), version.into());
        self
    }
}
