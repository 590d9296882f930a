//! What a run gives back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tidegate_analysis::NameMap;
use tidegate_analysis::statistics::{Estimate, GateOutcome, PairedComparison};
use tidegate_client::process::idle_share;
use tidegate_client::{Experiment, Receipt};
use tidegate_model::wire::objects::Named;
use tidegate_model::wire::summary::ExperimentComparison;

use crate::adaptive::Concurrency;
use crate::cells::CellsSummary;
use crate::classification::Classification;
use crate::gate::{self, GateResult};
use crate::report::ChangedCase;

/// One trial of one case.
#[derive(Debug, Clone)]
pub struct CaseResult<I, O, E> {
    /// The name of the case, if it has one.
    pub case_id: Option<String>,
    /// Which repetition this is, starting at 0.
    pub trial: u32,
    /// The input.
    pub input: Arc<I>,
    /// The expected output, if the case has one.
    pub expected: Option<Arc<E>>,
    /// What the task returned; `None` if it failed.
    pub output: Option<Arc<O>>,
    /// Why the task failed.
    pub error: Option<String>,
    /// Scores by name; `None` means that the scorer does not apply.
    pub scores: NameMap<Option<f64>>,
    /// Scorers that failed, with the reason.
    pub scorer_errors: BTreeMap<String, String>,
    /// Classes by the name of the classifier; one that does not apply is not here.
    pub classifications: BTreeMap<String, Vec<Classification>>,
    /// Classifiers that failed, with the reason.
    pub classifier_errors: BTreeMap<String, String>,
    /// What the task has added with [`Context::add_metric`](crate::Context::add_metric), by name.
    pub metrics: BTreeMap<String, f64>,
    /// Metadata of the case, with what the task has set.
    pub metadata: Map<String, Value>,
    /// Tags of the case.
    pub tags: Vec<String>,
    /// How long the task took.
    pub duration: Duration,
}

/// A run as a whole.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Name of the project.
    pub project: String,
    /// The name that was asked for, if any was; the server may have recorded it under another.
    pub wanted_name: Option<String>,
    /// The experiment; `None` without sending logs.
    pub experiment: Option<Experiment>,
    /// The experiment this one is compared with.
    pub base: Option<Named>,
    /// Scores and metrics. The server's figures where there is one, else computed here by the
    /// same function.
    pub comparison: ExperimentComparison,
    /// How sure each score is. Of this run's trials, as the server returns them if there is a
    /// base, else as they ran.
    pub estimates: BTreeMap<String, Estimate>,
    /// How sure each metric is. Only where `comparison` measures the same: with a base, or
    /// without sending logs.
    pub metric_estimates: BTreeMap<String, Estimate>,
    /// Each score case by case against the base; empty without one, or if its rows could not be
    /// read, which `warnings` says then.
    pub comparisons: BTreeMap<String, PairedComparison>,
    /// Each metric likewise.
    pub metric_comparisons: BTreeMap<String, PairedComparison>,
    /// Scores of the run as a whole, by name; see [`Eval::run_scorer`](crate::Eval::run_scorer).
    /// `None` means that the scorer did not apply.
    pub run_scores: BTreeMap<String, Option<f64>>,
    /// Trials per class, by the name of the classifier; see
    /// [`Eval::classifier`](crate::Eval::classifier).
    pub classifications: BTreeMap<String, BTreeMap<String, u64>>,
    /// The cases whose score fell most against the base, with what came out on either side; see
    /// [`Eval::worst_regressions`](crate::Eval::worst_regressions). Empty without a base.
    pub worst_regressions: Vec<ChangedCase>,
    /// Scorers that no trial has a number of, because they never applied or always failed.
    pub unscored: Vec<String>,
    /// What is missing from this summary and why, a sentence each.
    pub warnings: Vec<String>,
    /// Trials that ran, failed ones included.
    pub trials: u64,
    /// Trials whose task failed.
    pub task_errors: u64,
    /// Scorer calls that failed.
    pub scorer_errors: u64,
    /// Classifier calls that failed.
    pub classifier_errors: u64,
    /// Whether the time-out ended the run before the data did.
    pub timed_out: bool,
    /// Whether [`Eval::max_errors`](crate::Eval::max_errors) ended the run before the data did.
    pub too_many_errors: bool,
    /// Whether [`Eval::stop_when`](crate::Eval::stop_when) ended the run before the data did.
    pub stopped: bool,
    /// How many tasks ran at once, where [`Eval::adaptive_concurrency`] lets that adapt.
    ///
    /// [`Eval::adaptive_concurrency`]: crate::Eval::adaptive_concurrency
    pub concurrency: Option<Concurrency>,
    /// What became of the cells; `None` without [`Eval::cells`](crate::Eval::cells).
    pub cells: Option<CellsSummary>,
    /// From the first case to the last result.
    pub duration: Duration,
    /// Processor time that the process has used meanwhile, in user mode and in the kernel: all its
    /// threads, an embedded collector included, but not its children. `None` where the system does
    /// not say (other than Linux), and without a run of its own.
    pub cpu: Option<Duration>,
}

impl Summary {
    /// What a person knows the run by: the project, and the name of the experiment or that it has
    /// none.
    #[must_use]
    pub fn title(&self) -> String {
        let project = &self.project;
        match (&self.experiment, &self.wanted_name) {
            (Some(experiment), _) => format!("{project} / {}", experiment.name),
            (None, Some(name)) => format!("{project} / {name} (not recorded)"),
            (None, None) => format!("{project} (not recorded)"),
        }
    }

    /// The share of [`Summary::duration`] in which the process used no processor, in 0..=1:
    /// 1 - [`Summary::cpu`] / duration, and 0 if it used more than one processor.
    #[must_use]
    pub fn cpu_idle_ratio(&self) -> Option<f64> {
        idle_share(self.cpu?, self.duration)
    }

    /// Whether something ended the run before the data did: the time-out, the limit of failures,
    /// or a wish to stop. Its figures are then of a part of the cases.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        self.timed_out || self.too_many_errors || self.stopped
    }
}

/// The results of a run, its summary, and what became of its records.
#[derive(Debug, Clone)]
pub struct Outcome<I, O, E> {
    /// One per trial, in the order in which they finished; with cells in the order of the data.
    pub results: Vec<CaseResult<I, O, E>>,
    /// The run as a whole.
    pub summary: Summary,
    /// What each gate says, in the order in which they were set.
    pub gates: Vec<GateResult>,
    /// Counts of everything recorded; all zero without sending logs.
    pub receipt: Receipt,
}

impl<I, O, E> Outcome<I, O, E> {
    /// All gates together: fail if one fails, else undecided if one is, else pass, which is also
    /// the answer without any gate. Meant for exit codes: 0 pass, 1 fail, 4 undecided.
    #[must_use]
    pub fn verdict(&self) -> GateOutcome {
        gate::together(&self.gates)
    }

    /// The summary for machines.
    ///
    /// Members: `scores.<name>.{name, score, improvements, regressions, diff?}`,
    /// `metrics.<name>.{name, metric, unit, improvements, regressions, diff?}`,
    /// `estimates.<name>` and `metric_estimates.<name>` (the fields of [`Estimate`]),
    /// `comparisons.<name>` and `metric_comparisons.<name>` (those of [`PairedComparison`]; empty
    /// objects without a base), `run_scores.<name>` (number or null),
    /// `classifications.<name>.<class>` (trials), `worst_regressions` (array of [`ChangedCase`]),
    /// `unscored` (names), `gates`
    /// (array of [`GateResult`]), `verdict` (`pass`, `fail` or `undecided`), `warnings` (texts),
    /// `project`, `experiment` (`id, name, project, url`) or null, `base` (`id, name`) or null,
    /// `receipt`, `trials`, `task_errors`, `scorer_errors`,
    /// `classifier_errors`, `timed_out`, `too_many_errors`, `stopped`,
    /// `concurrency` (`limit, highest, cuts`, or null), `cells` (the fields of [`CellsSummary`], or
    /// null), `duration_s`, `cpu_s` (or null) and `cpu_idle_ratio` (0..=1, or null).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Summary { experiment, base, comparison, .. } = &self.summary;
        json!({
            "scores": comparison.scores,
            "metrics": comparison.metrics,
            "estimates": self.summary.estimates,
            "metric_estimates": self.summary.metric_estimates,
            "comparisons": self.summary.comparisons,
            "metric_comparisons": self.summary.metric_comparisons,
            "run_scores": self.summary.run_scores,
            "classifications": self.summary.classifications,
            "worst_regressions": self.summary.worst_regressions,
            "unscored": self.summary.unscored,
            "gates": self.gates,
            "verdict": self.verdict(),
            "warnings": self.summary.warnings,
            "project": self.summary.project,
            "experiment": experiment,
            "base": base,
            "receipt": self.receipt,
            "trials": self.summary.trials,
            "task_errors": self.summary.task_errors,
            "scorer_errors": self.summary.scorer_errors,
            "classifier_errors": self.summary.classifier_errors,
            "timed_out": self.summary.timed_out,
            "too_many_errors": self.summary.too_many_errors,
            "stopped": self.summary.stopped,
            "concurrency": self.summary.concurrency,
            "cells": self.summary.cells,
            "duration_s": self.summary.duration.as_secs_f64(),
            "cpu_s": self.summary.cpu.map(|cpu| cpu.as_secs_f64()),
            "cpu_idle_ratio": self.summary.cpu_idle_ratio(),
        })
    }
}
