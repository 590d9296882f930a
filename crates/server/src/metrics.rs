//! What the collector counts about itself, and its text for Prometheus.
//!
//! Counting never waits for a scrape: single numbers are atomics, and families with labels sit
//! behind a lock that is held for one lookup. All labels come from the code, never from a request,
//! so their number is bounded. What is a size right now (files, memory) is read at the scrape.

mod histogram;
mod sampled;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use histogram::Histogram;
pub(crate) use sampled::Sampled;
use text::Text;

use crate::blobs::Removed;

/// Bounds of durations in microseconds: from a cached read to the longest request allowed.
const DURATIONS_US: &[u64] = &[
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// Bounds of the number of requests in one commit.
const GROUP_REQUESTS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

const MICROSECOND: f64 = 1e-6;

/// All counters of a collector.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, &'static str), Requests>>,
    rows: AtomicU64,
    bytes: AtomicU64,
    queued: AtomicU64,
    taken: AtomicU64,
    commits: Histogram,
    groups: Histogram,
    failures: Mutex<BTreeMap<&'static str, u64>>,
    shed: Mutex<BTreeMap<&'static str, u64>>,
    reads: Mutex<BTreeMap<&'static str, Histogram>>,
    slow_reads: AtomicU64,
    expired: AtomicU64,
    collected: AtomicU64,
    collected_files: AtomicU64,
    collected_bytes: AtomicU64,
    gauges: Mutex<Vec<Gauge>>,
}

/// Requests of one route and method.
#[derive(Debug)]
struct Requests {
    by_status: BTreeMap<u16, u64>,
    durations: Histogram,
}

/// A number that somebody else knows, read at each scrape.
struct Gauge {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> Option<f64> + Send + Sync>,
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Mutex::default(),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            commits: Histogram::new(DURATIONS_US),
            groups: Histogram::new(GROUP_REQUESTS),
            failures: Mutex::default(),
            shed: Mutex::default(),
            reads: Mutex::default(),
            slow_reads: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            collected: AtomicU64::new(0),
            collected_files: AtomicU64::new(0),
            collected_bytes: AtomicU64::new(0),
            gauges: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Counts an answered request. The route is its pattern, the method one of a few names.
    pub(crate) fn request(
        &self,
        route: &'static str,
        method: &'static str,
        status: u16,
        took: Duration,
    ) {
        let mut requests = lock(&self.requests);
        let series = requests.entry((route, method)).or_insert_with(|| Requests {
            by_status: BTreeMap::new(),
            durations: Histogram::new(DURATIONS_US),
        });
        *series.by_status.entry(status).or_default() += 1;
        series.durations.observe(microseconds(took));
    }

    /// Counts rows that are stored, and the bytes of their request after unpacking.
    pub(crate) fn stored(&self, rows: usize, bytes: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a job that waits for the writer.
    pub(crate) fn queued(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts jobs that wait no longer.
    pub(crate) fn taken(&self, jobs: usize) {
        self.taken.fetch_add(jobs as u64, Ordering::Relaxed);
    }

    /// Jobs that wait for the writer or are in its commit.
    pub(crate) fn queue_length(&self) -> u64 {
        // In this order, so that the difference never falls below zero.
        let taken = self.taken.load(Ordering::Relaxed);
        self.queued.load(Ordering::Relaxed).saturating_sub(taken)
    }

    /// Counts rows that retention removed.
    pub(crate) fn expired(&self, rows: usize) {
        self.expired.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Counts uploads that were forgotten because no row and no function named them.
    pub(crate) fn blobs_forgotten(&self, blobs: usize) {
        self.collected.fetch_add(blobs as u64, Ordering::Relaxed);
    }

    /// Counts files of uploads that were removed because they belonged to nothing.
    pub(crate) fn blob_files_removed(&self, removed: Removed) {
        self.collected_files.fetch_add(removed.files, Ordering::Relaxed);
        self.collected_bytes.fetch_add(removed.bytes, Ordering::Relaxed);
    }

    /// Counts a commit: how many jobs it held and how long it took from its first statement on.
    pub(crate) fn committed(&self, jobs: usize, took: Duration) {
        self.groups.observe(jobs as u64);
        self.commits.observe(microseconds(took));
    }

    /// Counts a commit that failed.
    pub(crate) fn commit_failed(&self, reason: &'static str) {
        *lock(&self.failures).entry(reason).or_default() += 1;
    }

    /// Counts a request that was turned away because there was too much to do.
    pub(crate) fn shed(&self, reason: &'static str) {
        *lock(&self.shed).entry(reason).or_default() += 1;
    }

    /// Counts a read of the store.
    pub(crate) fn read(&self, kind: &'static str, took: Duration, is_slow: bool) {
        let mut reads = lock(&self.reads);
        reads
            .entry(kind)
            .or_insert_with(|| Histogram::new(DURATIONS_US))
            .observe(microseconds(took));
        if is_slow {
            self.slow_reads.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Adds a number that `read` knows; `None` leaves it out of that scrape. It must not block.
    pub(crate) fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) {
        lock(&self.gauges).push(Gauge { name, help, read: Box::new(read) });
    }

    /// Writes everything in the text format of Prometheus, version 0.0.4.
    pub(crate) fn text(&self, sampled: &Sampled) -> String {
        let mut text = Text::default();
        self.request_text(&mut text, sampled);
        self.store_text(&mut text);
        sampled.text(&mut text);
        for gauge in lock(&self.gauges).iter() {
            if let Some(value) = (gauge.read)() {
                text.family(gauge.name, "gauge", gauge.help);
                text.sample(gauge.name, &[], value);
            }
        }
        text.finish()
    }

    fn request_text(&self, text: &mut Text, sampled: &Sampled) {
        let requests = lock(&self.requests);
        let name = "tidegate_http_requests_total";
        text.family(name, "counter", "Requests by pattern of the route, method and status.");
        for (&(route, method), series) in requests.iter() {
            for (status, count) in &series.by_status {
                let status = status.to_string();
                let labels = [("route", route), ("method", method), ("status", &status)];
                text.sample(name, &labels, *count as f64);
            }
        }
        let name = "tidegate_http_request_duration_seconds";
        text.family(name, "histogram", "From the head of a request to the head of its answer.");
        for (&(route, method), series) in requests.iter() {
            let labels = [("route", route), ("method", method)];
            series.durations.text(text, name, &labels, MICROSECOND);
        }
        drop(requests);
        let name = "tidegate_http_shed_total";
        text.family(name, "counter", "Requests turned away because there was too much to do.");
        text.sample(name, &[("reason", "inflight_bytes")], sampled.inflight_refused as f64);
        for (reason, count) in lock(&self.shed).iter() {
            text.sample(name, &[("reason", reason)], *count as f64);
        }
    }

    fn store_text(&self, text: &mut Text) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // Read in this order, so that the difference never falls below zero.
        let taken = count(&self.taken);
        let queued = count(&self.queued);
        for (name, help, value) in [
            ("tidegate_ingest_rows_total", "Rows stored durably.", count(&self.rows)),
            (
                "tidegate_ingest_bytes_total",
                "Bytes of the requests that held the stored rows, unpacked.",
                count(&self.bytes),
            ),
            ("tidegate_store_queued_total", "Jobs given to the writer.", queued),
            ("tidegate_store_taken_total", "Jobs the writer finished.", taken),
            (
                "tidegate_store_expired_rows_total",
                "Rows of project logs removed because of their age.",
                count(&self.expired),
            ),
            (
                "tidegate_blobs_deleted_total",
                "Attachments forgotten because no row named them.",
                count(&self.collected),
            ),
            (
                "tidegate_blobs_deleted_files_total",
                "Files of uploads removed because they belonged to nothing.",
                count(&self.collected_files),
            ),
            (
                "tidegate_blobs_deleted_bytes_total",
                "Bytes of these files.",
                count(&self.collected_bytes),
            ),
            (
                "tidegate_store_slow_reads_total",
                "Reads that took longer than --slow-query.",
                count(&self.slow_reads),
            ),
        ] {
            text.family(name, "counter", help);
            text.sample(name, &[], value as f64);
        }
        let name = "tidegate_store_queue_jobs";
        text.family(name, "gauge", "Jobs that wait for the writer or are in its commit.");
        text.sample(name, &[], queued.saturating_sub(taken) as f64);
        let name = "tidegate_store_commit_duration_seconds";
        text.family(name, "histogram", "A commit with its statements and its sync.");
        self.commits.text(text, name, &[], MICROSECOND);
        let name = "tidegate_store_commit_jobs";
        text.family(name, "histogram", "Jobs in one commit.");
        self.groups.text(text, name, &[], 1.0);
        let name = "tidegate_store_commit_failures_total";
        text.family(name, "counter", "Commits that failed; nothing of them was acknowledged.");
        for (reason, count) in lock(&self.failures).iter() {
            text.sample(name, &[("reason", reason)], *count as f64);
        }
        let name = "tidegate_store_read_duration_seconds";
        text.family(name, "histogram", "Reads of the database by kind.");
        for (kind, histogram) in lock(&self.reads).iter() {
            histogram.text(text, name, &[("kind", kind)], MICROSECOND);
        }
    }
}

fn microseconds(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metrics: &Metrics) -> String {
        metrics.text(&Sampled::default())
    }

    #[test]
    fn what_is_counted_is_written() {
        let metrics = Metrics::default();
        metrics.request("/logs3", "POST", 200, Duration::from_millis(3));
        metrics.request("/logs3", "POST", 507, Duration::from_millis(3));
        metrics.request("/logs3", "POST", 200, Duration::from_secs(60));
        metrics.stored(20, 3_000);
        metrics.queued();
        metrics.queued();
        metrics.taken(1);
        metrics.committed(7, Duration::from_millis(12));
        metrics.commit_failed("disk_full");
        metrics.shed("queue");
        metrics.blobs_forgotten(3);
        metrics.blob_files_removed(Removed { files: 2, bytes: 700 });
        metrics.read("rows", Duration::from_secs(2), true);
        metrics.gauge("tidegate_search_lag_seconds", "Age of the index.", || Some(1.5));
        metrics.gauge("tidegate_unknown", "Not known now.", || None);
        let text = text(&metrics);
        for line in [
            "tidegate_http_requests_total{route=\"/logs3\",method=\"POST\",status=\"200\"} 2",
            "tidegate_http_requests_total{route=\"/logs3\",method=\"POST\",status=\"507\"} 1",
            "tidegate_http_request_duration_seconds_count{route=\"/logs3\",method=\"POST\"} 3",
            "tidegate_ingest_rows_total 20",
            "tidegate_ingest_bytes_total 3000",
            "tidegate_store_queue_jobs 1",
            "tidegate_store_commit_jobs_bucket{le=\"8\"} 1",
            "tidegate_store_commit_jobs_sum 7",
            "tidegate_store_commit_failures_total{reason=\"disk_full\"} 1",
            "tidegate_http_shed_total{reason=\"queue\"} 1",
            "tidegate_store_read_duration_seconds_sum{kind=\"rows\"} 2",
            "tidegate_blobs_deleted_total 3",
            "tidegate_blobs_deleted_files_total 2",
            "tidegate_blobs_deleted_bytes_total 700",
            "tidegate_store_slow_reads_total 1",
            "tidegate_search_lag_seconds 1.5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("tidegate_unknown"));
    }
}
