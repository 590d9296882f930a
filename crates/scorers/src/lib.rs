//! Scoring functions: each takes an output and what was expected and returns a score in 0..=1.
//!
//! They are plain functions without I/O, so that they can be called from a scorer closure, a
//! test or a loop. The formulas are those of the autoevals library, so that scores compare with
//! those of evaluations written in other languages; every difference is stated at the function.

#![deny(missing_docs)]

mod exact_match;
mod levenshtein;
mod numeric_diff;

pub use exact_match::exact_match;
pub use levenshtein::levenshtein;
pub use numeric_diff::numeric_diff;
