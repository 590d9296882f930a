//! A record: one accepted start, log or end event on its way to the uploader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tidegate_model::{Destination, RowId, SpanId, TraceId};

use crate::budget::Lease;
use crate::clock::WallTime;
use crate::event::{Event, Name};
use crate::ids::Wire;
use crate::spool::Entry;

/// What all records of one row share.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) destination: Arc<Destination>,
    pub(crate) row_id: RowId,
    /// Its place in a trace, if it is a span: rows of datasets and comments have none.
    pub(crate) span: Option<SpanIds>,
    /// Whether others may record the same row with another head: all but the spans of this
    /// process.
    pub(crate) is_detached: bool,
    /// Whether a server has acknowledged this row, so that it counts once as delivered.
    pub(crate) delivered: AtomicBool,
    /// Whether a part of this row went to the spool, where the rest must follow it.
    pub(crate) in_spool: AtomicBool,
}

/// Where a span stands.
#[derive(Debug, Clone)]
pub(crate) struct SpanIds {
    pub(crate) span_id: Wire<SpanId>,
    pub(crate) trace_id: Wire<TraceId>,
    pub(crate) parent: Option<Wire<SpanId>>,
}

#[cfg(test)]
impl SpanIds {
    /// Of a span without a parent.
    pub(crate) fn root(span_id: SpanId, trace_id: TraceId) -> Self {
        Self { span_id: Wire::Ours(span_id), trace_id: Wire::Ours(trace_id), parent: None }
    }
}

/// Sent by the first record of a row: it creates the row, or replaces what was there.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) at: WallTime,
    /// The same moment on the other clock, unless it was given.
    pub(crate) monotonic: Option<Instant>,
    /// What begins, if it is a span.
    pub(crate) span: Option<SpanStart>,
}

/// What is known of a span at its start.
#[derive(Debug)]
pub(crate) struct SpanStart {
    pub(crate) name: Name,
    pub(crate) span_type: Option<Name>,
    pub(crate) purpose: Option<Name>,
}

/// One event, holding its bytes of the budget.
#[derive(Debug)]
pub(crate) struct Record {
    /// Position in the order of acceptance, starting at 1; set when the inbox takes it.
    pub(crate) sequence: u64,
    pub(crate) head: Arc<Head>,
    pub(crate) start: Option<Start>,
    pub(crate) end: Option<WallTime>,
    pub(crate) event: Event,
    pub(crate) lease: Lease,
    /// Where it stands in the spool already, if every record is written there first.
    pub(crate) journal: Option<Entry>,
}

/// The merge key of a row within this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowKey {
    pub(crate) row_id: RowId,
    pub(crate) destination: Arc<Destination>,
}

impl std::hash::Hash for RowKey {
    /// Row ids are unique by themselves; hashing the destination too would only cost.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.row_id.hash(state);
    }
}

impl Head {
    /// Of a span that begins here.
    pub(crate) fn span(destination: Arc<Destination>, row_id: RowId, ids: SpanIds) -> Arc<Self> {
        Self::new(destination, row_id, Some(ids), false)
    }

    /// Of a row that is no span, or a span that began elsewhere.
    pub(crate) fn detached(
        destination: Arc<Destination>,
        row_id: RowId,
        ids: Option<SpanIds>,
    ) -> Arc<Self> {
        Self::new(destination, row_id, ids, true)
    }

    fn new(
        destination: Arc<Destination>,
        row_id: RowId,
        span: Option<SpanIds>,
        is_detached: bool,
    ) -> Arc<Self> {
        let (delivered, in_spool) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { destination, row_id, span, is_detached, delivered, in_spool })
    }

    /// The id of the span, if it is one that this process began.
    pub(crate) fn span_id(&self) -> Option<SpanId> {
        self.span.as_ref()?.span_id.ours()
    }

    /// The trace, if it is a span and its trace has an id of ours.
    pub(crate) fn trace(&self) -> Option<TraceId> {
        self.span.as_ref()?.trace_id.ours()
    }

    pub(crate) fn is_spooled(&self) -> bool {
        self.in_spool.load(Ordering::Relaxed)
    }

    pub(crate) fn spooled(&self) {
        self.in_spool.store(true, Ordering::Relaxed);
    }

    pub(crate) fn key(&self) -> RowKey {
        RowKey { row_id: self.row_id.clone(), destination: Arc::clone(&self.destination) }
    }
}

/// Bytes that a record costs on the wire when it travels as a row of its own.
///
/// Exact but for escapes in ids and names chosen by the user, which are rare and short; the
/// lease of a waiting row is corrected to the written length when its batch is built.
pub(crate) fn wire_bytes(
    head: &Head,
    start: Option<&Start>,
    end: Option<WallTime>,
    event: &Event,
) -> u64 {
    let id = match &head.row_id {
        RowId::Uuid(_) => 36,
        RowId::Text(text) => text.len(),
    };
    // {"id":"…","span_id":"…","root_span_id":"…",
    let mut bytes = 8 + id;
    for (name, value) in head.destination.members() {
        bytes += name.len() + value.len() + 6;
    }
    if let Some(span) = &head.span {
        bytes += 12 + span.span_id.len(16) + 18 + span.trace_id.len(32);
        bytes += span.parent.as_ref().map_or(0, |parent| 20 + parent.len(16));
    }
    let begun = start.and_then(|start| start.span.as_ref());
    bytes += if start.is_some() { 37 } else { 17 };
    if let Some(begun) = begun {
        // span_attributes with name, type and purpose
        bytes += 31 + begun.name.len();
        bytes += begun.span_type.as_ref().map_or(0, |text| text.len() + 10);
        bytes += begun.purpose.as_ref().map_or(0, |text| text.len() + 13);
    }
    let mut metrics = event.metrics.iter().map(|(name, _)| name.len() + 21).sum::<usize>();
    metrics += 27 * usize::from(begun.is_some()) + 25 * usize::from(end.is_some());
    if metrics > 0 {
        bytes += metrics + 12;
    }
    for (name, value) in &event.raw {
        bytes += name.len() + value.bytes().len() + 4;
    }
    if !event.scores.is_empty() {
        bytes += 12 + event.scores.iter().map(|(name, _)| name.len() + 21).sum::<usize>();
    }
    if !event.tags.is_empty() {
        bytes += 10 + event.tags.iter().map(|tag| tag.len() + 3).sum::<usize>();
    }
    bytes as u64
}
