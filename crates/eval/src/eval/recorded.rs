//! One outcome of all shards of a run, from the experiment that they share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use tidegate_analysis::NameMap;
use tidegate_analysis::comparison::{Trial, trials_by_trace};
use tidegate_client::{ApiError, Client, Experiment, FoundExperiment, Receipt, Select};
use tidegate_model::row::{Row, is_root};
use tidegate_model::wire::objects::Named;

use super::found::{Judged, compared, weighed};
use super::merge::conclude;
use super::run::{Of, finish};
use crate::cells::{CellsError, MergedResult, Whole, whole_run};
use crate::error::EvalError;
use crate::evidence::{self, READ_TIMEOUT, Sources};
use crate::outcome::{CaseResult, Outcome};
use crate::report::{Report, Terminal};
use crate::runner::Ran;

/// As a run looks up by default.
const WORST_REGRESSIONS: usize = 5;

/// Makes one outcome of the shards of a run from the experiment that they have recorded in, with
/// the gates that the run was made with; no record of a shard has to be on this machine. It is
/// compared with the base of the experiment. See [`Cells::shard`](crate::Cells::shard).
///
/// Metrics are those of the rows: durations are those of spans, a little longer than what
/// [`merge`](crate::merge) finds in records. Trials of equal inputs are numbered in the order of
/// the server.
///
/// # Errors
/// [`EvalError::Cells`] if the experiment is not one of shards, one of them is missing or not
/// finished, or it has more or fewer trials than they say; [`EvalError::Unreadable`] if it cannot
/// be read.
pub async fn merge_recorded(
    client: &Client,
    experiment: &FoundExperiment,
    report: Report,
) -> Result<Outcome<Value, Value, Value>, EvalError> {
    let FoundExperiment { id, name, project_id, .. } = experiment;
    let metadata = client.experiment_metadata(id).await.map_err(EvalError::Unreadable)?;
    let whole = whole_run(name, &metadata).map_err(EvalError::Cells)?;
    let project = Named { id: project_id.clone(), name: whole.project().to_owned() };
    let url = client.experiment_url(&project, name).await.map_err(EvalError::Unreadable)?;
    let experiment = Experiment { id: id.clone(), name: name.clone(), project, url };
    let compared = compared(client, &experiment).await.map_err(EvalError::Unreadable)?;
    let base = compared.0.clone();
    let stored = evidence::read(client, id, base.as_ref().map(|base| base.id.as_str())).await;
    let stored = stored.map_err(EvalError::Unreadable)?;
    let roots = roots(client, id).await.map_err(EvalError::Unreadable)?;
    complete(&whole, name, &roots).map_err(EvalError::Cells)?;
    let (results, mut trials) = results(stored.current(), roots);
    trials.sort_by(|one, other| one.case_key.cmp(&other.case_key));
    let mut ran = Ran::empty();
    (ran.results, ran.trials) = (results, trials);
    conclude(&mut ran, &whole);
    let judged = Judged {
        gates: &whole.gates,
        statistics: whole.statistics,
        worst_regressions: WORST_REGRESSIONS,
    };
    let sources = (Sources::Stored(stored), judged);
    let found = weighed(client, &experiment, base.as_ref(), &mut ran, sources).await;
    let of = Of { project: whole.project(), name: None, gates: &whole.gates, sends: false };
    let (receipt, terminal) = (Ok(Receipt::default()), Terminal::new(report));
    finish(of, ran, Some(experiment), receipt, Ok(Some(compared)), found, &terminal)
}

async fn roots(client: &Client, id: &str) -> Result<Vec<Row>, ApiError> {
    let mut pages = client.experiment_pages(id, Select::Roots);
    let mut roots = Vec::new();
    while let Some(rows) = pages.next(READ_TIMEOUT).await? {
        roots.extend(rows.into_iter().filter(is_root));
    }
    Ok(roots)
}

/// Whether the experiment has the trials that the shards say it has.
fn complete(whole: &Whole, experiment: &str, roots: &[Row]) -> Result<(), CellsError> {
    let has_ended = |row: &&Row| row.get("metrics").is_some_and(|m| m.get("end").is_some());
    let ended = roots.iter().filter(has_ended).count() as u64;
    let cells = whole.cells();
    if ended == cells && roots.len() as u64 == cells {
        return Ok(());
    }
    Err(CellsError::Unmergeable(format!(
        "{experiment} has {} trials, {ended} of them finished, and its shards say {cells}; resume \
         the shards, which records what is missing, or start a new run if the data has changed",
        roots.len()
    )))
}

/// The results in the order of the roots, and their trials.
fn results(rows: &[Row], roots: Vec<Row>) -> (Vec<MergedResult>, Vec<Trial>) {
    let mut trials: BTreeMap<String, Trial> = trials_by_trace(rows).into_iter().collect();
    // A score that does not apply is null, which is no figure of a trial.
    let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        let scores = row.get("scores").and_then(Value::as_object);
        let names = scores.into_iter().flat_map(Map::keys).map(String::as_str);
        named.entry(trace(row)).or_default().extend(names);
    }
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let with_trials = roots.into_iter().filter_map(|root| {
        let of = trace(&root).to_owned();
        let trial = trials.remove(&of)?;
        let number = seen.entry(trial.case_key.clone()).or_default();
        let names = named.get(of.as_str()).into_iter().flatten().copied();
        let result = result(root, &trial, names, *number);
        *number += 1;
        Some((result, trial))
    });
    with_trials.unzip()
}

fn trace(row: &Row) -> &str {
    let trace = row.get("root_span_id").or_else(|| row.get("id"));
    trace.and_then(Value::as_str).unwrap_or_default()
}

fn result<'a>(
    mut root: Row,
    trial: &Trial,
    names: impl Iterator<Item = &'a str>,
    number: u32,
) -> MergedResult {
    let mut take = |member: &str| root.remove(member).filter(|value| !value.is_null());
    let mut metadata = match take("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    let mut texts = |member: &str| -> BTreeMap<String, String> { read(metadata.remove(member)) };
    let (scorer_errors, classifier_errors) = (texts("scorer_errors"), texts("classifier_errors"));
    let case_id = metadata.remove("case_id").and_then(|id| Some(id.as_str()?.to_owned()));
    let error = take("error").map(|error| match error {
        Value::String(text) => text,
        other => other.to_string(),
    });
    let scores: NameMap<Option<f64>> =
        names.map(|name| (name, trial.scores.get(name).copied())).collect();
    let mut metrics: BTreeMap<String, f64> =
        trial.metrics.iter().map(|(name, metric)| (name.to_owned(), metric.value)).collect();
    let seconds = metrics.remove("duration").unwrap_or_default();
    CaseResult {
        case_id,
        trial: number,
        input: Arc::new(take("input").unwrap_or_default()),
        expected: take("expected").map(Arc::new),
        output: take("output").map(Arc::new),
        error,
        scores,
        scorer_errors,
        classifications: read(take("classifications")),
        classifier_errors,
        metrics,
        tags: read(take("tags")),
        metadata,
        duration: std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default(),
    }
}

/// What is not of its type counts as absent: rows come from any client.
fn read<T: Default + for<'de> Deserialize<'de>>(value: Option<Value>) -> T {
    value.and_then(|value| T::deserialize(value).ok()).unwrap_or_default()
}
