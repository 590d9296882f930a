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
