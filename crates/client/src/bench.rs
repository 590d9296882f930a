//! What the benches measure of the inside. Not part of the interface; the feature `__bench`
//! makes it visible to `benches/`.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tidegate_model::Destination;

use crate::budget::Budget;
use crate::clock;
use crate::config::Policy;
use crate::dump::Dumps;
use crate::event::Event;
use crate::inbox::Inbox;
use crate::notice::Notices;
use crate::pipeline::{Action, Core, Options, Pressure};
use crate::record::Record;
use crate::recorder::{Owner, Recorder};
use crate::span::{Span, SpanOptions};

/// Larger than anything a bench holds, so that the gate never closes.
const BUDGET_BYTES: u64 = 1 << 40;
const LANES: usize = 8;

/// The way of a record up to the request body, without a thread or a socket.
#[derive(Debug)]
pub struct Stages {
    recorder: Arc<Recorder>,
    destination: Arc<Destination>,
}

/// Records that were taken from the inbox.
#[derive(Debug)]
pub struct Records(Vec<Record>);

/// Rows waiting in the pipeline.
#[derive(Debug)]
pub struct Rows(Core);

impl Default for Stages {
    fn default() -> Self {
        let recorder = Recorder {
            inbox: Arc::new(Inbox::default()),
            budget: Budget::new(BUDGET_BYTES),
            notices: Arc::new(Notices::new(Duration::from_secs(60), None)),
            policy: Policy::Drop,
            admit_timeout: Duration::ZERO,
            mask: None,
            sample_ratio: 1.0,
            journal: None,
            dumps: Dumps::default(),
            owner: Owner::this_process(),
            waits: Arc::default(),
            server: None,
        };
        let destination = Arc::new(Destination::Experiment("bench".into()));
        Self { recorder: Arc::new(recorder), destination }
    }
}

impl Stages {
    /// Starts a span, logs one event and ends the span.
    pub fn span<T: Serialize>(&self, payload: &T) {
        let options = SpanOptions::new("step").span_type("llm");
        let parent = Arc::clone(&self.destination).into();
        let span = Span::below(Arc::clone(&self.recorder), parent, options);
        span.log(Event::new().input(payload));
        span.end();
    }

    /// A span to record below.
    #[must_use]
    pub fn root(&self) -> Span {
        let (recorder, destination) = (Arc::clone(&self.recorder), Arc::clone(&self.destination));
        Span::below(recorder, destination.into(), SpanOptions::new("root"))
    }

    /// Takes what was recorded so far.
    #[must_use]
    pub fn take(&self) -> Records {
        Records(self.recorder.inbox.take(Vec::new(), false))
    }
}

impl Records {
    /// Coalesces records into rows.
    #[must_use]
    pub fn coalesce(self) -> Rows {
        let mut core = Core::new(Options {
            lanes: LANES,
            budget_bytes: BUDGET_BYTES,
            max_rows: tidegate_model::limits::MAX_ROWS_PER_REQUEST,
            max_request_bytes: tidegate_model::limits::DEFAULT_MAX_REQUEST_BYTES,
            max_retries: None,
            give_up_after: Duration::from_secs(300),
            sync_flush: false,
            spool: false,
            spool_when_full: false,
            seed: 1,
        });
        core.records(self.0, clock::now());
        Rows(core)
    }
}

impl Rows {
    /// Cuts the rows into batches and writes their bodies; returns their bytes.
    pub fn batch(&mut self) -> usize {
        let flush = Pressure { flush_watermark: Some(u64::MAX), ..Pressure::default() };
        let actions = self.0.poll(flush, clock::now()).into_iter();
        let bodies = actions.map(|action| match action {
            Action::Send { body, .. } => body.len(),
            _ => 0,
        });
        bodies.sum()
    }
}
