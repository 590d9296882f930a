//! Mean, spread and skewness of a sample.

use crate::comparison::mean;

/// Values this close to each other, as a share of the largest, differ by rounding only.
const ROUNDING_RATIO: f64 = 1e-12;

/// Mean, standard deviation and skewness of at least two values, all finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moments {
    pub(super) count: usize,
    pub(super) mean: f64,
    /// With `n - 1` in the denominator; exactly 0 if the values differ by rounding only.
    pub(super) sd: f64,
    /// Third standardized moment, with `n` in the denominators; 0 without spread.
    pub(super) skewness: f64,
}

impl Moments {
    /// `None` for fewer than two values, and where a square overflows.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count < 2 {
            return None;
        }
        // Sorted, so that the result does not depend on the order.
        let mut values = values.to_vec();
        let mean = mean(&mut values);
        let (low, high) = (values[0], values[count - 1]);
        if high - low <= ROUNDING_RATIO * low.abs().max(high.abs()) {
            return Some(Self { count, mean, sd: 0.0, skewness: 0.0 });
        }
        let n = count as f64;
        let power = |exponent| values.iter().map(|v| (v - mean).powi(exponent)).sum::<f64>();
        let (squares, cubes) = (power(2), power(3));
        let sd = (squares / (n - 1.0)).sqrt();
        let skewness = cubes / n / (squares / n).powf(1.5);
        let finite = sd > 0.0 && sd.is_finite() && mean.is_finite() && skewness.is_finite();
        finite.then_some(Self { count, mean, sd, skewness })
    }

    pub(super) fn standard_error(&self) -> f64 {
        self.sd / (self.count as f64).sqrt()
    }
}
