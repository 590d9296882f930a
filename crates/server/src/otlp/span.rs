//! A span as a row.

use jiff::Timestamp;
use opentelemetry_proto::tonic::trace::v1::span::{Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use serde_json::{Map, Value, json};
use tidegate_model::{Row, SpanId, TraceId};

use super::attributes::{Attributes, number};
use super::conventions::{Form, INPUT, METADATA, METRICS, MODEL_CALLS, OUTPUT, TYPES};
use super::events::{self, Events};
use super::origin::Origin;
use super::{value, wire};

/// Says that attributes which became members are to stay in the metadata as well.
const PRESERVE: &str = "braintrust.otel.preserve_attributes";

/// A span's row, without the members that say where it belongs.
#[derive(Debug)]
pub(crate) struct Traced {
    pub(crate) row: Row,
    /// What the span says itself about where it goes.
    pub(crate) parent: Option<String>,
}

/// Why a span is not stored.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SpanFault {
    #[error("the trace id must be 16 bytes (32 hex digits in JSON), not all zero")]
    TraceId,
    #[error("the span id must be 8 bytes (16 hex digits in JSON), not all zero")]
    SpanId,
    #[error("the parent span id must be empty or 8 bytes (16 hex digits in JSON)")]
    ParentId,
    #[error("it has more than {} values", wire::VALUES)]
    TooMany,
    #[error("a value is nested more than {} deep", wire::DEPTH)]
    TooDeep,
    #[error("it is no valid protobuf message")]
    Protobuf,
    #[error("{0}")]
    Message(String),
}

/// Maps a span to a row; what has no member of its own stays in the metadata under its name.
pub(super) fn row(origin: &Origin, span: Span) -> Result<Traced, SpanFault> {
    let trace = trace_id(&span.trace_id).ok_or(SpanFault::TraceId)?;
    let id = span_id(&span.span_id).ok_or(SpanFault::SpanId)?;
    let parent_id = match span.parent_span_id.len() {
        0 => None,
        8 => span_id(&span.parent_span_id),
        _ => return Err(SpanFault::ParentId),
    };
    let other = other(&span);
    let attributes = value::object(span.attributes);
    let preserved = match attributes.get(PRESERVE) {
        Some(Value::Bool(true)) => attributes.clone(),
        _ => Map::new(),
    };
    let mut attributes = Attributes::new(attributes);
    let parent = attributes.text("braintrust.parent").map(str::to_owned);
    let mut events = events::read(span.events, &mut attributes);
    let mut span_attributes = Map::from_iter([("name".to_owned(), span.name.into())]);
    if let Some(kind) = span_type(&attributes) {
        span_attributes.insert("type".into(), kind.into());
    }
    span_attributes.extend(attributes.take_object("braintrust.span_attributes"));

    let mut row = Row::new();
    // The same span sent again is the same row; feedback on it stays.
    row.insert("id".into(), row_id(trace, id).into());
    row.insert("_is_merge".into(), true.into());
    row.insert("_merge_paths".into(), json!([["input"], ["output"]]));
    row.insert("span_id".into(), id.to_string().into());
    row.insert("root_span_id".into(), trace.to_string().into());
    let parents: Vec<_> = parent_id.iter().map(ToString::to_string).collect();
    row.insert("span_parents".into(), parents.into());
    if span.start_time_unix_nano > 0 {
        row.insert("created".into(), time_text(span.start_time_unix_nano));
    }
    row.insert("span_attributes".into(), span_attributes.into());
    let times = (span.start_time_unix_nano, span.end_time_unix_nano);
    row.insert("metrics".into(), metrics(&mut attributes, times, events.first_token).into());
    content(&mut row, &mut attributes, &mut events);
    if let Some(error) = error(span.status.as_ref(), &attributes, events.exception.take()) {
        row.insert("error".into(), error.into());
    }
    plain_members(&mut row, &mut attributes);
    let context = attributes.take_object("braintrust.context_json");
    let mut all = origin.context.clone();
    all.extend(context);
    if !all.is_empty() {
        row.insert("context".into(), all.into());
    }
    let links = span.links.into_iter().map(link).collect();
    let metadata = metadata(origin, attributes, preserved, events.rest, links, other);
    if !metadata.is_empty() {
        row.insert("metadata".into(), metadata.into());
    }
    Ok(Traced { row, parent })
}

/// The id of a span's row: trace and span, as a client can write them down to log feedback.
fn row_id(trace: TraceId, span: SpanId) -> String {
    format!("{trace}-{span}")
}

fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    let bits = u128::from_be_bytes(bytes.try_into().ok()?);
    (bits != 0).then(|| TraceId::from_bits(bits))
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    let bits = u64::from_be_bytes(bytes.try_into().ok()?);
    (bits != 0).then(|| SpanId::from_bits(bits))
}

/// A time in ISO 8601 with microseconds, as the published Python client writes it.
pub(super) fn time_text(nanoseconds: u64) -> Value {
    let time = Timestamp::from_nanosecond(i128::from(nanoseconds));
    time.map_or(Value::Null, |time| format!("{time:.6}").into())
}

/// What kind of a span it is, in the words of rows; `None` if nothing tells.
fn span_type(attributes: &Attributes) -> Option<&'static str> {
    let told = TYPES.iter().find_map(|(name, words)| {
        let said = attributes.text(name)?;
        let word = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(said))?;
        Some(word.1)
    });
    let calls = || MODEL_CALLS.iter().any(|name| attributes.text(name).is_some());
    told.or_else(|| calls().then_some("llm"))
}

fn metrics(
    attributes: &mut Attributes,
    (start, end): (u64, u64),
    first_token: Option<u64>,
) -> Map<String, Value> {
    let mut metrics = Map::new();
    for (name, nanoseconds) in [("start", start), ("end", end)] {
        if nanoseconds > 0 {
            metrics.insert(name.into(), seconds(nanoseconds).into());
        }
    }
    for (name, member) in attributes.take_object("braintrust.metrics") {
        match number(&member) {
            Some(number) => drop(metrics.insert(name, number)),
            None => attributes.put(format!("braintrust.metrics.{name}"), member),
        }
    }
    for (name, member) in METRICS {
        if !metrics.contains_key(member)
            && let Some(number) = attributes.take_number(name)
        {
            metrics.insert(member.into(), number);
        }
    }
    if let Some(time) = first_token.and_then(|time| time.checked_sub(start)).filter(|_| start > 0) {
        metrics.entry("time_to_first_token").or_insert_with(|| seconds(time).into());
    }
    let count = |name: &str| metrics.get(name).and_then(Value::as_u64);
    if !metrics.contains_key("tokens")
        && let (Some(asked), Some(answered)) = (count("prompt_tokens"), count("completion_tokens"))
    {
        metrics.insert("tokens".into(), asked.saturating_add(answered).into());
    }
    metrics
}

/// Seconds to the microsecond, which is what a float of today's times can hold.
fn seconds(nanoseconds: u64) -> f64 {
    (nanoseconds / 1_000) as f64 / 1e6
}

/// Input and output: what the SDKs say, then events, then attributes.
fn content(row: &mut Row, attributes: &mut Attributes, events: &mut Events) {
    let sides = [
        ("input", "braintrust.input_json", "braintrust.input", INPUT, events.input.take()),
        ("output", "braintrust.output_json", "braintrust.output", OUTPUT, events.output.take()),
    ];
    for (member, json, plain, table, told) in sides {
        let own = attributes.take(json).map(value::parsed).or_else(|| attributes.take(plain));
        let found = own
            .or(told)
            .or_else(|| table.iter().find_map(|(name, form)| take(attributes, name, *form)));
        let found = match found {
            Some(messages) if member == "input" => Some(instructed(messages, attributes)),
            other => other,
        };
        if let Some(found) = found {
            row.insert(member.into(), found);
        }
    }
}

fn take(attributes: &mut Attributes, name: &str, form: Form) -> Option<Value> {
    match form {
        Form::Plain => attributes.take(name),
        Form::Json => attributes.take(name).map(value::parsed_if_nested),
        Form::Media(media) => {
            let value = attributes.take(name)?;
            let said = attributes.take(media);
            let is_json = said
                .as_ref()
                .and_then(Value::as_str)
                .is_some_and(|media| media.to_ascii_lowercase().contains("json"));
            Some(if is_json { value::parsed(value) } else { value })
        }
        Form::List => {
            attributes.has_list(name).then(|| super::nested::list(attributes.take_below(name)))
        }
    }
}

/// Puts the system's instructions, which newer conventions keep apart, before the messages.
fn instructed(messages: Value, attributes: &mut Attributes) -> Value {
    let Value::Array(mut messages) = messages else { return messages };
    if let Some(said) = attributes.take("gen_ai.system_instructions") {
        let parts = value::parsed_if_nested(said);
        let member = if parts.is_array() { "parts" } else { "content" };
        messages.insert(0, json!({"role": "system", member: parts}));
    }
    messages.into()
}

/// The error of a span that failed: its exception, or what its status says.
fn error(
    status: Option<&Status>,
    attributes: &Attributes,
    exception: Option<String>,
) -> Option<String> {
    let status = status.filter(|status| status.code() == StatusCode::Error)?;
    let said = status.message.trim();
    Some(match exception {
        Some(exception) if said.is_empty() || exception.contains(said) => exception,
        // Python's SDK writes "ValueError: why", others "why".
        Some(exception) => format!("{said}\n\n{exception}"),
        None if !said.is_empty() => said.to_owned(),
        None => attributes.text("error.type").unwrap_or("error").to_owned(),
    })
}

/// Members that only the SDKs' own attributes, or one other convention, say.
fn plain_members(row: &mut Row, attributes: &mut Attributes) {
    for (name, member) in [
        ("braintrust.expected_json", "expected"),
        ("braintrust.expected", "expected"),
        ("braintrust.origin", "origin"),
    ] {
        if !row.contains_key(member)
            && let Some(value) = attributes.take(name)
        {
            row.insert(member.into(), value::parsed(value));
        }
    }
    let mut scores = Map::new();
    for (name, score) in attributes.take_object("braintrust.scores") {
        match score.as_f64() {
            Some(number) if (0.0..=1.0).contains(&number) => drop(scores.insert(name, score)),
            _ if score.is_null() => drop(scores.insert(name, score)),
            _ => attributes.put(format!("braintrust.scores.{name}"), score),
        }
    }
    if !scores.is_empty() {
        row.insert("scores".into(), scores.into());
    }
    for name in ["braintrust.tags", "tag.tags"] {
        let Some(said) = attributes.take(name) else { continue };
        let mut tags: Vec<Value> = match value::parsed_if_nested(said) {
            Value::Array(tags) => tags,
            one => vec![one],
        };
        tags.retain(Value::is_string);
        let mut seen = std::collections::HashSet::new();
        tags.retain(|tag| seen.insert(tag.to_string()));
        if !row.contains_key("tags") && !tags.is_empty() {
            row.insert("tags".into(), tags.into());
        }
    }
}

/// Everything else. The SDKs' own attribute has the first choice of names, then the conventions,
/// then the other attributes.
fn metadata(
    origin: &Origin,
    mut attributes: Attributes,
    preserved: Map<String, Value>,
    events: Vec<Value>,
    links: Vec<Value>,
    other: Map<String, Value>,
) -> Map<String, Value> {
    let mut metadata = attributes.take_object("braintrust.metadata");
    let mut put = |name: &str, value: Value| beside(&mut metadata, name, value);
    let mut given = std::collections::HashSet::new();
    for (name, member) in METADATA {
        if !given.contains(member)
            && let Some(value) = attributes.take(name)
        {
            given.insert(member);
            put(member, value);
        }
    }
    let tools = attributes.take("gen_ai.tool.definitions").map(value::parsed_if_nested);
    let listed = |attributes: &mut Attributes| {
        let tools = take(attributes, "llm.tools", Form::List)?;
        let tools = tools.as_array()?.iter().map(|tool| {
            let schema = tool.pointer("/tool/json_schema").cloned();
            schema.or_else(|| tool.get("tool").cloned()).unwrap_or_else(|| tool.clone())
        });
        Some(tools.collect())
    };
    if let Some(tools) = tools.or_else(|| listed(&mut attributes)) {
        put("tools", tools);
    }
    for name in ["llm.invocation_parameters", "metadata"] {
        let Some(said) = attributes.take(name) else { continue };
        match value::as_object(said) {
            Ok(members) => members.into_iter().for_each(|(name, member)| put(&name, member)),
            Err(said) => put(name, said),
        }
    }
    attributes.into_members().into_iter().for_each(|(name, member)| put(&name, member));
    preserved.into_iter().for_each(|(name, member)| put(&name, member));
    let objects =
        [("resource", origin.resource.clone()), ("scope", origin.scope.clone()), ("otel", other)];
    for (name, object) in objects {
        if !object.is_empty() {
            put(name, object.into());
        }
    }
    for (name, list) in [("events", events), ("links", links)] {
        if !list.is_empty() {
            put(name, list.into());
        }
    }
    metadata
}

/// Adds a member; under a name that has another value already, with `otel.` in front.
fn beside(metadata: &mut Map<String, Value>, name: &str, value: Value) {
    let mut name = name.to_owned();
    while let Some(there) = metadata.get(&name) {
        if *there == value {
            return;
        }
        name.insert_str(0, "otel.");
    }
    metadata.insert(name, value);
}

/// What OpenTelemetry says of a span besides, if it says anything.
fn other(span: &Span) -> Map<String, Value> {
    let mut other = Map::new();
    let kind = match span.kind() {
        SpanKind::Unspecified | SpanKind::Internal => None,
        SpanKind::Server => Some("server"),
        SpanKind::Client => Some("client"),
        SpanKind::Producer => Some("producer"),
        SpanKind::Consumer => Some("consumer"),
    };
    if let Some(kind) = kind {
        other.insert("kind".into(), kind.into());
    }
    if !span.trace_state.is_empty() {
        other.insert("trace_state".into(), span.trace_state.as_str().into());
    }
    for (name, count) in [
        ("dropped_attributes_count", span.dropped_attributes_count),
        ("dropped_events_count", span.dropped_events_count),
        ("dropped_links_count", span.dropped_links_count),
    ] {
        if count > 0 {
            other.insert(name.into(), count.into());
        }
    }
    other
}

fn link(link: Link) -> Value {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut shown = json!({
        "trace_id": hex(&link.trace_id),
        "span_id": hex(&link.span_id),
    });
    let attributes = value::object(link.attributes);
    if !attributes.is_empty() {
        shown["attributes"] = attributes.into();
    }
    shown
}
