//! Rows beyond the announced limit: announced, uploaded aside, and named.

use super::*;
use crate::http::Signed;

/// What a server answers to an announcement.
pub(super) fn announced() -> Reply {
    Reply::Next(Stage::Upload(Arc::new(Signed::simulated())))
}

/// A world whose server announced its limit, with one row beyond it and some that are not.
fn world() -> World {
    let mut world = World::new(options());
    world.core.limit_request_bytes(20_000, true);
    large(&mut world, 0);
    burst(&mut world, 1, 4);
    world.pressure.flush_watermark = Some(world.inbox.stats().accepted);
    world.turn();
    world
}

fn large(world: &mut World, number: u64) {
    let fields = json!({"output": "x".repeat(30_000)});
    let head = head(number);
    world.record(&head, Kind::Start, event_of(&fields), &fields);
    world.record(&head, Kind::End, Event::new(), &json!({}));
}

fn busy() -> Reply {
    Reply::Retry { after: None, detail: "busy".into() }
}

/// The step of the large row that is under way, waiting for it if need be.
fn step(world: &mut World) -> (u64, Stage) {
    for _ in 0..20 {
        let found = world.stages.iter().find(|(_, stage)| stage.is_overflow());
        if let Some((number, stage)) = found {
            return (*number, stage.clone());
        }
        // Failures leave fewer lanes, which the others must not keep.
        for batch in world.batches() {
            world.reply(batch, Reply::Acknowledged);
        }
        if let Some(wake) = world.core.next_wake(world.pressure, world.now) {
            world.now = world.now.max(wake);
        }
        world.turn();
    }
    panic!("no step is taken: {:?}", world.stages);
}

#[test]
fn a_row_beyond_the_limit_is_announced_uploaded_and_named() {
    let mut world = world();
    let (number, stage) = step(&mut world);
    assert_eq!(stage, Stage::Announce);
    world.reply(number, Reply::Acknowledged);
    let (number, stage) = step(&mut world);
    assert!(matches!(stage, Stage::Upload(_)), "{stage:?}");
    world.reply(number, Reply::Acknowledged);
    let (_, stage) = step(&mut world);
    assert_eq!(stage, Stage::Name("key".into()));
    assert!(!world.stored.contains_key("row-0"), "an upload alone stores nothing");
    world.drain();
    let stats = world.inbox.stats();
    assert_eq!((stats.acknowledged, stats.rows, stats.lost()), (stats.accepted, 5, 0));
    assert_eq!((world.uploads.len(), world.budget.used_bytes()), (1, 0));
}

#[test]
fn a_finished_upload_is_not_repeated_while_its_last_step_fails() {
    let mut world = world();
    for _ in 0..2 {
        let (number, _) = step(&mut world);
        world.reply(number, Reply::Acknowledged);
    }
    for _ in 0..5 {
        let (number, stage) = step(&mut world);
        assert_eq!(stage, Stage::Name("key".into()));
        world.reply(number, busy());
        world.turn();
    }
    world.drain();
    assert_eq!((world.inbox.stats().rows, world.uploads.len()), (5, 1));
}

#[test]
fn a_failed_upload_is_announced_again_for_another_url() {
    let mut world = world();
    let (number, _) = step(&mut world);
    world.reply(number, Reply::Acknowledged);
    let (number, _) = step(&mut world);
    world.reply(number, busy());
    world.turn();
    assert_eq!(step(&mut world).1, Stage::Announce);
    world.drain();
    assert_eq!((world.inbox.stats().rows, world.uploads.len()), (5, 1));
}

#[test]
fn an_upload_whose_host_refuses_it_is_given_up_and_its_siblings_arrive() {
    let mut world = world();
    for _ in 0..3 {
        let (number, _) = step(&mut world);
        world.reply(number, Reply::Acknowledged);
        let (number, _) = step(&mut world);
        world.reply(number, Reply::Restart { detail: "403".into() });
        world.turn();
    }
    world.drain();
    let stats = world.inbox.stats();
    assert_eq!((stats.rows, stats.dropped.get(&DropReason::Unreachable)), (4, Some(&2)));
    assert_eq!((stats.pending, world.budget.used_bytes()), (0, 0));
}

/// The server answers all the while, so that nothing else would ever end this.
#[test]
fn an_upload_whose_host_is_out_of_reach_is_given_up_in_the_end() {
    let mut world = world();
    let started = world.now;
    while world.inbox.stats().lost() == 0 {
        let (number, stage) = step(&mut world);
        let reply = if stage == Stage::Announce { Reply::Acknowledged } else { busy() };
        world.reply(number, reply);
        for batch in world.batches() {
            world.reply(batch, Reply::Acknowledged);
        }
        world.turn();
    }
    let took = world.now - started;
    assert!(took >= Duration::from_secs(300) && took < Duration::from_secs(400), "{took:?}");
    assert_eq!(world.inbox.stats().dropped.get(&DropReason::Unreachable), Some(&2));
}

#[test]
fn without_this_way_such_a_row_goes_as_it_is_and_is_dropped_if_refused() {
    for answer in [Reply::Acknowledged, Reply::TooLarge] {
        let mut world = world();
        let (number, _) = step(&mut world);
        world.reply(number, Reply::Next(Stage::Anyway));
        world.turn();
        let found = world.stages.iter().find(|(_, stage)| **stage == Stage::Anyway);
        let (&number, _) = found.expect("sent as it is");
        world.reply(number, answer.clone());
        world.drain();
        let stats = world.inbox.stats();
        let lost = stats.dropped.get(&DropReason::TooLarge).copied();
        let expected = if answer == Reply::TooLarge { (4, Some(2)) } else { (5, None) };
        assert_eq!((stats.rows, lost), expected);
    }
}

/// An upload that is refused for its size says nothing about bodies of requests.
#[test]
fn a_refused_upload_does_not_lower_the_limit_of_bodies() {
    let mut world = world();
    let (number, _) = step(&mut world);
    world.reply(number, Reply::TooLarge);
    world.drain();
    assert_eq!(world.core.options.max_request_bytes, 20_000);
    let stats = world.inbox.stats();
    assert_eq!((stats.rows, stats.dropped.get(&DropReason::TooLarge)), (4, Some(&2)));
}

#[test]
fn rows_put_together_before_the_limit_was_known_are_taken_apart() {
    let mut world = World::new(Options { lanes: 1, max_request_bytes: 10_000_000, ..options() });
    burst(&mut world, 0, 40);
    large(&mut world, 50);
    world.pressure.flush_watermark = Some(world.inbox.stats().accepted);
    world.turn();
    let batch = world.batches()[0];
    assert!(world.in_flight[&batch].len() > 20_000);
    world.core.limit_request_bytes(5_000, true);
    world.reply(batch, Reply::OverLimit);
    while world.inbox.stats().pending > 0 {
        world.turn();
        for (number, body) in &world.in_flight {
            assert!(body.len() <= 5_000 || world.stages[number].is_overflow());
        }
        for batch in world.batches() {
            world.reply(batch, Reply::Acknowledged);
        }
    }
    assert_eq!((world.inbox.stats().rows, world.uploads.len()), (41, 1));
}

#[test]
fn what_follows_a_row_waits_until_it_is_named() {
    let mut world = world();
    let (number, _) = step(&mut world);
    let fields = json!({"output": "later"});
    world.record(&head(0), Kind::Log, event_of(&fields), &fields);
    world.pressure.flush_watermark = Some(world.inbox.stats().accepted);
    world.reply(number, Reply::Acknowledged);
    world.drain();
    assert_eq!(world.stored["row-0"]["output"], "later");
}

#[test]
fn what_is_given_up_on_its_way_goes_to_the_spool_whole() {
    let mut world = World::new(Options { spool: true, ..options() });
    world.core.limit_request_bytes(20_000, true);
    large(&mut world, 0);
    world.pressure.flush_watermark = Some(world.inbox.stats().accepted);
    world.turn();
    let (number, _) = step(&mut world);
    world.reply(number, Reply::Acknowledged);
    world.turn();
    world.core.abandon(DropReason::Shutdown);
    world.in_flight.clear();
    world.turn();
    let stats = world.inbox.stats();
    assert_eq!((stats.spooled, stats.pending), (2, 0));
    assert_eq!(world.spool[0]["output"].as_str().map(str::len), Some(30_000));
}
