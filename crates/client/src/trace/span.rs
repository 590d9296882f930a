//! One kept span.

use std::mem::size_of;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};
use tidegate_model::{Row, SpanId, merge};

use crate::clock::WallTime;
use crate::event::{Event, Name, upsert};
use crate::ids::Wire;
use crate::json::Json;
use crate::recorder::Draft;

/// A span of a [`Trace`](super::Trace): what it has recorded until the trace was taken.
///
/// Values are kept as the text they are sent as, after masking, and parsed when they are asked
/// for. Fields that were set more than once are merged as a server merges them.
#[derive(Debug)]
pub struct TraceSpan {
    id: SpanId,
    parent: Option<SpanId>,
    name: Name,
    span_type: Option<Name>,
    purpose: Option<Name>,
    started: WallTime,
    ended: Option<WallTime>,
    /// In the order of recording; one name may appear several times.
    fields: Vec<(Name, Json)>,
    metrics: Vec<(Name, f64)>,
    scores: Vec<(Name, Option<f64>)>,
    tags: Vec<String>,
}

impl TraceSpan {
    /// The span that this record starts, without what its event holds; `None` if it starts none.
    pub(super) fn begun(draft: &Draft) -> Option<Self> {
        let begun = draft.start.as_ref()?;
        let (start, place) = (begun.span.as_ref()?, draft.head.span.as_ref()?);
        Some(Self {
            id: place.span_id.ours()?,
            parent: place.parent.as_ref().and_then(Wire::ours),
            name: start.name.clone(),
            span_type: start.span_type.clone(),
            purpose: start.purpose.clone(),
            started: begun.at,
            ended: None,
            fields: Vec::new(),
            metrics: Vec::new(),
            scores: Vec::new(),
            tags: Vec::new(),
        })
    }

    /// About what it occupies, its place in an index included.
    pub(super) fn bytes(&self) -> usize {
        let texts = [Some(&self.name), self.span_type.as_ref(), self.purpose.as_ref()];
        let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
        size_of::<Self>() + 2 * size_of::<(SpanId, usize)>() + texts
    }

    /// About what an event adds.
    pub(super) fn bytes_of(event: &Event) -> usize {
        let fields = event.raw.iter().map(|(name, value)| name.len() + value.bytes().len());
        let metrics = event.metrics.iter().map(|(name, _)| name.len());
        let scores = event.scores.iter().map(|(name, _)| name.len());
        let tags = event.tags.iter().map(String::len);
        fields.sum::<usize>()
            + metrics.chain(scores).chain(tags).sum::<usize>()
            + size_of::<(Name, Json)>() * event.raw.len()
            + size_of::<(Name, f64)>() * event.metrics.len()
            + size_of::<(Name, Option<f64>)>() * event.scores.len()
            + size_of::<String>() * event.tags.len()
    }

    pub(super) fn add(&mut self, event: &Event) {
        for (name, value) in &event.raw {
            match name.as_ref() {
                "span_attributes" => self.rename(value),
                _ => self.fields.push((name.clone(), value.clone())),
            }
        }
        for (name, value) in &event.metrics {
            upsert(&mut self.metrics, name.clone(), *value);
        }
        for (name, score) in &event.scores {
            upsert(&mut self.scores, name.clone(), *score);
        }
        for tag in &event.tags {
            if !self.tags.contains(tag) {
                self.tags.push(tag.clone());
            }
        }
    }

    /// Takes over what a span is called after its start.
    fn rename(&mut self, attributes: &Json) {
        let Ok(attributes) = serde_json::from_slice::<Row>(attributes.bytes()) else { return };
        let text = |name| attributes.get(name).and_then(Value::as_str);
        if let Some(name) = text("name") {
            self.name = name.to_owned().into();
        }
        for (member, name) in [(&mut self.span_type, "type"), (&mut self.purpose, "purpose")] {
            if let Some(text) = text(name) {
                *member = Some(text.to_owned().into());
            }
        }
    }

    pub(super) fn end(&mut self, at: WallTime) {
        self.ended = Some(at);
    }

    /// The span id.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.id
    }

    /// The span id of the parent, which is not in the trace for its first span; `None` if that is
    /// a span of another process with another kind of id.
    #[must_use]
    pub fn parent_id(&self) -> Option<SpanId> {
        self.parent
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type, such as `llm`, `task`, `function` or `tool`.
    #[must_use]
    pub fn span_type(&self) -> Option<&str> {
        self.span_type.as_deref()
    }

    /// The purpose; see [`SpanOptions::purpose`](crate::SpanOptions::purpose).
    #[must_use]
    pub fn purpose(&self) -> Option<&str> {
        self.purpose.as_deref()
    }

    /// Whether it belongs to a scorer, whose tokens and cost are not those of the task.
    pub(super) fn is_scorer(&self) -> bool {
        self.purpose() == Some("scorer") || self.span_type() == Some("score")
    }

    /// The input.
    #[must_use]
    pub fn input(&self) -> Option<Value> {
        self.field("input")
    }

    /// The output.
    #[must_use]
    pub fn output(&self) -> Option<Value> {
        self.field("output")
    }

    /// The error text.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        match self.field("error")? {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// The metadata; empty if there is none.
    #[must_use]
    pub fn metadata(&self) -> Map<String, Value> {
        match self.field("metadata") {
            Some(Value::Object(metadata)) => metadata,
            _ => Map::new(),
        }
    }

    /// Any field that was set by [`Event`]; `None` if it was not. One that is nested deeper than
    /// the parser goes is a string of its JSON.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Value> {
        let parts = self.fields.iter().filter(|(known, _)| known == name);
        let mut parts = parts.map(|(_, json)| parsed(json));
        let first = parts.next()?;
        Some(parts.fold(first, |known, new| merged(name, known, new)))
    }

    /// A metric, such as `tokens`; its start and end are not among them.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// All metrics, each name once.
    pub fn metrics(&self) -> impl Iterator<Item = (&str, f64)> {
        self.metrics.iter().map(|(name, value)| (&**name, *value))
    }

    /// All scores, each name once; `None` means that it does not apply.
    pub fn scores(&self) -> impl Iterator<Item = (&str, Option<f64>)> {
        self.scores.iter().map(|(name, score)| (&**name, *score))
    }

    /// The tags.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// When it started.
    #[must_use]
    pub fn started_at(&self) -> SystemTime {
        self.started.into()
    }

    /// When it ended; `None` if it had not.
    #[must_use]
    pub fn ended_at(&self) -> Option<SystemTime> {
        self.ended.map(Into::into)
    }

    /// How long it took; `None` if it had not ended.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.ended.map(|ended| ended.since(self.started))
    }

    /// See [`Trace::to_json`](super::Trace::to_json).
    pub(super) fn to_json(&self) -> Value {
        let mut all = Map::new();
        let mut set = |name: &str, value: Value| {
            all.insert(name.to_owned(), value);
        };
        set("span_id", json!(self.id));
        set("name", json!(self.name));
        let texts = [("type", &self.span_type), ("purpose", &self.purpose)];
        for (name, text) in texts {
            if let Some(text) = text {
                set(name, json!(text));
            }
        }
        if let Some(parent) = self.parent {
            set("parent_id", json!(parent));
        }
        for (at, (name, _)) in self.fields.iter().enumerate() {
            // One that was set many times is merged once.
            let is_first = !self.fields[..at].iter().any(|(earlier, _)| earlier == name);
            if is_first && let Some(value) = self.field(name) {
                set(name, value);
            }
        }
        let mut metrics: Map<String, Value> =
            self.metrics().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        metrics.insert("start".to_owned(), json!(self.started.unix_seconds()));
        if let Some(ended) = self.ended {
            metrics.insert("end".to_owned(), json!(ended.unix_seconds()));
        }
        set("metrics", Value::Object(metrics));
        if !self.scores.is_empty() {
            set("scores", self.scores().map(|(name, s)| (name.to_owned(), json!(s))).collect());
        }
        if !self.tags.is_empty() {
            set("tags", json!(self.tags));
        }
        Value::Object(all)
    }
}

fn parsed(json: &Json) -> Value {
    let text = || Value::from(String::from_utf8_lossy(json.bytes()).into_owned());
    serde_json::from_slice(json.bytes()).unwrap_or_else(|_| text())
}

/// As the server merges a field that is set again.
fn merged(name: &str, known: Value, new: Value) -> Value {
    let row = |value| Row::from_iter([(name.to_owned(), value)]);
    let mut delta = row(new);
    delta.insert("_is_merge".to_owned(), true.into());
    let mut row = merge::apply(Some(row(known)), delta).unwrap_or_default();
    row.remove(name).unwrap_or_default()
}
