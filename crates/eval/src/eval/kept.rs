//! Runs whose results are kept: opening the records, and what the server has of a run already.

use std::sync::Arc;
use std::time::Duration;

use tidegate_client::{Client, Experiment};

use super::{Eval, Plan};
use crate::cells::{CLASSES, Cells, Facts, SCORE, Session};
use crate::error::EvalError;
use crate::evidence;

/// For delivering what the process left that a run is resumed from.
const SPOOL_TIMEOUT: Duration = Duration::from_secs(60);

/// Opens the records of a run and of those that it takes over from.
pub(super) async fn opened(
    facts: Option<(Cells, Facts)>,
) -> Result<Option<Arc<Session>>, EvalError> {
    let Some((cells, facts)) = facts else { return Ok(None) };
    let opened = tokio::task::spawn_blocking(move || Session::open(&cells, facts)).await;
    let opened = opened.expect("it does not panic, and nobody aborts it");
    Ok(Some(Arc::new(opened.map_err(EvalError::Cells)?)))
}

/// Reads off the server which rows of an interrupted run it has, and writes down what the run is.
pub(super) async fn begun(
    session: &Arc<Session>,
    recorded: Option<(&Client, &Experiment)>,
) -> Result<(), EvalError> {
    if let Some((client, experiment)) = recorded
        && session.is_resumed()
    {
        // Rows in the spool, of cells that were cut off, must not replace those made from now on.
        if !client.earlier_settled(SPOOL_TIMEOUT).await {
            session.warn(format!(
                "rows that the interrupted process left in the spool are still on their way after \
                 {SPOOL_TIMEOUT:?}, and may replace newer ones"
            ));
        }
        if let Ok(rows) = evidence::rows_with_end(client, &experiment.id).await {
            session.uploaded(rows);
        }
    }
    let experiment = recorded.map(|(_, experiment)| experiment.clone());
    let begun = {
        let session = Arc::clone(session);
        tokio::task::spawn_blocking(move || session.begin(experiment.as_ref())).await
    };
    begun.expect("it does not panic, and nobody aborts it").map_err(EvalError::Cells)
}

pub(super) async fn abandoned(session: Option<Arc<Session>>) {
    if let Some(session) = session {
        let abandoned = tokio::task::spawn_blocking(move || session.abandon()).await;
        abandoned.expect("it does not panic, and nobody aborts it");
    }
}

impl<I, O, E> Eval<I, O, E> {
    /// What the records of this run say of it.
    pub(super) fn facts(&self) -> Option<(Cells, Facts)> {
        let Plan { project, task_version, scorer_versions, trials, rules, .. } = &self.plan;
        let version =
            |kind: &str, name: &str| (format!("{kind} {name}"), scorer_versions.get(name).cloned());
        let scorers = self.scorers.iter().map(|scorer| version(SCORE, &scorer.name));
        let classifiers = self.classifiers.iter();
        let classifiers = classifiers.map(|classifier| version(CLASSES, &classifier.name));
        let facts = Facts {
            project: project.clone(),
            task_version: task_version.clone(),
            parameters: Arc::clone(&self.plan.parameters),
            scorers: scorers.chain(classifiers).collect(),
            run_scorers: self.run_scorers.iter().map(|scorer| scorer.name.clone()).collect(),
            trials: *trials,
            error_score: rules.error_score,
            gates: self.plan.gates.clone(),
            statistics: self.plan.statistics,
        };
        Some((self.plan.cells.clone()?, facts))
    }
}
