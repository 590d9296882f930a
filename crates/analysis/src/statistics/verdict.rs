//! Which way is better, and what a comparison comes to.

use serde::Serialize;

/// Which way a score or metric is better.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// As for every score.
    HigherIsBetter,
    /// As for every metric here: durations, tokens, costs.
    LowerIsBetter,
}

impl Direction {
    /// A difference seen so that more is better.
    pub(super) fn gain(self, difference: f64) -> f64 {
        match self {
            Self::HigherIsBetter => difference,
            Self::LowerIsBetter => -difference,
        }
    }
}

/// What a comparison comes to.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better than the base: the corrected p-value is within the level, and the interval of the
    /// difference lies on the better side of 0.
    Better,
    /// Worse than the base, likewise.
    Worse,
    /// The whole interval of the difference lies within the margin that counts as none (two
    /// one-sided tests, Schuirmann 1987). Comes before the other two: a difference may be sure and
    /// yet too small to matter.
    Same,
    /// Neither: more cases would be needed.
    Undecided,
}
