//! Tests of the module as a whole; values against scipy and statsmodels are in
//! `e2e/tests/it/statistics.rs`, coverage in `examples/coverage`.

mod comparisons;
mod estimates;
mod properties;

use super::*;

/// Scores of one trial a case, with keys in the order of the values.
fn single(values: &[f64]) -> Vec<(String, f64)> {
    values.iter().enumerate().map(|(case, value)| (format!("{case:06}"), *value)).collect()
}

fn scores(values: &[(String, f64)]) -> Observations<'_> {
    Observations::of_score(values.iter().map(|(key, value)| (key.as_str(), *value)))
}

fn metrics(values: &[(String, f64)]) -> Observations<'_> {
    Observations::of_metric(values.iter().map(|(key, value)| (key.as_str(), *value)))
}

fn method(estimate: &Estimate) -> Option<Method> {
    estimate.interval.map(|interval| interval.method)
}
