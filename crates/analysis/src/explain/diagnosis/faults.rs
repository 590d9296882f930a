//! What could be put right by sending otherwise.

use tidegate_model::limits::{
    DEFAULT_BACKPRESSURE_BYTES, DEFAULT_CONCURRENT_REQUESTS, DEFAULT_MAX_REQUEST_BYTES,
};
use tidegate_model::profile;

use super::super::sweep::produced_us;
use super::thresholds::{
    FAILED_REQUESTS, FAILED_REQUESTS_RATIO, FAULT_WALL_RATIO, SERIAL_BUSY_RATIO,
};
use super::{Cause, Evidence, Figure, Finding, Unit, advice, bytes, count, number, ratio, us};

/// One request alone under way while rows of later ones waited.
pub(super) fn serial_uploads(evidence: &Evidence<'_>) -> Option<Finding> {
    let (uploads, shape) = (evidence.uploads, evidence.shape);
    let wall_ratio = evidence.window.ratio(uploads.serial_us);
    let is_serial = uploads.serial_us >= uploads.busy_us * SERIAL_BUSY_RATIO;
    if !is_serial || wall_ratio < FAULT_WALL_RATIO {
        return None;
    }
    let figures = vec![
        count("requests", shape.uploads.requests, "upload requests"),
        count("overlapping_pairs", shape.uploads.overlapping_pairs, "pairs of them that overlap"),
        us("serial_us", uploads.serial_us, "one request alone under way while rows waited"),
        us("busy_us", uploads.busy_us, "any request under way while somebody waited for it"),
        number("mean_in_flight", shape.uploads.mean_in_flight, "requests under way on average"),
    ];
    let advice = advice::serial_uploads(&evidence.profile.header);
    Some(Finding { cause: Cause::SerialUploads, wall_ratio, evidence: figures, advice })
}

/// Waits for a flush before the last case has ended.
pub(super) fn flush_per_task(evidence: &Evidence<'_>) -> Option<Finding> {
    let wall_ratio = evidence.path?.flush_ratio;
    if wall_ratio < FAULT_WALL_RATIO {
        return None;
    }
    let produced = produced_us(evidence.profile)?;
    let during = evidence.profile.waits.iter();
    let during = during.filter(|w| w.cause == profile::Cause::Flush && w.start_us < produced);
    let (mut waits, mut waited_us) = (0, 0.0);
    for wait in during {
        waits += 1;
        waited_us += wait.end_us.saturating_sub(wait.start_us) as f64;
    }
    let cases = cases(evidence);
    let per_case = waits as f64 / cases.max(1) as f64;
    let figures = vec![
        count("flush_waits", waits, "waits for a flush before the last case had ended"),
        count("cases", cases, "cases"),
        number("flush_waits_per_case", per_case, "waits per case"),
        us("flush_wait_us_mean", waited_us / waits.max(1) as f64, "mean wait"),
        ratio("flush_ratio", wall_ratio, "of the wall, cases waited for flushes"),
    ];
    let advice = advice::flush_per_task(&evidence.profile.header);
    Some(Finding { cause: Cause::FlushPerTask, wall_ratio, evidence: figures, advice })
}

fn cases(evidence: &Evidence<'_>) -> usize {
    let spans = &evidence.profile.spans;
    let roots = spans.iter().filter(|span| span.root).count();
    if roots > 0 {
        return roots;
    }
    // Of a run that was killed, or whose roots were left out.
    let mut traces: Vec<u64> = spans.iter().map(|span| span.trace).collect();
    traces.sort_unstable();
    traces.dedup();
    traces.len()
}

/// More rounds than the bytes need.
pub(super) fn small_batches(evidence: &Evidence<'_>) -> Option<Finding> {
    let (uploads, shape, header) = (evidence.uploads, evidence.shape, &evidence.profile.header);
    let cost = shape.cost?;
    let lanes = header.lanes.map_or(DEFAULT_CONCURRENT_REQUESTS as f64, f64::from).max(1.0);
    let request = header.max_request_bytes.unwrap_or(DEFAULT_MAX_REQUEST_BYTES) / 2;
    // A cap on rows, or a budget below the default, is what may have made batches small.
    let budget = header.budget_bytes.unwrap_or(0).max(DEFAULT_BACKPRESSURE_BYTES);
    let round_bytes = (lanes * request.max(1) as f64).min(budget as f64);
    let needed = (uploads.bytes / round_bytes).max(1.0);
    let extra_us = (uploads.rounds - needed).max(0.0) * cost.fixed_us_at_least;
    let wall_ratio = evidence.window.ratio(extra_us);
    if wall_ratio < FAULT_WALL_RATIO {
        return None;
    }
    let mut figures = vec![
        count("requests", shape.uploads.requests, "upload requests"),
        number("rows_per_request_median", shape.rows_per_request.median, "rows of a request"),
        number("rounds", uploads.rounds, "rounds: requests one after another"),
        number("rounds_needed", needed, "rounds that the bytes need"),
        us("fixed_us_at_least", cost.fixed_us_at_least, "fixed cost of a request, at least"),
        us("extra_us", extra_us, "fixed cost of the rounds that were not needed"),
        bytes("round_bytes", round_bytes as u64, "what a round can carry"),
    ];
    figures.extend(per_row(evidence));
    let advice = advice::small_batches(header);
    Some(Finding { cause: Cause::SmallBatches, wall_ratio, evidence: figures, advice })
}

/// Failing requests, repeats and the pauses between them, with nothing else under way.
pub(super) fn retries(evidence: &Evidence<'_>) -> Option<Finding> {
    let shape = evidence.shape;
    let (requests, failed) = (shape.uploads.requests, shape.failed());
    let wall_ratio = evidence.window.ratio(evidence.uploads.lost_us);
    let many =
        failed >= FAILED_REQUESTS && failed as f64 >= requests as f64 * FAILED_REQUESTS_RATIO;
    if !many && (wall_ratio < FAULT_WALL_RATIO || failed + shape.retries == 0) {
        return None;
    }
    let most = shape.failures.iter().max_by_key(|failure| failure.requests);
    let status = most.and_then(|failure| failure.status);
    let mut figures = vec![
        count("requests", requests, "upload requests"),
        count("failed_requests", failed, "requests without a 2xx answer"),
        count("retries", shape.retries, "requests that repeated an earlier one"),
        us("lost_us", evidence.uploads.lost_us, "only failures, repeats or pauses between them"),
    ];
    figures.extend(status.map(|status| Figure {
        name: "most_frequent_status",
        value: status.into(),
        unit: Unit::Status,
        label: "most frequent status of a failure",
    }));
    let advice = advice::retries(status, most.is_some());
    Some(Finding { cause: Cause::Retries, wall_ratio, evidence: figures, advice })
}

pub(super) fn per_row(evidence: &Evidence<'_>) -> Option<Figure> {
    let per_row = evidence.shape.cost?.per_row_us?;
    Some(us("per_row_us", per_row, "cost of each row"))
}
