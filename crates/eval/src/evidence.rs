//! How sure the figures of a run are, and whether it differs from its base.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tidegate_analysis::comparison::{Trial, trials_by_trace};
use tidegate_analysis::statistics::{
    Estimate, Options, PairedComparison, compare_metrics, compare_scores, summarize,
    summarize_metrics,
};
use tidegate_client::{ApiError, Client};
use tidegate_model::row::Row;

use crate::report::{Change, ChangedCase, Which, largest_changes};

/// For reading both runs back. A comparison is worth waiting for, but no run hangs on it.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// By name: what is added to the plain figures of a summary.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) estimates: BTreeMap<String, Estimate>,
    pub(crate) metric_estimates: BTreeMap<String, Estimate>,
    pub(crate) comparisons: BTreeMap<String, PairedComparison>,
    pub(crate) metric_comparisons: BTreeMap<String, PairedComparison>,
    pub(crate) regressions: Vec<Change>,
    pub(crate) warnings: Vec<String>,
}

/// The rows of a run and of its base, if it has one, as the server has them.
#[derive(Debug)]
pub(crate) struct Stored {
    current: Vec<Row>,
    base: Option<Vec<Row>>,
}

impl Stored {
    /// Of the run itself.
    pub(crate) fn current(&self) -> &[Row] {
        &self.current
    }
}

/// Reads the runs back. The current one too: what a mask has changed matches only what it has
/// changed in the base, and durations are those of the spans on both sides.
pub(crate) async fn read(
    client: &Client,
    id: &str,
    base: Option<&str>,
) -> Result<Stored, ApiError> {
    let base = async {
        match base {
            Some(base) => client.experiment_outline(base, READ_TIMEOUT).await.map(Some),
            None => Ok(None),
        }
    };
    let (current, base) = tokio::try_join!(client.experiment_outline(id, READ_TIMEOUT), base)?;
    Ok(Stored { current, base })
}

/// Reads what came out in the cases that changed most: of all rows of both runs only those of these
/// cases are kept.
pub(crate) async fn changed_cases(
    client: &Client,
    id: &str,
    base: &str,
    changes: Vec<Change>,
) -> Result<Vec<ChangedCase>, ApiError> {
    let now = changes.iter().map(|change| change.trace.clone()).collect();
    let before = changes.iter().map(|change| change.base_trace.clone()).collect();
    let (now, before) = tokio::try_join!(
        client.experiment_roots(id, now, READ_TIMEOUT),
        client.experiment_roots(base, before, READ_TIMEOUT),
    )?;
    let find = |rows: &[Row], trace: &str| -> Row {
        let of = |row: &&Row| row.get("root_span_id").or(row.get("id")).is_some_and(|t| t == trace);
        rows.iter().find(of).cloned().unwrap_or_default()
    };
    let with_texts = changes.into_iter().map(|change| {
        let (row, base_row) = (find(&now, &change.trace), find(&before, &change.base_trace));
        change.with(&row, &base_row)
    });
    Ok(with_texts.collect())
}

/// Where a row that has one stands: the ids of its trace and of its span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) trace: String,
    pub(crate) span: String,
}

/// The rows of an experiment whose spans have ended, by id.
pub(crate) async fn rows_with_end(
    client: &Client,
    id: &str,
) -> Result<HashMap<String, Spot>, ApiError> {
    let rows = client.experiment_outline(id, READ_TIMEOUT).await?;
    let has_ended = |row: &Row| row.get("metrics").and_then(|m| m.get("end")).is_some();
    let spot = |row: Row| {
        let text = |member: &str| Some(row.get(member)?.as_str()?.to_owned());
        Some((text("id")?, Spot { trace: text("root_span_id")?, span: text("span_id")? }))
    };
    Ok(rows.into_iter().filter(has_ended).filter_map(spot).collect())
}

/// What the figures are made of, beside the trials that ran.
pub(crate) enum Sources {
    /// Nothing was recorded: the trials are all there is.
    Unrecorded,
    /// Recorded, and nothing was read back.
    Alone,
    /// Recorded and read back.
    Stored(Stored),
}

/// Makes the figures on a thread of its own: ten thousand permutations of thousands of cases
/// take longer than an async thread may be held. The trials come back unchanged.
pub(crate) async fn weigh(
    trials: Vec<Trial>,
    sources: Sources,
    options: Options,
    worst_regressions: usize,
) -> (Vec<Trial>, Evidence) {
    let weighing = tokio::task::spawn_blocking(move || {
        let evidence = weighed(&trials, &sources, &options, worst_regressions);
        (trials, evidence)
    });
    weighing.await.expect("statistics do not panic, and nobody aborts them")
}

fn weighed(
    trials: &[Trial],
    sources: &Sources,
    options: &Options,
    worst_regressions: usize,
) -> Evidence {
    let mut evidence = Evidence::default();
    match sources {
        Sources::Unrecorded => {
            evidence.estimates = summarize(trials, options.level);
            evidence.metric_estimates = summarize_metrics(trials, options.level);
        }
        // The server's durations are those of spans, a little longer than what is measured here:
        // an interval around one says nothing about the other.
        Sources::Alone => evidence.estimates = summarize(trials, options.level),
        Sources::Stored(stored) => {
            let current = trials_by_trace(&stored.current);
            let base = stored.base.as_ref().map(trials_by_trace);
            if let Some(base) = base.as_ref().filter(|_| worst_regressions > 0) {
                let which = Which::WorstRegressions;
                evidence.regressions = largest_changes(&current, base, which, worst_regressions);
            }
            let plain = |trials: Vec<(String, Trial)>| -> Vec<Trial> {
                trials.into_iter().map(|(_, trial)| trial).collect()
            };
            let (current, base) = (plain(current), base.map(plain));
            let is_complete = current.len() >= trials.len();
            let now = if is_complete { &current[..] } else { trials };
            evidence.estimates = summarize(now, options.level);
            if let Some(base) = &base {
                evidence.comparisons = compare_scores(now, base, options);
            }
            if is_complete {
                evidence.metric_estimates = summarize_metrics(now, options.level);
                if let Some(base) = &base {
                    evidence.metric_comparisons = compare_metrics(now, base, options);
                }
            } else {
                evidence.warnings.push(format!(
                    "metrics have no statistics: the server returns {} of {} trials",
                    current.len(),
                    trials.len()
                ));
            }
        }
    }
    evidence
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trial(case: usize, score: f64) -> Trial {
        Trial {
            case_key: case.to_string(),
            scores: [("s".to_owned(), score)].into(),
            ..Trial::default()
        }
    }

    fn row(case: usize, score: f64) -> Row {
        let row = json!({"id": case.to_string(), "span_id": case.to_string(), "input": case,
            "root_span_id": case.to_string(), "scores": {"s": score},
            "metrics": {"start": 1.0, "end": 2.0}});
        row.as_object().expect("an object").clone()
    }

    #[test]
    fn a_server_that_lags_behind_changes_no_score_and_is_said() {
        let trials: Vec<_> = (0..20).map(|case| trial(case, 1.0)).collect();
        let base: Vec<_> = (0..20).map(|case| row(case, 0.0)).collect();
        let current: Vec<_> = (0..19).map(|case| row(case, 1.0)).collect();
        let sources = Sources::Stored(Stored { current, base: Some(base) });
        let evidence = weighed(&trials, &sources, &Options::default(), 5);
        assert_eq!(evidence.comparisons["s"].improved_cases, 20);
        assert!(evidence.metric_comparisons.is_empty());
        assert!(evidence.warnings[0].contains("19 of 20 trials"), "{:?}", evidence.warnings);
    }
}
