//! Running an evaluation, and what is made of its results.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tidegate_analysis::comparison::compare;
use tidegate_client::{ApiError, Client, Experiment, FlushError, Profiling, Receipt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::found::{Compared, Found, Judged, alone, compared, found};
use super::joined::{joined, marked, registration};
use super::kept::{abandoned, begun, opened};
use super::{Eval, Plan, profile};
use crate::adaptive::Adaptive;
use crate::blocking::block_on;
use crate::cells::{Cells, Session};
use crate::context::Mistyped;
use crate::data::Source;
use crate::error::{EvalError, Finished};
use crate::evidence::{self, Sources};
use crate::gate::{self, Gate};
use crate::outcome::{CaseResult, Outcome, Summary};
use crate::report::{Progress, Terminal};
use crate::runner::{self, Limits, Ran};
use crate::trial::Shared;

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
        // Boxed, since the future of a whole run would weigh on its caller's.
        Box::pin(self.recorded(client)).await
    }

    async fn recorded(self, client: &Client) -> Result<Outcome<I, O, E>, EvalError> {
        let mut this = self;
        let plan = this.check()?;
        // Before anything is made on the server.
        let profile = profile::opened(&plan)?;
        let source = this.source.take().expect("checked");
        let source = source.found(client, &plan.project).await.map_err(EvalError::NoData)?;
        let (planned, mut options) = (source.count(), plan.experiment.clone());
        let source = source.pinned(&mut options).await.map_err(EvalError::NoData)?;
        let session = opened(this.facts()).await?;
        let options = registration(options, &plan, planned, session.as_deref());
        let experiment = match client.register_experiment(options).await {
            Ok(experiment) => experiment,
            Err(error) => {
                abandoned(session).await;
                return Err(EvalError::Register(error));
            }
        };
        let shard = session.clone().filter(|session| session.shared().is_some());
        if let Some(session) = &session {
            if let Err(error) = joined(session, client, &experiment).await {
                abandoned(Some(Arc::clone(session))).await;
                return Err(error);
            }
            begun(session, Some((client, &experiment))).await?;
        }
        let record = Some((client.clone(), Arc::new(experiment.destination())));
        match source.based(client, &experiment.id, &plan.project).await {
            Ok(source) => this.source = Some(source),
            Err(error) => return Err(EvalError::NoData(error)),
        }
        let profiling = profile::begun(profile, client, &experiment, &plan)?;
        let (mut ran, terminal) =
            this.go(record, Some(&experiment), session, profiling.as_ref()).await?;
        let flushed = client.flush(plan.flush_timeout).await;
        let profiled = profile::ended(profiling, client, &experiment, &plan).await;
        ran.analyse().await;
        let compared = match (&flushed, &shard) {
            (Ok(_), None) => compared(client, &experiment).await.map(Some),
            // The experiment is of other shards as well, whose figures are not those of this one.
            (Ok(_), Some(_)) => Ok(None),
            // The server has not got everything, so its figures would be of a part.
            (Err(_), _) => Ok(None),
        };
        let mut found = match &shard {
            None => {
                let base = compared.as_ref().ok().and_then(Option::as_ref);
                let base = base.and_then(|(base, _)| base.as_ref());
                let judged = Judged::plan(&plan);
                Box::pin(found(client, &experiment, base, &mut ran, judged)).await
            }
            Some(_) => alone(&mut ran, &plan).await,
        };
        found.evidence.warnings.extend(profiled);
        let of = Of::plan(&plan);
        let outcome =
            finish(of, ran, Some(experiment.clone()), flushed, compared, found, &terminal)?;
        match shard {
            Some(session) => marked(&session, client, &experiment, outcome).await,
            None => Ok(outcome),
        }
    }

    /// As [`Eval::run_with`], blocking the calling thread; for programs that are not async.
    ///
    /// The run has a runtime of its own, so this works inside of another one too, whose thread
    /// it blocks.
    ///
    /// # Errors
    /// As [`Eval::run_with`], and [`EvalError::Thread`].
    pub fn run_blocking_with(self, client: &Client) -> Result<Outcome<I, O, E>, EvalError> {
        block_on(self.run_with(client)).map_err(EvalError::Thread)?
    }

    /// Runs without recording anything anywhere; the summary is computed here.
    ///
    /// # Errors
    /// [`EvalError`] if the run could not start or the data broke off.
    pub async fn run_without_sending(self) -> Result<Outcome<I, O, E>, EvalError> {
        let plan = self.check()?;
        if self.source.as_ref().is_some_and(Source::needs_client) {
            let problem = "takes the cases of an experiment, which needs a client: use `run_with`";
            return Err(EvalError::Incomplete { project: plan.project, problem });
        }
        if plan.profile.is_some() {
            let problem = "asks for a profile, which a client records: use `run_with`";
            return Err(EvalError::Incomplete { project: plan.project, problem });
        }
        let session = opened(self.facts()).await?;
        if let Some(session) = &session {
            begun(session, None).await?;
        }
        let (mut ran, terminal) = Box::pin(self.go(None, None, session, None)).await?;
        ran.analyse().await;
        let sources = Sources::Unrecorded;
        let (trials, evidence) = evidence::weigh(ran.trials, sources, plan.statistics, 0).await;
        ran.trials = trials;
        let found = Found { evidence, regressions: Vec::new() };
        let of = Of::plan(&plan);
        finish(of, ran, None, Ok(Receipt::default()), Ok(None), found, &terminal)
    }

    fn check(&self) -> Result<Plan, EvalError> {
        let project = self.plan.project.clone();
        let problem = if self.source.is_none() {
            "has no data: call `data` first"
        } else if self.task.is_none() {
            "has no task: call `task` or `try_task`"
        } else if std::any::type_name::<O>().starts_with("core::result::Result<") {
            "has a task that returns a Result: use `try_task`, so that errors are recorded as such"
        } else if self.plan.rules.error_score.is_some_and(|score| !(0.0..=1.0).contains(&score)) {
            "has an error score outside of 0..=1"
        } else {
            return Ok(self.plan.clone());
        };
        Err(EvalError::Incomplete { project, problem })
    }

    async fn go(
        self,
        record: Option<(Client, Arc<tidegate_model::Destination>)>,
        experiment: Option<&Experiment>,
        session: Option<Arc<Session>>,
        profiling: Option<&Profiling>,
    ) -> Result<(Ran<I, O, E>, Terminal), EvalError> {
        let Self { source, task, scorers, classifiers, run_scorers, stop, decode, plan } = self;
        let (Some(source), Some(task)) = (source, task) else {
            unreachable!("checked before the run starts");
        };
        let terminal = Terminal::new(plan.report);
        let sending = record.is_some();
        let cancel = Arc::new(CancellationToken::new());
        let mistyped = Arc::new(Mistyped::of::<E>());
        let graders = (scorers.len() + classifiers.len()).max(1);
        let calls = plan.max_concurrency.saturating_mul(graders);
        let calls = plan.scorer_concurrency.unwrap_or(calls).min(Semaphore::MAX_PERMITS);
        let shared = Shared {
            task,
            scorers,
            classifiers,
            parameters: plan.parameters,
            record,
            cancel,
            scorer_slots: Semaphore::new(calls),
            adaptive: plan.adaptive.map(|(min, max)| Arc::new(Adaptive::new(min, max))),
            rules: plan.rules,
            cells: session.clone().zip(decode),
            mistyped: Arc::clone(&mistyped),
        };
        let cases = match source.start() {
            Ok(cases) => cases,
            Err(error) => {
                let nothing = Ran::failed(error);
                return Ok((nothing, terminal));
            }
        };
        let count = cases.count().map(|count| count * u64::from(plan.trials));
        let wanted = plan.experiment.wanted_name().unwrap_or(&plan.project);
        let name = experiment.map_or(wanted, |experiment| &experiment.name);
        let progress = Arc::new(Progress::start(&terminal, name, count, sending));
        let limits = Limits {
            max_concurrency: plan.max_concurrency.min(Semaphore::MAX_PERMITS),
            trials: plan.trials,
            timeout: plan.timeout,
            max_errors: plan.max_errors,
        };
        let progressing = Arc::clone(&progress);
        let mut ran = runner::run(Arc::new(shared), cases, limits, stop, progressing).await;
        if let Some(profiling) = profiling {
            profiling.produced();
        }
        progress.end();
        ran.task_warning = mistyped.warning();
        if let Some(session) = session {
            ran.cell_warnings = session.warnings();
            ran.cells = Some(session.end(ran.duration).await);
        }
        ran.score(run_scorers).await;
        Ok((ran, terminal))
    }
}

/// What a summary says of the evaluation itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) project: &'a str,
    /// Wanted for the experiment.
    pub(super) name: Option<&'a str>,
    pub(super) gates: &'a [Gate],
    /// Whether it may send rows; a merge does not.
    pub(super) sends: bool,
}

impl<'a> Of<'a> {
    fn plan(plan: &'a Plan) -> Self {
        let Plan { project, experiment, gates, cells, .. } = plan;
        // Gates are about the whole run.
        let is_shard = cells.as_ref().is_some_and(Cells::is_shard);
        let gates = if is_shard { &[] } else { &gates[..] };
        Self { project, name: experiment.wanted_name(), gates, sends: true }
    }
}

/// Makes the outcome and prints its table.
pub(super) fn finish<I, O, E>(
    of: Of<'_>,
    ran: Ran<I, O, E>,
    experiment: Option<Experiment>,
    flushed: Result<Receipt, FlushError>,
    compared: Result<Option<Compared>, ApiError>,
    found: Found,
    terminal: &Terminal,
) -> Result<Outcome<I, O, E>, EvalError>
where
    I: Send + Sync + 'static,
    O: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    let Found { evidence, regressions } = found;
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
    let mut warnings = evidence.warnings;
    warnings.extend(ran.task_warning);
    warnings.extend(ran.run_scorer_errors);
    warnings.extend(ran.cell_warnings);
    let (cells, not_kept) = match ran.cells.transpose() {
        Ok(cells) => (cells, None),
        Err(error) => (None, Some(error)),
    };
    let unscored = unscored(&ran.results);
    let classifier_errors: usize =
        ran.results.iter().map(|result| result.classifier_errors.len()).sum();
    let summary = Summary {
        project: experiment
            .as_ref()
            .map_or_else(|| of.project.to_owned(), |e| e.project.name.clone()),
        wanted_name: of.name.map(str::to_owned),
        experiment,
        base,
        comparison,
        estimates: evidence.estimates,
        metric_estimates: evidence.metric_estimates,
        comparisons: evidence.comparisons,
        metric_comparisons: evidence.metric_comparisons,
        worst_regressions: regressions,
        warnings,
        run_scores: ran.run_scores,
        classifications: classified(&ran.results),
        unscored,
        trials: ran.results.len() as u64,
        task_errors: task_errors as u64,
        scorer_errors: scorer_errors as u64,
        classifier_errors: classifier_errors as u64,
        timed_out: ran.timed_out,
        too_many_errors: ran.too_many_errors,
        stopped: ran.stopped,
        concurrency: ran.concurrency,
        cells,
        duration: ran.duration,
        cpu: ran.cpu,
    };
    let gates = gate::judge(of.gates, &summary);
    let outcome = Outcome { results: ran.results, summary, gates, receipt };
    let receipt = of.sends.then_some(&outcome.receipt);
    terminal.summary(&outcome.summary, &outcome.gates, receipt);
    if let Some(source) = ran.data_error {
        return Err(EvalError::Data { source, finished: Finished::new(outcome) });
    }
    if let Some(source) = not_kept {
        return Err(EvalError::NotKept { source, finished: Finished::new(outcome) });
    }
    if let Err(source) = flushed {
        return Err(EvalError::NotRecorded { source, finished: Finished::new(outcome) });
    }
    if let Some(source) = no_summary {
        return Err(EvalError::NoSummary { source, finished: Finished::new(outcome) });
    }
    Ok(outcome)
}

/// Trials per class, by classifier.
fn classified<I, O, E>(results: &[CaseResult<I, O, E>]) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for (name, classes) in results.iter().flat_map(|result| &result.classifications) {
        let counts = counts.entry(name.clone()).or_default();
        for class in classes {
            *counts.entry(class.id().to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Scorers that no trial has a number of.
fn unscored<I, O, E>(results: &[CaseResult<I, O, E>]) -> Vec<String> {
    let mut scored: BTreeMap<&str, bool> = BTreeMap::new();
    for result in results {
        for (name, score) in &result.scores {
            *scored.entry(name).or_default() |= score.is_some();
        }
        for name in result.scorer_errors.keys() {
            scored.entry(name).or_default();
        }
    }
    let unscored = scored.into_iter().filter(|(_, scored)| !scored);
    unscored.map(|(name, _)| name.to_owned()).collect()
}
