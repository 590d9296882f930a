//! What would decide a gate that is open, or what is likely wrong with one that failed.

use tidegate_analysis::statistics::{
    Direction, Estimate, GateOutcome, Margin, PairedComparison, Plan, Target, Threshold, interval,
};

use super::{Condition, Gate};
use crate::outcome::Summary;

/// Beyond this a number of cases is no advice.
const MOST_CASES: u64 = 10_000_000;

impl Gate {
    pub(super) fn hint(&self, outcome: GateOutcome, summary: &Summary) -> Option<String> {
        let estimate = self.estimate(summary);
        match (outcome, self.condition) {
            (GateOutcome::Fail, Condition::Threshold(threshold) | Condition::Mean(threshold)) => {
                self.in_percent(threshold, summary)
            }
            (GateOutcome::Undecided, _) if summary.is_cut_short() => {
                Some("run it to the end".to_owned())
            }
            (GateOutcome::Undecided, _)
                if summary.task_errors + summary.scorer_errors > 0
                    && estimate.is_some_and(|e| (e.trials as u64) < summary.trials) =>
            {
                Some("see why trials failed, or count them with `error_score`".to_owned())
            }
            (GateOutcome::Undecided, Condition::Threshold(threshold)) => {
                Some(more_cases(estimate?, threshold))
            }
            (GateOutcome::Undecided, Condition::NoRegression(_)) if summary.base.is_none() => {
                Some("run once more, or name the base".to_owned())
            }
            (GateOutcome::Undecided, Condition::NoRegression(margin)) => {
                more_pairs(self.paired(summary)?, margin)
            }
            _ => None,
        }
    }

    /// A limit of 90 on a score is meant in percent, and nobody could ever keep it.
    fn in_percent(&self, threshold: Threshold, summary: &Summary) -> Option<String> {
        let Threshold::AtLeast(limit) = threshold else { return None };
        let is_score = summary.estimates.get(&self.name).is_some_and(|e| e.mean <= 1.0);
        let limit = (is_score && limit > 1.0 && limit <= 100.0).then_some(limit / 100.0)?;
        Some(format!("scores are fractions: is {} meant?", super::number(limit)))
    }
}

fn more_cases(estimate: &Estimate, threshold: Threshold) -> String {
    let (Threshold::AtLeast(limit) | Threshold::AtMost(limit)) = threshold;
    let by_spread = || {
        let plan = Plan::of_limit(estimate, Target::default())?;
        plan.cases_for((estimate.mean - limit).abs())
    };
    let cases = by_spread().or_else(|| if_all_stay_equal(estimate, threshold));
    // Plans are of t intervals; what has been seen already was not enough.
    match cases.filter(|cases| *cases > estimate.cases as u64 && *cases <= MOST_CASES) {
        Some(cases) => format!("about {cases} cases would decide, if the others are like these"),
        None => "more cases may decide".to_owned(),
    }
}

/// Without spread there is no plan, but if all further cases show the same score as well, then
/// the interval shrinks in a known way.
fn if_all_stay_equal(estimate: &Estimate, threshold: Threshold) -> Option<u64> {
    let level = estimate.interval?.level;
    if estimate.case_sd != Some(0.0) {
        return None;
    }
    let decides = |cases: u64| {
        let interval = interval::constant(estimate.mean, cases as usize, 0.0..=1.0, level)?;
        Some(match threshold {
            Threshold::AtLeast(limit) => interval.lower >= limit || interval.upper < limit,
            Threshold::AtMost(limit) => interval.upper <= limit || interval.lower > limit,
        })
    };
    // The interval shrinks with the number of cases, so that halving finds the border.
    let (mut open, mut decided) = (1, MOST_CASES);
    if !decides(decided)? {
        return None;
    }
    while decided - open > 1 {
        let middle = u64::midpoint(open, decided);
        if decides(middle)? { decided = middle } else { open = middle }
    }
    Some(decided)
}

fn more_pairs(paired: &PairedComparison, margin: Margin) -> Option<String> {
    if paired.matched_cases == 0 {
        return None;
    }
    let gain = match paired.direction {
        Direction::HigherIsBetter => paired.difference?,
        Direction::LowerIsBetter => -paired.difference?,
    };
    if margin == Margin::ZERO && gain <= 0.0 {
        return Some("give a margin that would not matter".to_owned());
    }
    let plan = Plan::of_comparison(paired, Target::default());
    let cases = plan.and_then(|plan| plan.cases_for((gain + margin.value()).abs()));
    let more = |cases: &u64| *cases > paired.matched_cases as u64 && *cases <= MOST_CASES;
    Some(match cases.filter(more) {
        Some(cases) => format!("about {cases} cases would decide, if the others are like these"),
        None => "more cases may decide".to_owned(),
    })
}
