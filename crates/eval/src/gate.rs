//! Gates: what a run must keep, judged by intervals, with the reason in words.

mod condition;
mod hint;

use serde::Serialize;
use tidegate_analysis::statistics::{
    Estimate, GateOutcome, Margin, PairedComparison, Threshold, no_regression,
};

pub use condition::{Condition, ParseConditionError};

use crate::outcome::Summary;
use crate::report::counted;

const FAILED: &str = "trials that failed could be beyond it";
const CUT_SHORT: &str = "the run ended before its data did";

/// A condition on one score or metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gate {
    pub(crate) name: String,
    pub(crate) condition: Condition,
}

/// What a gate says of a run.
///
/// Serializes as `{name, rule, outcome: "pass" | "fail" | "undecided", why, hint}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateResult {
    /// The score or metric.
    pub name: String,
    /// The condition in words, such as `at least 0.9`.
    pub rule: String,
    /// Whether it is kept.
    pub outcome: GateOutcome,
    /// The figures it was decided by, or what is missing.
    pub why: String,
    /// What would decide or keep it, such as a number of cases; `None` if nothing is known.
    pub hint: Option<String>,
}

/// Judges all gates by the figures of a finished summary.
pub(crate) fn judge(gates: &[Gate], summary: &Summary) -> Vec<GateResult> {
    gates.iter().map(|gate| gate.judge(summary)).collect()
}

/// All gates together: one that fails decides, else one that is undecided; none at all pass.
pub(crate) fn together(gates: &[GateResult]) -> GateOutcome {
    let any = |wanted| gates.iter().any(|gate| gate.outcome == wanted);
    match () {
        () if any(GateOutcome::Fail) => GateOutcome::Fail,
        () if any(GateOutcome::Undecided) => GateOutcome::Undecided,
        () => GateOutcome::Pass,
    }
}

impl Gate {
    fn judge(&self, summary: &Summary) -> GateResult {
        let (outcome, why) = if self.is_known(summary) {
            match self.condition {
                Condition::Threshold(threshold) => self.by_threshold(threshold, summary),
                Condition::Mean(threshold) => self.by_mean(threshold, summary),
                Condition::NoRegression(margin) => self.by_comparison(margin, summary),
            }
        } else if summary.is_cut_short() && summary.trials == 0 {
            (GateOutcome::Undecided, CUT_SHORT.to_owned())
        } else {
            // Most likely a misspelt name, or a scorer that failed on every case.
            (GateOutcome::Fail, "no trial has a score or metric of this name".to_owned())
        };
        let hint = self.hint(outcome, summary);
        let (name, rule) = (self.name.clone(), self.condition.to_string());
        GateResult { name, rule, outcome, why, hint }
    }

    fn estimate<'a>(&self, summary: &'a Summary) -> Option<&'a Estimate> {
        let estimate = summary.estimates.get(&self.name);
        estimate.or_else(|| summary.metric_estimates.get(&self.name))
    }

    fn paired<'a>(&self, summary: &'a Summary) -> Option<&'a PairedComparison> {
        let compared = summary.comparisons.get(&self.name);
        compared.or_else(|| summary.metric_comparisons.get(&self.name))
    }

    fn is_known(&self, summary: &Summary) -> bool {
        summary.estimates.contains_key(&self.name)
            || summary.metric_estimates.contains_key(&self.name)
            || summary.comparison.scores.contains_key(&self.name)
            || summary.run_scores.get(&self.name).is_some_and(Option::is_some)
            || summary.comparison.metrics.contains_key(&self.name)
    }

    /// Figures are of the trials that have a score: a task that breaks on the hard cases would pass
    /// by the easy ones, and a run that was cut short by the first ones. What was skipped on
    /// purpose is no failure.
    fn doubt(&self, summary: &Summary) -> Option<&'static str> {
        let scored = self.estimate(summary).map_or(0, |estimate| estimate.trials as u64);
        let failed = summary.task_errors + summary.scorer_errors > 0;
        match () {
            () if summary.is_cut_short() => Some(CUT_SHORT),
            () if failed && scored < summary.trials => Some(FAILED),
            () => None,
        }
    }

    /// The outcome, and why it is not to pass although the figures would.
    fn doubted(
        &self,
        decided: GateOutcome,
        summary: &Summary,
    ) -> (GateOutcome, Option<&'static str>) {
        let doubt = self.doubt(summary).filter(|_| decided == GateOutcome::Pass);
        (doubt.map_or(decided, |_| GateOutcome::Undecided), doubt)
    }

    fn by_threshold(&self, threshold: Threshold, summary: &Summary) -> (GateOutcome, String) {
        if let Some(decided) = self.by_run_score(threshold, summary) {
            return decided;
        }
        let Some(estimate) = self.estimate(summary) else {
            return (GateOutcome::Undecided, "its interval is not known: see the warnings".into());
        };
        let decided = threshold.decide(Some(estimate));
        let (outcome, doubt) = self.doubted(decided, summary);
        let Estimate { mean, interval, cases, .. } = *estimate;
        let mut why = match interval {
            Some(interval) => {
                let (lower, upper) = (number(interval.lower), number(interval.upper));
                let all = format!("{} with an interval of {lower} to {upper}", number(mean));
                match (decided, doubt) {
                    (GateOutcome::Pass, Some(doubt)) => {
                        format!("{all}, all of it within the limit, but {doubt}")
                    }
                    (GateOutcome::Pass, None) => format!("{all}, all of it within the limit"),
                    (GateOutcome::Fail, _) => format!("{all}, all of it beyond the limit"),
                    (GateOutcome::Undecided, _) => format!("{all}, which holds the limit"),
                }
            }
            None => {
                let cases = counted(cases as u64, "case");
                format!("{} without an interval, from {cases}", number(mean))
            }
        };
        why.push_str(&missing(estimate, summary));
        (outcome, why)
    }

    fn by_mean(&self, threshold: Threshold, summary: &Summary) -> (GateOutcome, String) {
        if let Some(decided) = self.by_run_score(threshold, summary) {
            return decided;
        }
        let Some(estimate) = self.estimate(summary) else {
            return (GateOutcome::Undecided, "its mean is not known: see the warnings".into());
        };
        let (mean, cases) = (number(estimate.mean), counted(estimate.cases as u64, "case"));
        let decided = plainly(threshold, estimate.mean);
        let (outcome, doubt) = self.doubted(decided, summary);
        let but = doubt.map(|doubt| format!(", but {doubt}")).unwrap_or_default();
        let why = format!("{mean} from {cases}{but}{}", missing(estimate, summary));
        (outcome, why)
    }

    /// A score of the whole run is one number, so there is nothing but the number to decide by.
    fn by_run_score(
        &self,
        threshold: Threshold,
        summary: &Summary,
    ) -> Option<(GateOutcome, String)> {
        let score = summary.run_scores.get(&self.name).copied().flatten()?;
        let why = format!("{}; a score of the whole run has no interval", number(score));
        Some(match plainly(threshold, score) {
            GateOutcome::Pass if summary.is_cut_short() => {
                (GateOutcome::Undecided, format!("{why}, and {CUT_SHORT}"))
            }
            decided => (decided, why),
        })
    }

    fn by_comparison(&self, margin: Margin, summary: &Summary) -> (GateOutcome, String) {
        let undecided = |why: &str| (GateOutcome::Undecided, why.to_owned());
        if summary.base.is_none() {
            return undecided("there is no base experiment to compare with");
        }
        if summary.run_scores.contains_key(&self.name) {
            return undecided("a score of the whole run is not compared with the base");
        }
        let Some(paired) = self.paired(summary) else {
            return undecided("the comparison has no statistics: see the warnings");
        };
        let PairedComparison { difference: Some(difference), matched_cases, .. } = *paired else {
            return undecided("no case of this run has it in the base as well");
        };
        if paired.is_unchanged() {
            return self.unchanged(paired, summary);
        }
        let decided = no_regression(paired, margin);
        let (outcome, doubt) = self.doubted(decided, summary);
        let cases = counted(matched_cases as u64, "case");
        let by = format!("{} from {cases} of both runs", signed(difference));
        let why = match paired.interval {
            None => format!("{by}, without an interval"),
            Some(interval) => {
                let (lower, upper) = (signed(interval.lower), signed(interval.upper));
                let all = format!("{by}, with an interval of {lower} to {upper}");
                match (decided, doubt) {
                    (GateOutcome::Pass, Some(doubt)) => {
                        format!("{all}, all of it within the margin, but {doubt}")
                    }
                    (GateOutcome::Pass, None) => format!("{all}, all of it within the margin"),
                    (GateOutcome::Fail, _) => format!("{all}, all of it worse than the margin"),
                    (GateOutcome::Undecided, _) if margin == Margin::ZERO => {
                        format!(
                            "{all}; without a margin only a sure improvement or no change passes"
                        )
                    }
                    (GateOutcome::Undecided, _) => {
                        format!("{all}, which is not all on one side")
                    }
                }
            }
        };
        (outcome, why)
    }

    /// Every case came out as before.
    fn unchanged(&self, paired: &PairedComparison, summary: &Summary) -> (GateOutcome, String) {
        let (outcome, doubt) = self.doubted(GateOutcome::Pass, summary);
        let mut why = match paired.matched_cases {
            1 => "no case changed: the only one of both runs came out as before".to_owned(),
            cases => format!("no case changed: all {cases} of both runs came out as before"),
        };
        if let Some(doubt) = doubt {
            why.push_str(&format!(", but {doubt}"));
        }
        // New cases have nothing to fall behind; that nobody looked at them must be said.
        if paired.current_only_cases > 0 {
            let new = counted(paired.current_only_cases as u64, "case");
            why.push_str(&format!("; {new} only in this run"));
        }
        (outcome, why)
    }
}

fn plainly(threshold: Threshold, value: f64) -> GateOutcome {
    let kept = match threshold {
        Threshold::AtLeast(limit) => value >= limit,
        Threshold::AtMost(limit) => value <= limit,
    };
    if kept { GateOutcome::Pass } else { GateOutcome::Fail }
}

/// Figures are of what was scored: tasks that failed must not hide behind those that did not.
fn missing(estimate: &Estimate, summary: &Summary) -> String {
    match summary.trials.saturating_sub(estimate.trials as u64) {
        0 => String::new(),
        missing => format!("; {missing} of {} have none", counted(summary.trials, "trial")),
    }
}

/// Up to four decimals, and those that count of small numbers.
fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.001 {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn signed(value: f64) -> String {
    let text = number(value);
    if value > 0.0 { format!("+{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(0.9), "0.9");
        assert_eq!(number(0.96804), "0.968");
        assert_eq!(number(55e-6), "5.50e-5");
        assert_eq!(
            (number(0.0), number(2.0), signed(-0.5)),
            ("0".into(), "2".into(), "-0.5".into())
        );
        assert_eq!(signed(0.25), "+0.25");
    }
}
