//! Ending a run from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_eval::statistics::{GateOutcome, Threshold};
use tidegate_eval::{Case, Eval, Report};
use tokio::sync::oneshot;

use crate::world::world;

const MINUTE: Duration = Duration::from_secs(60);

/// A wish to stop that is made by the given sender.
fn wish() -> (oneshot::Sender<()>, impl Future<Output = ()> + Send + 'static) {
    let (send, receive) = oneshot::channel();
    (send, async move {
        receive.await.ok();
    })
}

#[tokio::test]
async fn a_stopped_run_finishes_what_is_under_way_and_records_it() {
    let world = world().await;
    let (send, wished) = wish();
    let send = Arc::new(std::sync::Mutex::new(Some(send)));
    let started = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&started);
    let outcome = Eval::new("p")
        .data((0_u64..).map(Case::new))
        .task(async move |input, _cx| {
            count.fetch_add(1, Ordering::Relaxed);
            if *input == 20 {
                send.lock().expect("not poisoned").take().expect("the only one").send(()).ok();
            }
            // Far from done when the wish comes.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            *input
        })
        .scorer_async("judge", async |_args| {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            1.0
        })
        .max_concurrency(4)
        .stop_when(wished)
        .timeout(MINUTE)
        .gate("judge", Threshold::AtLeast(0.1))
        .report(Report::Silent)
        .run_with(&world.client)
        .await
        .expect("a stopped run is a result");
    let started = started.load(Ordering::Relaxed);
    assert!((21..1_000).contains(&started), "{started}");
    assert!(outcome.summary.stopped && !outcome.summary.timed_out);
    assert_eq!(outcome.to_json()["stopped"], true);
    assert_eq!(outcome.results.len(), started, "all that started has a result");
    let is_whole = |result: &tidegate_eval::CaseResult<u64, u64, ()>| {
        result.error.is_none() && result.scores["judge"] == Some(1.0)
    };
    assert!(outcome.results.iter().all(is_whole));
    // A root, a task and a scorer each.
    assert_eq!((outcome.receipt.rows, outcome.receipt.lost()), (3 * started as u64, 0));
    let stored = &outcome.summary.comparison.scores["judge"];
    assert_eq!(stored.score, 1.0, "the server's summary is of all of them");
    assert_eq!(outcome.verdict(), GateOutcome::Undecided, "the other cases are not known");
    let why = &outcome.gates[0].why;
    assert!(why.ends_with("but the run ended before its data did"), "{why}");
    let experiment = outcome.summary.experiment.expect("an experiment");
    assert_eq!(world.rows(&experiment.id).await.len(), 3 * started);
}

#[tokio::test]
async fn a_wish_after_the_last_case_changes_nothing() {
    let (send, wished) = wish();
    let outcome = Eval::new("p")
        .data((0..200).map(Case::<u32>::new))
        .task(async |_input, _cx| ())
        .scorer("fine", |_args| 1.0)
        .stop_when(wished)
        .gate("fine", Threshold::AtLeast(0.9))
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert!(send.is_closed(), "what was waited for is dropped with the run");
    assert!(!outcome.summary.stopped && !outcome.summary.is_cut_short());
    assert_eq!(outcome.verdict(), GateOutcome::Pass);
}

#[tokio::test]
async fn a_run_stopped_before_its_first_case_fails_no_gate() {
    let outcome = Eval::new("p")
        .data((0..200).map(Case::<u32>::new))
        .task(async |_input, _cx| ())
        .scorer("fine", |_args| 1.0)
        .stop_when(async {})
        .gate("fine", Threshold::AtLeast(0.9))
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert!(outcome.summary.stopped);
    assert_eq!((outcome.summary.trials, outcome.verdict()), (0, GateOutcome::Undecided));
}

#[tokio::test]
async fn a_wish_that_panics_stops_the_run() {
    let outcome = Eval::new("p")
        .data((0_u64..).map(Case::new))
        .task(async |_input, _cx| ())
        .run_scorer("all", |_results| 1.0)
        .stop_when(async { panic!("broke") })
        .gate("all", Threshold::AtLeast(0.5))
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert!(outcome.summary.stopped);
    assert_eq!(outcome.verdict(), GateOutcome::Undecided, "{:?}", outcome.gates);
}

/// The failures have scores here, so that they alone would not keep the gate from passing.
#[tokio::test]
async fn neither_does_a_run_pass_that_the_limit_of_failures_has_ended() {
    let outcome = Eval::new("p")
        .data((0..10_000).map(Case::<u32>::new))
        .try_task(async |input, _cx| if *input % 50 == 49 { Err("no") } else { Ok(()) })
        .scorer("fine", |_args| 1.0)
        .error_score(0.0)
        .max_errors(10)
        .gate("fine", Threshold::AtLeast(0.5))
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert!(outcome.summary.too_many_errors);
    assert_eq!(outcome.verdict(), GateOutcome::Undecided, "{:?}", outcome.gates);
}
