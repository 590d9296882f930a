//! The values of one score or metric, by case.

use crate::comparison::mean;

/// What values can be, which decides how their intervals are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scale {
    /// A score whose values are all 0 or 1.
    Binary,
    /// A score whose values all lie in 0..=1.
    Unit,
    /// Any finite values: a metric, or a score beyond 0..=1.
    Real,
}

/// One case: its key and what its trials say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case<'a> {
    /// The [`case_key`](crate::comparison::case_key) of its input.
    pub key: &'a str,
    /// The mean over its trials.
    pub mean: f64,
    /// The number of its trials that have a finite value, at least 1.
    pub trials: usize,
}

/// The finite values of one score or metric, grouped by case.
///
/// Values with one key are trials of one case, as in [`compare`](crate::comparison::compare): two
/// cases with the same input say no more about other inputs than two trials of one. Values that
/// are not finite are left out.
///
/// ```
/// use tidegate_analysis::statistics::{Observations, Scale};
/// let scores = Observations::of_score([("b", 1.0), ("a", 0.0), ("b", 0.0), ("c", f64::NAN)]);
/// assert_eq!((scores.cases().len(), scores.trials(), scores.scale()), (2, 3, Scale::Binary));
/// assert_eq!((scores.cases()[1].key, scores.cases()[1].mean), ("b", 0.5));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Observations<'a> {
    cases: Vec<Case<'a>>,
    trials: usize,
    scale: Scale,
}

impl<'a> Observations<'a> {
    /// Groups the values of a score, given as (case key, value) in any order, in O(n log n).
    ///
    /// The [`Scale`] is read off the values.
    #[must_use]
    pub fn of_score(values: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        Self::group(values, Scale::Binary)
    }

    /// Groups the values of a metric: as [`of_score`](Self::of_score), but [`Scale::Real`]
    /// whatever the values, since durations that happen to lie below one second have no upper end.
    #[must_use]
    pub fn of_metric(values: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        Self::group(values, Scale::Real)
    }

    fn group(values: impl IntoIterator<Item = (&'a str, f64)>, least: Scale) -> Self {
        let mut values: Vec<_> =
            values.into_iter().filter(|(_, value)| value.is_finite()).collect();
        values.sort_unstable_by_key(|(key, _)| *key);
        let scale = values.iter().map(|(_, value)| scale_of(*value)).max();
        let mut trials_of_case = Vec::new();
        let cases = values
            .chunk_by(|(one, _), (other, _)| one == other)
            .map(|chunk| {
                trials_of_case.clear();
                trials_of_case.extend(chunk.iter().map(|(_, value)| *value));
                Case { key: chunk[0].0, mean: mean(&mut trials_of_case), trials: chunk.len() }
            })
            .collect();
        Self { cases, trials: values.len(), scale: scale.unwrap_or(least).max(least) }
    }

    /// The cases, sorted by key.
    #[must_use]
    pub fn cases(&self) -> &[Case<'a>] {
        &self.cases
    }

    /// The number of values.
    #[must_use]
    pub fn trials(&self) -> usize {
        self.trials
    }

    /// What the values are.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Whether every case has exactly one value.
    #[must_use]
    pub fn is_single_trial(&self) -> bool {
        self.trials == self.cases.len()
    }

    pub(super) fn case_means(&self) -> Vec<f64> {
        self.cases.iter().map(|case| case.mean).collect()
    }
}

fn scale_of(value: f64) -> Scale {
    if value == 0.0 || value == 1.0 {
        Scale::Binary
    } else if (0.0..=1.0).contains(&value) {
        Scale::Unit
    } else {
        Scale::Real
    }
}
