//! Similarity of two embeddings.

/// Returns how similar two embeddings are: `clamp((cos − minimum) / (1 − minimum), 0, 1)`.
///
/// This is autoevals' `EmbeddingSimilarity`, where `minimum` is 0.7 unless given: embeddings of
/// unrelated texts are far from orthogonal, so their cosine alone says little. A vector of length
/// 0 has the cosine 0 with everything.
///
/// `None` if the vectors have different dimensions (Python would compare what both have), if a
/// number is not finite, or if `minimum` is not below 1.
///
/// ```
/// use tidegate_scorers::embedding_similarity;
///
/// assert_eq!(embedding_similarity(&[1.0, 0.0], &[2.0, 0.0], 0.7), Some(1.0));
/// assert_eq!(embedding_similarity(&[1.0, 0.0], &[0.0, 1.0], 0.7), Some(0.0));
/// assert_eq!(embedding_similarity(&[1.0, 0.0], &[0.8, 0.6], 0.6).map(|score| score > 0.4), Some(true));
/// assert_eq!(embedding_similarity(&[1.0], &[1.0, 0.0], 0.7), None);
/// ```
#[must_use]
pub fn embedding_similarity<N: Copy + Into<f64>>(
    output: &[N],
    expected: &[N],
    minimum: f64,
) -> Option<f64> {
    if output.len() != expected.len() || minimum.is_nan() || minimum >= 1.0 {
        return None;
    }
    // Scaled so that squares of huge or tiny numbers stay within range.
    let (output, expected) = (scaled(output)?, scaled(expected)?);
    let dot: f64 = output.iter().zip(&expected).map(|(a, b)| a * b).sum();
    let length = |vector: &[f64]| vector.iter().map(|a| a * a).sum::<f64>().sqrt();
    let lengths = length(&output) * length(&expected);
    let cosine = if lengths == 0.0 { 0.0 } else { (dot / lengths).min(1.0) };
    Some(((cosine - minimum) / (1.0 - minimum)).clamp(0.0, 1.0))
}

fn scaled<N: Copy + Into<f64>>(vector: &[N]) -> Option<Vec<f64>> {
    let vector: Vec<f64> = vector.iter().map(|number| (*number).into()).collect();
    let largest = vector.iter().fold(0.0, |largest: f64, number| largest.max(number.abs()));
    if !vector.iter().all(|number| number.is_finite()) {
        return None;
    }
    let divisor = if largest == 0.0 { 1.0 } else { largest };
    Some(vector.into_iter().map(|number| number / divisor).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edge_cases() {
        let score = |a: &[f64], b: &[f64]| embedding_similarity(a, b, 0.7);
        assert_eq!(score(&[], &[]), Some(0.0));
        assert_eq!(score(&[0.0], &[1.0]), Some(0.0));
        assert_eq!(score(&[-1.0], &[1.0]), Some(0.0));
        let scaled = score(&[1e300, 1e300], &[1e-300, 1e-300]).expect("finite");
        assert!((scaled - 1.0).abs() < 1e-12);
        assert_eq!(score(&[f64::NAN], &[1.0]), None);
        assert_eq!(embedding_similarity(&[1.0], &[1.0], 1.0), None);
        assert_eq!(embedding_similarity(&[1.0f32], &[-1.0], -1.0), Some(0.0));
    }

    proptest! {
        #[test]
        fn is_a_symmetric_share(
            pairs in prop::collection::vec((-1e3..1e3f64, -1e3..1e3f64), 1..8),
            minimum in -1.0..0.99f64,
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let score = embedding_similarity(&a, &b, minimum).expect("finite");
            prop_assert!((0.0..=1.0).contains(&score));
            let back = embedding_similarity(&b, &a, minimum).expect("finite");
            prop_assert!((score - back).abs() < 1e-9);
            prop_assert!(embedding_similarity(&a, &a, minimum).expect("finite") > 1.0 - 1e-9);
        }
    }
}
