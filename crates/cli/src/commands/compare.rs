//! `tidegate compare`: two finished runs, with the statistics of a run and its base.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tidegate_analysis::comparison::Trial;
use tidegate_analysis::statistics::{
    Estimate, GateOutcome, Options, PairedComparison, no_regression, summarize, summarize_metrics,
};
use tidegate_eval::Summary;
use tidegate_eval::report::{
    ChangedCase, TableStyle, Which, changed_cases, largest_changes, score_table,
};
use tidegate_model::row::Row;
use tidegate_model::wire::objects::Named;

use crate::args::compare::Compare;
use crate::exit::{Failure, GATE_FAILED, GATE_UNDECIDED};
use crate::printer::Printer;
use crate::runs::{Run, Runs, blocking};

/// Returns the exit code.
pub(crate) async fn run(compare: &Compare, printer: &Printer) -> Result<u8, Failure> {
    let mut runs = Runs::new(&compare.place.data_dir, compare.place.project.as_deref());
    let compared = compared(compare, &mut runs).await;
    runs.close().await;
    let compared = compared?;
    if compare.json {
        printer.data(compared.json())?;
    } else {
        printer.data(compared.text(TableStyle::of_stdout()).trim_end())?;
    }
    if !compare.fail_on_regression {
        return Ok(0);
    }
    let outcome = compared.outcome;
    match outcome {
        GateOutcome::Pass => {}
        GateOutcome::Fail => printer.say("regression: a score is worse than the base"),
        GateOutcome::Undecided => printer.say(match compare.margin.value() {
            0.0 => {
                "undecided: a score may be worse than the base; --margin says how much would not \
                 matter"
            }
            _ => "undecided: a score may be worse than the base by more than the margin",
        }),
    }
    Ok(match outcome {
        GateOutcome::Pass => 0,
        GateOutcome::Fail => GATE_FAILED,
        GateOutcome::Undecided => GATE_UNDECIDED,
    })
}

struct Compared {
    base: Run,
    current: Run,
    base_trials: usize,
    cases: Cases,
    summary: Summary,
    base_estimates: BTreeMap<String, Estimate>,
    base_metric_estimates: BTreeMap<String, Estimate>,
    worst: Vec<ChangedCase>,
    best: Vec<ChangedCase>,
    outcome: GateOutcome,
}

/// Inputs of both runs.
struct Cases {
    matched: usize,
    current_only: usize,
    base_only: usize,
}

async fn compared(compare: &Compare, runs: &mut Runs<'_>) -> Result<Compared, Failure> {
    let base = runs.find(&compare.base).await?;
    let current = runs.find(&compare.current).await?;
    let before = runs.trials(&base).await?;
    let now = runs.trials(&current).await?;
    for (run, trials) in [(&base, &before), (&current, &now)] {
        if trials.is_empty() {
            let error = anyhow::anyhow!("{} has no trials", run.name());
            return Err(Failure::failed(error, "wait until it has results, or name another run"));
        }
    }
    let named = Named { id: base.id(), name: base.name() };
    let name = current.name();
    let (most, margin) = (usize::from(compare.cases), compare.margin);
    let options = Options::default().level(compare.level);
    let (weighed, worst, best) = blocking(move || {
        let worst = largest_changes(&now, &before, Which::WorstRegressions, most);
        let best = largest_changes(&now, &before, Which::BestImprovements, most);
        let plain = |trials: Vec<(String, Trial)>| -> Vec<Trial> {
            trials.into_iter().map(|(_, trial)| trial).collect()
        };
        let (now, before) = (plain(now), plain(before));
        let cases = cases(&now, &before);
        let summary = Summary::of_trials(name, &now, Some((named, &before)), &options);
        let estimates =
            (summarize(&before, options.level), summarize_metrics(&before, options.level));
        let outcome = together(summary.comparisons.values(), |paired| {
            // What only one side has is no regression, but no proof of the contrary either.
            no_regression(paired, margin)
        });
        Ok(((cases, summary, estimates, outcome, before.len()), worst, best))
    })
    .await?;
    let (cases, summary, (base_estimates, base_metric_estimates), outcome, base_trials) = weighed;
    // One read of each run for both lists.
    let all = || worst.iter().chain(&best);
    let traces: BTreeSet<String> = all().map(|change| change.trace.clone()).collect();
    let base_traces: BTreeSet<String> = all().map(|change| change.base_trace.clone()).collect();
    let rows: BTreeMap<String, Row> = runs.rows(&current, traces).await?.into_iter().collect();
    let base_rows: BTreeMap<String, Row> =
        runs.rows(&base, base_traces).await?.into_iter().collect();
    let with_texts = |changes: Vec<tidegate_eval::report::Change>| -> Vec<ChangedCase> {
        let nothing = Row::new();
        let add = |change: tidegate_eval::report::Change| {
            let row = rows.get(&change.trace).unwrap_or(&nothing);
            let base_row = base_rows.get(&change.base_trace).unwrap_or(&nothing);
            change.with(row, base_row)
        };
        changes.into_iter().map(add).collect()
    };
    let (worst, best) = (with_texts(worst), with_texts(best));
    Ok(Compared {
        base,
        current,
        base_trials,
        cases,
        summary,
        base_estimates,
        base_metric_estimates,
        worst,
        best,
        outcome,
    })
}

fn cases(now: &[Trial], before: &[Trial]) -> Cases {
    let keys = |trials: &[Trial]| -> BTreeSet<String> {
        trials.iter().map(|trial| trial.case_key.clone()).collect()
    };
    let (now, before) = (keys(now), keys(before));
    let matched = now.intersection(&before).count();
    Cases { matched, current_only: now.len() - matched, base_only: before.len() - matched }
}

/// One that fails decides, else one that is undecided.
fn together<'a>(
    scores: impl Iterator<Item = &'a PairedComparison>,
    judge: impl Fn(&PairedComparison) -> GateOutcome,
) -> GateOutcome {
    let outcomes: Vec<_> = scores.map(judge).collect();
    match () {
        () if outcomes.contains(&GateOutcome::Fail) => GateOutcome::Fail,
        () if outcomes.is_empty() || outcomes.contains(&GateOutcome::Undecided) => {
            GateOutcome::Undecided
        }
        () => GateOutcome::Pass,
    }
}

impl Compared {
    fn text(&self, style: TableStyle) -> String {
        let Cases { matched, current_only, base_only } = self.cases;
        let mut text = format!(
            "base     {} ({} trials)\ncurrent  {} ({} trials)\n\
             {matched} cases in both, {current_only} only in current, {base_only} only in base\n",
            self.base.name(),
            self.base_trials,
            self.current.name(),
            self.summary.trials
        );
        text.push_str(&score_table(&self.summary, style));
        text.push_str(&changed_cases("worst regressions", &self.worst, style));
        text.push_str(&changed_cases("best improvements", &self.best, style));
        text
    }

    /// Members: `base` and `current` (`{name, id, trials}`), `cases` (`{matched, current_only,
    /// base_only}`), `scores.<name>` and `metrics.<name>` (`{current, base, comparison}`: estimates
    /// or null, and the paired comparison), `worst_regressions`, `best_improvements`, `outcome`.
    fn json(&self) -> Value {
        let Cases { matched, current_only, base_only } = self.cases;
        let summary = &self.summary;
        let run =
            |run: &Run, trials: u64| json!({"name": run.name(), "id": run.id(), "trials": trials});
        json!({
            "base": run(&self.base, self.base_trials as u64),
            "current": run(&self.current, summary.trials),
            "cases":
                {"matched": matched, "current_only": current_only, "base_only": base_only},
            "scores": figures(&summary.comparisons, &summary.estimates, &self.base_estimates),
            "metrics": figures(
                &summary.metric_comparisons,
                &summary.metric_estimates,
                &self.base_metric_estimates,
            ),
            "worst_regressions": self.worst,
            "best_improvements": self.best,
            "outcome": self.outcome,
        })
    }
}

fn figures(
    comparisons: &BTreeMap<String, PairedComparison>,
    current: &BTreeMap<String, Estimate>,
    base: &BTreeMap<String, Estimate>,
) -> BTreeMap<String, Value> {
    let figures = comparisons.iter().map(|(name, comparison)| {
        let (current, base) = (current.get(name), base.get(name));
        (name.clone(), json!({"current": current, "base": base, "comparison": comparison}))
    });
    figures.collect()
}
