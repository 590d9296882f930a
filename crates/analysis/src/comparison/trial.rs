//! From rows to trials: joining the spans of each trace.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use tidegate_model::row::{Row, is_root};

use super::case_key;
use crate::NameMap;

/// One trial of one case: what its trace says about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trial {
    /// [`case_key`] of the case's input.
    pub case_key: String,
    /// Scores by name; a score that is null is not there.
    pub scores: NameMap<f64>,
    /// Metrics by name.
    pub metrics: NameMap<Metric>,
}

/// A measured value with its unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// The value, finite, in `unit`.
    pub value: f64,
    /// `s`, `tok` or `$`.
    pub unit: Cow<'static, str>,
}

/// Builds one trial per root span, joining the other spans of its trace by `root_span_id`.
///
/// - `scores` come from the root and from scorer spans (type `score` or purpose `scorer`); a name
///   that occurs more than once counts with its mean.
/// - `duration` (s) is that of the root's child of type `task`, of any task span if no child of
///   the root is one, and of the root if there is no task span at all.
/// - Token counts (`tok`) and `estimated_cost` (`$`) are sums over all spans that are not
///   scorers': what judging costs is not what the task costs.
///
/// The order of the rows does not matter. Spans whose root is missing, and comments, are left out.
pub fn trials_from_rows<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<Trial> {
    traces(rows).filter_map(|(_, rows)| trial(&rows)).collect()
}

/// As [`trials_from_rows`], each trial with the `root_span_id` of its trace, by which its rows are
/// found again; sorted by it.
pub fn trials_by_trace<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<(String, Trial)> {
    traces(rows).filter_map(|(trace, rows)| Some((trace.to_owned(), trial(&rows)?))).collect()
}

fn traces<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
) -> impl Iterator<Item = (&'a str, Vec<&'a Row>)> {
    let mut traces: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        // A comment is a row of its own about another row, not a span.
        if row.contains_key("comment") && !row.contains_key("span_id") {
            continue;
        }
        let trace = text(row, "root_span_id").or_else(|| text(row, "id")).unwrap_or_default();
        traces.entry(trace).or_default().push(row);
    }
    traces.into_iter()
}

fn trial(rows: &[&Row]) -> Option<Trial> {
    let root = rows.iter().filter(|row| is_root(row)).min_by_key(|row| sort_key(row))?;
    let mut scores: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut sums: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in rows {
        let scorer = is_scorer(row);
        if scorer || is_root(row) {
            for (name, value) in numbers(row, "scores") {
                scores.entry(name).or_default().push(value);
            }
        }
        if !scorer {
            for (name, value) in numbers(row, "metrics") {
                if metric_unit(name).is_some() {
                    sums.entry(name).or_default().push(value);
                }
            }
        }
    }
    let mut metrics: NameMap<Metric> = sums
        .into_iter()
        .filter_map(|(name, mut values)| {
            let unit = metric_unit(name)?.into();
            Some((name, Metric { value: sum(&mut values), unit }))
        })
        .filter(|(_, metric)| metric.value.is_finite())
        .collect();
    if let Some(seconds) = task_seconds(rows, root) {
        metrics.insert("duration", Metric { value: seconds, unit: "s".into() });
    }
    Some(Trial {
        case_key: case_key(root.get("input").unwrap_or(&Value::Null)),
        scores: scores.into_iter().map(|(name, mut s)| (name, mean(&mut s))).collect(),
        metrics,
    })
}

fn task_seconds(rows: &[&Row], root: &Row) -> Option<f64> {
    let root_span = text(root, "span_id");
    let task = rows
        .iter()
        .filter(|row| attribute(row, "type") == Some("task"))
        .min_by_key(|row| (!has_parent(row, root_span), sort_key(row)));
    let metrics = task.map_or(root, |task| task).get("metrics")?;
    let seconds = metrics.get("end")?.as_f64()? - metrics.get("start")?.as_f64()?;
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds)
}

/// The unit of a metric that adds up over the spans of a trial: `$` of `estimated_cost`, `tok` of
/// token counts. `None` for all others, which are no metrics of a trial.
#[must_use]
pub fn metric_unit(name: &str) -> Option<&'static str> {
    match name {
        "estimated_cost" => Some("$"),
        _ if name == "tokens" || name.ends_with("_tokens") => Some("tok"),
        _ => None,
    }
}

fn is_scorer(row: &Row) -> bool {
    attribute(row, "purpose") == Some("scorer") || attribute(row, "type") == Some("score")
}

fn has_parent(row: &Row, parent: Option<&str>) -> bool {
    let parents = row.get("span_parents").and_then(Value::as_array);
    parent.is_some() && parents.is_some_and(|all| all.iter().any(|one| one.as_str() == parent))
}

fn attribute<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    row.get("span_attributes")?.get(name)?.as_str()
}

fn text<'a>(row: &'a Row, member: &str) -> Option<&'a str> {
    row.get(member)?.as_str()
}

/// Decides between spans of equal rank without regard to the order in which rows come.
fn sort_key(row: &Row) -> (Option<&str>, Option<&str>) {
    (text(row, "created"), text(row, "id"))
}

fn numbers<'a>(row: &'a Row, member: &str) -> impl Iterator<Item = (&'a str, f64)> {
    let members = row.get(member).and_then(Value::as_object).into_iter().flatten();
    members.filter_map(|(name, value)| {
        let number = value.as_f64().filter(|number| number.is_finite())?;
        Some((name.as_str(), number))
    })
}

/// Adds in a fixed order: floating-point sums depend on it.
pub(super) fn sum(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.iter().sum()
}

/// The mean of at least one value.
pub(crate) fn mean(values: &mut [f64]) -> f64 {
    let count = values.len().max(1) as f64;
    values.sort_unstable_by(f64::total_cmp);
    let (low, high) = (values.first().copied(), values.last().copied());
    let mean = match values.iter().sum::<f64>() / count {
        mean if mean.is_finite() => mean,
        // The sum overflowed: divide first.
        _ => values.iter().map(|value| value / count).sum(),
    };
    // Rounding must not push the mean of equal values past them.
    mean.clamp(low.unwrap_or_default(), high.unwrap_or_default())
}
