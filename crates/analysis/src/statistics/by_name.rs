//! From trials to one result per score or metric.

use std::collections::BTreeMap;

use super::{Direction, Estimate, Level, Observations, Options, PairedComparison, holm};
use crate::comparison::Trial;

/// Values by name: (case key, value).
type Values<'a> = BTreeMap<&'a str, Vec<(&'a str, f64)>>;

/// Estimates every score, by name; a score without any finite value is left out.
///
/// ```
/// use tidegate_analysis::comparison::Trial;
/// use tidegate_analysis::statistics::{Level, summarize};
/// let trials = [("a", 1.0), ("b", 0.5), ("c", 0.75)].map(|(case, score)| Trial {
///     case_key: case.into(),
///     scores: [("close", score)].into(),
///     ..Trial::default()
/// });
/// let close = &summarize(&trials, Level::default())["close"];
/// assert_eq!((close.mean, close.cases), (0.75, 3));
/// ```
#[must_use]
pub fn summarize(trials: &[Trial], level: Level) -> BTreeMap<String, Estimate> {
    estimates(scores(trials), Observations::of_score, level)
}

/// Estimates every metric, by name, in its own unit.
///
/// ```
/// use tidegate_analysis::comparison::{Metric, Trial};
/// use tidegate_analysis::statistics::{Level, summarize_metrics};
/// let trials = [("a", 1.0), ("b", 3.0)].map(|(case, value)| Trial {
///     case_key: case.into(),
///     metrics: [("duration", Metric { value, unit: "s".into() })].into(),
///     ..Trial::default()
/// });
/// let duration = &summarize_metrics(&trials, Level::default())["duration"];
/// assert_eq!((duration.mean, duration.standard_error), (2.0, Some(1.0)));
/// ```
#[must_use]
pub fn summarize_metrics(trials: &[Trial], level: Level) -> BTreeMap<String, Estimate> {
    estimates(metrics(trials), Observations::of_metric, level)
}

/// Compares every score that either side has, by name; higher is better. The verdicts are
/// corrected over all of them.
///
/// A score that only one side has is there too, with no matched case.
///
/// ```
/// use tidegate_analysis::comparison::Trial;
/// use tidegate_analysis::statistics::{Options, Verdict, compare_scores};
/// let trials = |score: fn(usize) -> f64| -> Vec<Trial> {
///     let trial = |case: usize| Trial {
///         case_key: case.to_string(),
///         scores: [("close", score(case))].into(),
///         ..Trial::default()
///     };
///     (0..30).map(trial).collect()
/// };
/// let base = trials(|case| case as f64 / 60.0);
/// let current = trials(|case| case as f64 / 60.0 + if case % 10 == 0 { 0.0 } else { 0.1 });
/// let close = &compare_scores(&current, &base, &Options::default())["close"];
/// assert_eq!((close.improved_cases, close.tied_cases), (27, 3));
/// assert_eq!(close.verdict, Verdict::Better);
/// ```
#[must_use]
pub fn compare_scores(
    current: &[Trial],
    base: &[Trial],
    options: &Options,
) -> BTreeMap<String, PairedComparison> {
    let compare = |current: Vec<_>, base: Vec<_>| {
        let (current, base) = (Observations::of_score(current), Observations::of_score(base));
        PairedComparison::of(&current, &base, Direction::HigherIsBetter, options)
    };
    comparisons(scores(current), scores(base), compare, options)
}

/// Compares every metric that either side has, by name; lower is better. The verdicts are
/// corrected over all metrics, apart from the scores.
///
/// ```
/// use tidegate_analysis::comparison::{Metric, Trial};
/// use tidegate_analysis::statistics::{Options, Verdict, compare_metrics};
/// let trials = |factor: f64| -> Vec<Trial> {
///     let metric = |case| Metric { value: factor * (1.0 + f64::from(case)), unit: "s".into() };
///     let trial = |case: u8| Trial {
///         case_key: case.to_string(),
///         metrics: [("duration", metric(case))].into(),
///         ..Trial::default()
///     };
///     (0..20).map(trial).collect()
/// };
/// let duration = &compare_metrics(&trials(1.2), &trials(1.0), &Options::default())["duration"];
/// assert_eq!(duration.verdict, Verdict::Worse);
/// ```
#[must_use]
pub fn compare_metrics(
    current: &[Trial],
    base: &[Trial],
    options: &Options,
) -> BTreeMap<String, PairedComparison> {
    let compare = |current: Vec<_>, base: Vec<_>| {
        let (current, base) = (Observations::of_metric(current), Observations::of_metric(base));
        PairedComparison::of(&current, &base, Direction::LowerIsBetter, options)
    };
    comparisons(metrics(current), metrics(base), compare, options)
}

fn scores(trials: &[Trial]) -> Values<'_> {
    let mut values = Values::new();
    for trial in trials {
        for (name, score) in &trial.scores {
            values.entry(name).or_default().push((&trial.case_key, *score));
        }
    }
    values
}

fn metrics(trials: &[Trial]) -> Values<'_> {
    let mut values = Values::new();
    for trial in trials {
        for (name, metric) in &trial.metrics {
            values.entry(name).or_default().push((&trial.case_key, metric.value));
        }
    }
    values
}

fn estimates<'a>(
    values: Values<'a>,
    group: fn(Vec<(&'a str, f64)>) -> Observations<'a>,
    level: Level,
) -> BTreeMap<String, Estimate> {
    let estimates = values
        .into_iter()
        .filter_map(|(name, values)| Some((name.to_owned(), Estimate::of(&group(values), level)?)));
    estimates.collect()
}

fn comparisons<'a>(
    current: Values<'a>,
    mut base: Values<'a>,
    compare: impl Fn(Vec<(&'a str, f64)>, Vec<(&'a str, f64)>) -> PairedComparison,
    options: &Options,
) -> BTreeMap<String, PairedComparison> {
    let mut all: BTreeMap<String, PairedComparison> = BTreeMap::new();
    for (name, values) in current {
        let before = base.remove(name).unwrap_or_default();
        all.insert(name.to_owned(), compare(values, before));
    }
    for (name, values) in base {
        all.insert(name.to_owned(), compare(Vec::new(), values));
    }
    // What could not be tested is no chance of a false alarm, and so does not count.
    let mut tested: Vec<_> = all.values_mut().filter(|one| one.p_value.is_some()).collect();
    let p_values: Vec<f64> = tested.iter().filter_map(|one| one.p_value).collect();
    for (one, adjusted) in tested.iter_mut().zip(holm(&p_values)) {
        one.settle(Some(adjusted), options);
    }
    all
}
