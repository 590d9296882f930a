//! What a caller may choose, in types that cannot be wrong.

use serde::Serialize;

/// A choice outside its range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOption {
    /// A level of confidence must lie between 0 and 1, both excluded.
    #[error("the confidence level must be above 0 and below 1, not {0}")]
    Level(f64),
    /// A margin must be finite and not negative.
    #[error("the margin must be 0 or more, not {0}")]
    Margin(f64),
    /// A power must lie between 0 and 1, both excluded.
    #[error("the power must be above 0 and below 1, not {0}")]
    Power(f64),
}

/// A level of confidence between 0 and 1; 0.95 unless told otherwise.
///
/// ```
/// use tidegate_analysis::statistics::Level;
/// assert_eq!(Level::default(), Level::new(0.95)?);
/// assert!(Level::new(95.0).is_err());
/// # Ok::<(), tidegate_analysis::statistics::InvalidOption>(())
/// ```
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Level(f64);

impl Level {
    /// Takes a level as a fraction.
    ///
    /// # Errors
    /// [`InvalidOption::Level`] unless it is above 0 and below 1.
    pub fn new(level: f64) -> Result<Self, InvalidOption> {
        if level > 0.0 && level < 1.0 { Ok(Self(level)) } else { Err(InvalidOption::Level(level)) }
    }

    /// The level as a fraction, such as 0.95.
    #[must_use]
    pub fn ratio(self) -> f64 {
        self.0
    }

    /// The share of false alarms that is accepted: 1 minus the level.
    #[must_use]
    pub fn alpha(self) -> f64 {
        1.0 - self.0
    }

    /// The probability below the upper end of a two-sided interval, such as 0.975.
    pub(super) fn upper_tail(self) -> f64 {
        0.5 + self.0 / 2.0
    }
}

impl Default for Level {
    fn default() -> Self {
        Self(0.95)
    }
}

/// How much worse is still good enough, or how small a difference counts as none: finite, at
/// least 0, in the unit of the score (0.02 are two points) or of the metric.
///
/// ```
/// use tidegate_analysis::statistics::Margin;
/// assert_eq!(Margin::new(0.02)?.value(), 0.02);
/// assert!(Margin::new(-0.02).is_err());
/// # Ok::<(), tidegate_analysis::statistics::InvalidOption>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize)]
pub struct Margin(f64);

impl Margin {
    /// No margin.
    pub const ZERO: Self = Self(0.0);

    /// Takes a margin.
    ///
    /// # Errors
    /// [`InvalidOption::Margin`] if it is negative or not finite.
    pub fn new(margin: f64) -> Result<Self, InvalidOption> {
        if margin >= 0.0 && margin.is_finite() {
            Ok(Self(margin))
        } else {
            Err(InvalidOption::Margin(margin))
        }
    }

    /// The margin as a number.
    #[must_use]
    pub fn value(self) -> f64 {
        self.0
    }
}

/// How comparisons are made. The default: 95 %, 9 999 random sign flips, no margin, a fixed seed.
///
/// ```
/// use tidegate_analysis::statistics::{Level, Margin, Options};
/// let options = Options::default().level(Level::new(0.99)?).same_within(Margin::new(0.01)?);
/// assert_eq!(options.level.alpha(), 1.0 - 0.99);
/// # Ok::<(), tidegate_analysis::statistics::InvalidOption>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Level of the intervals; verdicts accept `1 - level` false alarms over all names.
    pub level: Level,
    /// Scores whose whole interval lies within this margin of no difference are
    /// [`Verdict::Same`](super::Verdict::Same); `None` (default) never says so. Not for metrics.
    pub same_within: Option<Margin>,
    /// Random sign flips of a permutation test that is too large to enumerate; the smallest
    /// p-value is `1 / (flips + 1)`.
    pub flips: u32,
    /// Seed of those flips.
    pub seed: u64,
}

impl Options {
    /// Sets the level.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sets how small a difference of scores counts as none.
    #[must_use]
    pub fn same_within(mut self, margin: Margin) -> Self {
        self.same_within = Some(margin);
        self
    }

    /// Sets the number of random sign flips.
    #[must_use]
    pub fn flips(mut self, flips: u32) -> Self {
        self.flips = flips;
        self
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        // With 9 999 flips a p-value of 0.05 has a standard error of 0.002, in a millisecond.
        Self { level: Level::default(), same_within: None, flips: 9_999, seed: 0x7469_6465 }
    }
}
