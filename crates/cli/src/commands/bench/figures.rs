//! What a run amounts to, from the timeline of its requests.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_analysis::timeline::{Interval, Timeline};

use super::model::Report;
use crate::args::bench::Upload;

/// Lanes of the bound: what all clients of the protocol open by default.
const LANES: f64 = 8.0;
/// Budget of the bound, `BRAINTRUST_FLUSH_BACKPRESSURE_BYTES`.
const BUDGET_BYTES: f64 = 10_485_760.0;
const MAX_ROWS: f64 = 10_000.0;
/// Half of the default limit of a request body.
const MAX_BYTES: f64 = 3_145_728.0;

/// One request, in microseconds since the run's own zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    pub(super) rows: usize,
    pub(super) bytes: u64,
}

/// What a strategy measured.
#[derive(Debug)]
pub(super) struct Run {
    /// From the start of the first case until the flush returned.
    pub(super) wall: Duration,
    /// From the start of the first case until the last one had ended.
    pub(super) produce: Duration,
    pub(super) requests: Vec<Sent>,
    pub(super) receipt: Value,
}

/// The figures of one run; names and units are those of `--json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) strategy: String,
    pub(super) wall_s: f64,
    pub(super) produce_s: f64,
    pub(super) requests: usize,
    pub(super) cumulative_request_s: f64,
    pub(super) overlapping_pairs: usize,
    pub(super) peak_in_flight: usize,
    pub(super) idle_gap_ms_mean: f64,
    pub(super) rows_sent: usize,
    pub(super) bytes_sent: u64,
    pub(super) cpu_s: Option<f64>,
    /// Share of the wall time in which this process used no CPU; 0 if it used more than one.
    pub(super) cpu_idle_ratio: Option<f64>,
    pub(super) peak_rss_bytes: Option<u64>,
    /// No client can be faster; null against a server whose latency is not known.
    pub(super) lower_bound_s: Option<f64>,
    pub(super) ratio_to_bound: Option<f64>,
    pub(super) receipt: Value,
    /// What the built-in server has; null against another one.
    pub(super) server: Option<Report>,
}

impl Figures {
    pub(super) fn of(upload: &Upload, strategy: String, run: Run, cpu_s: Option<f64>) -> Self {
        let intervals: Vec<_> =
            run.requests.iter().map(|r| Interval::new(r.start_us, r.end_us)).collect();
        let shape = Timeline::of(&intervals);
        let rows_sent = run.requests.iter().map(|request| request.rows).sum();
        let bytes_sent = run.requests.iter().map(|request| request.bytes).sum();
        let wall_s = run.wall.as_secs_f64();
        let known = upload.api_url.is_none();
        let lower_bound_s = known.then(|| lower_bound(upload, rows_sent, bytes_sent));
        Self {
            strategy,
            wall_s,
            produce_s: run.produce.as_secs_f64(),
            requests: shape.requests,
            cumulative_request_s: shape.cumulative_us as f64 / 1e6,
            overlapping_pairs: shape.overlapping_pairs,
            peak_in_flight: shape.peak_in_flight,
            idle_gap_ms_mean: shape.idle_gap_us_mean / 1e3,
            rows_sent,
            bytes_sent,
            cpu_s,
            cpu_idle_ratio: cpu_s.map(|cpu| (1.0 - cpu / wall_s.max(1e-9)).max(0.0)),
            peak_rss_bytes: super::process::peak_rss_bytes(),
            lower_bound_s,
            ratio_to_bound: lower_bound_s.map(|bound| wall_s / bound),
            receipt: run.receipt,
            server: None,
        }
    }
}

/// Rows that the workload makes: root, task and scorer of each case, and its spans.
pub(super) fn rows_of(upload: &Upload) -> usize {
    upload.workload.cases * (upload.workload.spans + 3)
}

/// `T ≥ a·max(1, R·s/B, R/(c·M), R·s/(c·X)) + b·R/c`, for R rows of s bytes over c lanes with a
/// budget of B bytes, at most M rows and X bytes per request, and a latency of `a + b` per row.
fn lower_bound(upload: &Upload, rows_sent: usize, bytes_sent: u64) -> f64 {
    let (a, b) = (upload.latency.base.as_secs_f64(), upload.latency.per_row.as_secs_f64());
    let rows = rows_of(upload) as f64;
    if rows < LANES {
        return a + b;
    }
    let bytes = rows * bytes_sent as f64 / (rows_sent.max(1)) as f64;
    let rounds =
        (bytes / BUDGET_BYTES).max(rows / (LANES * MAX_ROWS)).max(bytes / (LANES * MAX_BYTES));
    let wire = upload.latency.bandwidth.map_or(0.0, |speed| bytes / speed as f64 / LANES);
    a * rounds.max(1.0) + b * rows / LANES + wire
}
