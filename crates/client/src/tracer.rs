//! Starting traces without holding the client.

use std::sync::Arc;

use tidegate_model::Destination;

use crate::client::Client;
use crate::recorder::Recorder;
use crate::span::{Span, SpanOptions};

/// Starts traces at one destination, such as a project's logs.
///
/// Unlike a clone of the [`Client`] it does not keep the client open: what lives until the end of
/// the process, such as a subscriber, can hold one, and the drop of the client still delivers what
/// is pending. Once the client is gone, what is recorded here counts as dropped.
#[derive(Debug, Clone)]
pub struct Tracer {
    recorder: Arc<Recorder>,
    destination: Arc<Destination>,
}

impl Tracer {
    /// Starts the root span of a new trace.
    #[must_use]
    pub fn start_span(&self, options: impl Into<SpanOptions>) -> Span {
        let (recorder, destination) = (Arc::clone(&self.recorder), Arc::clone(&self.destination));
        Span::below(recorder, destination.into(), options.into())
    }

    /// As [`Span::attachment_room`], of the spans that are started here.
    #[doc(hidden)]
    #[must_use]
    pub fn attachment_room(&self) -> u64 {
        self.recorder.attachment_room()
    }
}

impl Client {
    /// Something that starts traces at a destination and does not keep this client open.
    #[must_use]
    pub fn tracer(&self, destination: impl Into<Arc<Destination>>) -> Tracer {
        let (recorder, destination) = (Arc::clone(self.recorder()), destination.into());
        Tracer { recorder, destination }
    }
}
