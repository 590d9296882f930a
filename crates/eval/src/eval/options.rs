//! What may be set beside data, task and scorers.

use std::time::Duration;

use serde_json::{Map, Value};
use tidegate_analysis::statistics::Options;

use super::Eval;
use crate::report::Report;

impl<I, O, E> Eval<I, O, E> {
    /// Names the experiment. The server appends a suffix if the name is taken, and invents a
    /// name if none is set.
    pub fn experiment_name(mut self, name: impl Into<String>) -> Self {
        self.plan.experiment = self.plan.experiment.name(name);
        self
    }

    /// Describes the experiment.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.plan.experiment = self.plan.experiment.description(description);
        self
    }

    /// Sets metadata of the experiment.
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.plan.experiment = self.plan.experiment.metadata(metadata);
        self
    }

    /// Sets tags of the experiment.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.plan.experiment = self.plan.experiment.tags(tags);
        self
    }

    /// Compares with the experiment of this name. By default it is the newest one made at an
    /// ancestor commit, else the previous one of the project.
    pub fn base_experiment(mut self, name: impl Into<String>) -> Self {
        self.plan.experiment = self.plan.experiment.base_experiment(name);
        self
    }

    /// Continues an existing experiment of the same name instead of making a new one.
    pub fn update(mut self, update: bool) -> Self {
        self.plan.experiment = self.plan.experiment.update(update);
        self
    }

    /// Sets how many trials run at once; 10 by default, at least one.
    pub fn max_concurrency(mut self, trials: usize) -> Self {
        self.plan.max_concurrency = trials.max(1);
        self
    }

    /// Repeats every case this often, unless the case says otherwise; once by default.
    pub fn trials(mut self, trials: u32) -> Self {
        self.plan.trials = trials.max(1);
        self
    }

    /// Limits the whole run, from the first case on; none by default. When it passes, no
    /// further case starts, running ones are recorded as failed with `timed out`, and everything
    /// finished is kept and summarized.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.plan.timeout = Some(timeout);
        self
    }

    /// Limits the wait for the uploads after the last case; 60 s by default.
    pub fn flush_timeout(mut self, timeout: Duration) -> Self {
        self.plan.flush_timeout = timeout;
        self
    }

    /// Sets what is shown; [`Report::Terminal`] by default.
    pub fn report(mut self, report: Report) -> Self {
        self.plan.report = report;
        self
    }

    /// Sets how intervals and comparisons are made. By default at 95 %, and no difference is so
    /// small that it counts as none: [`Options::same_within`].
    pub fn statistics(mut self, options: Options) -> Self {
        self.plan.statistics = options;
        self
    }
}
