//! Gates: pass, fail, or not enough data to say.

use serde::Serialize;

use super::{Estimate, Margin, PairedComparison};

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    /// The whole interval is on the right side of the limit.
    Pass,
    /// The whole interval is on the wrong side.
    Fail,
    /// The interval holds the limit, or there is none.
    Undecided,
}

/// A limit that the true mean must keep, such as `exact >= 0.9` or `duration <= 2`.
///
/// The interval decides, not the mean: of 95 % intervals around a true mean just at the limit at
/// most 2.5 % lie wholly on either side. A limit at the end of the range, `exact >= 1`, can
/// therefore fail but never pass; to ask that nothing went wrong in this run, look at the mean.
///
/// ```
/// use tidegate_analysis::statistics::{Estimate, GateOutcome, Level, Observations, Threshold};
/// let keys: Vec<String> = (0..200).map(|case| case.to_string()).collect();
/// let scores = |right: usize| {
///     let score = move |case: usize| f64::from(u8::from(case < right));
///     Observations::of_score(keys.iter().enumerate().map(move |(n, key)| (key.as_str(), score(n))))
/// };
/// let decide = |right| {
///     Threshold::AtLeast(0.9).decide(Estimate::of(&scores(right), Level::default()).as_ref())
/// };
/// assert_eq!(decide(195), GateOutcome::Pass);
/// assert_eq!(decide(184), GateOutcome::Undecided);
/// assert_eq!(decide(160), GateOutcome::Fail);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// At least this, in the unit of the score or metric.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
}

impl Threshold {
    /// Decides by the interval of an estimate; undecided without one.
    #[must_use]
    pub fn decide(self, estimate: Option<&Estimate>) -> GateOutcome {
        let Some(interval) = estimate.and_then(|estimate| estimate.interval) else {
            return GateOutcome::Undecided;
        };
        let (kept, broken) = match self {
            Self::AtLeast(limit) => (interval.lower >= limit, interval.upper < limit),
            Self::AtMost(limit) => (interval.upper <= limit, interval.lower > limit),
        };
        outcome(kept, broken)
    }
}

/// Decides whether a score or metric is no worse than the base by more than `margin`.
///
/// - Pass: no matched case changed, or the whole interval of the difference is at most `margin`
///   worse (a test of non-inferiority).
/// - Fail: the whole interval is more than `margin` worse, and the corrected p-value is within the
///   level, so that several such gates together raise at most as many false alarms as one.
/// - Undecided: anything else.
///
/// Without a margin, a run in which any case changed passes only as a sure improvement, since no
/// number of cases shows that two programs are exactly equal: give a margin that would not matter,
/// and [`Plan::cases_for`](super::Plan::cases_for) it.
///
/// ```
/// use tidegate_analysis::statistics::{
///     Direction, GateOutcome, Margin, Observations, Options, PairedComparison, no_regression,
/// };
/// let keys: Vec<String> = (0..100).map(|case| case.to_string()).collect();
/// let scores = Observations::of_score(keys.iter().map(|key| (key.as_str(), 1.0)));
/// let changed = Observations::of_score(
///     keys.iter().zip(0..).map(|(key, n)| (key.as_str(), if n == 0 { 0.99 } else { 1.0 })),
/// );
/// let (direction, options) = (Direction::HigherIsBetter, Options::default());
/// let same = PairedComparison::of(&scores, &scores, direction, &options);
/// assert_eq!(no_regression(&same, Margin::ZERO), GateOutcome::Pass);
/// let other = PairedComparison::of(&changed, &scores, direction, &options);
/// assert_eq!(no_regression(&other, Margin::new(0.05)?), GateOutcome::Pass);
/// assert_eq!(no_regression(&other, Margin::ZERO), GateOutcome::Undecided);
/// # Ok::<(), tidegate_analysis::statistics::InvalidOption>(())
/// ```
#[must_use]
pub fn no_regression(comparison: &PairedComparison, margin: Margin) -> GateOutcome {
    // Exactly what was asked for, though an interval around 0 is never all on one side of it.
    if comparison.is_unchanged() {
        return GateOutcome::Pass;
    }
    let Some(((lower, upper), interval)) = comparison.gain_interval().zip(comparison.interval)
    else {
        return GateOutcome::Undecided;
    };
    let is_worse = comparison.gain_for_sure(interval.level.alpha()) == Some(false);
    outcome(lower >= -margin.value(), is_worse && upper < -margin.value())
}

fn outcome(kept: bool, broken: bool) -> GateOutcome {
    match (kept, broken) {
        (true, _) => GateOutcome::Pass,
        (false, true) => GateOutcome::Fail,
        (false, false) => GateOutcome::Undecided,
    }
}
