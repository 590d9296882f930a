//! Overlap of two lists.

use crate::assignment::best_sum;
use crate::levenshtein;

/// Returns how well two lists of texts match, whatever their order.
///
/// This is autoevals' `ListContains`: each output is paired with at most one expected item and the
/// other way round, so that the sum of the pairs' [`levenshtein`] scores is greatest; that sum is
/// divided by the length of the longer list. Two empty lists score 1, one empty list 0. Duplicates
/// count: two equal outputs cannot both be paired with one expected item.
///
/// [`ListContains`] has the options. Costs the pairwise scores of all pairs, plus time that grows with
/// the third power of the length.
///
/// ```
/// use tidegate_scorers::list_contains;
///
/// assert_eq!(list_contains(&["b", "a"], &["a", "b"]), 1.0);
/// assert_eq!(list_contains(&["a", "x"], &["a"]), 0.5);
/// assert_eq!(list_contains(&["Ada", "Bo"], &["Ada", "Be"]), 0.75);
/// ```
#[must_use]
pub fn list_contains<O: AsRef<str>, E: AsRef<str>>(output: &[O], expected: &[E]) -> f64 {
    ListContains::new().score(output, expected)
}

/// [`list_contains`] with options.
///
/// ```
/// use tidegate_scorers::{ListContains, numeric_diff};
///
/// // One more output than expected costs nothing.
/// let scorer = ListContains::new().allow_extra_entities();
/// assert_eq!(scorer.score(&["a", "x"], &["a"]), 1.0);
///
/// // Any items, any score of a pair.
/// let score = ListContains::new().score_by(&[2.0, 9.0], &[9.0, 2.0], |o, e| numeric_diff(*o, *e));
/// assert_eq!(score, 1.0);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ListContains {
    allow_extra_entities: bool,
}

impl ListContains {
    /// Without options: as [`list_contains`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Divides by the number of expected items, so that further outputs cost nothing.
    #[must_use]
    pub fn allow_extra_entities(mut self) -> Self {
        self.allow_extra_entities = true;
        self
    }

    /// Scores lists of texts.
    #[must_use]
    pub fn score<O: AsRef<str>, E: AsRef<str>>(&self, output: &[O], expected: &[E]) -> f64 {
        self.score_by(output, expected, |output, expected| levenshtein(output, expected))
    }

    /// Scores lists of anything, with the score of a pair in 0..=1.
    ///
    /// `pair` is called once per pair. The result is clamped to 0..=1, as in autoevals; a pair
    /// without a score (NaN) counts 0, where Python's raises.
    #[must_use]
    pub fn score_by<O, E>(
        &self,
        output: &[O],
        expected: &[E],
        pair: impl Fn(&O, &E) -> f64,
    ) -> f64 {
        if output.is_empty() || expected.is_empty() {
            return f64::from(u8::from(output.is_empty() && expected.is_empty()));
        }
        let scores: Vec<f64> = output
            .iter()
            .flat_map(|output| expected.iter().map(|expected| pair(output, expected)).map(finite))
            .collect();
        let width = expected.len();
        let sum = best_sum(output.len(), width, |row, column| scores[row * width + column]);
        let whole = if self.allow_extra_entities { width } else { width.max(output.len()) };
        (sum / whole as f64).clamp(0.0, 1.0)
    }
}

/// The algorithm compares sums, in which an infinity or NaN would hide everything else.
fn finite(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score.clamp(-1e9, 1e9) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONE: [&str; 0] = [];

    #[test]
    fn empty_lists() {
        assert_eq!(list_contains(&NONE, &NONE), 1.0);
        assert_eq!(list_contains(&["a"], &NONE), 0.0);
        assert_eq!(list_contains(&NONE, &["a"]), 0.0);
        assert_eq!(ListContains::new().allow_extra_entities().score(&["a"], &NONE), 0.0);
    }

    #[test]
    fn duplicates_are_not_paired_twice() {
        assert_eq!(list_contains(&["a", "a"], &["a", "b"]), 0.5);
        assert_eq!(list_contains(&["a", "a"], &["a", "a"]), 1.0);
    }

    #[test]
    fn missing_items_cost_also_when_extra_ones_do_not() {
        let scorer = ListContains::new().allow_extra_entities();
        assert_eq!(scorer.score(&["a"], &["a", "b"]), 0.5);
        assert_eq!(scorer.score(&["x", "b", "a"], &["a", "b"]), 1.0);
    }

    #[test]
    fn pairs_without_a_score_count_nothing() {
        let score = |value| ListContains::new().score_by(&[1], &[1], |_, _| value);
        assert_eq!(score(f64::NAN), 0.0);
        assert_eq!(score(f64::INFINITY), 1.0);
        assert_eq!(score(-3.0), 0.0);
    }

    proptest! {
        #[test]
        fn order_does_not_matter(
            a in prop::collection::vec("[ab]{0,2}", 0..5),
            b in prop::collection::vec("[ab]{0,2}", 0..5),
        ) {
            let score = list_contains(&a, &b);
            prop_assert!((0.0..=1.0).contains(&score));
            prop_assert!((score - list_contains(&b, &a)).abs() < 1e-12);
            let mut reversed = a.clone();
            reversed.reverse();
            prop_assert!((score - list_contains(&reversed, &b)).abs() < 1e-12);
            prop_assert_eq!(list_contains(&a, &reversed), 1.0);
        }
    }
}
