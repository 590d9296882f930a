//! A whole body: its spans as rows, and what is wrong with the others.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde::de::DeserializeOwned;
use tidegate_model::limits::MAX_ROWS_PER_REQUEST;

use super::origin::{self, Origin, Shared};
use super::span::{self, SpanFault, Traced};
use super::{json, value, wire};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Protobuf,
    Json,
}

/// Why a body is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyFault {
    #[error("the body is not an ExportTraceServiceRequest in protobuf")]
    Protobuf,
    #[error("the body is not UTF-8")]
    NotText,
    #[error(
        "the body must be a JSON object {{\"resourceSpans\": [...]}}, with objects in its lists"
    )]
    NotAnObject,
    #[error("the body is not an ExportTraceServiceRequest in JSON: {0}")]
    Json(#[source] serde_json::Error),
    #[error(
        "more than {MAX_ROWS_PER_REQUEST} spans in one request; set the exporter's batch size lower"
    )]
    TooMany,
    #[error("the rows of the body take more memory than there is now")]
    Memory,
}

/// A body, decoded.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// The good spans, in the order of the body.
    pub(crate) spans: Vec<Traced>,
    /// How many are not stored.
    pub(crate) rejected: usize,
    /// Why the first of them is not.
    pub(crate) fault: Option<String>,
    /// Names of attributes of resources and scopes that were too large to be kept.
    pub(crate) left_out: Vec<String>,
}

/// Decodes a body. `hold` is told how many bytes its rows take so far, and may refuse. Blocks.
///
/// # Errors
/// See [`BodyFault`]. What is wrong with a span is no error.
pub(crate) fn decode(
    encoding: Encoding,
    body: &[u8],
    hold: impl FnMut(usize) -> bool,
) -> Result<Decoded, BodyFault> {
    let mut decoder = Decoder::new(hold);
    match encoding {
        Encoding::Protobuf => wire::spans(body, |raw, place| {
            let resource = || binary(wire::Kind::Resource, raw.resource);
            let scope = || binary(wire::Kind::Scope, raw.scope);
            decoder.one(place, resource, scope, || binary(wire::Kind::Span, raw.span))
        }),
        Encoding::Json => json::spans(body, |raw, place| {
            decoder.one(
                place,
                || text(raw.resource),
                || text(raw.scope),
                || {
                    let span: Span = json::message(raw.span)?;
                    json::check(&span).map(|()| span)
                },
            )
        }),
    }?;
    Ok(decoder.decoded)
}

fn binary<T: Message + Default>(kind: wire::Kind, bytes: &[u8]) -> Result<T, SpanFault> {
    wire::check(kind, bytes)?;
    T::decode(bytes).map_err(|error| SpanFault::Message(error.to_string()))
}

fn text<T: DeserializeOwned + Default>(text: &str) -> Result<T, SpanFault> {
    if text.is_empty() || text == "null" { Ok(T::default()) } else { json::message(text) }
}

/// Where a span lies: its resource and its scope, each counted through the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) resource: usize,
    pub(super) scope: usize,
}

/// Spans to rows, with what neighbours share read once.
struct Decoder<H> {
    hold: H,
    decoded: Decoded,
    held: usize,
    place: Option<Place>,
    resource: Result<Shared, String>,
    origin: Result<Origin, String>,
}

impl<H: FnMut(usize) -> bool> Decoder<H> {
    fn new(hold: H) -> Self {
        let (decoded, place) = (Decoded::default(), None);
        Self {
            hold,
            decoded,
            held: 0,
            place,
            resource: Err(String::new()),
            origin: Err(String::new()),
        }
    }

    fn one(
        &mut self,
        place: Place,
        resource: impl FnOnce() -> Result<Resource, SpanFault>,
        scope: impl FnOnce() -> Result<InstrumentationScope, SpanFault>,
        span: impl FnOnce() -> Result<Span, SpanFault>,
    ) -> Result<(), BodyFault> {
        if self.decoded.spans.len() + self.decoded.rejected == MAX_ROWS_PER_REQUEST {
            return Err(BodyFault::TooMany);
        }
        if self.place.is_none_or(|last| last.resource != place.resource) {
            self.resource =
                resource().map(Shared::new).map_err(|error| format!("its resource: {error}"));
        }
        if self.place != Some(place) {
            self.place = Some(place);
            self.origin = self.resource.clone().and_then(|shared| {
                let scope = scope().map_err(|error| format!("its scope: {error}"))?;
                Ok(Origin::new(shared, scope))
            });
            self.note_left_out();
        }
        let traced = match &self.origin {
            Ok(origin) => {
                span().and_then(|span| span::row(origin, span)).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.clone()),
        };
        match traced {
            Ok(traced) => {
                self.held += value::members_weight(&traced.row);
                if !(self.hold)(self.held) {
                    return Err(BodyFault::Memory);
                }
                self.decoded.spans.push(traced);
            }
            Err(error) => self.decoded.reject(&error),
        }
        Ok(())
    }

    fn note_left_out(&mut self) {
        let Ok(origin) = &self.origin else { return };
        for name in &origin.left_out {
            let noted = &mut self.decoded.left_out;
            if noted.len() < origin::NAMES && !noted.contains(name) {
                noted.push(name.clone());
            }
        }
    }
}

impl Decoded {
    /// Counts a span that is not stored; the first reason is told.
    pub(crate) fn reject(&mut self, error: &str) {
        let number = self.spans.len() + self.rejected + 1;
        self.rejected += 1;
        self.fault.get_or_insert_with(|| format!("span {number}: {error}"));
    }
}
