//! The spans of a part of a trace, kept in memory for who reads them right after: scorers.

mod buffer;
mod span;

use serde_json::Value;
use tidegate_model::SpanId;

pub(crate) use buffer::Route;
pub use buffer::TraceBuffer;
pub use span::TraceSpan;

/// What a [`TraceBuffer`] has kept: spans as they stood when it was taken, in the order in which
/// they started.
#[derive(Debug, Default)]
pub struct Trace {
    spans: Vec<TraceSpan>,
    is_truncated: bool,
}

impl Trace {
    /// All spans; the first is the one that everything else is below.
    #[must_use]
    pub fn spans(&self) -> &[TraceSpan] {
        &self.spans
    }

    /// Spans of one type, such as `llm` or `tool`.
    pub fn spans_of_type(&self, span_type: &str) -> impl Iterator<Item = &TraceSpan> {
        self.spans.iter().filter(move |span| span.span_type() == Some(span_type))
    }

    /// Spans of one name.
    pub fn spans_named(&self, name: &str) -> impl Iterator<Item = &TraceSpan> {
        self.spans.iter().filter(move |span| span.name() == name)
    }

    /// The spans directly below another one.
    pub fn children(&self, parent: SpanId) -> impl Iterator<Item = &TraceSpan> {
        self.spans.iter().filter(move |span| span.parent_id() == Some(parent))
    }

    /// The sum of a metric over all spans, such as `tokens` or `estimated_cost`; `None` if no span
    /// has it. Spans of scorers do not count, as in summaries.
    #[must_use]
    pub fn total(&self, metric: &str) -> Option<f64> {
        let counted = self.spans.iter().filter(|span| !span.is_scorer());
        let values = counted.filter_map(|span| span.metric(metric));
        values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
    }

    /// Whether something was left out because it did not fit: a whole span, or what one of them
    /// has logged. Smaller records that came later may be there.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// An array of objects with the members of a row: `span_id`, `parent_id`, `name`, `type`,
    /// `purpose`, `input`, `output` and so on, `metrics` with `start` and `end` in seconds since
    /// 1970. Members that are not set are absent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.spans.iter().map(TraceSpan::to_json).collect()
    }
}

#[cfg(test)]
mod tests;
