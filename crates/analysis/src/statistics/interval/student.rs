//! Intervals from mean, standard deviation and skewness.

use super::{Interval, Method};
use crate::statistics::Level;
use crate::statistics::distribution::t_quantile;
use crate::statistics::moments::Moments;

/// The t interval (Student 1908): mean ± t × standard error, with `n - 1` degrees of freedom.
///
/// For values that are not strongly skewed, or many. `None` for fewer than two values and without
/// spread.
///
/// ```
/// use tidegate_analysis::statistics::{Level, interval};
/// let values = [0.2, 0.5, 0.4, 0.7, 0.2];
/// let interval = interval::student(&values, Level::default()).expect("a spread");
/// assert_eq!(format!("{:.3} {:.3}", interval.lower, interval.upper), "0.137 0.663");
/// ```
#[must_use]
pub fn student(values: &[f64], level: Level) -> Option<Interval> {
    let moments = Moments::of(values).filter(|moments| moments.sd > 0.0)?;
    let degrees = moments.count as f64 - 1.0;
    let half = t_quantile(level.upper_tail(), degrees) * moments.standard_error();
    Interval::new(moments.mean - half, moments.mean + half, level, Method::Student)
}

/// The t interval corrected for skewness by the monotone cubic transformation of Hall (1992).
///
/// A closed form that covers skewed values about as well as the bootstrap-t, which takes thousands
/// of resamples and fails on ties (Zhou & Gao 2000 compare them). `None` for fewer than two values
/// and without spread.
///
/// ```
/// use tidegate_analysis::statistics::{Level, interval};
/// let seconds = [1.0, 1.1, 1.2, 1.3, 1.3, 1.4, 1.6, 1.9, 2.6, 6.0];
/// let interval = interval::hall(&seconds, Level::default()).expect("a spread");
/// let symmetric = interval::student(&seconds, Level::default()).expect("a spread");
/// assert!(interval.lower > symmetric.lower && interval.upper > symmetric.upper);
/// ```
#[must_use]
pub fn hall(values: &[f64], level: Level) -> Option<Interval> {
    let moments = Moments::of(values).filter(|moments| moments.sd > 0.0)?;
    let root_n = (moments.count as f64).sqrt();
    let quantile = t_quantile(level.upper_tail(), moments.count as f64 - 1.0);
    let end = |x: f64| {
        moments.mean - moments.standard_error() * inverse_cubic(x, moments.skewness, root_n)
    };
    Interval::new(end(quantile), end(-quantile), level, Method::Hall)
}

/// The inverse of Hall's transformation `t + g (t²/3 + 1/6) / √n + g² t³ / (27 n)`.
fn inverse_cubic(x: f64, skewness: f64, root_n: f64) -> f64 {
    // Below this the root cancels all digits, and the transformation is the identity to 1e-9.
    if skewness.abs() < 1e-9 {
        return x;
    }
    let shift = skewness / (6.0 * root_n);
    ((1.0 + skewness * (x - shift) / root_n).cbrt() - 1.0) * 3.0 * root_n / skewness
}

/// Whether the t interval is good enough: Cochran's (1977, chapter 2) rule `n > 25 g²`.
pub(in crate::statistics) fn is_hardly_skewed(moments: &Moments) -> bool {
    moments.count as f64 > 25.0 * moments.skewness.powi(2)
}
