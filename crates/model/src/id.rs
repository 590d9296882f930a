//! Identifiers, kept as integers and formatted only when a row is written.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// A span id: 16 lower-case hex digits on the wire, as W3C trace context has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(u64);

/// A trace id (`root_span_id` on the wire): 32 lower-case hex digits.
///
/// A root span's own [`SpanId`] differs from its trace id, so never decide "is root" by
/// comparing the two; a root is a span without parents.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(u128);

/// A text that is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected_digits} lower-case hex digits, not all zero")]
pub struct ParseIdError {
    expected_digits: usize,
}

impl SpanId {
    /// Makes an id from random bits; zero, which W3C forbids, becomes one.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits.max(1))
    }

    /// Returns the id as an integer, never zero.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }
}

impl TraceId {
    /// Makes an id from random bits; zero, which W3C forbids, becomes one.
    #[must_use]
    pub fn from_bits(bits: u128) -> Self {
        Self(bits.max(1))
    }

    /// Returns the id as an integer, never zero.
    #[must_use]
    pub fn bits(self) -> u128 {
        self.0
    }

    /// Whether a trace of this id is among the given fraction of all traces. Decided by the low
    /// 56 bits alone, which W3C trace context level 2 wants random, so that every process that
    /// sees the id decides alike.
    #[must_use]
    pub fn is_sampled(self, ratio: f64) -> bool {
        const RANDOM_BITS: u32 = 56;
        let low = (self.0 & ((1 << RANDOM_BITS) - 1)) as f64;
        low < ratio * (1u64 << RANDOM_BITS) as f64
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

/// Checks the shape of a hex id; `from_str_radix` alone would accept a sign and upper case.
fn check_hex(text: &str, digits: usize) -> Result<(), ParseIdError> {
    let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if text.len() == digits && hex && text.bytes().any(|b| b != b'0') {
        Ok(())
    } else {
        Err(ParseIdError { expected_digits: digits })
    }
}

impl FromStr for SpanId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        check_hex(text, 16)?;
        u64::from_str_radix(text, 16).map(Self).map_err(|_| ParseIdError { expected_digits: 16 })
    }
}

impl FromStr for TraceId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        check_hex(text, 32)?;
        u128::from_str_radix(text, 16).map(Self).map_err(|_| ParseIdError { expected_digits: 32 })
    }
}

impl Serialize for SpanId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The id of a row within its destination: a UUID of ours, or any text a user or an older
/// client chose.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowId {
    /// A UUID, kept as 16 bytes.
    Uuid(Uuid),
    /// Anything else, kept as it came.
    Text(Arc<str>),
}

impl RowId {
    /// Makes a time-ordered id (UUID version 7), so that indexes fill from one side.
    #[must_use]
    pub fn new() -> Self {
        Self::Uuid(Uuid::now_v7())
    }
}

impl Default for RowId {
    fn default() -> Self {
        Self::new()
    }
}

impl From<&str> for RowId {
    /// Keeps the text exactly: only a canonical lower-case UUID is packed into 16 bytes, since
    /// any other spelling would come back changed.
    fn from(text: &str) -> Self {
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 && !text.bytes().any(|b| b.is_ascii_uppercase()) => {
                Self::Uuid(uuid)
            }
            _ => Self::Text(text.into()),
        }
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => uuid.hyphenated().fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for RowId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_ids_round_trip_with_leading_zeros() {
        let span = SpanId::from_bits(0xab);
        assert_eq!(span.to_string(), "00000000000000ab");
        assert_eq!(span.to_string().parse(), Ok(span));
        let trace = TraceId::from_bits(7);
        assert_eq!(trace.to_string().parse(), Ok(trace));
    }

    #[test]
    fn malformed_hex_ids_are_refused() {
        for bad in
            ["", "0000000000000000", "+000000000000001", "00000000000000AB", "0é00000000000ab"]
        {
            assert!(bad.parse::<SpanId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn row_ids_keep_their_spelling() {
        for text in [
            "0198c5a2-0000-7000-8000-0000000000ab",
            "0198C5A2-0000-7000-8000-0000000000AB",
            "0198c5a20000700080000000000000ab",
            "case-1",
            "",
        ] {
            assert_eq!(RowId::from(text).to_string(), text);
        }
        assert!(matches!(RowId::from("0198c5a2-0000-7000-8000-0000000000ab"), RowId::Uuid(_)));
    }
}
