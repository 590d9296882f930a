//! What would have been: the recorded work of a run, replayed under other settings.
//!
//! A profile says what a program did and when it waited for its recording. Without those waits
//! remains the work itself. The replay runs it again on a simulated clock, against the very
//! pipeline that sends rows ([`Strategy::Adaptive`]), and answers each request after the time
//! that the recorded ones took, as a fixed part and a part per row ([`Latency`]).
//!
//! ```
//! use tidegate_client::what_if::{Change, WhatIf};
//! use tidegate_model::profile::Line;
//! let profile = r#"{"header":{"format":"tidegate-profile","version":1,"name":"demo","source":"sdk","started_unix_us":0,"max_concurrency":1}}
//! {"span":{"trace":1,"root":true,"kind":"eval","name":"eval","start_us":0,"end_us":900,"records":3,"bytes":512}}
//! {"wait":{"cause":"flush","trace":1,"start_us":900,"end_us":51000}}
//! {"request":{"number":1,"lane":0,"rows":1,"bytes":512,"sent_bytes":512,"queued_us":900,"start_us":1000,"end_us":51000,"status":200}}
//! {"span":{"trace":2,"root":true,"kind":"eval","name":"eval","start_us":51000,"end_us":51900,"records":3,"bytes":512}}
//! {"wait":{"cause":"flush","trace":2,"start_us":51900,"end_us":102000}}
//! {"request":{"number":2,"lane":0,"rows":1,"bytes":512,"sent_bytes":512,"queued_us":51900,"start_us":52000,"end_us":102000,"status":200}}
//! {"end":{"at_us":102000}}"#;
//! let mut lines = profile.lines().map(|line| serde_json::from_str(line).expect("a line"));
//! let Some(Line::Header(header)) = lines.next() else { panic!("no header") };
//!
//! let recorded = WhatIf::new(&header, lines)?;
//! let change: Change = "flush-every-task=no".parse()?;
//! let prediction = recorded.predict(&change)?;
//! // Two cases of 0.9 ms, and a request of 50 ms for the row of each, both at once.
//! assert_eq!((prediction.recorded_us, prediction.overlapping_pairs), (102_000, 1));
//! assert!((51_800..60_000).contains(&prediction.wall_us), "{prediction}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the replay assumes, and where that is wrong, is in `docs/what-if.md`; what it assumed of
//! one recording is in [`Prediction::assumptions`].

mod adaptive;
mod emulated;
mod latency;
mod logger;
mod pauses;
mod prediction;
mod recording;
mod replay;
mod settings;
#[cfg(test)]
mod tests;
mod workload;

use tidegate_model::profile::{Header, Line, Request};

use self::adaptive::Adaptive;
use self::emulated::Emulated;
pub use self::latency::Latency;
pub use self::prediction::Prediction;
use self::recording::{MOST_SPANS, Recording};
use self::replay::{Replay, Replayed, TooLong};
pub use self::settings::{Change, ChangeError, SYNTAX, Settings, Strategy};
use self::workload::Workload;

/// Why there is no prediction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WhatIfError {
    /// A collector has recorded requests and knows nothing of the work that made them.
    #[error("a profile of a collector has no spans: record one where the program runs")]
    OfServer,
    /// Nothing to replay.
    #[error("the profile has no spans that were recorded")]
    NoSpans,
    /// Nothing says what a request takes.
    #[error("none of the {0} requests in the profile succeeded at its first try")]
    NoRequests(usize),
    /// Memory is bounded.
    #[error("the profile has more than {MOST_SPANS} spans")]
    TooLarge,
    /// Time is bounded.
    #[error("the replay comes to no end")]
    TooLong,
    /// The settings are none.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<TooLong> for WhatIfError {
    fn from(_: TooLong) -> Self {
        Self::TooLong
    }
}

/// A recorded run, ready to be replayed.
#[derive(Debug)]
pub struct WhatIf {
    recording: Recording,
    workload: Workload,
    latency: Latency,
    /// Most requests at once in the recording.
    in_flight: usize,
    recorded: Settings,
    /// Rows beyond the limit went another way.
    overflow: bool,
}

impl WhatIf {
    /// Takes in a profile: its header and all further lines, in any order.
    ///
    /// Memory: about 100 bytes per span, at most four million of them.
    ///
    /// # Errors
    /// The profile has no spans, too many of them, or no request that succeeded.
    pub fn new<'a>(
        header: &Header<'_>,
        lines: impl IntoIterator<Item = Line<'a>>,
    ) -> Result<Self, WhatIfError> {
        let mut recording = Recording::of(header, lines);
        if recording.is_server {
            return Err(WhatIfError::OfServer);
        }
        if recording.is_too_large {
            return Err(WhatIfError::TooLarge);
        }
        let workload = Workload::of(&mut recording);
        if workload.rows.is_empty() {
            return Err(WhatIfError::NoSpans);
        }
        let latency = Latency::fit(&recording.requests);
        let latency = latency.ok_or(WhatIfError::NoRequests(recording.requests.len()))?;
        let in_flight = recording.peak_in_flight();
        let overflow = recording.requests.iter().any(is_step);
        // All that is needed of them is taken out.
        (recording.spans, recording.waits) = (Vec::new(), Vec::new());
        recording.requests = Vec::new();
        let recorded = Settings { flush_every_task: workload.flushes, ..recording.defaults };
        Ok(Self { recording, workload, latency, in_flight, recorded, overflow })
    }

    /// The settings of the recorded run, as far as the profile names them; else the defaults.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.recorded
    }

    /// What requests took.
    #[must_use]
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Replays the work under changed settings.
    ///
    /// Takes some 3 s for a million spans, and as much again to replay the recorded settings if
    /// they are others. What is pending is held in memory, up to the budget.
    ///
    /// # Errors
    /// A setting means nothing to the strategy, or the replay comes to no end.
    pub fn predict(&self, change: &Change) -> Result<Prediction, WhatIfError> {
        let settings = self.recorded.with(change)?;
        let replayed = self.replay(&settings)?;
        let check = match self.recording.strategy {
            Some(_) if settings == self.recorded => Some(replayed.wall_us),
            Some(_) => Some(self.replay(&self.recorded)?.wall_us),
            None => None,
        };
        Ok(Prediction::of(self, settings, &replayed, check))
    }

    fn replay(&self, settings: &Settings) -> Result<Replayed, TooLong> {
        let (workload, latency) = (&self.workload, &self.latency);
        let flush = settings.flush_every_task;
        match settings.strategy {
            Strategy::Adaptive => {
                let logger = Adaptive::new(settings, workload, self.overflow);
                Replay::new(workload, latency, logger, flush).run()
            }
            Strategy::SerialChunks | Strategy::FixedBatches => {
                let logger = Emulated::new(settings);
                Replay::new(workload, latency, logger, flush).run()
            }
        }
    }
}

/// Whether this is a step towards the delivery of a row beyond the limit, which acknowledges
/// nothing by itself.
fn is_step(request: &Request) -> bool {
    request.rows == 0 && request.status.is_some_and(|status| status / 100 == 2)
}
