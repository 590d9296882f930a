//! What somebody thinks of a row after the fact.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use tidegate_model::RowId;

use crate::clock;
use crate::event::{Event, Name};
use crate::json::Json;
use crate::record::{Head, Start};
use crate::recorder::{Draft, Recorder};

pub(crate) const COMMENT: &str = "comment";
pub(crate) const AUDIT_METADATA: &str = "_audit_metadata";
const AUDIT_SOURCE: &str = "_audit_source";

/// Who gives feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FeedbackSource {
    /// A person, in an application.
    App,
    /// A program, through an API.
    Api,
    /// Anybody else.
    #[default]
    External,
}

impl FeedbackSource {
    fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Api => "api",
            Self::External => "external",
        }
    }
}

/// Scores, an expected output, tags and a comment for a row that is recorded already. What is not
/// set stays as it is, and one in which nothing is set records nothing.
///
/// See [`Span::log_feedback`](crate::Span::log_feedback), and
/// [`Client::log_feedback`](crate::Client::log_feedback) for rows of other processes.
#[derive(Debug, Default)]
#[must_use]
pub struct Feedback {
    event: Event,
    comment: Option<String>,
    metadata: Option<Json>,
    source: FeedbackSource,
}

impl Feedback {
    /// Makes feedback that says nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a score, as [`Event::score`] does.
    pub fn score(mut self, name: impl Into<Name>, score: impl Into<Option<f64>>) -> Self {
        self.event = self.event.score(name, score);
        self
    }

    /// Sets what the output should have been.
    pub fn expected<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.event = self.event.expected(value);
        self
    }

    /// Adds tags; a row keeps each once.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.event = self.event.tags(tags);
        self
    }

    /// Sets a comment, which becomes a row of its own beside the one it is about.
    pub fn comment(mut self, text: impl Into<String>) -> Self {
        self.comment = Some(text.into());
        self
    }

    /// Sets who says so, and where: an object that is kept with the feedback and not among the
    /// metadata of the row.
    pub fn metadata<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.metadata = Some(Json::or_text(value));
        self
    }

    /// Sets who gives it; [`FeedbackSource::External`] by default.
    pub fn source(mut self, source: FeedbackSource) -> Self {
        self.source = source;
        self
    }

    /// Records it for the row of this head.
    pub(crate) fn record(self, recorder: &Recorder, head: &Arc<Head>) {
        let Self { event, comment, metadata, source } = self;
        let audited = |mut event: Event| {
            let source = Json::or_text(source.name());
            event.put(AUDIT_SOURCE.into(), source);
            if let Some(metadata) = &metadata {
                event.put(AUDIT_METADATA.into(), metadata.clone());
            }
            event
        };
        if !event.is_empty() {
            let (head, event) = (Arc::clone(head), audited(event));
            recorder.record(Draft { head, start: None, end: None, event }, None);
        }
        if let Some(text) = comment {
            let event = Event::new()
                .field("origin", &json!({"id": head.row_id}))
                .field(COMMENT, &json!({ "text": text }));
            let head = Head::detached(Arc::clone(&head.destination), RowId::new(), None);
            let start = Some(Start { at: clock::wall(), monotonic: None, span: None });
            recorder.record(Draft { head, start, end: None, event: audited(event) }, None);
        }
    }
}
