//! `traceparent`.

use std::fmt;

use crate::id::{SpanId, TraceId};

/// Length of what version 00 holds: version, trace id, parent id, flags, three dashes.
const LENGTH: usize = 55;
const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

/// The span that a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    flags: u8,
}

impl TraceParent {
    /// A parent whose trace is recorded, or not.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId, is_sampled: bool) -> Self {
        Self { trace_id, span_id, flags: if is_sampled { SAMPLED } else { 0 } }
    }

    /// Reads a header. `None` for what the specification calls invalid: another shape, upper case,
    /// ids of zeros alone, version `ff`. Of later versions what version `00` knows is read.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let header = header.trim_matches([' ', '\t']);
        let (known, rest) = header.split_at_checked(LENGTH)?;
        let mut parts = known.split('-');
        let version = hex(parts.next()?)?;
        let (trace_id, span_id) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let flags = hex(parts.next()?)?;
        let has_room_for_more = version > 0 && rest.starts_with('-');
        if parts.next().is_some() || version == 0xff || !(rest.is_empty() || has_room_for_more) {
            return None;
        }
        // Flags that nobody knows yet are not passed on.
        Some(Self { trace_id, span_id, flags: flags & (SAMPLED | RANDOM) })
    }

    /// Whether the sender records the trace.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The same trace, in another span of it.
    #[must_use]
    pub fn with_span(self, span_id: SpanId, is_sampled: bool) -> Self {
        let sampled = if is_sampled { SAMPLED } else { 0 };
        Self { span_id, flags: self.flags & RANDOM | sampled, ..self }
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// Two lower-case hex digits.
fn hex(text: &str) -> Option<u8> {
    let is_hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if text.len() == 2 && is_hex { u8::from_str_radix(text, 16).ok() } else { None }
}
