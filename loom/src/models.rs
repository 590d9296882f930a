//! The properties, each over all interleavings unless it says otherwise.

use std::time::Duration;

use loom::thread;

use crate::budget::Budget;
use crate::doorbell::Doorbell;
use crate::sync::{Arc, Mutex};

const FOREVER: Duration = Duration::MAX;

/// For models of three threads that lock and wait: all interleavings would take hours, those with
/// at most two forced switches take seconds and find most faults (CHESS, Musuvathi and Qadeer
/// 2007).
fn with_two_preemptions(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(model);
}

#[test]
fn invariant_2_leases_never_exceed_the_budget_and_come_back() {
    loom::model(|| {
        let budget = Budget::new(10);
        let producers: Vec<_> = [6, 5]
            .into_iter()
            .map(|bytes| {
                let budget = Arc::clone(&budget);
                thread::spawn(move || {
                    let lease = budget.try_admit(bytes);
                    assert!(budget.used_bytes() <= 10);
                    drop(lease);
                })
            })
            .collect();
        for producer in producers {
            producer.join().expect("no panic");
        }
        assert_eq!(budget.used_bytes(), 0);
    });
}

#[test]
fn invariant_3_a_producer_at_the_gate_is_always_woken() {
    loom::model(|| {
        let budget = Budget::new(10);
        let held = budget.try_admit(10).expect("room");
        let waiting = {
            let budget = Arc::clone(&budget);
            thread::spawn(move || budget.admit_blocking(10, FOREVER).is_some())
        };
        drop(held);
        assert!(waiting.join().expect("no panic"));
        assert_eq!(budget.used_bytes(), 0);
        assert!(!budget.has_waiters());
    });
}

#[test]
fn invariant_3_two_producers_at_the_gate_both_get_through() {
    with_two_preemptions(|| {
        let budget = Budget::new(10);
        let held = budget.try_admit(10).expect("room");
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let budget = Arc::clone(&budget);
                thread::spawn(move || drop(budget.admit_blocking(10, FOREVER).expect("room")))
            })
            .collect();
        drop(held);
        for producer in waiting {
            producer.join().expect("no panic");
        }
        assert_eq!(budget.used_bytes(), 0);
    });
}

/// The uploader takes all records or goes to sleep; whoever pushes afterwards wakes it.
#[test]
fn a_record_pushed_while_the_uploader_goes_to_sleep_wakes_it() {
    loom::model(|| {
        let queue = Arc::new(Mutex::new(Vec::new()));
        let bell = Arc::new(Doorbell::new());
        let producers: Vec<_> = (0..2)
            .map(|record| {
                let (queue, bell) = (Arc::clone(&queue), Arc::clone(&bell));
                thread::spawn(move || {
                    queue.lock().expect("not poisoned").push(record);
                    bell.ring();
                })
            })
            .collect();
        let mut taken = Vec::new();
        while taken.len() < 2 {
            let mut records = {
                let mut queue = queue.lock().expect("not poisoned");
                let records = std::mem::take(&mut *queue);
                if records.is_empty() {
                    bell.rest();
                }
                records
            };
            if records.is_empty() {
                bell.wake.wait();
            }
            taken.append(&mut records);
        }
        for producer in producers {
            producer.join().expect("no panic");
        }
        taken.sort_unstable();
        assert_eq!(taken, [0, 1]);
    });
}
