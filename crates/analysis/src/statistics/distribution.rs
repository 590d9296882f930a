//! Quantiles and probabilities, from `statrs`, where that is exact enough.

use statrs::distribution::{Binomial, ContinuousCDF as _, Discrete as _, DiscreteCDF as _};
use statrs::distribution::{Normal, StudentsT};

/// Above this, the quantiles of t in statrs 0.19 lose digits (1e-6 off at 1e5 degrees of freedom,
/// 7 % at 1e7), and the expansion below is good to 1e-12.
const EXPANSION_FROM_DEGREES: f64 = 1_000.0;

/// The standard normal quantile; `probability` in 0..1, both excluded.
pub(super) fn normal_quantile(probability: f64) -> f64 {
    Normal::standard().inverse_cdf(probability)
}

/// The standard normal distribution function.
pub(super) fn normal_cdf(x: f64) -> f64 {
    Normal::standard().cdf(x)
}

/// The quantile of Student's t; `probability` in 0..1, both excluded, at least one degree of
/// freedom.
pub(super) fn t_quantile(probability: f64, degrees: f64) -> f64 {
    if degrees > EXPANSION_FROM_DEGREES {
        return t_quantile_expanded(normal_quantile(probability), degrees);
    }
    StudentsT::new(0.0, 1.0, degrees)
        .map_or_else(|_| normal_quantile(probability), |t| t.inverse_cdf(probability))
}

/// Abramowitz & Stegun (1964), 26.7.5.
fn t_quantile_expanded(z: f64, degrees: f64) -> f64 {
    let z2 = z * z;
    let first = z * (z2 + 1.0) / 4.0;
    let second = z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
    let third = z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
    z + (first + (second + third / degrees) / degrees) / degrees
}

/// The probability of fewer than `k`, and of exactly `k`, heads in `n` fair tosses.
pub(super) fn fair_tosses(k: u64, n: u64) -> (f64, f64) {
    // A probability of one half is valid for every n.
    let Ok(tosses) = Binomial::new(0.5, n) else { return (0.0, 1.0) };
    let below = k.checked_sub(1).map_or(0.0, |below| tosses.cdf(below));
    (below, tosses.pmf(k))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(actual: f64, expected: f64) {
        assert!((actual / expected - 1.0).abs() < 1e-9, "{actual} is not {expected}");
    }

    #[test]
    fn quantiles_of_t_are_right_on_both_sides_of_the_switch() {
        // scipy 1.17.1, stats.t.ppf.
        assert_near(t_quantile(0.975, 1.0), 12.706_204_736_174_694);
        assert_near(t_quantile(0.975, 49.0), 2.009_575_237_129_239_2);
        assert_near(t_quantile(0.995, 999.0), 2.580_759_637_267_636_5);
        assert_near(t_quantile(0.975, 1e5), 1.959_987_707_534_604_9);
        assert_near(t_quantile(0.8, 1e7), 0.841_621_269_517_007_3);
        let gap = t_quantile(0.999, 1_000.0) - t_quantile(0.999, 1_000.1);
        assert!((0.0..1e-6).contains(&gap), "{gap}");
    }

    #[test]
    fn tosses_of_a_coin() {
        assert_eq!(fair_tosses(0, 0), (0.0, 1.0));
        assert_near(fair_tosses(3, 10).0, 56.0 / 1024.0);
        assert_near(fair_tosses(3, 10).1, 120.0 / 1024.0);
    }
}
