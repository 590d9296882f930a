//! Run controls: time-outs of cases, retries, limits of failures and of scorers, several scores.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate_eval::{Case, Eval, EvalError, Report, TaskError};
use tokio::sync::{Barrier, Notify};

const MINUTE: Duration = Duration::from_secs(60);

fn numbers(count: u32) -> impl Iterator<Item = Case<u32>> + Send + 'static {
    (0..count).map(Case::new)
}

#[tokio::test(start_paused = true)]
async fn a_case_that_hangs_is_recorded_and_the_others_go_on() {
    let told = Arc::new(AtomicU32::new(0));
    let watcher = Arc::clone(&told);
    let outcome = Eval::new("p")
        .data(numbers(4))
        .task(async move |input, cx| {
            if *input == 1 {
                let watcher = Arc::clone(&watcher);
                let mut elsewhere = tokio::task::JoinSet::new();
                elsewhere.spawn(async move {
                    cx.cancelled().await;
                    watcher.fetch_add(1, Ordering::Relaxed);
                });
                elsewhere.detach_all();
                std::future::pending::<()>().await;
            }
            *input
        })
        .scorer_async("judge", async |args| {
            if *args.output == 2 {
                std::future::pending::<()>().await;
            }
            1.0
        })
        .case_timeout(Duration::from_secs(30))
        .max_concurrency(1)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("a time-out is a result");
    let of = |input: u32| outcome.results.iter().find(|r| *r.input == input).expect("a result");
    assert_eq!(of(1).error.as_deref(), Some("timed out after 30s"));
    assert_eq!(of(2).scorer_errors["judge"], "timed out after 30s");
    assert_eq!((of(0).scores["judge"], of(3).scores["judge"]), (Some(1.0), Some(1.0)));
    assert!(!outcome.summary.timed_out, "the run itself was not cut");
    assert_eq!(told.load(Ordering::Relaxed), 1, "code that runs elsewhere is told to stop");
}

#[tokio::test(start_paused = true)]
async fn only_errors_that_say_so_are_tried_again() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let asked_to_wait = Arc::new(Mutex::new(Vec::new()));
    let starts = Arc::clone(&asked_to_wait);
    let outcome = Eval::new("p")
        .data(numbers(4))
        .try_task(async move |input, cx| {
            counted.fetch_add(1, Ordering::Relaxed);
            if *input == 2 {
                starts.lock().expect("not poisoned").push(tokio::time::Instant::now());
            }
            let tries = cx.metadata().get("attempts").and_then(|tries| tries.as_u64());
            match *input {
                // Succeeds at the third try.
                0 if tries != Some(3) => Err(TaskError::retryable("busy")),
                1 => Err(TaskError::new("refused")),
                2 => Err(TaskError::retryable("busy").retry_after(Duration::from_secs(20))),
                3 => panic!("broke"),
                input => Ok(input),
            }
        })
        .retries(2)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    let of = |input: u32| outcome.results.iter().find(|r| *r.input == input).expect("a result");
    assert_eq!((of(0).output.as_deref(), &of(0).metadata["attempts"]), (Some(&0), &3.into()));
    assert_eq!(of(1).error.as_deref(), Some("refused"));
    assert!(!of(1).metadata.contains_key("attempts") && !of(3).metadata.contains_key("attempts"));
    assert_eq!((of(2).error.as_deref(), &of(2).metadata["attempts"]), (Some("busy"), &3.into()));
    assert_eq!(calls.load(Ordering::Relaxed), 3 + 1 + 3 + 1);
    // Between the tries and not over the whole run: while the thread that reads data is slow, the
    // paused clock jumps to the next timer.
    let starts = asked_to_wait.lock().expect("not poisoned").clone();
    let waits: Vec<_> = starts.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(waits, [20, 20]);
}

#[tokio::test(start_paused = true)]
async fn retries_do_not_outlive_the_time_of_their_case() {
    let outcome = Eval::new("p")
        .data(numbers(1))
        .try_task(async |_input, _cx| {
            Err::<(), _>(TaskError::retryable("busy").retry_after(Duration::from_secs(60)))
        })
        .retries(5)
        .case_timeout(Duration::from_secs(90))
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert_eq!(outcome.results[0].error.as_deref(), Some("timed out after 90s"));
    assert_eq!(outcome.results[0].metadata["attempts"], 2);
}

#[tokio::test]
async fn the_question_mark_makes_task_errors() {
    let outcome = Eval::new("p")
        .data([Case::new("7"), Case::new("seven")])
        .try_task(async |input, _cx| {
            let number: i32 = input.parse()?;
            Ok::<_, TaskError>(number)
        })
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert_eq!(outcome.summary.task_errors, 1);
    let failed = outcome.results.iter().find_map(|result| result.error.as_deref());
    assert_eq!(failed, Some("invalid digit found in string"));
}

#[tokio::test]
async fn a_limit_of_failures_starts_no_further_case_and_says_so() {
    let outcome = Eval::new("p")
        .data(numbers(1_000_000))
        .try_task(async |input, _cx| if *input % 2 == 0 { Err("no") } else { Ok(()) })
        .max_errors(3)
        .max_concurrency(1)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("a result");
    assert!(outcome.summary.too_many_errors);
    assert_eq!(outcome.to_json()["too_many_errors"], true);
    assert!(outcome.summary.task_errors >= 3);
    // 0, 2 and 4 fail; a case or two may have been let in before the third was seen.
    assert!(outcome.summary.trials <= 8, "{}", outcome.summary.trials);
}

#[tokio::test]
async fn slow_judges_hold_up_no_task() {
    const CASES: usize = 20;
    let (begun, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let told = Arc::clone(&all);
    let outcome = Eval::new("p")
        .data(numbers(20))
        .task(async move |_input, _cx| {
            if begun.fetch_add(1, Ordering::Relaxed) + 1 == CASES {
                told.notify_one();
            }
        })
        .scorer_async("judge", async move |args| {
            // The first one ends only after every task has begun, with a single slot for tasks.
            if *args.input == 0 {
                all.notified().await;
            }
            1.0
        })
        .max_concurrency(1)
        .scorer_concurrency(1)
        .timeout(MINUTE)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert!(!outcome.summary.timed_out);
    assert_eq!(outcome.summary.comparison.scores["judge"].score, 1.0);
}

#[tokio::test]
async fn as_many_scorers_run_at_once_as_allowed_and_no_more() {
    let barrier = Arc::new(Barrier::new(3));
    let (running, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let most = Arc::clone(&peak);
    let outcome = Eval::new("p")
        .data(numbers(12))
        .task(async |_input, _cx| ())
        .scorer_async("judge", async move |_args| {
            most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            // Passes only when three are here together.
            barrier.wait().await;
            running.fetch_sub(1, Ordering::Relaxed);
            1.0
        })
        .scorer_concurrency(3)
        .timeout(MINUTE)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert!(!outcome.summary.timed_out);
    assert_eq!(peak.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_scorer_may_return_several_scores() {
    let outcome = Eval::new("p")
        .data(numbers(2))
        .task(async |input, _cx| *input)
        .scorer("pair", |args| [("even", *args.output % 2 == 0), ("small", true)])
        .scorer("list", |args| match *args.output {
            0 => Ok(vec![("a", 0.5)]),
            _ => Err("no list"),
        })
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    let scores = &outcome.summary.comparison.scores;
    assert_eq!((scores["even"].score, scores["small"].score, scores["a"].score), (0.5, 1.0, 0.5));
    assert!(!scores.contains_key("pair"));
    assert_eq!(outcome.summary.scorer_errors, 1);
}

#[tokio::test]
async fn failures_count_as_the_error_score() {
    let eval = |score| {
        Eval::new("p")
            .data(numbers(4))
            .try_task(async |input, _cx| if *input == 0 { Err("no") } else { Ok(*input) })
            .scorer("one", |_args| 1.0)
            .scorer("fragile", |args| if *args.output == 1 { Err("no score") } else { Ok(1.0) })
            .error_score(score)
            .report(Report::Silent)
    };
    let outcome = eval(0.0).run_without_sending().await.expect("runs");
    let scores = &outcome.summary.comparison.scores;
    assert_eq!((scores["one"].score, scores["fragile"].score), (0.75, 0.5));
    assert_eq!((outcome.summary.task_errors, outcome.summary.scorer_errors), (1, 1));
    let error = eval(1.5).run_without_sending().await.expect_err("no score");
    assert!(matches!(error, EvalError::Incomplete { .. }), "{error}");
}

#[tokio::test]
async fn a_score_of_the_whole_run_sees_all_results_and_may_fail() {
    let outcome = Eval::new("p")
        .data(numbers(4))
        .try_task(async |input, _cx| if *input == 0 { Err("no") } else { Ok(*input) })
        .run_scorer("answered", |results| {
            results.iter().filter(|result| result.output.is_some()).count() as f64
                / results.len() as f64
        })
        .run_scorer("broken", |_results| -> f64 { panic!("divided by zero") })
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert_eq!(outcome.summary.run_scores["answered"], Some(0.75));
    assert_eq!(outcome.to_json()["run_scores"]["answered"], 0.75);
    assert_eq!(
        outcome.summary.warnings,
        ["the run scorer \"broken\" failed: panicked: divided by zero"]
    );
}

#[tokio::test]
async fn a_scorer_without_any_score_is_named_and_does_not_become_zero() {
    let outcome = Eval::new("p")
        .data(numbers(3))
        .task(async |_input, _cx| ())
        .scorer("never", |_args| None::<f64>)
        .scorer("broken", |_args| Err::<f64, _>("no"))
        .scorer("fine", |_args| 1.0)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert_eq!(outcome.summary.unscored, ["broken", "never"]);
    assert!(!outcome.summary.comparison.scores.contains_key("never"));
    assert_eq!(outcome.to_json()["unscored"][1], "never");
}

#[tokio::test]
async fn without_a_setting_ten_tasks_run_at_once() {
    let barrier = Arc::new(Barrier::new(10));
    let (running, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let most = Arc::clone(&peak);
    let outcome = Eval::new("p")
        .data(numbers(1_000))
        .task(async move |_input, _cx| {
            most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            // Passes only when ten are here together.
            barrier.wait().await;
            running.fetch_sub(1, Ordering::Relaxed);
        })
        .timeout(MINUTE)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert!(!outcome.summary.timed_out);
    assert_eq!(peak.load(Ordering::Relaxed), 10);
}

#[tokio::test]
async fn every_failure_is_kept_with_its_text() {
    let outcome = Eval::new("p")
        .data(numbers(500))
        .try_task(async |input, _cx| Err::<(), _>(format!("failure {input}")))
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert_eq!(outcome.summary.task_errors, 500);
    let is_its_own = |result: &tidegate_eval::CaseResult<u32, (), ()>| {
        result.error.as_deref() == Some(format!("failure {}", result.input).as_str())
    };
    assert!(outcome.results.iter().all(is_its_own));
}
