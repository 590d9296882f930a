//! The hand-over between producers and the uploader, with real threads.

use std::sync::Barrier;
use std::thread;

use tidegate_model::{Destination, RowId, SpanId, TraceId};

use super::*;
use crate::budget::Budget;
use crate::event::Event;
use crate::record::{Head, SpanIds};

fn record(head: &Arc<Head>, budget: &Arc<Budget>) -> Record {
    Record {
        sequence: 0,
        head: Arc::clone(head),
        start: None,
        end: None,
        event: Event::new(),
        lease: budget.try_admit(1).expect("a roomy budget"),
        journal: None,
    }
}

fn head() -> Arc<Head> {
    let ids = SpanIds::root(SpanId::from_bits(1), TraceId::from_bits(1));
    Head::span(Arc::new(Destination::Experiment("e".into())), RowId::from("row"), ids)
}

/// In the official Rust SDK a row pushed while the queue is swapped lands in a channel that
/// nobody reads any more.
#[test]
fn records_pushed_while_the_queue_is_drained_all_arrive_in_order() {
    const THREADS: u64 = 8;
    const EACH: u64 = 5_000;
    let (inbox, budget, head) = (Arc::new(Inbox::default()), Budget::new(1 << 20), head());
    let together = Arc::new(Barrier::new(THREADS as usize + 1));
    let producers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (inbox, budget, head) =
                (Arc::clone(&inbox), Arc::clone(&budget), Arc::clone(&head));
            let together = Arc::clone(&together);
            thread::spawn(move || {
                together.wait();
                (0..EACH).for_each(|_| assert!(inbox.push(record(&head, &budget))));
            })
        })
        .collect();
    together.wait();
    let mut sequences = Vec::new();
    let mut drain = || {
        let records = inbox.take(Vec::new(), false);
        sequences.extend(records.into_iter().map(|record| record.sequence));
    };
    while producers.iter().any(|producer| !producer.is_finished()) {
        drain();
    }
    producers.into_iter().for_each(|producer| producer.join().expect("no panic"));
    drain();
    assert!(sequences.iter().copied().eq(1..=THREADS * EACH), "{} records", sequences.len());
    assert_eq!(budget.used_bytes(), 0);
}

/// A mutex poisoned elsewhere makes every span call of the official Rust SDK panic.
#[test]
fn invariant_9_poisoned_locks_stop_nobody() {
    let inbox = Arc::new(Inbox::default());
    let poisoner = Arc::clone(&inbox);
    let died = thread::spawn(move || {
        let _queue = poisoner.queue.lock();
        let _ledger = poisoner.ledger.lock();
        panic!("on purpose");
    });
    died.join().expect_err("the thread panicked");
    assert!(inbox.queue.is_poisoned() && inbox.ledger.is_poisoned());

    assert!(inbox.push(record(&head(), &Budget::new(10))));
    let (guard, mut settled) = FlushGuard::begin(&inbox);
    let records = inbox.take(Vec::new(), false);
    inbox.settle([(&[records[0].sequence][..], true)], Outcome::Acknowledged);
    inbox.complete_flushes(None);
    assert_eq!(settled.try_recv(), Ok(()));
    assert_eq!(guard.finish().acknowledged, 1);
}
