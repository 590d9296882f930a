//! What the bodies of requests hold, how large they are, and in which order they go.

use serde::Serialize;

use super::*;

fn lengths(world: &World) -> Vec<usize> {
    world.in_flight.values().map(Bytes::len).collect()
}

/// The published clients count UTF-16 units: a third of the bytes of this text.
#[test]
fn sizes_are_bytes_of_utf8() {
    let mut world = World::new(options());
    let fields = json!({"output": "漢".repeat(2_000)});
    for number in 0..30 {
        let before = world.budget.used_bytes();
        world.record(&head(number), Kind::Start, event_of(&fields), &fields);
        assert!(world.budget.used_bytes() - before >= 6_000);
    }
    world.pressure.flush_watermark = Some(30);
    world.turn();
    while let Some(&batch) = world.batches().first() {
        assert!(lengths(&world).iter().all(|length| *length <= 20_000), "{:?}", lengths(&world));
        world.reply(batch, Reply::Acknowledged);
        world.turn();
    }
    assert_eq!(world.inbox.stats().rows, 30);
}

/// One drain of a published client turns the whole queue into strings and opens a connection
/// for each of them.
#[test]
fn a_backlog_becomes_bodies_only_as_lanes_get_free() {
    let mut world = World::new(options());
    let fields = json!({"output": "x".repeat(2_000)});
    for number in 0..300 {
        let head = head(number);
        world.record(&head, Kind::Start, event_of(&fields), &fields);
        world.record(&head, Kind::End, Event::new(), &json!({}));
    }
    world.pressure.flush_watermark = Some(600);
    world.turn();
    for acknowledged in 0..300 {
        let Some(&batch) = world.batches().first() else {
            assert!(acknowledged >= 60, "600 KB in {acknowledged} requests of at most 10 KB");
            break;
        };
        // `World::check` looks at the lanes; here it is about what is written already.
        let written = world.core.sending.len() + world.core.retrying.len();
        assert!(written <= LANES, "{written} bodies for {LANES} lanes");
        world.reply(batch, Reply::Acknowledged);
        world.turn();
    }
    assert_eq!(world.inbox.stats().rows, 300);
}

/// The official Rust SDK sends the whole span again with each `log()`.
#[test]
fn a_span_that_logs_often_sends_bytes_linear_in_its_calls() {
    let mut world = World::new(options());
    let head = head(1);
    world.record(&head, Kind::Start, Event::new(), &json!({}));
    let mut sent = Vec::new();
    for call in 0..200 {
        let fields = json!({"metadata": {format!("step-{call:03}"): "x".repeat(100)}});
        world.record(&head, Kind::Log, event_of(&fields), &fields);
        // The worst case: each call travels alone.
        world.pressure.flush_watermark = Some(world.inbox.stats().accepted);
        world.turn();
        let [batch] = world.batches()[..] else { panic!("one request per call") };
        sent.extend(lengths(&world));
        world.reply(batch, Reply::Acknowledged);
    }
    let later = &sent[1..];
    assert!(later.iter().all(|bytes| bytes.abs_diff(later[0]) <= 8), "{sent:?}");
    assert_eq!(world.stored["row-1"]["metadata"].as_object().expect("an object").len(), 200);
}

#[test]
fn a_retry_sends_the_same_bytes_without_a_copy() {
    let mut world = World::new(options());
    burst(&mut world, 0, 1);
    world.pressure.flush_watermark = Some(3);
    world.turn();
    let [batch] = world.batches()[..] else { panic!("one row, one request") };
    let first = world.in_flight[&batch].clone();
    world.reply(batch, Reply::Retry { after: None, detail: "503".into() });
    world.now += Duration::from_secs(60);
    world.turn();
    let second = &world.in_flight[&world.batches()[0]];
    assert_eq!(second, &first);
    assert_eq!(second.as_ptr(), first.as_ptr(), "the very same memory");
}

/// The JavaScript client keeps its slot, and the Python client its lock, while a retry sleeps.
#[test]
fn invariant_7_the_only_lane_is_free_while_its_batch_waits_for_the_retry() {
    let mut world = World::new(Options { lanes: 1, ..options() });
    let asked = Duration::from_secs(100);
    burst(&mut world, 0, 1);
    world.pressure.flush_watermark = Some(3);
    world.turn();
    let [first] = world.batches()[..] else { panic!("one row, one request") };
    world.reply(first, Reply::Retry { after: Some(asked), detail: "429".into() });
    let retried_from = world.now + asked;
    burst(&mut world, 1, 1);
    world.pressure.flush_watermark = Some(6);
    world.turn();
    let [second] = world.batches()[..] else { panic!("the lane is taken") };
    world.reply(second, Reply::Acknowledged);
    assert!(world.stored.contains_key("row-1"));
    world.now = retried_from - Duration::from_millis(1);
    world.turn();
    assert!(world.batches().is_empty(), "the server asked for more patience");
    world.drain();
    assert_eq!(world.inbox.stats().rows, 2);
}

/// The official Rust SDK takes the time of the flush, and repeats it on every merge row.
#[test]
fn created_is_the_start_of_the_span_and_only_on_the_row_that_creates_it() {
    let mut world = World::new(options());
    let head = head(1);
    world.wall = WallTime::from_unix_seconds(1_000_000_000);
    world.record(&head, Kind::Start, Event::new(), &json!({}));
    world.wall = WallTime::from_unix_seconds(1_000_000_060);
    world.record(&head, Kind::Log, Event::new().output(&1), &json!({"output": 1}));
    world.pressure.flush_watermark = Some(2);
    world.turn();
    let batch = world.batches()[0];
    let row = &rows_of(&world.in_flight[&batch])[0];
    assert_eq!(row["created"], "2001-09-09T01:46:40.000Z");
    assert_eq!(row["metrics"], json!({"start": 1_000_000_000.0}));
    world.reply(batch, Reply::Acknowledged);
    world.wall = WallTime::from_unix_seconds(1_000_000_120);
    world.record(&head, Kind::End, Event::new(), &json!({}));
    world.pressure.flush_watermark = Some(3);
    world.turn();
    let row = &rows_of(&world.in_flight[&world.batches()[0]])[0];
    assert!(row["_is_merge"] == true && !row.contains_key("created"), "{row:?}");
    assert_eq!(row["metrics"], json!({"end": 1_000_000_120.0}));
}

struct Fails;

impl Serialize for Fails {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("on purpose"))
    }
}

/// One row that cannot be resolved takes the whole drain of the JavaScript client with it.
#[test]
fn a_row_whose_fields_cannot_be_serialized_takes_no_other_with_it() {
    let mut world = World::new(options());
    burst(&mut world, 0, 5);
    world.record(&head(5), Kind::Start, Event::new().input(&Fails), &json!({}));
    burst(&mut world, 6, 5);
    world.drain();
    let stats = world.inbox.stats();
    assert_eq!((stats.rows, stats.lost()), (11, 0));
    let input = world.stored["row-5"]["input"].as_str().expect("a text");
    assert!(input.contains("could not be serialized"), "{input}");
}

/// In the official Rust SDK a second flush runs beside the first, and rows of one id may overtake
/// each other.
#[test]
fn invariant_4_a_second_flush_does_not_overtake_the_first() {
    let mut world = World::new(options());
    let (slow, other) = (head(1), head(2));
    let log = |world: &mut World, head: &Arc<Head>, output: u64| {
        let fields = json!({"output": output});
        world.record(head, Kind::Log, event_of(&fields), &fields);
    };
    log(&mut world, &slow, 1);
    world.pressure.flush_watermark = Some(1);
    world.turn();
    log(&mut world, &slow, 2);
    log(&mut world, &other, 3);
    world.pressure.flush_watermark = Some(3);
    world.turn();
    // Another row passes; the same one waits for the answer to its first part.
    let [first, second] = world.batches()[..] else { panic!("{:?}", world.batches()) };
    assert_eq!(rows_of(&world.in_flight[&second])[0]["id"], "row-2");
    world.reply(first, Reply::Retry { after: None, detail: "503".into() });
    world.turn();
    world.drain();
    assert_eq!(world.stored["row-1"]["output"], 2);
}

#[test]
fn invariant_9_a_clock_that_goes_back_strands_nothing() {
    let mut world = World::new(options());
    let start = world.now;
    world.now += Duration::from_secs(100);
    burst(&mut world, 0, 5);
    world.turn();
    world.now += Duration::from_secs(1);
    world.turn();
    let batch = world.batches()[0];
    world.now = start;
    world.reply(batch, Reply::Retry { after: None, detail: "503".into() });
    burst(&mut world, 10, 5);
    world.turn();
    world.drain();
    assert_eq!(world.inbox.stats().rows, 10);
}
