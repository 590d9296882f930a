//! How many tasks run at once adapts to what a service allows.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use tidegate_eval::{Case, Eval, Report, TaskError};
use tokio::time::Instant;

const TIME: Duration = Duration::from_millis(100);

/// A service that takes some calls at once, each for a tenth of a second, and rejects the others.
#[derive(Default)]
struct Service {
    allowed: usize,
    now: AtomicUsize,
    calls: AtomicUsize,
    rejected: AtomicUsize,
}

impl Service {
    async fn call(&self) -> Result<(), TaskError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let before = self.now.fetch_add(1, Ordering::Relaxed);
        let done = match before < self.allowed {
            true => {
                tokio::time::sleep(TIME).await;
                Ok(())
            }
            false => {
                self.rejected.fetch_add(1, Ordering::Relaxed);
                // An answer takes its time as well.
                self.now.fetch_sub(1, Ordering::Relaxed);
                tokio::time::sleep(TIME / 20).await;
                return Err(TaskError::retryable("429"));
            }
        };
        self.now.fetch_sub(1, Ordering::Relaxed);
        done
    }
}

/// Of a stream: while a thread that reads data is slow, a paused clock would jump.
fn cases(count: u32) -> Eval<u32> {
    Eval::new("p").stream(stream::iter((0..count).map(Case::new)))
}

#[tokio::test(start_paused = true)]
async fn the_number_of_tasks_settles_at_what_a_service_allows() {
    const CASES: u32 = 4_000;
    for allowed in [3, 16, 60] {
        let service = Arc::new(Service { allowed, ..Service::default() });
        let called = Arc::clone(&service);
        let begun = Instant::now();
        let outcome = cases(CASES)
            .try_task(async move |_input, _cx| called.call().await)
            .adaptive_concurrency(1..=200)
            .retries(30)
            .report(Report::Silent)
            .run_without_sending()
            .await
            .expect("runs");
        let took = begun.elapsed();
        assert_eq!(outcome.summary.task_errors, 0);
        let reached = outcome.summary.concurrency.expect("it adapts");
        assert!(reached.cuts > 0 && reached.highest > allowed, "{reached:?} of {allowed}");
        let near = allowed / 2..=2 * allowed;
        assert!(near.contains(&reached.limit), "{reached:?} of {allowed}");
        let json = outcome.to_json();
        assert_eq!(json["concurrency"]["limit"], reached.limit);
        let ideal = TIME * CASES / allowed as u32;
        assert!(took < 2 * ideal, "{took:?} for {allowed}, at best {ideal:?}");
        let (calls, rejected) = (&service.calls, &service.rejected);
        let (calls, rejected) = (calls.load(Ordering::Relaxed), rejected.load(Ordering::Relaxed));
        assert!(5 * rejected < calls, "{rejected} of {calls} were rejected by {allowed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_allows_everything_gets_as_much_as_is_set() {
    let service = Arc::new(Service { allowed: usize::MAX, ..Service::default() });
    let outcome = cases(2_000)
        .try_task(async move |_input, _cx| service.call().await)
        .adaptive_concurrency(2..=64)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    let reached = outcome.summary.concurrency.expect("it adapts");
    assert_eq!((reached.limit, reached.highest, reached.cuts), (64, 64, 0));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_a_service_asks_for_holds_up_further_cases() {
    let starts = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&starts);
    let outcome = cases(20)
        .try_task(async move |input, cx| {
            let is_first_try = cx.metadata().is_empty();
            if is_first_try {
                noted.lock().expect("not poisoned").push(Instant::now());
            }
            match *input {
                3 if is_first_try => {
                    let wait = Duration::from_secs(30);
                    Err(TaskError::retryable("429").retry_after(wait))
                }
                _ => {
                    tokio::time::sleep(TIME).await;
                    Ok(())
                }
            }
        })
        .adaptive_concurrency(4..=4)
        .retries(1)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert_eq!(outcome.summary.task_errors, 0);
    let starts = starts.lock().expect("not poisoned").clone();
    let gaps: Vec<_> = starts.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    let long: Vec<_> = gaps.iter().enumerate().filter(|(_, gap)| **gap >= 29).collect();
    assert_eq!((gaps.len(), long), (19, vec![(3, &30)]), "{gaps:?}");
}
