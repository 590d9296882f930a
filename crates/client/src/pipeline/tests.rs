//! The pipeline alone: records, time, pressure and replies go in by hand, and a server that
//! merges as the protocol says stands behind it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_model::merge::apply;
use tidegate_model::{Destination, Row, RowId, SpanId, TraceId};

use super::{Action, Core, Options, Pressure, Reply, Stage};
use crate::budget::Budget;
use crate::clock::{self, WallTime};
use crate::event::Event;
use crate::ids::Wire;
use crate::inbox::{DropReason, Inbox, Outcome};
use crate::record::{Head, Record, SpanIds, SpanStart, Start, wire_bytes};

mod failing;
mod histories;
mod overflow;
mod sending;

const LANES: usize = 3;

fn options() -> Options {
    Options {
        lanes: LANES,
        budget_bytes: 10_000_000,
        max_rows: 50,
        max_request_bytes: 20_000,
        max_retries: None,
        give_up_after: Duration::from_secs(300),
        sync_flush: false,
        spool: false,
        spool_when_full: false,
        seed: 7,
    }
}

/// A pipeline, the ledger it settles into, and a server that merges as the protocol says.
struct World {
    core: Core,
    inbox: Inbox,
    budget: Arc<Budget>,
    now: Instant,
    /// What the wall clock shows to the next record.
    wall: WallTime,
    pressure: Pressure,
    in_flight: HashMap<u64, Bytes>,
    /// The steps that those are.
    stages: HashMap<u64, Stage>,
    /// Bodies that were uploaded aside.
    uploads: Vec<Bytes>,
    stored: HashMap<String, Row>,
    /// What went to the spool, in order.
    spool: Vec<Row>,
    /// What one-by-one application of every record gives.
    expected: HashMap<String, Row>,
    requests: usize,
}

impl World {
    fn new(options: Options) -> Self {
        Self {
            core: Core::new(options),
            inbox: Inbox::default(),
            budget: Budget::new(10_000_000),
            now: clock::now(),
            wall: clock::wall(),
            pressure: Pressure::default(),
            in_flight: HashMap::new(),
            stages: HashMap::new(),
            uploads: Vec::new(),
            stored: HashMap::new(),
            spool: Vec::new(),
            expected: HashMap::new(),
            requests: 0,
        }
    }

    fn record(&mut self, head: &Arc<Head>, kind: Kind, event: Event, fields: &Value) {
        let at = self.wall;
        let start = (kind == Kind::Start).then(|| Start {
            at,
            monotonic: None,
            span: Some(SpanStart {
                name: "span".into(),
                span_type: Some("task".into()),
                purpose: None,
            }),
        });
        let end = (kind == Kind::End).then_some(at);
        let bytes = wire_bytes(head, start.as_ref(), end, &event);
        let lease = self.budget.try_admit(bytes).expect("a roomy budget");
        let head = Arc::clone(head);
        let id = head.row_id.to_string();
        let mut delta = fields.as_object().expect("fields").clone();
        if kind != Kind::Start {
            delta.insert("_is_merge".into(), true.into());
        }
        let before = self.expected.remove(&id);
        self.expected.insert(id, apply(before, delta).expect("no deletes"));
        assert!(self.inbox.push(Record {
            sequence: 0,
            head,
            start,
            end,
            event,
            lease,
            journal: None
        }));
    }

    /// Numbers of the batches on their way, oldest first.
    fn batches(&self) -> Vec<u64> {
        let mut batches: Vec<u64> = self.in_flight.keys().copied().collect();
        batches.sort_unstable();
        batches
    }

    /// What the driver does until it sleeps.
    fn turn(&mut self) {
        self.poll();
        for _ in 0..100 {
            match self.core.next_wake(self.pressure, self.now) {
                Some(wake) if wake <= self.now => self.poll(),
                _ => return,
            }
        }
        panic!("the driver would wake up for nothing, and again");
    }

    fn poll(&mut self) {
        let records = self.inbox.take(Vec::new(), false);
        self.core.records(records, self.now);
        for action in self.core.poll(self.pressure, self.now) {
            match action {
                Action::Send { load, body, stage } => {
                    self.requests += 1;
                    let all = (rows_of(&body).len(), body.len() as u64);
                    assert_eq!((load.rows, load.bytes), stage.carries(all.0, all.1));
                    self.stages.insert(load.number, stage);
                    self.in_flight.insert(load.number, body);
                }
                Action::Settle { rows, outcome } => {
                    let rows = rows.iter().map(|row| (&*row.sequences, row.delivered));
                    self.inbox.settle(rows, outcome);
                }
                Action::Spool { rows, .. } => {
                    for row in rows {
                        self.spool.push(serde_json::from_slice(&row.json).expect("a row"));
                        self.inbox.settle([(&*row.sequences, false)], Outcome::Spooled);
                    }
                }
                Action::Notice { .. } | Action::Failed { .. } => {}
            }
        }
        self.inbox.complete_flushes(self.core.oldest_pending());
        self.check();
    }

    fn check(&self) {
        let stats = self.inbox.stats();
        let settled = stats.acknowledged + stats.spooled + stats.lost();
        assert_eq!(stats.accepted, settled + stats.pending);
        let (records, bytes) = self.core.held();
        assert_eq!(stats.pending, records, "the ledger's pending is what the pipeline holds");
        assert_eq!(self.budget.used_bytes(), bytes, "leases are held until settled, no longer");
        assert!(self.in_flight.len() <= self.core.options.lanes);
        let mut keys = HashSet::new();
        for body in self.in_flight.values() {
            for row in rows_of(body) {
                assert!(keys.insert(row["id"].to_string()), "one key twice in flight");
            }
        }
    }

    fn reply(&mut self, batch: u64, reply: Reply) {
        let body = self.in_flight.remove(&batch).expect("in flight");
        let stage = self.stages.remove(&batch).expect("in flight");
        let reply = match (reply, stage) {
            (Reply::Acknowledged, Stage::Announce) => overflow::announced(),
            (Reply::Acknowledged, Stage::Upload(_)) => {
                self.uploads.push(body);
                Reply::Next(Stage::Name("key".into()))
            }
            (Reply::Acknowledged, _) => {
                self.store(&body);
                Reply::Acknowledged
            }
            (reply, _) => reply,
        };
        self.core.finished(batch, reply, self.now);
    }

    fn store(&mut self, body: &Bytes) {
        for row in rows_of(body) {
            let id = row["id"].as_str().expect("id").to_owned();
            let before = self.stored.remove(&id);
            self.stored.insert(id, apply(before, row).expect("no deletes"));
        }
    }

    /// Acknowledges everything until nothing is left.
    fn drain(&mut self) {
        for _ in 0..10_000 {
            self.turn();
            if self.in_flight.is_empty() {
                match self.core.next_wake(self.pressure, self.now) {
                    Some(wake) => self.now = self.now.max(wake),
                    None if self.core.oldest_pending().is_none() => return,
                    None => panic!("rows are stranded: pending without a wake-up"),
                }
            }
            for batch in self.batches() {
                self.reply(batch, Reply::Acknowledged);
            }
        }
        panic!("the pipeline does not come to rest");
    }

    /// The fields that events set, of what the server stored.
    fn stored_fields(&self) -> HashMap<String, Row> {
        let mut stored = self.stored.clone();
        for row in stored.values_mut() {
            row.retain(|name, _| ["output", "metadata", "tags", "scores"].contains(&name.as_str()));
        }
        stored
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Start,
    Log,
    End,
}

fn rows_of(body: &Bytes) -> Vec<Row> {
    let mut body: Value = serde_json::from_slice(body).expect("a body is JSON");
    assert_eq!(body["api_version"], 2);
    let rows = body["rows"].take();
    serde_json::from_value(rows).expect("rows are objects")
}

fn head(number: u64) -> Arc<Head> {
    let span = SpanIds {
        span_id: Wire::Ours(SpanId::from_bits(number + 1)),
        trace_id: Wire::Ours(TraceId::from_bits(1)),
        parent: (number > 0).then(|| Wire::Ours(SpanId::from_bits(1))),
    };
    let destination = Arc::new(Destination::Experiment("e".into()));
    Head::span(destination, RowId::from(format!("row-{number}").as_str()), span)
}

fn event_of(fields: &Value) -> Event {
    let mut event = Event::new();
    for (name, value) in fields.as_object().expect("fields") {
        event = match name.as_str() {
            "tags" => {
                let tags: Vec<String> = serde_json::from_value(value.clone()).expect("tags");
                event.tags(tags)
            }
            "scores" => value
                .as_object()
                .expect("scores")
                .iter()
                .fold(event, |event, (name, score)| event.score(name.clone(), score.as_f64())),
            _ => event.field(name.clone(), value),
        };
    }
    event
}

/// Starts, logs and ends `count` spans at once.
fn burst(world: &mut World, from: u64, count: u64) {
    for number in from..from + count {
        let head = head(number);
        world.record(&head, Kind::Start, Event::new(), &json!({}));
        world.record(&head, Kind::Log, Event::new().output(&number), &json!({"output": number}));
        world.record(&head, Kind::End, Event::new(), &json!({}));
    }
}

#[test]
fn invariant_5_a_flush_cuts_a_burst_into_even_batches_over_all_lanes() {
    let mut world = World::new(Options { max_request_bytes: 10_000_000, ..options() });
    burst(&mut world, 0, 40);
    world.turn();
    assert_eq!(world.requests, 0, "a burst is awaited to its end");
    world.pressure.flush_watermark = Some(world.inbox.stats().accepted);
    world.turn();
    let mut sizes: Vec<usize> = world.in_flight.values().map(|body| rows_of(body).len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes.iter().sum::<usize>(), 40);
    assert!(sizes.len() == LANES && sizes[LANES - 1] - sizes[0] <= 2, "{sizes:?}");
    assert!(
        rows_of(world.in_flight.values().next().expect("a body"))
            .iter()
            .all(|row| !row.contains_key("_is_merge") && row["metrics"]["end"].is_number())
    );
}

/// Before any request was answered, one of a hundred rows could take seconds.
#[test]
fn a_burst_without_an_end_is_cut_and_leaves_a_lane_to_what_follows() {
    let mut world = World::new(Options { max_request_bytes: 10_000_000, ..options() });
    for step in 0..7 {
        assert_eq!(world.requests, 0, "others may come");
        burst(&mut world, step * 10, 10);
        world.turn();
        world.now += Duration::from_millis(4);
    }
    world.turn();
    let sizes: Vec<usize> = world.in_flight.values().map(|body| rows_of(body).len()).collect();
    assert_eq!(sizes, [35, 35]);
}

#[test]
fn an_open_span_waits_for_its_end_but_not_for_ever() {
    let mut world = World::new(options());
    world.record(&head(1), Kind::Start, Event::new(), &json!({}));
    world.turn();
    world.now += Duration::from_millis(199);
    world.turn();
    assert_eq!(world.requests, 0);
    assert_eq!(
        world.core.next_wake(world.pressure, world.now),
        Some(world.now + Duration::from_millis(1))
    );
    world.now += Duration::from_millis(1);
    world.turn();
    assert_eq!(world.requests, 1);
}

#[test]
fn a_flush_and_a_waiting_producer_end_the_linger() {
    for flush in [true, false] {
        let mut world = World::new(options());
        world.record(&head(1), Kind::Start, Event::new(), &json!({}));
        world.pressure =
            Pressure { flush_watermark: flush.then_some(1), gate_waiting: !flush, used_bytes: 0 };
        world.turn();
        assert_eq!(world.requests, 1);
    }
}

#[test]
fn sync_flush_sends_nothing_by_itself() {
    let mut world = World::new(Options { sync_flush: true, ..options() });
    burst(&mut world, 0, 3);
    world.turn();
    world.now += Duration::from_secs(60);
    world.turn();
    assert_eq!(world.requests, 0);
    world.pressure.flush_watermark = Some(world.inbox.stats().accepted);
    world.turn();
    assert!(world.requests > 0);
}

#[test]
fn requests_stay_under_the_limit_and_a_413_lowers_it() {
    let mut world = World::new(options());
    for number in 0..30 {
        let text = "x".repeat(2_000);
        let head = head(number);
        let fields = json!({"output": text});
        world.record(&head, Kind::Start, event_of(&fields), &fields);
        world.record(&head, Kind::End, Event::new(), &json!({}));
    }
    world.turn();
    assert!(!world.in_flight.is_empty());
    assert!(world.in_flight.values().all(|body| body.len() <= 20_000));
    let before: HashSet<u64> = world.in_flight.keys().copied().collect();
    let batch = *world.in_flight.keys().min().expect("in flight");
    let refused = world.in_flight[&batch].len();
    world.reply(batch, Reply::TooLarge);
    world.turn();
    let later = world.in_flight.iter().filter(|(batch, _)| !before.contains(batch));
    assert!(later.clone().count() > 0);
    later.for_each(|(_, body)| assert!(body.len() <= refused * 2 / 3, "{}", body.len()));
    world.drain();
    assert_eq!(world.inbox.stats().rows, 30);
}

#[test]
fn the_lease_of_a_lone_record_is_its_wire_length() {
    for kind in [Kind::Start, Kind::Log, Kind::End] {
        let mut world = World::new(options());
        let event = Event::new().input(&json!({"a": 1})).output("text").tags(["t"]);
        world.record(&head(1), kind, event, &json!({}));
        let leased = world.budget.used_bytes() as i64;
        world.pressure.gate_waiting = true;
        world.turn();
        let written = world.budget.used_bytes() as i64;
        assert!((leased - written).abs() <= 8, "{kind:?}: leased {leased}, written {written}");
    }
}

/// Whoever asks to be woken at once and then does nothing spins for ever.
#[test]
fn halves_of_a_split_batch_pass_repeats_that_have_to_wait() {
    let mut world = World::new(Options { max_request_bytes: 10_000_000, lanes: 8, ..options() });
    while world.core.retry_budget.allows(1) {
        world.core.retry_budget.repeat();
    }
    world.pressure.flush_watermark = Some(u64::MAX);
    burst(&mut world, 0, 2);
    world.turn();
    world.now += Duration::from_millis(1);
    for batch in world.batches() {
        world.reply(batch, Reply::Retry { after: None, detail: "503".into() });
    }
    world.now += Duration::from_secs(60);
    world.turn();
    assert_eq!(world.batches().len(), 1, "one repeat probes, the other has to wait");
    burst(&mut world, 100, 20);
    world.turn();
    let before = world.batches();
    // The newest of the fresh ones is too large; its halves are no repeats.
    let fresh = *before.last().expect("in flight");
    world.reply(fresh, Reply::TooLarge);
    world.turn();
    assert_eq!(world.batches().len(), before.len(), "a half has taken the free lane");
}
