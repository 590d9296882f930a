//! The protobuf form, found before it is decoded: where the spans are, and how many values each
//! holds. A message of two bytes takes a hundred once decoded, so counting comes first.

use super::body::{BodyFault, Place};
use super::span::SpanFault;

/// Values of one span at most: attributes, events, links, and what is nested in them.
pub(super) const VALUES: usize = 500_000;
/// How deep lists and maps may be nested in an attribute.
pub(super) const DEPTH: usize = 32;

/// Bytes that are no protobuf message.
#[derive(Debug, PartialEq, Eq)]
struct Malformed;

/// The length-delimited fields of a message, by number; the others are skipped.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.is_empty() {
            match self.field() {
                Some(Some(field)) => return Some(Ok(field)),
                Some(None) => {}
                None => {
                    self.0 = &[];
                    return Some(Err(Malformed));
                }
            }
        }
        None
    }
}

impl<'a> Fields<'a> {
    /// Takes a field: `None` if there is none to be made out, `Some(None)` for one to skip.
    fn field(&mut self) -> Option<Option<(u64, &'a [u8])>> {
        let key = self.varint()?;
        match key & 7 {
            0 => self.varint().map(|_| None),
            1 => self.bytes(8).map(|_| None),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.bytes(length).map(|bytes| Some((key >> 3, bytes)))
            }
            5 => self.bytes(4).map(|_| None),
            // Groups, which nobody uses any more.
            _ => None,
        }
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

/// A span as bytes, and those of its resource and scope.
pub(super) struct RawSpan<'a> {
    pub(super) resource: &'a [u8],
    pub(super) scope: &'a [u8],
    pub(super) span: &'a [u8],
}

/// Finds the spans of an `ExportTraceServiceRequest`.
///
/// # Errors
/// If the messages around the spans are broken, or whatever `each` returns.
pub(super) fn spans<'a>(
    body: &'a [u8],
    mut each: impl FnMut(RawSpan<'a>, Place) -> Result<(), BodyFault>,
) -> Result<(), BodyFault> {
    let broken = |_| BodyFault::Protobuf;
    let mut place = Place::default();
    for group in only(1, body) {
        let group = group.map_err(broken)?;
        // The resource may be written after the spans.
        let resource = last(1, group).map_err(broken)?;
        place.resource += 1;
        for scoped in only(2, group) {
            let scoped = scoped.map_err(broken)?;
            let scope = last(1, scoped).map_err(broken)?;
            place.scope += 1;
            for span in only(2, scoped) {
                each(RawSpan { resource, scope, span: span.map_err(broken)? }, place)?;
            }
        }
    }
    Ok(())
}

fn only(number: u64, message: &[u8]) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    Fields(message).filter_map(move |field| match field {
        Ok((found, bytes)) => (found == number).then_some(Ok(bytes)),
        Err(error) => Some(Err(error)),
    })
}

fn last(number: u64, message: &[u8]) -> Result<&[u8], Malformed> {
    only(number, message).try_fold(&[][..], |_, bytes| bytes)
}

/// Messages within a span.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Resource,
    Scope,
    Span,
    Event,
    Link,
    KeyValue,
    Value,
    List,
    Map,
}

impl Kind {
    /// What a field of the message is, if it is a message too.
    fn member(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Resource, 1) | (Self::Scope, 3) | (Self::Span, 9) => Self::KeyValue,
            (Self::Event, 3) | (Self::Link, 4) | (Self::Map, 1) => Self::KeyValue,
            (Self::Span, 11) => Self::Event,
            (Self::Span, 13) => Self::Link,
            (Self::KeyValue, 2) | (Self::List, 1) => Self::Value,
            (Self::Value, 5) => Self::List,
            (Self::Value, 6) => Self::Map,
            _ => return None,
        })
    }
}

/// Checks that a message may be decoded: it is whole, not too deep and not too many values.
pub(super) fn check(kind: Kind, message: &[u8]) -> Result<(), SpanFault> {
    let mut values = 0;
    measure(kind, message, 0, &mut values)
}

fn measure(kind: Kind, message: &[u8], depth: usize, values: &mut usize) -> Result<(), SpanFault> {
    *values += 1;
    if *values > VALUES {
        return Err(SpanFault::TooMany);
    }
    let nests = matches!(kind, Kind::List | Kind::Map);
    let depth = depth + usize::from(nests);
    if depth > DEPTH {
        return Err(SpanFault::TooDeep);
    }
    for field in Fields(message) {
        let (number, bytes) = field.map_err(|Malformed| SpanFault::Protobuf)?;
        if let Some(member) = kind.member(number) {
            measure(member, bytes, depth, values)?;
        }
    }
    Ok(())
}
