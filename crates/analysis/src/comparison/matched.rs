//! Two experiments case by case.

use std::collections::BTreeMap;

use super::trial::mean;
use super::{Trial, differs};

/// A case of one experiment, the other, or both.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchedCase<'a> {
    /// [`case_key`](super::case_key) of its input.
    pub case_key: &'a str,
    /// How many trials the current experiment has of it.
    pub current_trials: usize,
    /// How many trials the base has of it.
    pub base_trials: usize,
    /// Scores that either side has, by name.
    pub scores: BTreeMap<&'a str, Pair>,
    /// Metrics that either side has, by name.
    pub metrics: BTreeMap<&'a str, Pair>,
}

/// The mean over a case's trials on both sides; `None` where no trial has a value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pair {
    /// Of the current experiment.
    pub current: Option<f64>,
    /// Of its base.
    pub base: Option<f64>,
}

impl Pair {
    /// Current minus base, exactly 0 where the two differ by no more than rounding; `None` if a
    /// side is missing.
    #[must_use]
    pub fn difference(&self) -> Option<f64> {
        let (now, before) = self.current.zip(self.base)?;
        Some(if differs(now, before) { now - before } else { 0.0 })
    }
}

/// Matches the cases of two experiments by their keys; sorted by key.
///
/// The means are those of which [`compare`](super::compare) counts improvements and regressions.
///
/// ```
/// use tidegate_analysis::comparison::{Trial, matched_cases};
/// let trial = |case: &str, score: f64| Trial {
///     case_key: case.into(),
///     scores: [("exact", score)].into(),
///     ..Trial::default()
/// };
/// let base = [trial("a", 1.0), trial("a", 0.0)];
/// let current = [trial("a", 1.0), trial("b", 1.0)];
/// let cases = matched_cases(&current, &base);
/// assert_eq!(cases[0].scores["exact"].difference(), Some(0.5));
/// assert_eq!((cases[1].current_trials, cases[1].base_trials), (1, 0));
/// ```
#[must_use]
pub fn matched_cases<'a>(current: &'a [Trial], base: &'a [Trial]) -> Vec<MatchedCase<'a>> {
    let mut all: Vec<(&Trial, bool)> = current.iter().map(|trial| (trial, true)).collect();
    all.extend(base.iter().map(|trial| (trial, false)));
    all.sort_by_key(|(trial, _)| trial.case_key.as_str());
    let cases = all.chunk_by(|one, other| one.0.case_key == other.0.case_key);
    cases.map(matched_case).collect()
}

/// By name: the values of the current side and those of the base.
type Values<'a> = BTreeMap<&'a str, [Vec<f64>; 2]>;

fn matched_case<'a>(trials: &[(&'a Trial, bool)]) -> MatchedCase<'a> {
    let (mut scores, mut metrics) = (Values::new(), Values::new());
    for (trial, is_current) in trials {
        let side = usize::from(!is_current);
        for (name, score) in &trial.scores {
            scores.entry(name).or_default()[side].push(*score);
        }
        for (name, metric) in &trial.metrics {
            metrics.entry(name).or_default()[side].push(metric.value);
        }
    }
    let current_trials = trials.iter().filter(|(_, is_current)| *is_current).count();
    MatchedCase {
        case_key: &trials[0].0.case_key,
        current_trials,
        base_trials: trials.len() - current_trials,
        scores: pairs(scores),
        metrics: pairs(metrics),
    }
}

fn pairs(values: Values<'_>) -> BTreeMap<&str, Pair> {
    let of = |mut values: Vec<f64>| {
        values.retain(|value| value.is_finite());
        (!values.is_empty()).then(|| mean(&mut values))
    };
    let pair = |[current, base]: [Vec<f64>; 2]| Pair { current: of(current), base: of(base) };
    values.into_iter().map(|(name, sides)| (name, pair(sides))).collect()
}
