//! Runs evaluations one after the other, and records them.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tidegate::Connection;
use tidegate_client::Experiment;
use tidegate_client::env::Settings;
use tidegate_eval::{Eval, EvalError, Outcome, Report};

use super::again::{Again, quoted};
use super::cases::{self, Cases, Filter, Stop};
use super::file::Task;
use super::kept::{self, Kept, Runs};
use super::outputs::Outputs;
use super::plan::Evaluation;
use super::report::Reporter;
use super::score::Scorers;
use super::task::Ready as ReadyTask;
use super::{gates, report};
use crate::args::eval::Eval as Arguments;
use crate::destination;
use crate::env::Environment;
use crate::exit::{FAILED, Failure};
use crate::printer::Printer;
use crate::profiles;

/// As many as the library runs at once by default.
const DEFAULT_CONCURRENCY: usize = 10;

/// An evaluation whose programs, models and keys are found.
pub(crate) struct Ready {
    pub(crate) evaluation: Evaluation,
    pub(crate) task: ReadyTask,
    pub(crate) scorers: Scorers,
    pub(crate) max_concurrency: usize,
    /// From as few at once, if that adapts; then `max_concurrency` is the most.
    pub(crate) min_concurrency: Option<usize>,
    pub(crate) trials: u32,
}

/// What became of an evaluation.
pub(crate) struct Done {
    /// What ran, if anything did.
    pub(crate) outcome: Option<Outcome<Value, Value, Value>>,
    /// Why it is no success, beside its gates.
    pub(crate) error: Option<Failure>,
    pub(crate) code: u8,
}

impl Done {
    fn nothing(failure: Failure) -> Self {
        Self { code: failure.code(), outcome: None, error: Some(failure) }
    }
}

/// Makes all of them ready, so that nothing runs if one of them cannot.
pub(crate) fn ready(
    evaluations: Vec<Evaluation>,
    arguments: &Arguments,
    environment: &Environment,
) -> Result<Vec<Ready>, Failure> {
    let ready = evaluations.into_iter().map(|evaluation| {
        let options = &evaluation.file.run;
        let most = arguments.run.max_concurrency.map(|most| most as usize);
        let adaptive = options.adaptive_concurrency.filter(|_| most.is_none());
        let most = most.or(adaptive.map(|(_, most)| most)).or(options.max_concurrency);
        let max_concurrency = most.unwrap_or(DEFAULT_CONCURRENCY);
        let min_concurrency = adaptive.map(|(least, _)| least);
        let trials = arguments.run.trials.or(options.trials).unwrap_or(1);
        let task = ReadyTask::new(&evaluation, environment, max_concurrency)?;
        let scorers = Scorers::new(&evaluation, environment)?;
        Ok(Ready { evaluation, task, scorers, max_concurrency, min_concurrency, trials })
    });
    ready.collect()
}

/// What a command runs in.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) arguments: &'a Arguments,
    pub(crate) environment: &'a Environment,
    pub(crate) again: &'a Again,
    pub(crate) printer: &'a Printer,
}

/// Runs all and reports each; the code is the worst.
pub(crate) async fn all(
    ready: Vec<Ready>,
    runs: Option<Runs>,
    surroundings: Surroundings<'_>,
    filters: &[Filter],
    stop: &Stop,
) -> Result<u8, Failure> {
    let Surroundings { arguments, environment, again, printer } = surroundings;
    // Before anything runs: what cannot be written is known at once, not after hours.
    let outputs = Outputs::open(arguments, environment)?;
    let profiles = profiles(arguments, ready.len())?;
    let kept = begun(runs, ready.len(), surroundings);
    let mut reporter = Reporter::new(&arguments.show, printer, outputs);
    let mut codes = Vec::new();
    let mut reported = Ok(());
    let (mut connection, mut no_connection) = (None, false);
    let mut left = ready.len();
    let mut finished = true;
    for ((ready, kept), profile) in ready.into_iter().zip(kept).zip(profiles) {
        if stop.is_set() {
            break;
        }
        left -= 1;
        let data = &ready.evaluation.file.data;
        let done = match cases::chosen(data, &arguments.choice, filters) {
            Ok(cases) => {
                // Not before there is something to record.
                let connected = match (&connection, arguments.run.no_send_logs) {
                    (None, false) => connect(arguments, environment, printer).map(Some),
                    _ => Ok(None),
                };
                match connected {
                    Ok(new) => {
                        connection = connection.or(new);
                        let cases = cases::counted(cases, data, &arguments.choice, filters);
                        let ran = Running { ready: &ready, kept: kept.as_ref(), profile };
                        one(ran, cases, connection.as_ref(), surroundings, stop).await
                    }
                    Err(failure) => {
                        no_connection = true;
                        Done::nothing(failure)
                    }
                }
            }
            Err(failure) => Done::nothing(failure),
        };
        ready.task.close().await;
        ready.scorers.close().await;
        codes.push(done.code);
        let cells = done.outcome.as_ref().and_then(|outcome| outcome.summary.cells.as_ref());
        finished &= cells.is_none_or(|cells| cells.complete);
        reported = reported.and(reporter.finished(&ready.evaluation, &done));
        if let Some(command) = done.outcome.as_ref().and_then(merge_command) {
            printer.say(format_args!("once all shards are finished: {command}"));
        }
        if arguments.run.terminate_on_failure && done.code != 0 && left > 0 {
            printer.say(format_args!("{left} further evaluations are not run"));
            break;
        }
        // Without a reader there is nobody to run the others for, and without a destination they
        // would all fail alike.
        if reported.is_err() || no_connection {
            break;
        }
    }
    if stop.is_set() {
        codes.push(crate::exit::INTERRUPTED);
    }
    if let Some(connection) = connection {
        connection.close().await;
    }
    let written = reporter.write_files();
    if stop.is_set() && left > 0 || !finished {
        again.say(printer);
    }
    again.set(None);
    reported.and_then(|()| reporter.end()).and(written)?;
    Ok(gates::worst(codes))
}

/// What makes one result of this shard and the others.
fn merge_command(outcome: &Outcome<Value, Value, Value>) -> Option<String> {
    let summary = &outcome.summary;
    let cells = summary.cells.as_ref().filter(|cells| cells.shard.count > 1)?;
    Some(match &summary.experiment {
        Some(Experiment { name, project, .. }) => format!(
            "tidegate merge {} --recorded --project {}",
            quoted(name),
            quoted(&project.name)
        ),
        None => format!("tidegate merge {}", quoted(&cells.run)),
    })
}

/// Says which run this is, so that it can be resumed even if this process is killed.
fn begun(runs: Option<Runs>, count: usize, surroundings: Surroundings<'_>) -> Vec<Option<Kept>> {
    let Surroundings { arguments, again, printer, .. } = surroundings;
    let Some(Runs { name, is_continued, part, kept }) = runs else {
        return (0..count).map(|_| None).collect();
    };
    again.set(Some(&name));
    let directory = arguments.data_dir.path().join("cells");
    let verb = if is_continued { "continues" } else { "is kept" };
    let shard = part.map(|(number, count)| format!(", shard {number}/{count},"));
    let shard = shard.unwrap_or_default();
    printer.say(format_args!("run {name}{shard} {verb} in {}", directory.display()));
    kept.into_iter().map(Some).collect()
}

fn connect(
    arguments: &Arguments,
    environment: &Environment,
    printer: &Printer,
) -> Result<Connection, Failure> {
    let settings = Settings::from_variables(&|name| environment.get(name));
    let settings =
        settings.map_err(|error| Failure::usage(error.into(), "correct or remove the file"))?;
    settings.warnings.iter().for_each(|warning| printer.say(format_args!("warning: {warning}")));
    destination::open(settings, &arguments.data_dir)
}

/// Where the profile of each evaluation goes, if it has one. Before anything runs: see `all`.
fn profiles(arguments: &Arguments, count: usize) -> Result<Vec<Option<PathBuf>>, Failure> {
    let Some(path) = &arguments.show.profile else { return Ok(vec![None; count]) };
    let paths = (1..=count).map(|number| profiles::numbered(path, number, count));
    let checked = paths.map(|path| profiles::check(&path).map(|()| Some(path)));
    checked.collect()
}

/// An evaluation, and what else it writes.
struct Running<'a> {
    ready: &'a Ready,
    kept: Option<&'a Kept>,
    profile: Option<PathBuf>,
}

async fn one(
    running: Running<'_>,
    cases: Cases,
    connection: Option<&Connection>,
    surroundings: Surroundings<'_>,
    stop: &Stop,
) -> Done {
    let Surroundings { arguments, printer, .. } = surroundings;
    let Running { ready, kept, profile } = running;
    let mut eval = built(ready, cases, arguments).stop_when(stop.clone().after(1));
    if let Some(kept) = kept {
        eval = kept.add(eval);
    }
    if let Some(path) = &profile {
        eval = eval.profile(path);
    }
    let result = match connection {
        Some(connection) => Box::pin(eval.run_with(connection.client())).await,
        None => Box::pin(eval.run_without_sending()).await,
    };
    let ran = match &result {
        Ok(_) => true,
        Err(error) => error.has_outcome(),
    };
    if let Some(path) = profile.filter(|_| ran) {
        printer.say(format_args!("profile written to {}", path.display()));
    }
    match result {
        Ok(outcome) => {
            let base = base(&outcome, arguments, connection).await;
            if let Some(missing) = missing_baseline(&outcome, base.as_deref(), arguments) {
                return Done { outcome: Some(outcome), error: Some(missing), code: FAILED };
            }
            let code = gates::code(&outcome, arguments.run.undecided);
            let failure = gates::failure(&outcome);
            let error =
                failure.map(|why| Failure::failed(anyhow::Error::msg(why), report::hint(&outcome)));
            Done { outcome: Some(outcome), error, code }
        }
        Err(error) => failed(error),
    }
}

/// The name of the experiment that this one is compared with. A shard is not, but the whole run
/// will be.
async fn base(
    outcome: &Outcome<Value, Value, Value>,
    arguments: &Arguments,
    connection: Option<&Connection>,
) -> Option<String> {
    let summary = &outcome.summary;
    if summary.base.is_some() || !gates::is_shard(outcome) || arguments.run.baseline.is_none() {
        return summary.base.as_ref().map(|base| base.name.clone());
    }
    let base = connection?.client().base_experiment(&summary.experiment.as_ref()?.id).await;
    base.ok().flatten().map(|base| base.name)
}

/// A server does not mind a base that it does not know; whoever named one does.
fn missing_baseline(
    outcome: &Outcome<Value, Value, Value>,
    base: Option<&str>,
    arguments: &Arguments,
) -> Option<Failure> {
    let wanted = arguments.run.baseline.as_ref()?;
    if base.is_some_and(|base| base == wanted) {
        return None;
    }
    let project = &outcome.summary.project;
    let error =
        anyhow::anyhow!("the project {project:?} has no experiment {wanted:?} to compare with");
    Some(Failure::failed(error, "the run is recorded; name an earlier experiment with --baseline"))
}

/// With what was finished before the error.
fn failed(error: EvalError) -> Done {
    if let EvalError::Cells(error) = &error {
        let failure = kept::failure(error);
        return Done::nothing(failure);
    }
    let hint = error.hint();
    let chain =
        std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let message = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let outcome = error.into_outcome();
    let error = Failure::failed(anyhow::Error::msg(message), hint);
    Done { outcome, error: Some(error), code: FAILED }
}

fn built(ready: &Ready, cases: Cases, arguments: &Arguments) -> Eval<Value, Value, Value> {
    let Evaluation { file, parameters, task, experiment } = &ready.evaluation;
    let retries = match task {
        Task::Program(_, retries) | Task::Http(_, retries) => *retries,
        Task::Chat(chat) => chat.retries,
    };
    let call = Arc::new(ready.task.clone());
    let mut eval = Eval::new(&file.project)
        .data(cases)
        .try_task(move |input: Arc<Value>, cx| async move { call.call(&input, &cx).await });
    eval = gates::add(ready.scorers.add(eval), &file.gates)
        .retries(retries)
        .max_concurrency(ready.max_concurrency)
        .trials(ready.trials)
        .parameters(parameters.clone())
        .metadata(file.metadata.clone())
        .tags(file.tags.iter().cloned())
        .update(arguments.run.update);
    if let Some(name) = experiment {
        eval = eval.experiment_name(name);
    }
    if let Some(description) = &file.description {
        eval = eval.description(description);
    }
    if let Some(baseline) = &arguments.run.baseline {
        eval = eval.base_experiment(baseline);
    }
    if let Some(least) = ready.min_concurrency {
        eval = eval.adaptive_concurrency(least..=ready.max_concurrency);
    }
    if let Some(calls) = file.run.scorer_concurrency {
        eval = eval.scorer_concurrency(calls);
    }
    if let Some(timeout) = file.run.timeout {
        eval = eval.timeout(timeout);
    }
    if let Some(timeout) = file.run.case_timeout {
        eval = eval.case_timeout(timeout);
    }
    if let Some(most) = file.run.max_errors {
        eval = eval.max_errors(most);
    }
    if let Some(score) = file.run.error_score {
        eval = eval.error_score(score);
    }
    let for_machines = arguments.show.json || arguments.show.jsonl;
    eval.report(if for_machines { Report::Progress } else { Report::Terminal })
}
