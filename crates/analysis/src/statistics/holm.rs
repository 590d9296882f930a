//! Correction for looking at several scores.

/// Adjusts p-values for their number by the step-down method of Holm (1979), in the given order.
///
/// Whoever calls what has an adjusted p-value of at most 5 % a difference is wrong about any of
/// them in at most 5 % of comparisons, however the scores depend on each other. Never smaller than
/// the p-value itself, at most 1. A value that is not a number counts as 1.
///
/// ```
/// use tidegate_analysis::statistics::holm;
/// assert_eq!(holm(&[0.01, 0.25, 0.02]), [0.03, 0.25, 0.04]);
/// ```
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let p_value = |index: usize| if p_values[index].is_nan() { 1.0 } else { p_values[index] };
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|one, other| p_value(*one).total_cmp(&p_value(*other)));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        let remaining = (p_values.len() - rank) as f64;
        least = least.max(remaining * p_value(index)).min(1.0);
        adjusted[index] = least;
    }
    adjusted
}
