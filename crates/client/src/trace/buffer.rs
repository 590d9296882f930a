//! Where the records of a part of a trace are kept besides being sent, or instead of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_model::SpanId;

use super::{Trace, TraceSpan};
use crate::mask::Mask;
use crate::recorder::{Draft, Recorder};

/// Keeps what a span and all spans below it record, whatever thread or task they are on, until
/// [`TraceBuffer::take`]: see [`Span::child_kept`](crate::Span::child_kept).
///
/// It sees the records that are sent, in the same order and after masking, and needs neither a
/// flush nor a query. Nor does it depend on what becomes of the upload: records that a full
/// budget drops, and traces that are not sampled, are kept all the same.
///
/// Clones share everything.
#[derive(Debug, Clone)]
pub struct TraceBuffer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// For what is kept only: what is sent is masked on its way there.
    mask: Option<Mask>,
    max_bytes: usize,
    /// `None` once it is taken.
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    trace: Trace,
    positions: HashMap<SpanId, usize>,
    bytes: usize,
}

impl TraceBuffer {
    /// Makes a buffer of this many bytes, payloads counted as their JSON. What does not fit is
    /// left out, and [`Trace::is_truncated`] says so.
    ///
    /// Where a client records, [`Client::trace_buffer`](crate::Client::trace_buffer) is the one
    /// that also masks traces which are not sampled.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self::masked(None, max_bytes)
    }

    pub(crate) fn masked(mask: Option<Mask>, max_bytes: usize) -> Self {
        let kept = Mutex::new(Some(Kept::default()));
        Self(Arc::new(Shared { mask, max_bytes, kept }))
    }

    /// Takes what is kept. Nothing is kept from then on: spans that still run hold no memory here.
    /// Empty if it was taken before.
    #[must_use]
    pub fn take(&self) -> Trace {
        self.lock().take().unwrap_or_default().trace
    }

    /// No panic leaves it half changed: each method leaves it whole.
    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a record, which has been masked.
    pub(crate) fn keep(&self, draft: &Draft) {
        if let Some(kept) = self.lock().as_mut() {
            kept.keep(draft, self.0.max_bytes);
        }
    }

    fn mask_and_keep(&self, mut draft: Draft) {
        if let Some(mask) = &self.0.mask {
            mask.apply(&mut draft.event);
        }
        self.keep(&draft);
    }
}

impl Kept {
    fn keep(&mut self, draft: &Draft, max_bytes: usize) {
        let Some(id) = draft.head.span_id() else { return };
        if let Some(span) = TraceSpan::begun(draft)
            && self.has_room(span.bytes(), max_bytes)
        {
            self.positions.insert(id, self.trace.spans.len());
            self.trace.spans.push(span);
        }
        // One that is unknown had no room.
        let Some(position) = self.positions.get(&id).copied() else { return };
        if self.has_room(TraceSpan::bytes_of(&draft.event), max_bytes) {
            self.trace.spans[position].add(&draft.event);
        }
        // Costs nothing more, and says of a span without its output that it is done.
        if let Some(at) = draft.end {
            self.trace.spans[position].end(at);
        }
    }

    fn has_room(&mut self, bytes: usize, max_bytes: usize) -> bool {
        let fits = self.bytes.saturating_add(bytes) <= max_bytes;
        match fits {
            true => self.bytes += bytes,
            false => self.trace.is_truncated = true,
        }
        fits
    }
}

/// Where the records of a span go.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    Sent(Arc<Recorder>),
    SentAndKept(Arc<Recorder>, TraceBuffer),
    Kept(TraceBuffer),
}

impl Route {
    /// Keeps in this buffer too, and no longer in another one.
    pub(crate) fn kept_in(&self, buffer: &TraceBuffer) -> Self {
        match self {
            Self::Sent(recorder) | Self::SentAndKept(recorder, _) => {
                Self::SentAndKept(Arc::clone(recorder), buffer.clone())
            }
            Self::Kept(_) => Self::Kept(buffer.clone()),
        }
    }

    /// Whether a server gets to see them.
    pub(crate) fn is_sent(&self) -> bool {
        !matches!(self, Self::Kept(_))
    }

    /// As [`Recorder::may_record`]; memory is a process's own.
    pub(crate) fn may_record(&self) -> bool {
        match self {
            Self::Sent(recorder) | Self::SentAndKept(recorder, _) => recorder.may_record(),
            Self::Kept(_) => true,
        }
    }

    /// Who sends, if anybody does.
    pub(crate) fn recorder(&self) -> Option<&Arc<Recorder>> {
        match self {
            Self::Sent(recorder) | Self::SentAndKept(recorder, _) => Some(recorder),
            Self::Kept(_) => None,
        }
    }

    pub(crate) fn record(&self, draft: Draft) {
        match self {
            Self::Sent(recorder) => recorder.record(draft, None),
            Self::SentAndKept(recorder, buffer) => recorder.record(draft, Some(buffer)),
            Self::Kept(buffer) => buffer.mask_and_keep(draft),
        }
    }

    /// # Cancel safety
    /// As [`Recorder::record_async`]: a future that is dropped while it waits has kept nothing.
    pub(crate) async fn record_async(&self, draft: Draft) {
        match self {
            Self::Sent(recorder) => recorder.record_async(draft, None).await,
            Self::SentAndKept(recorder, buffer) => {
                recorder.record_async(draft, Some(buffer)).await;
            }
            Self::Kept(buffer) => buffer.mask_and_keep(draft),
        }
    }
}

#[cfg(test)]
impl TraceBuffer {
    pub(super) fn bytes(&self) -> usize {
        self.lock().as_ref().map_or(0, |kept| kept.bytes)
    }
}
