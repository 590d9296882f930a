//! What a run was waiting for: the shape of its uploads, where its wall time went, and why.
//!
//! Everything here is computed from a [`Profile`] alone, so that the same file always gets the
//! same answer. Each part defines its figures: [`Shape`], [`CriticalPath`], [`Cpu`], [`Cost`],
//! and [`diagnosis`] the causes with their thresholds.
//!
//! ```
//! use tidegate_analysis::explain::{Cause, explain};
//! use tidegate_analysis::profile::Profile;
//! // Three requests, one after the other, whose rows have all waited since 1 ms.
//! let file = r#"{"header":{"format":"tidegate-profile","version":1,"name":"demo","source":"sdk","started_unix_us":0}}
//! {"span":{"trace":1,"root":true,"kind":"eval","name":"eval","start_us":0,"end_us":1000,"records":9,"bytes":900}}
//! {"request":{"number":1,"lane":0,"rows":5,"bytes":300,"sent_bytes":300,"queued_us":1000,"start_us":1000,"end_us":251000,"status":200}}
//! {"request":{"number":2,"lane":0,"rows":5,"bytes":300,"sent_bytes":300,"queued_us":1000,"start_us":252000,"end_us":502000,"status":200}}
//! {"request":{"number":3,"lane":0,"rows":5,"bytes":300,"sent_bytes":300,"queued_us":1000,"start_us":503000,"end_us":753000,"status":200}}
//! {"end":{"at_us":753000,"produced_us":1000}}
//! "#;
//! let explanation = explain(&Profile::read(file.as_bytes())?);
//! assert_eq!((explanation.shape.uploads.overlapping_pairs, explanation.wall_us), (0, 753_000));
//! assert_eq!(explanation.diagnosis[0].cause, Cause::SerialUploads);
//! # Ok::<(), tidegate_analysis::profile::ProfileError>(())
//! ```

mod cost;
mod cpu;
mod critical_path;
pub mod diagnosis;
mod shape;
mod sweep;
mod uploads;

pub use cost::Cost;
pub use cpu::Cpu;
pub use critical_path::{Category, CriticalPath};
pub use diagnosis::{Cause, Figure, Finding, Unit};
pub use shape::{Distribution, Failure, Shape};

use serde::Serialize;
use tidegate_model::profile::Source;

use crate::profile::Profile;
use uploads::Uploads;

/// What a profile says about its run. Times are microseconds, ratios 0 to 1.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The run, as the profile calls it.
    pub name: String,
    /// Who wrote the profile.
    pub source: Source,
    /// How rows were sent, if the profile says so.
    pub strategy: Option<String>,
    /// Where the wall begins on the profile's clock: its zero; for a profile of a server, which
    /// knows nothing of before, the start of the first request.
    pub start_us: u64,
    /// Length of the wall: from there until the last row was settled, or until whatever came
    /// last if the profile was not closed.
    pub wall_us: u64,
    /// Whether the profile was closed in order. If not, the run was killed or goes on.
    pub is_complete: bool,
    /// Lines that the writer left out because the profile had reached its limit; all figures
    /// are of the rest.
    pub left_out: u64,
    /// Records that were lost.
    pub lost_records: u64,
    /// The shape of requests and waits.
    pub shape: Shape,
    /// Where the wall went; absent if the profile knows of requests only.
    pub critical_path: Option<CriticalPath>,
    /// What the process used; absent if it was not measured.
    pub cpu: Option<Cpu>,
    /// Why, most important first; never empty.
    pub diagnosis: Vec<Finding>,
}

/// The part of the profile's clock that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    start_us: u64,
    end_us: u64,
}

impl Window {
    fn of(profile: &Profile) -> Self {
        let end_us = profile.wall_us();
        let first = profile.requests.iter().map(|request| request.start_us).min();
        let start_us = match profile.header.source {
            Source::Server => first.unwrap_or(end_us),
            Source::Sdk | Source::Emulation => 0,
        };
        let last = profile.requests.iter().map(|request| request.end_us).max();
        let end_us = match profile.header.source {
            // A server goes on after its client has left.
            Source::Server => last.unwrap_or(end_us),
            Source::Sdk | Source::Emulation => end_us,
        };
        Self { start_us, end_us }
    }

    fn length_us(self) -> u64 {
        self.end_us.saturating_sub(self.start_us)
    }

    /// A time as a share of the window; 0 of an empty one.
    fn ratio(self, us: f64) -> f64 {
        if self.length_us() == 0 { 0.0 } else { us / self.length_us() as f64 }
    }
}

/// Explains a run, in O(n log n) of what its profile holds.
#[must_use]
pub fn explain(profile: &Profile) -> Explanation {
    let window = Window::of(profile);
    let shape = Shape::of(profile, window);
    let (mut path, mut uploads) = (critical_path::Times::default(), Uploads::default());
    sweep::sweep(profile, window, |moment| {
        path.add(moment);
        uploads.add(moment);
    });
    let critical_path = sweep::knows_producers(profile).then(|| path.shares(window));
    let cpu = Cpu::of(profile);
    let evidence = diagnosis::Evidence {
        profile,
        window,
        shape: &shape,
        path: critical_path.as_ref(),
        cpu: cpu.as_ref(),
        uploads: &uploads,
    };
    let diagnosis = diagnosis::diagnose(&evidence);
    Explanation {
        name: profile.header.name.clone().into_owned(),
        source: profile.header.source,
        strategy: profile.header.strategy.clone().map(std::borrow::Cow::into_owned),
        start_us: window.start_us,
        wall_us: window.length_us(),
        is_complete: profile.end.is_some(),
        left_out: profile.end.map_or(0, |end| end.left_out),
        lost_records: profile.end.map_or(0, |end| end.lost),
        shape,
        critical_path,
        cpu,
        diagnosis,
    }
}
