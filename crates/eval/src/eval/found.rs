//! What is made of the rows of a run and of its base, once they are on the server.

use tidegate_analysis::statistics::Options;
use tidegate_client::{ApiError, Client, Experiment};
use tidegate_model::wire::objects::Named;
use tidegate_model::wire::summary::ExperimentComparison;

use super::Plan;
use crate::evidence::{self, Evidence, Sources};
use crate::gate::Gate;
use crate::report::ChangedCase;
use crate::runner::Ran;

/// What a summary has beside the plain figures.
pub(super) struct Found {
    pub(super) evidence: Evidence,
    pub(super) regressions: Vec<ChangedCase>,
}

/// The base, and the figures as the server has them.
pub(super) type Compared = (Option<Named>, ExperimentComparison);

/// By what a run is judged.
pub(super) struct Judged<'a> {
    pub(super) gates: &'a [Gate],
    pub(super) statistics: Options,
    /// How many of the cases that fell most are looked up.
    pub(super) worst_regressions: usize,
}

impl<'a> Judged<'a> {
    pub(super) fn plan(plan: &'a Plan) -> Self {
        let Plan { gates, statistics, worst_regressions, .. } = plan;
        Self { gates, statistics: *statistics, worst_regressions: *worst_regressions }
    }
}

pub(super) async fn compared(
    client: &Client,
    experiment: &Experiment,
) -> Result<Compared, ApiError> {
    let base = client.base_experiment(&experiment.id).await?;
    let base_id = base.as_ref().map(|base| base.id.as_str());
    let comparison = client.experiment_comparison(&experiment.id, base_id).await?;
    Ok((base, comparison))
}

/// Weighs the trials of a part of a run, without those of the others.
pub(super) async fn alone<I, O, E>(ran: &mut Ran<I, O, E>, plan: &Plan) -> Found {
    let trials = std::mem::take(&mut ran.trials);
    let (trials, evidence) = evidence::weigh(trials, Sources::Unrecorded, plan.statistics, 0).await;
    ran.trials = trials;
    Found { evidence, regressions: Vec::new() }
}

/// Weighs the trials, as the server returns them where it is worth reading them back.
pub(super) async fn found<I, O, E>(
    client: &Client,
    experiment: &Experiment,
    base: Option<&Named>,
    ran: &mut Ran<I, O, E>,
    judged: Judged<'_>,
) -> Found {
    // The intervals of metrics need the rows, which without a base only a gate is worth.
    let scored = |gate: &Gate| ran.trials.iter().any(|t| t.scores.contains_key(&gate.name));
    let needs_rows = judged.gates.iter().any(|gate| !scored(gate));
    let (sources, warning) = sources(client, experiment, base, needs_rows).await;
    let mut found = weighed(client, experiment, base, ran, (sources, judged)).await;
    found.evidence.warnings.extend(warning);
    found
}

/// The same with rows that are read already.
pub(super) async fn weighed<I, O, E>(
    client: &Client,
    experiment: &Experiment,
    base: Option<&Named>,
    ran: &mut Ran<I, O, E>,
    (sources, judged): (Sources, Judged<'_>),
) -> Found {
    let (trials, most) = (std::mem::take(&mut ran.trials), judged.worst_regressions);
    let (trials, mut evidence) = evidence::weigh(trials, sources, judged.statistics, most).await;
    ran.trials = trials;
    let changes = std::mem::take(&mut evidence.regressions);
    let mut regressions = Vec::new();
    if let Some(base) = base.filter(|_| !changes.is_empty()) {
        match evidence::changed_cases(client, &experiment.id, &base.id, changes).await {
            Ok(cases) => regressions = cases,
            Err(error) => {
                evidence.warnings.push(format!("the worst regressions are not known: {error}"));
            }
        }
    }
    Found { evidence, regressions }
}

/// Reads both runs back if there are two. The run is recorded and has its figures already, so a
/// failure here costs the comparison and is said, but fails nothing.
async fn sources(
    client: &Client,
    experiment: &Experiment,
    base: Option<&Named>,
    needs_rows: bool,
) -> (Sources, Option<String>) {
    if base.is_none() && !needs_rows {
        return (Sources::Alone, None);
    }
    match evidence::read(client, &experiment.id, base.map(|base| base.id.as_str())).await {
        Ok(stored) => (Sources::Stored(stored), None),
        Err(error) => {
            let what = base.map_or_else(
                || "metrics have no intervals".to_owned(),
                |base| format!("compared with {} without statistics", base.name),
            );
            (Sources::Alone, Some(format!("{what}: {error}")))
        }
    }
}
