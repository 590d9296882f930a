//! Comparing an experiment with its base.
//!
//! Rows become [`Trial`]s ([`trials_from_rows`]), trials become numbers ([`compare`]). A score is
//! the mean over cases of the mean over each case's trials; cases of two experiments match when
//! their inputs are equal JSON ([`case_key`]).

mod case_key;
mod compare;
mod matched;
#[cfg(test)]
mod tests;
mod trial;

pub use case_key::case_key;
pub use compare::compare;
pub(crate) use compare::differs;
pub use matched::{MatchedCase, Pair, matched_cases};
pub(crate) use trial::mean;
pub use trial::{Metric, Trial, metric_unit, trials_by_trace, trials_from_rows};
