//! From trials to the numbers of a summary.

use std::collections::BTreeMap;

use tidegate_model::wire::summary::{ExperimentComparison, MetricSummary, ScoreSummary};

use super::trial::mean;
use super::{Metric, Trial};

/// Relative difference below which two case means are the same: they are sums of floats.
const TOLERANCE_RATIO: f64 = 1e-9;

/// Values of one name: the mean per case, sorted by case key.
type CaseMeans<'a> = Vec<(&'a str, f64)>;

/// Sums up the trials of an experiment and compares them with those of its base.
///
/// - A score or metric is the mean over cases of the mean over that case's trials; cases that
///   lack the name do not count.
/// - `improvements` and `regressions` count the cases of both experiments whose mean got better or
///   worse: higher for a score, lower for a metric.
/// - `diff` is there if the base has the name: absolute for a score, a fraction of the base's
///   value for a metric (left out where that is not a number, a base of zero).
///
/// ```
/// use tidegate_analysis::comparison::{Trial, compare};
/// let trial = |case: &str, score: f64| Trial {
///     case_key: case.into(),
///     scores: [("exact", score)].into(),
///     ..Trial::default()
/// };
/// let base = [trial("a", 0.0), trial("b", 1.0)];
/// let current = [trial("a", 1.0), trial("b", 1.0)];
/// let exact = &compare(&current, Some(&base)).scores["exact"];
/// assert_eq!((exact.score, exact.improvements, exact.diff), (1.0, 1, Some(0.5)));
/// ```
#[must_use]
pub fn compare(current: &[Trial], base: Option<&[Trial]>) -> ExperimentComparison {
    let base = base.unwrap_or_default();
    let base_scores = score_means(base);
    let base_metrics = metric_means(base);
    let scores = score_means(current).into_iter().map(|(name, cases)| {
        let score = overall(&cases);
        let base = base_scores.get(name);
        let (rose, fell) = base.map_or((0, 0), |base| count_changes(&cases, base));
        let diff = base.map(|base| score - overall(base)).filter(|diff| diff.is_finite());
        let (improvements, regressions) = (rose, fell);
        (name, ScoreSummary { name: name.to_owned(), score, improvements, regressions, diff })
    });
    let metrics = metric_means(current).into_iter().map(|(name, (unit, cases))| {
        let metric = overall(&cases);
        let base = base_metrics.get(name).map(|(_, cases)| cases);
        let (rose, fell) = base.map_or((0, 0), |base| count_changes(&cases, base));
        let diff = base.and_then(|base| relative_diff(metric, overall(base)));
        let (name, unit) = (name.to_owned(), unit.to_owned());
        let (improvements, regressions) = (fell, rose);
        (name.clone(), MetricSummary { name, metric, unit, improvements, regressions, diff })
    });
    ExperimentComparison {
        scores: scores.map(|(name, summary)| (name.to_owned(), summary)).collect(),
        metrics: metrics.collect(),
    }
}

fn score_means(trials: &[Trial]) -> BTreeMap<&str, CaseMeans<'_>> {
    let mut values = Values::default();
    for trial in trials {
        for (name, score) in &trial.scores {
            values.entry(name).or_default().push((&trial.case_key, *score));
        }
    }
    means(values)
}

fn metric_means(trials: &[Trial]) -> BTreeMap<&str, (&str, CaseMeans<'_>)> {
    // The least unit, should trials disagree: any rule will do that does not depend on order.
    let mut units: BTreeMap<&str, &str> = BTreeMap::new();
    let mut values = Values::default();
    for trial in trials {
        for (name, Metric { value, unit }) in &trial.metrics {
            values.entry(name).or_default().push((&trial.case_key, *value));
            let least = units.entry(name).or_insert(unit);
            *least = (*least).min(unit);
        }
    }
    means(values)
        .into_iter()
        .map(|(name, cases)| (name, (units.get(name).copied().unwrap_or_default(), cases)))
        .collect()
}

/// Values by name: (case key, value).
type Values<'a> = BTreeMap<&'a str, Vec<(&'a str, f64)>>;

/// Sorting costs next to nothing where trials come sorted by case already.
fn means(values: Values<'_>) -> BTreeMap<&str, CaseMeans<'_>> {
    let means = values.into_iter().map(|(name, mut values)| {
        values.retain(|(_, value)| value.is_finite());
        values.sort_by_key(|(case, _)| *case);
        let mut trials = Vec::new();
        let cases = values.chunk_by(|(one, _), (other, _)| one == other).map(|chunk| {
            trials.clear();
            trials.extend(chunk.iter().map(|(_, value)| *value));
            (chunk[0].0, mean(&mut trials))
        });
        (name, cases.collect::<CaseMeans<'_>>())
    });
    means.filter(|(_, cases)| !cases.is_empty()).collect()
}

fn overall(cases: &CaseMeans<'_>) -> f64 {
    mean(&mut cases.iter().map(|(_, mean)| *mean).collect::<Vec<_>>())
}

/// Counts the cases of both sides whose mean rose and fell.
fn count_changes(current: &CaseMeans<'_>, base: &CaseMeans<'_>) -> (u64, u64) {
    let (mut rose, mut fell) = (0, 0);
    let mut base = base.iter().peekable();
    for (case, now) in current {
        while base.next_if(|(other, _)| other < case).is_some() {}
        let Some((_, before)) = base.next_if(|(other, _)| other == case) else { continue };
        if differs(*now, *before) {
            if now > before { rose += 1 } else { fell += 1 }
        }
    }
    (rose, fell)
}

/// Whether two case means differ by more than rounding.
pub(crate) fn differs(now: f64, before: f64) -> bool {
    (now - before).abs() > TOLERANCE_RATIO * now.abs().max(before.abs())
}

fn relative_diff(now: f64, before: f64) -> Option<f64> {
    if now == before {
        return Some(0.0);
    }
    Some((now - before) / before.abs()).filter(|diff| diff.is_finite())
}
