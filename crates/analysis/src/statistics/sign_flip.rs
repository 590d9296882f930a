//! The permutation test of paired differences.

use super::rng::SplitMix64;

/// Differences that are enumerated: 2^16 sign patterns take a tenth of a millisecond.
const MOST_ENUMERATED: usize = 16;
/// Differences whose signs one byte decides.
const BLOCK: usize = 8;
/// Sums this close, relative to the sum of all absolute differences, are the same but for rounding.
const ROUNDING_RATIO: f64 = 1e-12;

/// The result of [`sign_flip`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignFlip {
    /// Two-sided p-value, above 0 and at most 1.
    pub p_value: f64,
    /// Whether all sign patterns were enumerated; else they were drawn at random.
    pub is_exact: bool,
}

/// Tests whether paired differences are symmetric about 0, by flipping their signs (Fisher 1935).
///
/// If both sides are the same program, each difference is as likely as its opposite, whatever the
/// scores are distributed like: the p-value is the share of sign patterns with a sum at least as
/// far from 0. Up to 16 differences other than 0 are enumerated; beyond that `flips` patterns are
/// drawn, and the pattern seen counts as one of them (Phipson & Smyth 2010), so that false alarms
/// stay within the level. Differences of 0 say nothing; without any other the p-value is 1. The
/// sum orders the patterns as the t statistic does, so the test also holds in large samples where
/// only the means are equal (Janssen 1997).
///
/// `None` if a difference is not finite.
///
/// ```
/// use tidegate_analysis::statistics::sign_flip;
/// let test = sign_flip(&[0.3, 0.1, 0.2, 0.4, 0.1], 9_999, 1).expect("finite");
/// // Only all pluses and all minuses reach as far: 2 of 32.
/// assert_eq!((test.p_value, test.is_exact), (0.0625, true));
/// ```
#[must_use]
pub fn sign_flip(differences: &[f64], flips: u32, seed: u64) -> Option<SignFlip> {
    if !differences.iter().all(|difference| difference.is_finite()) {
        return None;
    }
    let largest = differences.iter().fold(0.0_f64, |largest, d| largest.max(d.abs()));
    // Scaled, so that no sum overflows, and sorted, so that the order does not matter.
    let mut scaled: Vec<f64> =
        differences.iter().filter(|d| **d != 0.0).map(|d| d / largest).collect();
    scaled.sort_unstable_by(f64::total_cmp);
    let total: f64 = scaled.iter().map(|d| d.abs()).sum();
    let reach = scaled.iter().sum::<f64>().abs() - ROUNDING_RATIO * total;
    let sums: Vec<Vec<f64>> = scaled.chunks(BLOCK).map(signed_sums).collect();
    let is_exact = scaled.len() <= MOST_ENUMERATED;
    let p_value =
        if is_exact { enumerate(&sums, reach) } else { sample(&sums, reach, flips, seed) };
    Some(SignFlip { p_value, is_exact })
}

/// The sums under all patterns of signs; bit `i` of the index flips value `i`.
fn signed_sums(values: &[f64]) -> Vec<f64> {
    (0..1_usize << values.len())
        .map(|flipped| {
            let signed = values.iter().enumerate();
            signed.map(|(bit, v)| if flipped >> bit & 1 == 1 { -v } else { *v }).sum()
        })
        .collect()
}

fn enumerate(sums: &[Vec<f64>], reach: f64) -> f64 {
    let all = sums.iter().fold(vec![0.0], |all: Vec<f64>, block| {
        all.iter().flat_map(|sum| block.iter().map(move |more| sum + more)).collect()
    });
    let far = all.iter().filter(|sum| sum.abs() >= reach).count();
    far as f64 / all.len() as f64
}

fn sample(sums: &[Vec<f64>], reach: f64, flips: u32, seed: u64) -> f64 {
    let mut rng = SplitMix64::new(seed);
    let far = (0..flips).filter(|_| random_sum(sums, &mut rng).abs() >= reach).count();
    (far as f64 + 1.0) / (f64::from(flips) + 1.0)
}

fn random_sum(sums: &[Vec<f64>], rng: &mut SplitMix64) -> f64 {
    let mut sum = 0.0;
    for blocks in sums.chunks(size_of::<u64>()) {
        for (block, byte) in blocks.iter().zip(rng.next_u64().to_le_bytes()) {
            // The last block may be short; its length is a power of two.
            sum += block[usize::from(byte) & (block.len() - 1)];
        }
    }
    sum
}
