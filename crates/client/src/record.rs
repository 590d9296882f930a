//! A record: one accepted start, log or end event on its way to the uploader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tidegate_model::{Destination, RowId, SpanId, TraceId};

use crate::budget::Lease;
use crate::clock::WallTime;
use crate::event::{Event, Name};
use crate::spool::Entry;

/// What all records of one span share.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) destination: Arc<Destination>,
    pub(crate) row_id: RowId,
    pub(crate) span_id: SpanId,
    pub(crate) trace_id: TraceId,
    pub(crate) parent: Option<SpanId>,
    /// Whether a server has acknowledged this row, so that it counts once as delivered.
    pub(crate) delivered: AtomicBool,
    /// Whether a part of this row went to the spool, where the rest must follow it.
    pub(crate) in_spool: AtomicBool,
}

/// Sent by the first record of a span.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) at: WallTime,
    /// The same moment on the other clock, unless it was given.
    pub(crate) monotonic: Option<Instant>,
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
    let mut bytes = 8 + id + 28 + 50;
    for (name, value) in head.destination.members() {
        bytes += name.len() + value.len() + 6;
    }
    if head.parent.is_some() {
        bytes += 36;
    }
    if let Some(start) = start {
        // created, span_attributes with name, type and purpose
        bytes += 37 + 31 + start.name.len();
        bytes += start.span_type.as_ref().map_or(0, |text| text.len() + 10);
        bytes += start.purpose.as_ref().map_or(0, |text| text.len() + 13);
    } else {
        bytes += 17;
    }
    let mut metrics = event.metrics.iter().map(|(name, _)| name.len() + 21).sum::<usize>();
    metrics += 27 * usize::from(start.is_some()) + 25 * usize::from(end.is_some());
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
