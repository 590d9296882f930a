//! The interval for a difference of two shares on the same cases.

use super::{Interval, Method};
use crate::statistics::Level;
use crate::statistics::distribution::normal_quantile;

/// The adjusted interval of Bonett & Price (2012) for a mean of paired differences of yes/no
/// scores: mean ± z × standard error after two cases are added, one better and one worse.
///
/// `differences` hold current minus base per case, each in -1..=1. With one trial a case they are
/// -1, 0 or 1, and this is the published interval (Fagerland, Lydersen & Laake 2014 recommend it
/// for small samples). With several trials the two added cases differ by the largest difference
/// seen, which keeps the correction in proportion; without it the t interval falls short where
/// few cases changed and all in one direction.
///
/// `None` without differences, and if one is outside -1..=1.
///
/// ```
/// use tidegate_analysis::statistics::{Level, interval};
/// let mut differences = [0.0; 20];
/// differences[..3].fill(1.0);
/// let interval = interval::bonett_price(&differences, Level::default()).expect("in range");
/// assert_eq!(format!("{:.3} {:.3}", interval.lower, interval.upper), "-0.055 0.327");
/// ```
#[must_use]
pub fn bonett_price(differences: &[f64], level: Level) -> Option<Interval> {
    if differences.is_empty() || !differences.iter().all(|d| (-1.0..=1.0).contains(d)) {
        return None;
    }
    // Sorted, so that the sums do not depend on the order.
    let mut differences = differences.to_vec();
    differences.sort_unstable_by(f64::total_cmp);
    let n = differences.len() as f64 + 2.0;
    let largest = differences.iter().fold(0.0_f64, |largest, d| largest.max(d.abs()));
    let added = if largest > 0.0 { largest } else { 1.0 };
    let mean = differences.iter().sum::<f64>() / n;
    let squares = differences.iter().map(|d| d * d).sum::<f64>() + 2.0 * added * added;
    let variance = (squares / n - mean * mean).max(0.0) / n;
    let half = normal_quantile(level.upper_tail()) * variance.sqrt();
    Some(Interval::new(mean - half, mean + half, level, Method::BonettPrice)?.within(-1.0..=1.0))
}
