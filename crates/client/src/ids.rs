//! Random span and trace ids, and ids that another process chose.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tidegate_model::{SpanId, TraceId};
use uuid::Uuid;

/// An id as it travels: one of ours, or whatever text another process uses for it. Older clients
/// have UUIDs where ours have hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Wire<T> {
    Ours(T),
    Theirs(Arc<str>),
}

impl<T: FromStr> Wire<T> {
    /// Keeps the spelling.
    pub(crate) fn of(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Theirs(text.into()), Self::Ours)
    }
}

impl<T> Wire<T> {
    /// Bytes of the text; ours have this many digits.
    pub(crate) fn len(&self, digits: usize) -> usize {
        match self {
            Self::Ours(_) => digits,
            Self::Theirs(text) => text.len(),
        }
    }
}

impl<T: Copy> Wire<T> {
    pub(crate) fn ours(&self) -> Option<T> {
        match self {
            Self::Ours(id) => Some(*id),
            Self::Theirs(_) => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Wire<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(id) => id.fmt(f),
            Self::Theirs(text) => f.write_str(text),
        }
    }
}

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
