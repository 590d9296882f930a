//! One score with its uncertainty.

use serde::Serialize;

use super::interval::{self, is_hardly_skewed};
use super::moments::Moments;
use super::{Interval, Level, Observations, Scale};
use crate::comparison::mean;

/// The mean of one score or metric and how sure it is.
///
/// Serializes as an object of its fields; what is not there is null.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean over cases of the mean over each case's trials, exactly what
    /// [`compare`](crate::comparison::compare) reports.
    pub mean: f64,
    /// The standard error of `mean`, in its unit: the standard deviation of the case means over
    /// the root of the number of cases. `None` for a single case, 0 if all case means are equal.
    ///
    /// That is the error clustered by case, for cases of equal weight: trials of one case may
    /// correlate in any way, since only case means enter, and these are independent. It is the
    /// clustered error of Miller (2024, "Adding error bars to evals") where every case has as many
    /// trials, with `n - 1` in the place of `n`.
    pub standard_error: Option<f64>,
    /// The interval of `mean`; `None` for a single case, and for a metric without spread.
    pub interval: Option<Interval>,
    /// The standard deviation of the case means, which planning needs; `None` for a single case.
    pub case_sd: Option<f64>,
    /// Cases that have a value, at least 1.
    pub cases: usize,
    /// Values, over all cases.
    pub trials: usize,
}

impl Estimate {
    /// Estimates the mean, or `None` if there is no value at all.
    ///
    /// The interval is, in this order:
    /// - [`wilson`](interval::wilson) for a yes/no score with one trial a case,
    /// - [`constant`](interval::constant) for a graded score that is the same on all cases,
    /// - [`effective_wilson`](interval::effective_wilson) for every other score in 0..=1,
    /// - [`student`](interval::student) for metrics, and scores beyond 0..=1, that are hardly
    ///   skewed for their number (Cochran 1977: `n > 25 skewness²`),
    /// - [`hall`](interval::hall) for those that are.
    ///
    /// ```
    /// use tidegate_analysis::statistics::{Estimate, Level, Method, Observations};
    /// let scores = Observations::of_score([("a", 1.0), ("b", 0.0), ("c", 1.0), ("d", 1.0)]);
    /// let estimate = Estimate::of(&scores, Level::default()).expect("four values");
    /// assert_eq!((estimate.mean, estimate.standard_error), (0.75, Some(0.25)));
    /// assert_eq!(estimate.interval.expect("four cases").method, Method::Wilson);
    /// ```
    #[must_use]
    pub fn of(observations: &Observations<'_>, level: Level) -> Option<Self> {
        let mut means = observations.case_means();
        if means.is_empty() {
            return None;
        }
        let moments = Moments::of(&means);
        Some(Self {
            mean: mean(&mut means),
            standard_error: moments.map(|moments| moments.standard_error()),
            interval: moments.and_then(|moments| choose(observations, &means, &moments, level)),
            case_sd: moments.map(|moments| moments.sd),
            cases: means.len(),
            trials: observations.trials(),
        })
    }
}

fn choose(
    observations: &Observations<'_>,
    means: &[f64],
    moments: &Moments,
    level: Level,
) -> Option<Interval> {
    match observations.scale() {
        Scale::Binary if observations.is_single_trial() => {
            let successes = means.iter().filter(|mean| **mean == 1.0).count();
            interval::wilson(successes as u64, means.len() as u64, level)
        }
        Scale::Binary => interval::effective_wilson(means, observations.trials() as f64, level),
        Scale::Unit if moments.sd == 0.0 => {
            interval::constant(moments.mean, means.len(), 0.0..=1.0, level)
        }
        Scale::Unit => interval::effective_wilson(means, f64::INFINITY, level),
        Scale::Real if is_hardly_skewed(moments) => interval::student(means, level),
        Scale::Real => interval::hall(means, level),
    }
}
