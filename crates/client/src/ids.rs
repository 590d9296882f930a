//! Random span and trace ids.

use tidegate_model::{SpanId, TraceId};
use uuid::Uuid;

/// Random, as W3C trace context asks for.
pub(crate) fn span_id() -> SpanId {
    SpanId::from_bits(random())
}

pub(crate) fn trace_id() -> TraceId {
    // Of a version 4 UUID six bits are fixed: four are folded away, and the other two are not among
    // the 56 that W3C wants random.
    TraceId::from_bits(Uuid::new_v4().as_u128() ^ (u128::from(random()) << 64))
}

/// A version 4 UUID has fixed bits in both halves, so both halves are folded together.
pub(crate) fn random() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    high.rotate_left(32) ^ low
}
