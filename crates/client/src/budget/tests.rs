//! The budget with real threads; `tidegate-loom` has the models.

use std::sync::Arc;
use std::time::Duration;

use crate::budget::Budget;

#[test]
fn leases_add_up_and_come_back() {
    let budget = Budget::new(100);
    let a = budget.try_admit(60).expect("room");
    assert!(budget.try_admit(41).is_none());
    let mut b = budget.try_admit(40).expect("exactly full");
    assert_eq!(budget.used_bytes(), 100);
    b.absorb(a);
    assert_eq!((b.bytes(), budget.used_bytes()), (100, 100));
    b.shrink_to(30);
    b.shrink_to(90);
    assert_eq!((b.bytes(), budget.used_bytes()), (30, 30));
    drop(b);
    assert_eq!(budget.used_bytes(), 0);
}

#[test]
fn an_oversize_row_is_admitted_alone() {
    let budget = Budget::new(100);
    let small = budget.try_admit(1).expect("room");
    assert!(budget.try_admit(500).is_none());
    drop(small);
    let big = budget.try_admit(500).expect("alone");
    assert!(budget.try_admit(1).is_none());
    drop(big);
    assert!(budget.try_admit(100).is_some());
}

#[test]
fn a_parked_thread_gets_room_or_its_deadline() {
    let budget = Budget::new(10);
    let held = budget.try_admit(10).expect("room");
    assert!(budget.admit_blocking(1, Duration::from_millis(5)).is_none());
    let waiter = std::thread::spawn({
        let budget = Arc::clone(&budget);
        move || budget.admit_blocking(10, Duration::from_secs(30)).is_some()
    });
    drop(held);
    assert!(waiter.join().expect("no panic"));
    assert!(!budget.has_waiters());
}

#[tokio::test]
async fn async_waiters_are_woken_and_cancellable() {
    let budget = Budget::new(10);
    let held = budget.try_admit(10).expect("room");
    let waited = tokio::time::timeout(Duration::from_millis(5), budget.admit(5)).await;
    assert!(waited.is_err());
    assert!(!budget.has_waiters());
    let (lease, ()) = tokio::join!(budget.admit(5), async {
        tokio::task::yield_now().await;
        drop(held);
    });
    assert_eq!(lease.bytes(), 5);
    budget.open().await;
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test awaits the handle")]
async fn a_piece_of_something_large_is_not_kept_out_by_small_records() {
    let budget = Budget::new(100);
    let held = [budget.try_admit(50).expect("room"), budget.try_admit(50).expect("room")];
    let piece = tokio::spawn({
        let budget = Arc::clone(&budget);
        async move { budget.admit_first(80).await }
    });
    tokio::task::yield_now().await;
    let [first, second] = held;
    drop(first);
    assert!(budget.try_admit(10).is_none(), "what is free is kept for the piece");
    drop(second);
    let piece = piece.await.expect("no panic");
    assert_eq!((piece.bytes(), budget.used_bytes()), (80, 80));
    assert!(budget.try_admit(20).is_some(), "nothing is kept any more");
}

#[tokio::test]
async fn a_piece_that_nobody_wants_any_more_keeps_nothing_free() {
    let budget = Budget::new(100);
    let held = budget.try_admit(90).expect("room");
    let waiting = tokio::time::timeout(Duration::from_millis(1), budget.admit_first(50)).await;
    assert!(waiting.is_err());
    assert!(budget.try_admit(10).is_some() && !budget.has_waiters());
    drop(held);
}

#[test]
fn a_lease_is_split_without_a_gap() {
    let budget = Budget::new(100);
    let mut lease = budget.try_admit(70).expect("room");
    let part = lease.split(30);
    assert_eq!((lease.bytes(), part.bytes(), budget.used_bytes()), (40, 30, 70));
    let rest = lease.split(500);
    assert_eq!((lease.bytes(), rest.bytes(), budget.used_bytes()), (0, 40, 70));
    drop((part, rest));
    assert_eq!(budget.used_bytes(), 0);
}
