//! The test for yes/no scores of one trial a case.

use super::distribution::fair_tosses;

/// The two-sided p-value of McNemar's (1947) test, in its mid-p form (Lancaster 1961).
///
/// Among the cases that changed, better and worse are equally likely if nothing changed at all;
/// what happened counts half. The exact test counts it whole and so misses more real differences;
/// over 9 595 settings Fagerland, Lydersen & Laake (2013) saw the mid-p form keep its level. 1 if no
/// case changed.
///
/// ```
/// use tidegate_analysis::statistics::mcnemar_mid_p;
/// assert!((mcnemar_mid_p(10, 2) - 0.022_46).abs() < 1e-5);
/// assert_eq!(mcnemar_mid_p(0, 0), 1.0);
/// ```
#[must_use]
pub fn mcnemar_mid_p(improved: u64, regressed: u64) -> f64 {
    let changed = improved.saturating_add(regressed);
    if changed == 0 {
        return 1.0;
    }
    let (below, at) = fair_tosses(improved.min(regressed), changed);
    // In the middle both tails hold what happened, half of it each.
    let p_value = if improved == regressed { 1.0 - at / 2.0 } else { 2.0 * below + at };
    p_value.clamp(0.0, 1.0)
}
