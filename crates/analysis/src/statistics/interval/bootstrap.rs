//! The bootstrap interval.

use super::{Interval, Method};
use crate::statistics::Level;
use crate::statistics::distribution::{normal_cdf, normal_quantile};
use crate::statistics::moments::Moments;
use crate::statistics::rng::SplitMix64;

/// The bias-corrected and accelerated bootstrap interval (Efron 1987) for the mean.
///
/// No rule of this crate chooses it: on the cells of `docs/statistics.md` it covers no better than
/// the closed forms and takes a thousand times as long. It is here to compare with. 2 000
/// resamples are usual; fewer than 100 count as 100. `None` for fewer than two values and without
/// spread.
///
/// ```
/// use tidegate_analysis::statistics::{Level, interval};
/// let values = [0.1, 0.4, 0.7, 0.8, 0.9, 0.9, 1.0, 1.0];
/// let interval = interval::bca(&values, Level::default(), 2_000, 1).expect("a spread");
/// assert!(interval.lower > 0.4 && interval.upper < 0.95);
/// ```
#[must_use]
pub fn bca(values: &[f64], level: Level, resamples: u32, seed: u64) -> Option<Interval> {
    let moments = Moments::of(values).filter(|moments| moments.sd > 0.0)?;
    let n = values.len();
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut rng = SplitMix64::new(seed);
    let mut means: Vec<f64> = (0..resamples.max(100))
        .map(|_| (0..n).map(|_| sorted[rng.below(n)]).sum::<f64>() / n as f64)
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    let count = means.len() as f64;
    // Ties count half. Kept off 0 and 1, whose normal quantiles are infinite.
    let below = means.partition_point(|mean| *mean < moments.mean) as f64;
    let at_most = means.partition_point(|mean| *mean <= moments.mean) as f64;
    let share = ((below + at_most) / (2.0 * count)).clamp(0.5 / count, 1.0 - 0.5 / count);
    let bias = normal_quantile(share);
    // For a mean the jackknife needs no loop: its skewness is that of the values.
    let acceleration = moments.skewness / (6.0 * (n as f64).sqrt());
    let end = |probability: f64| {
        let z = bias + normal_quantile(probability);
        let adjusted = normal_cdf(bias + z / (1.0 - acceleration * z));
        quantile(&means, adjusted)
    };
    let (lower, upper) = (end(1.0 - level.upper_tail()), end(level.upper_tail()));
    Interval::new(lower.min(upper), upper.max(lower), level, Method::Bca)
}

/// Linear interpolation between the neighbours in rank.
fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let rank = probability.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    low + (high - low) * rank.fract()
}
