//! Random span and trace ids.

use tidegate_model::{SpanId, TraceId};
use uuid::Uuid;

/// Random, as W3C trace context asks for.
pub(crate) fn span_id() -> SpanId {
    SpanId::from_bits(random())
}

pub(crate) fn trace_id() -> TraceId {
    TraceId::from_bits((u128::from(random()) << 64) | u128::from(random()))
}

/// A version 4 UUID has fixed bits in both halves, so both halves are folded together.
pub(crate) fn random() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    high.rotate_left(32) ^ low
}
