//! A row in the making: what the records of one merge key coalesce to.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tidegate_model::{Row, RowId, merge};

use crate::budget::Lease;
use crate::clock::WallTime;
use crate::event::{Event, Name, upsert};
use crate::ids::Wire;
use crate::json::Json;
use crate::record::{Head, Record, SpanStart, Start, wire_bytes};
use crate::spool::Entry;

/// Records of one key, waiting to be sent as one row.
#[derive(Debug)]
pub(crate) struct PendingRow {
    pub(crate) head: Arc<Head>,
    /// In order; the first is the smallest.
    pub(crate) sequences: Vec<u64>,
    pub(crate) lease: Lease,
    pub(crate) queued_at: Instant,
    /// Where the records stand in the spool, if each is written there first.
    pub(crate) journal: Vec<Entry>,
    /// Present in a row that creates (and so replaces); absent in a delta.
    created: Option<WallTime>,
    started: Option<f64>,
    ended: Option<f64>,
    raw: Vec<(Name, Json)>,
    /// Fields that were set more than once, parsed, with the delta's control members.
    tree: Row,
    metrics: Vec<(Name, f64)>,
    scores: Vec<(Name, Option<f64>)>,
    tags: Vec<String>,
}

#[derive(Serialize)]
struct SpanAttributes<'a> {
    name: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    span_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a str>,
}

impl PendingRow {
    pub(crate) fn new(record: Record, now: Instant) -> Self {
        let Record { sequence, head, start, end, event, lease, journal } = record;
        let mut row = Self {
            head,
            sequences: vec![sequence],
            lease,
            queued_at: now,
            journal: journal.into_iter().collect(),
            created: None,
            started: None,
            ended: end.map(WallTime::unix_seconds),
            raw: event.raw,
            tree: Row::new(),
            metrics: event.metrics,
            scores: event.scores,
            tags: event.tags,
        };
        if let Some(start) = start {
            row.start(&start);
        }
        row
    }

    fn start(&mut self, start: &Start) {
        self.created = Some(start.at);
        let Some(span) = &start.span else { return };
        self.started = Some(start.at.unix_seconds());
        let own = self.raw.iter().position(|(name, _)| name == ATTRIBUTES);
        let own = own.map(|position| self.raw.swap_remove(position).1);
        self.raw.push((ATTRIBUTES.into(), attributes(span, own.as_ref())));
    }

    /// The lowest sequence number, which identifies the row among those pending.
    pub(crate) fn first_sequence(&self) -> u64 {
        self.sequences[0]
    }

    /// Whether the end of the span is in it.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether this creates a span that has not ended yet.
    pub(crate) fn is_open(&self) -> bool {
        self.started.is_some() && self.ended.is_none()
    }

    /// Takes in a later record of the same key and gives back the bytes that this saves.
    pub(crate) fn absorb(&mut self, record: Record) {
        if record.start.is_some() {
            // A second span with the same row id replaces the row, as the protocol has it.
            let new = Self::new(record, self.queued_at);
            let Self { sequences, journal, .. } = std::mem::replace(self, new);
            self.sequences.splice(0..0, sequences);
            self.journal.splice(0..0, journal);
            return;
        }
        let Record { sequence, head, end, event, lease, journal, .. } = record;
        self.journal.extend(journal);
        let overhead = wire_bytes(&head, None, None, &Event::new());
        let bytes = self.lease.bytes() + lease.bytes();
        self.lease.absorb(lease);
        self.lease.shrink_to(bytes.saturating_sub(overhead));
        self.sequences.push(sequence);
        if let Some(end) = end {
            self.ended = Some(end.unix_seconds());
        }
        for (name, value) in event.metrics {
            upsert(&mut self.metrics, name, value);
        }
        for (name, value) in event.scores {
            upsert(&mut self.scores, name, value);
        }
        for tag in event.tags {
            if !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
        // What follows a deletion begins the row anew.
        if self.started.is_none() {
            self.raw.retain(|(name, _)| name != DELETED);
        }
        self.merge_raw(event.raw);
    }

    /// Merges fields. One that is set for the first time is kept as the text it is; only one
    /// that is set again is parsed, once, and deep-merged by the protocol's rule.
    fn merge_raw(&mut self, fields: Vec<(Name, Json)>) {
        let mut delta = Row::new();
        for (name, value) in fields {
            let known_raw = self.raw.iter().position(|(known, _)| *known == name);
            if known_raw.is_none() && !self.tree.contains_key(name.as_ref()) {
                self.raw.push((name, value));
                continue;
            }
            let Ok(parsed) = serde_json::from_slice(value.bytes()) else {
                // Deeper than the parser goes: the last value wins whole.
                self.tree.shift_remove(name.as_ref());
                upsert(&mut self.raw, name, value);
                continue;
            };
            if let Some(position) = known_raw {
                let (name, old) = self.raw.swap_remove(position);
                if let Ok(old) = serde_json::from_slice(old.bytes()) {
                    self.tree.insert(name.into_owned(), old);
                }
            }
            delta.insert(name.into_owned(), parsed);
        }
        if delta.is_empty() {
            return;
        }
        delta.insert("_is_merge".into(), true.into());
        let mut tree = std::mem::take(&mut self.tree);
        if self.created.is_none() {
            tree.insert("_is_merge".into(), true.into());
        }
        self.tree = merge::coalesce(tree, delta)
            .unwrap_or_else(|_| unreachable!("no event carries _array_delete"));
    }

    /// Writes the row as JSON.
    pub(crate) fn write(&self, body: &mut Vec<u8>) {
        Parts {
            head: &self.head,
            created: self.created,
            started: self.started,
            ended: self.ended,
            attributes: None,
            raw: &self.raw,
            tree: &self.tree,
            metrics: &self.metrics,
            scores: &self.scores,
            tags: &self.tags,
        }
        .write(body);
    }
}

/// Writes one record as a row of its own.
pub(crate) fn write_record(
    head: &Head,
    start: Option<&Start>,
    end: Option<WallTime>,
    event: &Event,
    body: &mut Vec<u8>,
) {
    let own = event.raw.iter().find(|(name, _)| name == ATTRIBUTES).map(|(_, value)| value);
    let span = start.and_then(|start| start.span.as_ref());
    Parts {
        head,
        created: start.map(|start| start.at),
        started: span.and(start).map(|start| start.at.unix_seconds()),
        ended: end.map(WallTime::unix_seconds),
        attributes: span.map(|span| attributes(span, own)),
        raw: &event.raw,
        tree: &Row::new(),
        metrics: &event.metrics,
        scores: &event.scores,
        tags: &event.tags,
    }
    .write(body);
}

const ATTRIBUTES: &str = "span_attributes";
/// The control member of a row that deletes.
pub(crate) const DELETED: &str = "_object_delete";

/// What the start says of the span; the event given with it may add members, and wins.
fn attributes(start: &SpanStart, own: Option<&Json>) -> Json {
    let attributes = SpanAttributes {
        name: &start.name,
        span_type: start.span_type.as_deref(),
        purpose: start.purpose.as_deref(),
    };
    let Some(own) = own else {
        return Json::of(&attributes).expect("text members always serialize");
    };
    let merged = serde_json::from_slice::<Row>(own.bytes()).and_then(|own| {
        let mut all: Row = serde_json::from_value(serde_json::to_value(&attributes)?)?;
        all.extend(own);
        Json::of(&all)
    });
    // Anything but an object replaces, as it would on the server.
    merged.unwrap_or_else(|_| own.to_owned())
}

/// All that a row is written from.
struct Parts<'a> {
    head: &'a Head,
    created: Option<WallTime>,
    started: Option<f64>,
    ended: Option<f64>,
    /// Beats a member of `raw`.
    attributes: Option<Json>,
    raw: &'a [(Name, Json)],
    tree: &'a Row,
    metrics: &'a [(Name, f64)],
    scores: &'a [(Name, Option<f64>)],
    tags: &'a [String],
}

impl Parts<'_> {
    fn write(&self, body: &mut Vec<u8>) {
        let head = self.head;
        body.extend_from_slice(b"{\"id\":");
        match &head.row_id {
            RowId::Uuid(id) => raw(body, format_args!("\"{id}\"")),
            RowId::Text(id) => text(body, id),
        }
        if let Some(span) = &head.span {
            body.extend_from_slice(b",\"span_id\":");
            id(body, &span.span_id);
            body.extend_from_slice(b",\"root_span_id\":");
            id(body, &span.trace_id);
            if let Some(parent) = &span.parent {
                body.extend_from_slice(b",\"span_parents\":[");
                id(body, parent);
                body.push(b']');
            }
        }
        for (name, value) in head.destination.members() {
            raw(body, format_args!(",\"{name}\":"));
            text(body, value);
        }
        match self.created {
            Some(created) => raw(body, format_args!(",\"created\":\"{}\"", created.iso())),
            None => body.extend_from_slice(b",\"_is_merge\":true"),
        }
        if let Some(attributes) = &self.attributes {
            member(body, ATTRIBUTES);
            body.extend_from_slice(attributes.bytes());
        }
        for (name, value) in self.raw {
            if self.attributes.is_some() && name == ATTRIBUTES {
                continue;
            }
            member(body, name);
            body.extend_from_slice(value.bytes());
        }
        for (name, value) in self.tree {
            if name != "_is_merge" {
                member(body, name);
                json(body, value);
            }
        }
        let times = [("start", self.started), ("end", self.ended)];
        let times = times.iter().filter_map(|(name, time)| Some((*name, (*time)?)));
        let own = self.metrics.iter().map(|(name, value)| (name.as_ref(), *value));
        // A metric that the user set beats the span's own time of the same name.
        let times = times.filter(|(name, _)| self.metrics.iter().all(|(metric, _)| metric != name));
        object(body, "metrics", times.chain(own));
        object(body, "scores", self.scores.iter().map(|(name, score)| (name.as_ref(), *score)));
        if !self.tags.is_empty() {
            member(body, "tags");
            json(body, &self.tags);
        }
        body.push(b'}');
    }
}

fn raw(body: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    body.write_fmt(arguments).expect("writing to memory cannot fail");
}

/// An id of ours needs no escapes.
fn id<T: std::fmt::Display>(body: &mut Vec<u8>, id: &Wire<T>) {
    match id {
        Wire::Ours(id) => raw(body, format_args!("\"{id}\"")),
        Wire::Theirs(id) => text(body, id),
    }
}

fn json<T: Serialize + ?Sized>(body: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(body, value).expect("text, finite numbers and parsed JSON serialize");
}

fn text(body: &mut Vec<u8>, value: &str) {
    json(body, value);
}

fn member(body: &mut Vec<u8>, name: &str) {
    body.push(b',');
    text(body, name);
    body.push(b':');
}

/// Writes a member whose value is an object, unless it would be empty.
fn object<'a, T: Serialize>(
    body: &mut Vec<u8>,
    name: &str,
    entries: impl Iterator<Item = (&'a str, T)>,
) {
    let mut separator = b'{';
    for (key, value) in entries {
        if separator == b'{' {
            member(body, name);
        }
        body.push(separator);
        separator = b',';
        text(body, key);
        body.push(b':');
        json(body, &value);
    }
    if separator == b',' {
        body.push(b'}');
    }
}
