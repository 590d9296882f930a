//! Similarity of two texts.

/// Returns how similar two texts are: `1 − distance / length of the longer one`.
///
/// This is autoevals' `Levenshtein`: the distance is the least number of inserted, deleted and
/// replaced characters; two empty texts score 1. Like in Python, and unlike in JavaScript,
/// characters are Unicode code points. Costs time proportional to the product of both lengths.
///
/// ```
/// use tidegate_scorers::levenshtein;
///
/// assert_eq!(levenshtein("kitten", "kitten"), 1.0);
/// assert_eq!(levenshtein("grün", "grau"), 0.5);
/// assert_eq!(levenshtein("", "abc"), 0.0);
/// ```
#[must_use]
pub fn levenshtein(output: impl AsRef<str>, expected: impl AsRef<str>) -> f64 {
    strsim::normalized_levenshtein(output.as_ref(), expected.as_ref())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edge_cases() {
        assert_eq!(levenshtein("", ""), 1.0);
        assert_eq!(levenshtein("a", ""), 0.0);
        assert!((levenshtein("kitten", "sitting") - (1.0 - 3.0 / 7.0)).abs() < 1e-12);
    }

    #[test]
    fn counts_code_points() {
        // Four bytes and two UTF-16 units, but one character.
        assert_eq!(levenshtein("a😀", "a😁"), 0.5);
    }

    proptest! {
        #[test]
        fn is_a_symmetric_share(a in ".{0,12}", b in ".{0,12}") {
            let score = levenshtein(&a, &b);
            prop_assert!((0.0..=1.0).contains(&score));
            prop_assert_eq!(score, levenshtein(&b, &a));
            prop_assert_eq!(score == 1.0, a == b);
        }
    }
}
