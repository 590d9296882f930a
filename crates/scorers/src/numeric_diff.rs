//! Closeness of two numbers.

/// Returns how close two numbers are: `1 − |expected − output| / (|expected| + |output|)`.
///
/// This is autoevals' `NumericDiff`: two zeros score 1, numbers of opposite sign 0. Where the
/// formula has no value, equal infinities score 1 and everything else with an infinity or
/// without a number 0.
///
/// ```
/// use tidegate_scorers::numeric_diff;
///
/// assert_eq!(numeric_diff(10, 10), 1.0);
/// assert_eq!(numeric_diff(1.0, 3.0), 0.5);
/// assert_eq!(numeric_diff(-1, 1), 0.0);
/// ```
#[must_use]
pub fn numeric_diff(output: impl Into<f64>, expected: impl Into<f64>) -> f64 {
    let (output, expected) = (output.into(), expected.into());
    if output == expected {
        return 1.0;
    }
    let score = match expected.abs() + output.abs() {
        // Halves of huge numbers are exact and keep the sum finite.
        sum if sum.is_infinite() => {
            1.0 - (expected / 2.0 - output / 2.0).abs()
                / (expected.abs() / 2.0 + output.abs() / 2.0)
        }
        sum => 1.0 - (expected - output).abs() / sum,
    };
    if score.is_nan() { 0.0 } else { score.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edge_cases() {
        assert_eq!(numeric_diff(0.0, -0.0), 1.0);
        assert_eq!(numeric_diff(0.0, 5.0), 0.0);
        assert_eq!(numeric_diff(f64::MAX, -f64::MAX), 0.0);
        assert!((numeric_diff(f64::MAX, f64::MAX / 3.0) - 0.5).abs() < 1e-12);
        assert_eq!(numeric_diff(f64::INFINITY, f64::INFINITY), 1.0);
        assert_eq!(numeric_diff(f64::INFINITY, 1.0), 0.0);
        assert_eq!(numeric_diff(f64::NAN, f64::NAN), 0.0);
        assert_eq!(numeric_diff(f64::NAN, 1.0), 0.0);
    }

    proptest! {
        #[test]
        fn is_a_symmetric_share(a in any::<f64>(), b in any::<f64>()) {
            let score = numeric_diff(a, b);
            prop_assert!((0.0..=1.0).contains(&score), "{}", score);
            prop_assert_eq!(score, numeric_diff(b, a));
        }

        #[test]
        fn agrees_with_the_formula(a in -1e6..1e6f64, b in -1e6..1e6f64) {
            prop_assume!(a != 0.0 || b != 0.0);
            let formula = 1.0 - (b - a).abs() / (a.abs() + b.abs());
            prop_assert!((numeric_diff(a, b) - formula).abs() < 1e-9);
        }
    }
}
