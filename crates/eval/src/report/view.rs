//! The summary as lines of text cells, before any layout.

use std::fmt::Write as _;
use std::time::Duration;

use tidegate_analysis::statistics::{Interval, PairedComparison, Verdict};
use tidegate_model::wire::summary::{MetricSummary, ScoreSummary};

use super::text::counted;
use crate::adaptive::Concurrency;
use crate::outcome::Summary;

/// One score or metric.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) value: String,
    /// Such as `(96.0–97.4)`, in the unit of `value`; empty if there is none.
    pub(super) interval: String,
    /// `None` without a base.
    pub(super) change: Option<Change>,
}

/// How it compares with the base.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) difference: String,
    pub(super) interval: String,
    pub(super) verdict: Option<Verdict>,
    pub(super) improved: u64,
    pub(super) regressed: u64,
}

pub(super) fn lines(summary: &Summary) -> Vec<Line> {
    let scores = summary.comparison.scores.values().map(|score| score_line(summary, score));
    let metrics = summary.comparison.metrics.values().map(|metric| metric_line(summary, metric));
    let plain = |name: &str, score: Option<f64>| Line {
        name: name.to_owned(),
        value: score.map_or_else(|| "no score".to_owned(), share),
        interval: String::new(),
        change: None,
    };
    // A scorer without any number must not just vanish: it is broken, or its name is misspelt.
    let unscored = summary.unscored.iter().map(|name| plain(name, None));
    let of_run = summary.run_scores.iter().map(|(name, score)| plain(name, *score));
    scores.chain(unscored).chain(of_run).chain(metrics).collect()
}

/// Shortest run whose idle share is worth a word: what is shorter is mostly its own start.
const LEAST_FOR_IDLE: Duration = Duration::from_secs(1);

/// How many trials there were, how long they took, and what went wrong.
pub(super) fn trials(summary: &Summary) -> String {
    let (trials, took) =
        (counted(summary.trials, "trial"), seconds(summary.duration.as_secs_f64()));
    let mut text = format!("{trials} in {took}");
    let idle = summary.cpu_idle_ratio().filter(|_| summary.duration >= LEAST_FOR_IDLE);
    if let (Some(idle), Some(cpu)) = (idle, summary.cpu) {
        write!(text, ", CPU {:.1} % idle", 100.0 * idle).expect("memory");
        let cores = cpu.as_secs_f64() / summary.duration.as_secs_f64();
        if cores > 1.0 {
            write!(text, " ({cores:.1} cores busy)").expect("memory");
        }
    }
    if summary.task_errors > 0 {
        write!(text, ", {} failed", summary.task_errors).expect("memory");
    }
    if summary.scorer_errors > 0 {
        let calls = counted(summary.scorer_errors, "scorer call");
        write!(text, ", {calls} failed").expect("memory");
    }
    if summary.classifier_errors > 0 {
        let calls = counted(summary.classifier_errors, "classifier call");
        write!(text, ", {calls} failed").expect("memory");
    }
    if let Some(Concurrency { limit, highest, cuts }) = summary.concurrency {
        write!(text, ", {limit} at once in the end, at most {highest}").expect("memory");
        if cuts > 0 {
            write!(text, ", lowered {}", counted(cuts, "time")).expect("memory");
        }
    }
    if summary.timed_out {
        text.push_str(", ended by the time-out");
    }
    if summary.too_many_errors {
        text.push_str(", ended by the limit of failures");
    }
    if summary.stopped {
        text.push_str(", stopped before its data ended");
    }
    text
}

pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::Same => "same",
        Verdict::Undecided => "undecided",
    }
}

fn score_line(summary: &Summary, score: &ScoreSummary) -> Line {
    let estimate = summary.estimates.get(&score.name).and_then(|estimate| estimate.interval);
    let compared = summary.comparisons.get(&score.name).filter(|paired| paired.matched_cases > 0);
    let change = |paired: Option<&PairedComparison>| Change {
        difference: match (paired.and_then(|paired| paired.difference), score.diff) {
            (Some(diff), _) | (None, Some(diff)) => percent(diff, 2),
            (None, None) => "new".to_owned(),
        },
        interval: paired
            .and_then(|paired| paired.interval)
            .map(|interval| points(interval.lower, interval.upper))
            .unwrap_or_default(),
        verdict: paired.map(|paired| paired.verdict),
        improved: paired.map_or(score.improvements, |paired| paired.improved_cases as u64),
        regressed: paired.map_or(score.regressions, |paired| paired.regressed_cases as u64),
    };
    Line {
        name: score.name.clone(),
        value: share(score.score),
        interval: holding(estimate, score.score)
            .map(|interval| points(interval.lower, interval.upper))
            .unwrap_or_default(),
        change: summary.base.is_some().then(|| change(compared)),
    }
}

fn metric_line(summary: &Summary, metric: &MetricSummary) -> Line {
    let estimate = summary.metric_estimates.get(&metric.name).and_then(|e| e.interval);
    let compared = summary.metric_comparisons.get(&metric.name);
    let compared = compared.filter(|paired| paired.matched_cases > 0);
    let unit = Unit::of(&metric.unit, metric.metric);
    // Relative to the base's mean, as the protocol has it.
    let relative = |paired: &PairedComparison, value: f64| {
        let base = paired.base_mean.filter(|base| *base != 0.0)?;
        Some(value / base.abs()).filter(|ratio| ratio.is_finite())
    };
    let change = |paired: Option<&PairedComparison>| {
        let difference = paired.and_then(|paired| relative(paired, paired.difference?));
        let interval = paired.and_then(|paired| {
            let Interval { lower, upper, .. } = paired.interval?;
            Some(points(relative(paired, lower)?, relative(paired, upper)?))
        });
        Change {
            difference: match difference.or(metric.diff) {
                Some(diff) => percent(diff, 1),
                None => "new".to_owned(),
            },
            interval: interval.unwrap_or_default(),
            verdict: paired.map(|paired| paired.verdict),
            improved: paired.map_or(metric.improvements, |paired| paired.improved_cases as u64),
            regressed: paired.map_or(metric.regressions, |paired| paired.regressed_cases as u64),
        }
    };
    Line {
        name: metric.name.clone(),
        value: unit.value(metric.metric),
        interval: holding(estimate, metric.metric)
            .map(|interval| unit.range(interval.lower, interval.upper))
            .unwrap_or_default(),
        change: summary.base.is_some().then(|| change(compared)),
    }
}

pub(super) fn share(fraction: f64) -> String {
    format!("{:.2} %", 100.0 * fraction)
}

/// An interval that does not hold the value beside it is of other rows: those of an experiment
/// that was continued, or of a server that computes in its own way.
fn holding(interval: Option<Interval>, value: f64) -> Option<Interval> {
    let slack = 1e-9 * value.abs().max(1e-9);
    interval.filter(|i| i.lower - slack <= value && value <= i.upper + slack)
}

/// How a metric is written: a value and its interval share unit and decimals.
struct Unit<'a> {
    factor: f64,
    decimals: usize,
    name: &'a str,
}

impl<'a> Unit<'a> {
    fn of(unit: &'a str, value: f64) -> Self {
        let (factor, decimals, name) = match unit {
            "s" if value < 0.001 => (1e6, 0, "µs"),
            "s" if value < 1.0 => (1e3, 1, "ms"),
            "s" => (1.0, 2, "s"),
            // A call may cost a thousandth of a cent.
            "$" if value < 0.01 => (1.0, 6, "$"),
            "$" => (1.0, 4, "$"),
            unit => (1.0, 2, unit),
        };
        Self { factor, decimals, name }
    }

    fn value(&self, value: f64) -> String {
        format!("{:.*} {}", self.decimals, self.factor * value, self.name)
    }

    fn range(&self, lower: f64, upper: f64) -> String {
        let (lower, upper) = (self.factor * lower, self.factor * upper);
        // A narrow interval whose ends look the same says nothing.
        let decimals = match 10_f64.powi(-(self.decimals as i32)) {
            step if upper - lower < step => self.decimals + 2,
            _ => self.decimals,
        };
        range(lower, upper, decimals)
    }
}

pub(super) fn seconds(seconds: f64) -> String {
    Unit::of("s", seconds).value(seconds)
}

/// A range of fractions in percent. A narrow one needs the second decimal to say anything.
fn points(lower: f64, upper: f64) -> String {
    let decimals = if upper - lower < 0.01 { 2 } else { 1 };
    range(100.0 * lower, 100.0 * upper, decimals)
}

fn range(lower: f64, upper: f64, decimals: usize) -> String {
    let number = |number: f64| {
        let text = format!("{number:.decimals$}");
        let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
        if is_zero { text.trim_start_matches('-').to_owned() } else { text }
    };
    let (lower, upper) = (number(lower), number(upper));
    // A dash between signs is hard to read.
    let to = if lower.starts_with('-') || upper.starts_with('-') { " to " } else { "–" };
    format!("({lower}{to}{upper})")
}

/// A signed percentage; what rounds to zero has no sign.
pub(super) fn percent(fraction: f64, decimals: usize) -> String {
    let plain = format!("{:.decimals$}", 100.0 * fraction.abs());
    let is_zero = plain.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let sign = match fraction {
        _ if is_zero => "",
        fraction if fraction < 0.0 => "-",
        _ => "+",
    };
    format!("{sign}{plain} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_readable_at_any_width() {
        assert_eq!(points(0.9604, 0.9742), "(96.0–97.4)");
        assert_eq!(points(0.9961, 0.9962), "(99.61–99.62)");
        assert_eq!(points(-0.035, -0.0204), "(-3.5 to -2.0)");
        assert_eq!(points(-0.0001, 0.05), "(0.0–5.0)");
        assert_eq!(Unit::of("s", 71e-6).range(69.6e-6, 72.4e-6), "(70–72)");
        assert_eq!(percent(-0.00001, 2), "0.00 %");
        assert_eq!(Unit::of("$", 11.2e-6).value(11.2e-6), "0.000011 $");
        assert_eq!(Unit::of("$", 0.25).value(0.25), "0.2500 $");
    }
}
