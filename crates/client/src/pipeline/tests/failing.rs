//! A server that refuses some rows, a key or everything.

use super::*;

#[test]
fn one_bad_row_is_isolated_and_its_siblings_arrive() {
    let mut world = World::new(Options { lanes: 1, max_request_bytes: 10_000_000, ..options() });
    burst(&mut world, 0, 20);
    world.turn();
    world.now += Duration::from_secs(1);
    for _ in 0..40 {
        world.turn();
        let Some((&batch, body)) = world.in_flight.iter().next() else { break };
        let bad = rows_of(body).iter().any(|row| row["id"] == "row-13");
        let reply = match bad {
            true => Reply::Rejected { detail: "row is bad".into() },
            false => Reply::Acknowledged,
        };
        world.reply(batch, reply);
    }
    let stats = world.inbox.stats();
    assert_eq!((stats.rows, stats.pending), (19, 0));
    assert_eq!(stats.dropped.get(&DropReason::Rejected), Some(&3));
    assert!(!world.stored.contains_key("row-13"));
}

#[test]
fn a_refused_key_stops_everything_at_once() {
    let mut world = World::new(options());
    burst(&mut world, 0, 40);
    world.turn();
    world.now += Duration::from_secs(1);
    world.turn();
    let batch = *world.in_flight.keys().next().expect("in flight");
    world.reply(batch, Reply::Unauthorized { detail: "no".into() });
    burst(&mut world, 100, 5);
    world.turn();
    for batch in world.batches() {
        world.reply(batch, Reply::Unauthorized { detail: "no".into() });
    }
    world.turn();
    let stats = world.inbox.stats();
    assert_eq!(stats.dropped.get(&DropReason::Unauthorized), Some(&135));
    assert_eq!((stats.pending, world.budget.used_bytes()), (0, 0));
}

/// The server answers everything else, so that nothing but this would ever end it.
#[test]
fn a_row_that_the_server_always_fails_at_keeps_its_room_for_some_minutes_and_no_sibling() {
    let mut world = World::new(Options { max_request_bytes: 10_000_000, ..options() });
    burst(&mut world, 0, 20);
    let started = world.now;
    let (mut others, mut turns) = (20, 0);
    while world.inbox.stats().pending > 0 {
        if world.in_flight.is_empty() {
            let wake = world.core.next_wake(world.pressure, world.now);
            world.now = wake.unwrap_or(world.now).max(world.now);
        }
        if turns % 4 == 0 && world.inbox.stats().lost() == 0 {
            burst(&mut world, others, 1);
            others += 1;
        }
        turns += 1;
        assert!(turns < 10_000, "pending for ever: {:?}", world.inbox.stats());
        world.turn();
        for batch in world.batches() {
            let rows = rows_of(&world.in_flight[&batch]);
            let reply = match rows.iter().any(|row| row["id"] == "row-13") {
                true => Reply::Retry { after: None, detail: "a bug".into() },
                false => Reply::Acknowledged,
            };
            world.reply(batch, reply);
        }
        world.turn();
    }
    let (waited, stats) = (world.now - started, world.inbox.stats());
    assert!(waited >= Duration::from_secs(300) && waited < Duration::from_secs(500), "{waited:?}");
    assert_eq!(stats.dropped.get(&DropReason::Unreachable), Some(&3));
    assert_eq!((stats.rows, world.budget.used_bytes()), (others - 1, 0));
}

/// Without that each batch would wait for what it had drawn while all failed: up to 30 s.
#[test]
fn when_the_server_is_back_those_that_failed_with_it_go_soon() {
    let mut world = World::new(Options { max_request_bytes: 2_000, ..options() });
    burst(&mut world, 0, 200);
    let started = world.now;
    let mut back = None;
    while world.inbox.stats().pending > 0 {
        let wake = world.core.next_wake(world.pressure, world.now);
        world.now = wake.unwrap_or(world.now).max(world.now);
        world.turn();
        let is_back = world.now - started > Duration::from_secs(120);
        for batch in world.batches() {
            let down = Reply::Retry { after: None, detail: "down".into() };
            world.reply(batch, if is_back { Reply::Acknowledged } else { down });
            if is_back {
                back.get_or_insert(world.now);
            }
        }
    }
    let took = world.now - back.expect("it came back");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!((world.inbox.stats().rows, world.inbox.stats().lost()), (200, 0));
}

#[test]
fn a_batch_that_the_server_wants_later_waits_whatever_becomes_of_others() {
    let mut world = World::new(options());
    burst(&mut world, 0, 1);
    world.turn();
    world.now += Duration::from_secs(1);
    world.turn();
    let first = world.batches()[0];
    let later = Some(Duration::from_secs(20));
    world.reply(first, Reply::Retry { after: later, detail: "busy".into() });
    let asked = world.now;
    burst(&mut world, 1, 1);
    while world.inbox.stats().pending > 0 {
        let wake = world.core.next_wake(world.pressure, world.now);
        world.now = wake.unwrap_or(world.now).max(world.now);
        world.turn();
        for batch in world.batches() {
            let is_first = rows_of(&world.in_flight[&batch]).iter().any(|row| row["id"] == "row-0");
            assert!(!is_first || world.now - asked >= Duration::from_secs(20));
            world.reply(batch, Reply::Acknowledged);
        }
    }
    assert_eq!(world.inbox.stats().rows, 2);
}

#[test]
fn giving_up_drops_what_is_pending_and_a_probe_brings_the_server_back() {
    let mut world = World::new(options());
    let busy = || Reply::Retry { after: None, detail: "down".into() };
    burst(&mut world, 0, 5);
    let started = world.now;
    while world.inbox.stats().pending > 0 {
        world.now =
            world.core.next_wake(world.pressure, world.now).unwrap_or(world.now).max(world.now);
        world.turn();
        world.batches().into_iter().for_each(|batch| world.reply(batch, busy()));
        world.turn();
    }
    let waited = world.now - started;
    assert!(waited >= Duration::from_secs(300) && waited < Duration::from_secs(340), "{waited:?}");
    assert_eq!(world.inbox.stats().dropped.get(&DropReason::Unreachable), Some(&15));

    burst(&mut world, 10, 1);
    world.turn();
    assert_eq!(world.inbox.stats().lost(), 18, "until the next probe new records are dropped");
    world.now += Duration::from_secs(31);
    burst(&mut world, 20, 1);
    world.drain();
    assert_eq!(world.inbox.stats().rows, 1);
}
