//! Intervals for shares and for scores between 0 and 1.

use super::{Interval, Method};
use crate::statistics::Level;
use crate::statistics::distribution::{normal_quantile, t_quantile};
use crate::statistics::moments::Moments;

/// The score interval of Wilson (1927) for a share, here of `successes` in `cases`.
///
/// Unlike mean ± 1.96 standard errors it stays in 0..=1, is not empty at 0 and 1, and covers well
/// from small samples on (Brown, Cai & DasGupta 2001). `None` without cases, and for more successes
/// than cases.
///
/// ```
/// use tidegate_analysis::statistics::{Level, interval};
/// let interval = interval::wilson(45, 50, Level::default()).expect("fifty cases");
/// assert_eq!(format!("{:.3} {:.3}", interval.lower, interval.upper), "0.786 0.957");
/// ```
#[must_use]
pub fn wilson(successes: u64, cases: u64, level: Level) -> Option<Interval> {
    if cases == 0 || successes > cases {
        return None;
    }
    let (share, cases) = (successes as f64 / cases as f64, cases as f64);
    ends(share, cases, normal_quantile(level.upper_tail()), level, Method::Wilson)
}

/// Wilson's interval for the mean of values in 0..=1, by their effective sample size.
///
/// The effective size `m (1 - m) / se²` is the number of independent yes/no answers that would
/// have the standard error seen (Korn & Graubard 1998; Franco et al. 2019 with Wilson's interval,
/// as here), and t with `n - 1` degrees of freedom stands for the normal quantile, since the
/// standard error is estimated. So it fits case means over several trials, whatever their
/// correlation within a case, and graded scores that crowd at 0 or 1.
///
/// `most` caps the effective size: the number of yes/no trials, or infinity. Without spread it is
/// the number of cases if all values are 0 or all are 1, else `most`. `None` for fewer than two
/// values, for a value outside 0..=1, and without spread if `most` is not finite.
///
/// ```
/// use tidegate_analysis::statistics::{Level, interval};
/// // Ten cases of two trials each: 7 with both right, 2 with one, 1 with none.
/// let means = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.0];
/// let interval = interval::effective_wilson(&means, 20.0, Level::default()).expect("a spread");
/// assert_eq!(format!("{:.3} {:.3}", interval.lower, interval.upper), "0.487 0.944");
/// ```
#[must_use]
pub fn effective_wilson(case_means: &[f64], most: f64, level: Level) -> Option<Interval> {
    if !case_means.iter().all(|mean| (0.0..=1.0).contains(mean)) {
        return None;
    }
    let moments = Moments::of(case_means)?;
    let (mean, cases) = (moments.mean, moments.count as f64);
    let at_an_end = mean == 0.0 || mean == 1.0;
    let size = match moments.standard_error() {
        error if error > 0.0 => (mean * (1.0 - mean) / (error * error)).min(most),
        _ if at_an_end => cases,
        _ => most,
    };
    ends(mean, size, t_quantile(level.upper_tail(), cases - 1.0), level, Method::EffectiveWilson)
}

fn ends(share: f64, size: f64, quantile: f64, level: Level, method: Method) -> Option<Interval> {
    let q2 = quantile * quantile;
    let center = (share + q2 / (2.0 * size)) / (1.0 + q2 / size);
    let variance = share * (1.0 - share) / size + q2 / (4.0 * size * size);
    let half = quantile / (1.0 + q2 / size) * variance.sqrt();
    // Exact at the ends, where rounding would leave 1e-17.
    let lower = if share == 0.0 { 0.0 } else { center - half };
    let upper = if share == 1.0 { 1.0 } else { center + half };
    Some(Interval::new(lower, upper, level, method)?.within(0.0..=1.0))
}
