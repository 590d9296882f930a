//! The shape of requests and waits.

use std::collections::BTreeMap;

use serde::Serialize;
use tidegate_model::profile::{Cause, Request};

use super::{Cost, Window};
use crate::profile::Profile;
use crate::timeline::{Interval, Timeline};

/// Figures of the requests, and of the waits of producers.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shape {
    /// Overlap, gaps and phase of the upload requests; retries are requests of their own.
    #[serde(flatten)]
    pub uploads: Timeline,
    /// Requests over the upload phase, per second.
    pub requests_per_s: f64,
    /// Rows in all bodies.
    pub rows: u64,
    /// Bytes of all bodies before compression.
    pub bytes: u64,
    /// Bytes of all bodies as they were sent.
    pub sent_bytes: u64,
    /// Rows of a request.
    pub rows_per_request: Distribution,
    /// Bytes of a request before compression.
    pub bytes_per_request: Distribution,
    /// Duration of a request, in microseconds.
    pub request_us: Distribution,
    /// What a request costs; absent if too few succeeded.
    pub cost: Option<Cost>,
    /// Requests that repeated an earlier one.
    pub retries: usize,
    /// Requests without a 2xx answer, by status.
    pub failures: Vec<Failure>,
    /// Waits at the gate, for room in the byte budget.
    pub gate_waits: usize,
    /// Sum of their durations, in microseconds.
    pub gate_wait_us: u64,
    /// Share of the wall in which at least one producer waited at the gate.
    pub gate_wait_ratio: f64,
    /// Waits for a flush, the one at the end of the run included.
    pub flush_waits: usize,
    /// Sum of their durations, in microseconds.
    pub flush_wait_us: u64,
    /// Share of the wall in which at least one producer waited for a flush.
    pub flush_wait_ratio: f64,
}

/// Mean and order of some values; all 0 if there are none.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// Arithmetic mean.
    pub mean: f64,
    /// The middle value, or the mean of the two in the middle.
    pub median: f64,
    /// Smallest.
    pub min: u64,
    /// Largest.
    pub max: u64,
}

/// Requests that failed in one way.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// HTTP status; absent if there was no answer.
    pub status: Option<u16>,
    /// How many.
    pub requests: usize,
}

impl Shape {
    pub(super) fn of(profile: &Profile, window: Window) -> Self {
        let requests = &profile.requests;
        let interval = |r: &Request| Interval::new(r.start_us, r.end_us);
        let uploads = Timeline::over(requests.iter().map(interval));
        let phase_s = uploads.phase_us as f64 / 1e6;
        let sum = |of: fn(&Request) -> u64| requests.iter().map(of).fold(0, u64::saturating_add);
        let waits = |cause| {
            let waits = profile.waits.iter().filter(move |wait| wait.cause == cause);
            Timeline::over(waits.map(|wait| Interval::new(wait.start_us, wait.end_us)))
        };
        let (gate, flush) = (waits(Cause::Gate), waits(Cause::Flush));
        Self {
            uploads,
            requests_per_s: if phase_s > 0.0 { requests.len() as f64 / phase_s } else { 0.0 },
            rows: sum(|request| request.rows.into()),
            bytes: sum(|request| request.bytes),
            sent_bytes: sum(|request| request.sent_bytes),
            rows_per_request: Distribution::of(requests.iter().map(|r| r.rows.into())),
            bytes_per_request: Distribution::of(requests.iter().map(|r| r.bytes)),
            request_us: Distribution::of(
                requests.iter().map(|r| r.end_us.saturating_sub(r.start_us)),
            ),
            cost: Cost::of(requests),
            retries: requests.iter().filter(|request| request.attempt > 0).count(),
            failures: failures(requests),
            gate_waits: gate.requests,
            gate_wait_us: gate.cumulative_us,
            gate_wait_ratio: window.ratio(gate.busy_us() as f64),
            flush_waits: flush.requests,
            flush_wait_us: flush.cumulative_us,
            flush_wait_ratio: window.ratio(flush.busy_us() as f64),
        }
    }

    /// Requests without a 2xx answer.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failures.iter().map(|failure| failure.requests).sum()
    }
}

impl Distribution {
    /// Looks at values in any order.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = u64>) -> Self {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        let (Some(&min), Some(&max)) = (values.first(), values.last()) else {
            return Self::default();
        };
        let middle = values.len() / 2;
        let below = if values.len() % 2 == 1 { middle } else { middle - 1 };
        Self {
            mean: values.iter().map(|&value| value as f64).sum::<f64>() / values.len() as f64,
            median: (values[below] as f64 + values[middle] as f64) / 2.0,
            min,
            max,
        }
    }
}

/// Whether a request was answered with a 2xx.
pub(super) fn succeeded(request: &Request) -> bool {
    request.status.is_some_and(|status| (200..300).contains(&status))
}

fn failures(requests: &[Request]) -> Vec<Failure> {
    let mut counts = BTreeMap::new();
    for request in requests.iter().filter(|request| !succeeded(request)) {
        *counts.entry(request.status).or_insert(0) += 1;
    }
    counts.into_iter().map(|(status, requests)| Failure { status, requests }).collect()
}
