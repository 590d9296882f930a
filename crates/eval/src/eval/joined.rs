//! How a run is registered, and how the shards of one share an experiment.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_client::{Client, Experiment, ExperimentOptions};

use super::Plan;
use crate::cells::{MEMBER, Session};
use crate::error::{EvalError, Finished};
use crate::outcome::Outcome;

/// What the experiment is registered with, given the number of its cases where that is known: a
/// page can then say how far the run is. That it has ended is seen by the number of its trials, and
/// that it died by when it last wrote, so there is nothing to take back.
///
/// A run that is resumed continues its experiment. Shards ask for one name with `update`, so that
/// the server makes the experiment for the first one, and all others get the same.
pub(super) fn registration(
    options: ExperimentOptions,
    plan: &Plan,
    cases: Option<u64>,
    session: Option<&Session>,
) -> ExperimentOptions {
    let mut metadata = plan.metadata.clone();
    if let Some(cases) = cases.filter(|_| !metadata.contains_key(MEMBER)) {
        let planned = cases.saturating_mul(plan.trials.into());
        metadata.insert(MEMBER.to_owned(), json!({ "planned_trials": planned }));
    }
    if !plan.parameters.is_empty() {
        metadata.insert("parameters".to_owned(), Value::Object((*plan.parameters).clone()));
    }
    let shared = session.and_then(Session::shared);
    if let Some(shared) = &shared {
        shared.describe(&mut metadata);
    }
    let name = match shared {
        Some(shared) => Some(shared.experiment(options.wanted_name())),
        None => session.and_then(Session::experiment),
    };
    let options = match name {
        Some(name) => options.name(name).update(true),
        None => options,
    };
    match metadata.is_empty() {
        true => options,
        false => options.metadata(metadata),
    }
}

/// Makes sure that the experiment is of this run if it is one of shards, and says there that the
/// shard has begun.
pub(super) async fn joined(
    session: &Session,
    client: &Client,
    experiment: &Experiment,
) -> Result<(), EvalError> {
    let Some(shared) = session.shared() else { return Ok(()) };
    let metadata = client.experiment_metadata(&experiment.id).await;
    let metadata = metadata.map_err(EvalError::Register)?;
    shared.check(&experiment.name, &metadata).map_err(EvalError::Cells)?;
    let begun = client.merge_experiment_metadata(&experiment.id, shared.begun()).await;
    begun.map(drop).map_err(EvalError::Register)
}

/// Says in the experiment how far the shard got, now that all of its rows are stored.
pub(super) async fn marked<I, O, E>(
    session: &Arc<Session>,
    client: &Client,
    experiment: &Experiment,
    outcome: Outcome<I, O, E>,
) -> Result<Outcome<I, O, E>, EvalError>
where
    I: Send + Sync + 'static,
    O: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    let Some(state) = session.ended_state() else { return Ok(outcome) };
    match client.merge_experiment_metadata(&experiment.id, state).await {
        Ok(_) => Ok(outcome),
        Err(source) => Err(EvalError::NotMarked { source, finished: Finished::new(outcome) }),
    }
}
