//! Confidence intervals for a mean, one method a function.
//!
//! [`Estimate`](super::Estimate) and [`PairedComparison`](super::PairedComparison) choose among
//! them by rule; `docs/statistics.md` has the rule, and the coverage it was chosen by.

mod bootstrap;
mod paired_binary;
mod student;
mod wilson;

pub use bootstrap::bca;
pub use paired_binary::bonett_price;
pub(super) use student::is_hardly_skewed;
pub use student::{hall, student};
pub use wilson::{effective_wilson, wilson};

use std::ops::RangeInclusive;

use serde::Serialize;

use super::Level;
use super::distribution::normal_quantile;

/// A range that holds the true mean in a share `level` of all samples.
///
/// Serializes as `{lower, upper, level, method}`; all numbers are finite, `lower <= upper`.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end, in the unit of the values.
    pub lower: f64,
    /// Upper end, in the unit of the values.
    pub upper: f64,
    /// The level, as a fraction.
    pub level: Level,
    /// How it was made.
    pub method: Method,
}

/// How an interval was made.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// [`wilson`].
    Wilson,
    /// [`effective_wilson`].
    EffectiveWilson,
    /// [`student`].
    Student,
    /// [`hall`].
    Hall,
    /// [`bca`].
    Bca,
    /// [`bonett_price`].
    BonettPrice,
    /// [`constant`].
    Constant,
}

impl Interval {
    /// `None` if an end is not finite.
    fn new(lower: f64, upper: f64, level: Level, method: Method) -> Option<Self> {
        let finite = lower.is_finite() && upper.is_finite() && lower <= upper;
        finite.then_some(Self { lower, upper, level, method })
    }

    /// Half the distance between the ends.
    ///
    /// ```
    /// use tidegate_analysis::statistics::{Level, interval};
    /// let interval = interval::student(&[1.0, 2.0, 3.0], Level::default()).expect("a spread");
    /// assert!((interval.half_width() - 2.484).abs() < 1e-3);
    /// ```
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.upper - self.lower) / 2.0
    }

    /// Whether a value lies in the interval, ends included.
    ///
    /// ```
    /// use tidegate_analysis::statistics::{Level, interval};
    /// let interval = interval::wilson(9, 10, Level::default()).expect("ten cases");
    /// assert!(interval.contains(0.6) && !interval.contains(0.5));
    /// ```
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.lower..=self.upper).contains(&value)
    }

    /// The part that is possible: a mean of values in `range` lies there too.
    pub(super) fn within(mut self, range: RangeInclusive<f64>) -> Self {
        self.lower = self.lower.clamp(*range.start(), *range.end());
        self.upper = self.upper.clamp(*range.start(), *range.end());
        self
    }
}

/// An interval for the mean of cases that all showed one `value`, which must lie in `range`.
///
/// The share of cases that would show something else is at most `q = z² / (n + z²)`, the upper
/// Wilson (1927) limit for 0 of n, and they lie in `range`: so the mean is at most a share q of the
/// way to either end. For a value at the end this is Wilson's interval itself. A spread of 0 in
/// the sample would otherwise claim certainty.
///
/// `None` without cases, and if `value` is not in `range`.
///
/// ```
/// use tidegate_analysis::statistics::{Level, interval};
/// let interval = interval::constant(0.0, 50, -1.0..=1.0, Level::default()).expect("in range");
/// assert_eq!(format!("{:.3} {:.3}", interval.lower, interval.upper), "-0.071 0.071");
/// ```
#[must_use]
pub fn constant(
    value: f64,
    cases: usize,
    range: RangeInclusive<f64>,
    level: Level,
) -> Option<Interval> {
    if cases == 0 || !range.contains(&value) {
        return None;
    }
    let z2 = normal_quantile(level.upper_tail()).powi(2);
    let share = z2 / (cases as f64 + z2);
    let lower = value - share * (value - range.start());
    let upper = value + share * (range.end() - value);
    Interval::new(lower, upper, level, Method::Constant)
}
