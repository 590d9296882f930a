//! A summary made of recorded trials alone, without a run.

use std::collections::BTreeMap;
use std::time::Duration;

use tidegate_analysis::comparison::{Trial, compare};
use tidegate_analysis::statistics::{
    Options, compare_metrics, compare_scores, summarize, summarize_metrics,
};
use tidegate_model::wire::objects::Named;

use crate::outcome::Summary;
use crate::report::ChangedCase;

impl Summary {
    /// Sums up trials that were recorded before, and compares them with those of a base: the same
    /// figures as a run gets, by the same functions.
    ///
    /// What only a run knows (failures, duration, scores of the run as a whole) is 0 or empty. Takes
    /// a while for many cases: call it on a thread that may be held.
    #[must_use]
    pub fn of_trials(
        project: impl Into<String>,
        current: &[Trial],
        base: Option<(Named, &[Trial])>,
        options: &Options,
    ) -> Self {
        let (base, before) = base.unzip();
        let compared = |of: fn(&[Trial], &[Trial], &Options) -> BTreeMap<_, _>| {
            before.map(|before| of(current, before, options)).unwrap_or_default()
        };
        Self {
            classifications: BTreeMap::new(),
            classifier_errors: 0,
            concurrency: None,
            project: project.into(),
            wanted_name: None,
            experiment: None,
            base,
            comparison: compare(current, before),
            estimates: summarize(current, options.level),
            metric_estimates: summarize_metrics(current, options.level),
            comparisons: compared(compare_scores),
            metric_comparisons: compared(compare_metrics),
            worst_regressions: Vec::<ChangedCase>::new(),
            warnings: Vec::new(),
            run_scores: BTreeMap::new(),
            unscored: Vec::new(),
            trials: current.len() as u64,
            task_errors: 0,
            scorer_errors: 0,
            timed_out: false,
            too_many_errors: false,
            stopped: false,
            cells: None,
            duration: Duration::ZERO,
            cpu: None,
        }
    }
}
