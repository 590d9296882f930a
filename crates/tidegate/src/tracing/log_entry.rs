//! Events: entries of a row's log.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use tidegate_client::{Event, Span};
use tracing::{Level, Metadata};

use super::conventions::TOKENS;
use super::fields::{Fields, Tokens};
use super::value::{Value, Visitor};
use crate::clock;

/// Entries of one row; a span that lives as long as the process must not grow for ever.
const MAX_ENTRIES: u32 = 256;

/// Records an event on a span.
pub(super) fn record(span: &Span, event: &tracing::Event<'_>) {
    let mut seen = Seen::default();
    event.record(&mut Visitor(|name, value| seen.put(name, value)));
    let metadata = event.metadata();
    if *metadata.level() == Level::ERROR {
        seen.is_error();
    }
    let Seen { fields, speaks_of_span, message, error, rest } = seen;
    if speaks_of_span {
        let mapped = fields.finish();
        let sum = Tokens::default().add(mapped.tokens);
        span.log(sum.into_iter().fold(mapped.event, |event, sum| event.metric(TOKENS, sum)));
    }
    // What `#[instrument(ret, err)]` says is the output or the error already.
    let is_entry = message.is_some() || !rest.is_empty();
    if is_entry && let Some(number) = span.next_entry() {
        add(span, number, &Entry { metadata, message, error, rest });
    }
}

fn add(span: &Span, number: u32, entry: &Entry<'_>) {
    // Members of an object, since servers merge those; an array would be replaced.
    match number {
        0..MAX_ENTRIES => {
            let entry = Nested(&format!("{number:03}"), entry);
            span.log(Event::new().metadata(&Nested("logs", &entry)));
        }
        MAX_ENTRIES => span.log(Event::new().metadata(&Nested("logs_cut", &true))),
        _ => {}
    }
}

/// An object of one member.
struct Nested<'a, T>(&'a str, &'a T);

impl<T: Serialize> Serialize for Nested<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, self.1)])
    }
}

struct Entry<'a> {
    metadata: &'a Metadata<'static>,
    message: Option<String>,
    error: Option<String>,
    rest: Vec<(&'static str, Value)>,
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &clock::unix_seconds())?;
        map.serialize_entry("level", self.metadata.level().as_str())?;
        map.serialize_entry("target", self.metadata.target())?;
        for (name, text) in [("message", &self.message), ("error", &self.error)] {
            if let Some(text) = text {
                map.serialize_entry(name, text)?;
            }
        }
        for (name, value) in &self.rest {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The fields of an event: those that speak of the span, and those of the entry.
#[derive(Default)]
struct Seen {
    fields: Fields,
    speaks_of_span: bool,
    message: Option<String>,
    error: Option<String>,
    rest: Vec<(&'static str, Value)>,
}

impl Seen {
    fn put(&mut self, name: &'static str, value: Value) {
        match name {
            "message" => self.message = Some(value.into_text()),
            "error" => self.error = Some(value.into_text()),
            "return" => self.of_span(name, value),
            _ if name.starts_with("gen_ai.") => self.of_span(name, value),
            _ => self.rest.push((name, value)),
        }
    }

    fn of_span(&mut self, name: &'static str, value: Value) {
        self.fields.put(name, value);
        self.speaks_of_span = true;
    }

    /// The event is the error of the span.
    fn is_error(&mut self) {
        let text = match (&self.message, &self.error) {
            (Some(message), Some(error)) => format!("{message}: {error}"),
            (Some(text), None) | (None, Some(text)) => text.clone(),
            (None, None) => return,
        };
        self.of_span("error", Value::Text(text));
    }
}
