//! What a run was waiting for, as causes with stable ids, and what to change.
//!
//! A cause is named if it explains enough of the wall; [`thresholds`] says how much, and why.
//! There are two kinds. *Faults* (`serial_uploads`, `flush_per_task`, `small_batches`,
//! `retries`) could be put right by sending otherwise. *Bounds* (`server_bound`,
//! `provider_bound`, `cpu_bound`) say what most of the wall is needed for; `server_bound` is not
//! said beside a fault, because nobody knows what the server could do before it is put right. If
//! nothing is found, the run is `healthy`.
//!
//! All figures of uploads count only while somebody waits for them: producers at the gate or in
//! a flush, or the end of the run in its tail. A profile of a server does not know that; there
//! the whole time between its first and last request counts.
//!
//! `docs/diagnosis.md` is the table of all of them for readers.

mod advice;
mod bounds;
mod faults;
pub mod thresholds;

use serde::Serialize;

use super::uploads::Uploads;
use super::{Cpu, CriticalPath, Shape, Window};
use crate::profile::Profile;

/// Why a run took as long as it did. The names in JSON are stable.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// Uploads go one after another although rows of the next ones wait already.
    SerialUploads,
    /// Producers wait for flushes while cases are still running.
    FlushPerTask,
    /// Uploads take more rounds than their bytes need, and each pays the fixed cost again.
    SmallBatches,
    /// Failed requests and their repeats hold the run up.
    Retries,
    /// Uploads are in good shape, and most of the wall is the time that the server takes.
    ServerBound,
    /// Most of the wall cases wait for something outside of this process.
    ProviderBound,
    /// Most of the wall cases compute.
    CpuBound,
    /// Nothing stands out.
    Healthy,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 8] = [
        Self::SerialUploads,
        Self::FlushPerTask,
        Self::SmallBatches,
        Self::Retries,
        Self::ServerBound,
        Self::ProviderBound,
        Self::CpuBound,
        Self::Healthy,
    ];

    /// The stable id, as in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::SerialUploads => "serial_uploads",
            Self::FlushPerTask => "flush_per_task",
            Self::SmallBatches => "small_batches",
            Self::Retries => "retries",
            Self::ServerBound => "server_bound",
            Self::ProviderBound => "provider_bound",
            Self::CpuBound => "cpu_bound",
            Self::Healthy => "healthy",
        }
    }
}

/// A cause that was found.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Which.
    pub cause: Cause,
    /// Share of the wall that it explains, 0 to 1; findings are ordered by it. Shares of two
    /// faults may overlap: a flush takes long because its requests are serial.
    pub wall_ratio: f64,
    /// The figures that led to it.
    pub evidence: Vec<Figure>,
    /// What it means and what to change, in plain words.
    pub advice: String,
}

/// A named figure that can be checked against the timeline.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// Stable name; that of the same figure elsewhere in the explanation, if there is one.
    pub name: &'static str,
    /// The value.
    pub value: f64,
    /// Of what.
    pub unit: Unit,
    /// The name in words.
    pub label: &'static str,
}

/// What a figure counts.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Microseconds.
    Us,
    /// A share, 0 to 1.
    Ratio,
    /// Bytes.
    Bytes,
    /// A number of things, which the label names.
    Count,
    /// An HTTP status.
    Status,
}

/// All that causes are decided by.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) profile: &'a Profile,
    pub(super) window: Window,
    pub(super) shape: &'a Shape,
    pub(super) path: Option<&'a CriticalPath>,
    pub(super) cpu: Option<&'a Cpu>,
    pub(super) uploads: &'a Uploads,
}

impl Evidence<'_> {
    /// Share of the wall in which somebody waited for uploads.
    fn blocked_ratio(&self) -> f64 {
        self.window.ratio(self.uploads.blocked_us)
    }

    /// Share of the wall in which somebody waited for uploads that were under way.
    fn busy_ratio(&self) -> f64 {
        self.window.ratio(self.uploads.busy_us)
    }
}

/// Decides on all causes, most important first; there is always one.
pub(super) fn diagnose(evidence: &Evidence<'_>) -> Vec<Finding> {
    let faults = [
        faults::serial_uploads(evidence),
        faults::flush_per_task(evidence),
        faults::small_batches(evidence),
        faults::retries(evidence),
    ];
    let mut found: Vec<Finding> = faults.into_iter().flatten().collect();
    if found.is_empty() {
        found.extend(bounds::server_bound(evidence));
    }
    found.extend(bounds::provider_bound(evidence));
    found.extend(bounds::cpu_bound(evidence));
    if found.is_empty() {
        found.push(bounds::healthy(evidence));
    }
    found.sort_by(|a, b| b.wall_ratio.total_cmp(&a.wall_ratio));
    found
}

/// Counts are small enough for f64 to be exact.
fn count(name: &'static str, value: usize, label: &'static str) -> Figure {
    Figure { name, value: value as f64, unit: Unit::Count, label }
}

fn number(name: &'static str, value: f64, label: &'static str) -> Figure {
    Figure { name, value, unit: Unit::Count, label }
}

fn us(name: &'static str, value: f64, label: &'static str) -> Figure {
    Figure { name, value, unit: Unit::Us, label }
}

fn ratio(name: &'static str, value: f64, label: &'static str) -> Figure {
    Figure { name, value, unit: Unit::Ratio, label }
}

fn bytes(name: &'static str, value: u64, label: &'static str) -> Figure {
    Figure { name, value: value as f64, unit: Unit::Bytes, label }
}
