//! The JSON form: spans are found as texts first, so that one that is broken costs only itself.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::body::{BodyFault, Place};
use super::span::SpanFault;
use super::wire::{DEPTH, VALUES};
use crate::ingest::repair_surrogates;

/// An `ExportTraceServiceRequest`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct Request<'a> {
    #[serde(borrow)]
    resource_spans: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct ResourceSpans<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    scope_spans: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct ScopeSpans<'a> {
    #[serde(borrow)]
    scope: Option<&'a RawValue>,
    #[serde(borrow)]
    spans: Option<Vec<&'a RawValue>>,
}

/// A span as a text, and those of its resource and scope; empty if there is none.
pub(super) struct RawSpan<'a> {
    pub(super) resource: &'a str,
    pub(super) scope: &'a str,
    pub(super) span: &'a str,
}

/// Finds the spans of a body.
///
/// # Errors
/// If what is around the spans is not as expected, or whatever `each` returns.
pub(super) fn spans<'a>(
    body: &'a [u8],
    mut each: impl FnMut(RawSpan<'a>, Place) -> Result<(), BodyFault>,
) -> Result<(), BodyFault> {
    let text = std::str::from_utf8(body).map_err(|_| BodyFault::NotText)?;
    let request: Request<'_> = envelope(text)?;
    let mut place = Place::default();
    for group in request.resource_spans.unwrap_or_default() {
        let group: ResourceSpans<'_> = envelope(group.get())?;
        let resource = group.resource.map_or("", RawValue::get);
        place.resource += 1;
        for scoped in group.scope_spans.unwrap_or_default() {
            let scoped: ScopeSpans<'_> = envelope(scoped.get())?;
            let scope = scoped.scope.map_or("", RawValue::get);
            place.scope += 1;
            for span in scoped.spans.unwrap_or_default() {
                each(RawSpan { resource, scope, span: span.get() }, place)?;
            }
        }
    }
    Ok(())
}

fn envelope<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, BodyFault> {
    // A list would be taken for the members of an object in their order.
    if !text.trim_start().starts_with('{') {
        return Err(BodyFault::NotAnObject);
    }
    serde_json::from_str(text).map_err(BodyFault::Json)
}

/// Decodes a message within a body.
///
/// # Errors
/// If it is not what the JSON form of OTLP allows.
pub(super) fn message<T: DeserializeOwned>(text: &str) -> Result<T, SpanFault> {
    let repaired = repair_surrogates(text);
    let text = repaired.as_deref().unwrap_or(text);
    if !text.starts_with('{') {
        return Err(SpanFault::Message("it is not a JSON object".into()));
    }
    serde_json::from_str(text).or_else(|error| {
        // What the format allows and the types do not know, once more without.
        let mut value: Value = serde_json::from_str(text).map_err(|error| fault(&error))?;
        normalize(&mut value);
        serde_json::from_value(value).map_err(|_| fault(&error))
    })
}

fn fault(error: &serde_json::Error) -> SpanFault {
    SpanFault::Message(format!("its JSON is not what is expected: {error}"))
}

/// Leaves out members that are null, which stand for their defaults; writes doubles that are no
/// numbers as texts; and replaces names of kinds and statuses, which only some write, by numbers.
fn normalize(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(normalize),
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            if members.get("doubleValue").is_some_and(Value::is_string)
                && let Some(text) = members.shift_remove("doubleValue")
            {
                members.insert("stringValue".into(), text);
            }
            for (name, prefix, names) in ENUMS {
                let said = members.get(name).and_then(Value::as_str);
                let said = said.and_then(|said| said.strip_prefix(prefix));
                if let Some(number) = names.iter().position(|known| Some(*known) == said) {
                    members.insert(name.into(), number.into());
                }
            }
            members.values_mut().for_each(normalize);
        }
        _ => {}
    }
}

const ENUMS: [(&str, &str, &[&str]); 2] = [
    (
        "kind",
        "SPAN_KIND_",
        &["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"],
    ),
    ("code", "STATUS_CODE_", &["UNSET", "OK", "ERROR"]),
];

/// Checks a decoded span as `wire::check` does one that is not decoded yet.
pub(super) fn check(span: &Span) -> Result<(), SpanFault> {
    let mut count = 1;
    all(&span.attributes, 0, &mut count)?;
    for event in &span.events {
        add(&mut count)?;
        all(&event.attributes, 0, &mut count)?;
    }
    for link in &span.links {
        add(&mut count)?;
        all(&link.attributes, 0, &mut count)?;
    }
    Ok(())
}

fn all(pairs: &[KeyValue], depth: usize, count: &mut usize) -> Result<(), SpanFault> {
    pairs.iter().try_for_each(|pair| {
        add(count)?;
        one(pair.value.as_ref(), depth, count)
    })
}

fn one(value: Option<&AnyValue>, depth: usize, count: &mut usize) -> Result<(), SpanFault> {
    add(count)?;
    let nested = match value.and_then(|value| value.value.as_ref()) {
        Some(Any::ArrayValue(list)) => Ok(list),
        Some(Any::KvlistValue(list)) => Err(list),
        _ => return Ok(()),
    };
    add(count)?;
    if depth == DEPTH {
        return Err(SpanFault::TooDeep);
    }
    match nested {
        Ok(list) => list.values.iter().try_for_each(|item| one(Some(item), depth + 1, count)),
        Err(list) => all(&list.values, depth + 1, count),
    }
}

fn add(count: &mut usize) -> Result<(), SpanFault> {
    *count += 1;
    if *count > VALUES { Err(SpanFault::TooMany) } else { Ok(()) }
}
