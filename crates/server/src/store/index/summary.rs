//! Estimates of an experiment's scores and metrics, kept so that lists of experiments need not
//! compute them.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use tidegate_analysis::comparison::Trial;
use tidegate_analysis::statistics::{Estimate, Level, summarize, summarize_metrics};

use crate::store::{Figure, Kind, StoreError};

/// That of an experiment without rows.
pub(crate) const EMPTY: &str = r#"{"scores":{},"metrics":{}}"#;

#[derive(Serialize)]
struct Summary {
    scores: BTreeMap<String, Estimate>,
    metrics: BTreeMap<String, Estimate>,
}

/// The text of a summary: `scores` and `metrics`, each by name, as `Estimate` serializes.
pub(crate) fn text(trials: &[Trial]) -> Result<String, StoreError> {
    let level = Level::default();
    let summary =
        Summary { scores: summarize(trials, level), metrics: summarize_metrics(trials, level) };
    serde_json::to_string(&summary)
        .map_err(|error| StoreError::Damaged(format!("a summary is no JSON: {error}")))
}

/// Finds the mean of a score or metric in a summary.
pub(crate) fn mean(summary: &str, figure: &Figure) -> Result<Option<f64>, StoreError> {
    #[derive(Deserialize)]
    struct Mean {
        mean: f64,
    }
    #[derive(Deserialize)]
    struct Means {
        scores: HashMap<String, Mean>,
        metrics: HashMap<String, Mean>,
    }
    let means: Means = serde_json::from_str(summary)
        .map_err(|error| StoreError::Damaged(format!("a summary is malformed: {error}")))?;
    let by_name = match figure.kind {
        Kind::Score => means.scores,
        Kind::Metric => means.metrics,
    };
    Ok(by_name.get(&figure.name).map(|mean| mean.mean))
}
