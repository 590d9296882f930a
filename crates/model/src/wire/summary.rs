//! `GET /experiment-comparison2`.
//!
//! The published Python client splats each score and metric into a dataclass, so these structs
//! must never grow a member.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Scores and metrics of an experiment, compared with a base if there is one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExperimentComparison {
    /// By score name.
    #[serde(default)]
    pub scores: BTreeMap<String, ScoreSummary>,
    /// By metric name; `duration` in seconds is always there when a task ended.
    #[serde(default)]
    pub metrics: BTreeMap<String, MetricSummary>,
}

/// One score over all cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreSummary {
    /// Name of the score.
    pub name: String,
    /// Mean over cases of the mean over each case's trials, in 0..=1.
    pub score: f64,
    /// Matched cases whose score rose.
    pub improvements: u64,
    /// Matched cases whose score fell.
    pub regressions: u64,
    /// Absolute difference to the base's score; absent without a base that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<f64>,
}

/// One metric over all cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// Name of the metric.
    pub name: String,
    /// Mean over cases, in `unit`.
    pub metric: f64,
    /// `s` for durations, `tok` for tokens.
    pub unit: String,
    /// Matched cases whose metric fell (less is better).
    pub improvements: u64,
    /// Matched cases whose metric rose.
    pub regressions: u64,
    /// Relative difference to the base, as a fraction; absent without a base that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<f64>,
}
