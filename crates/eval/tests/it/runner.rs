//! The runner, without sending anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_eval::{Case, Eval, EvalError, Report, Score, data};
use tokio::sync::{Barrier, Notify};

fn numbers(count: u32) -> impl Iterator<Item = Case<u32, u32>> + Send + 'static {
    (0..count).map(|number| Case::new(number).expected(number))
}

#[tokio::test]
async fn failing_tasks_panics_and_scorers_are_results() {
    let outcome = Eval::new("p")
        .data(numbers(6))
        .try_task(async |input, _cx| match *input {
            1 => Err("no answer"),
            2 => panic!("task broke"),
            input => Ok(input),
        })
        .scorer("exact", |args| f64::from(u8::from(args.expected == Some(args.output))))
        .scorer("fragile", |args| match *args.output {
            3 => Err("cannot score"),
            4 => panic!("scorer broke"),
            _ => Ok(0.5),
        })
        .scorer("wild", |args| if *args.output == 5 { 2.0 } else { 1.0 })
        .scorer("choosy", |args| (*args.output == 0).then_some(1.0))
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("failures do not end the run");
    assert_eq!((outcome.summary.trials, outcome.summary.task_errors), (6, 2));
    assert_eq!(outcome.summary.scorer_errors, 3);
    let of = |input: u32| outcome.results.iter().find(|r| *r.input == input).expect("a result");
    assert_eq!(of(1).error.as_deref(), Some("no answer"));
    assert_eq!(of(2).error.as_deref(), Some("panicked: task broke"));
    assert!(of(1).output.is_none() && of(1).scores.is_empty(), "scorers do not run then");
    assert_eq!(of(3).scorer_errors["fragile"], "cannot score");
    assert_eq!(of(4).scorer_errors["fragile"], "panicked: scorer broke");
    assert!(of(5).scorer_errors["wild"].contains("outside of 0..=1"));
    assert_eq!(of(0).scores["choosy"], Some(1.0));
    assert_eq!(of(3).scores["choosy"], None);
    let scores = &outcome.summary.comparison.scores;
    assert_eq!(scores["exact"].score, 1.0);
    assert_eq!(scores["choosy"].score, 1.0, "skipped cases do not count");
}

#[tokio::test]
async fn trials_are_averaged_per_case() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let outcome = Eval::new("p")
        .data([Case::new("steady").trials(1), Case::new("shaky")])
        .task(async move |input, cx| {
            counted.fetch_add(1, Ordering::Relaxed);
            *input == "steady" || cx.trial() == 0
        })
        .scorer("ok", |args| *args.output)
        .trials(4)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert_eq!(calls.load(Ordering::Relaxed), 5);
    // (1 + (1 + 0 + 0 + 0) / 4) / 2, not 2 / 5.
    assert_eq!(outcome.summary.comparison.scores["ok"].score, 0.625);
}

/// An input that takes its time to become JSON.
#[derive(Debug)]
struct Slow(u32);

impl serde::Serialize for Slow {
    #[expect(clippy::disallowed_methods, reason = "what is slow about it holds the thread")]
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        std::thread::sleep(Duration::from_millis(100));
        serializer.serialize_u32(self.0)
    }
}

/// While one worker prepares the last case, another one finds nothing left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_trial_of_the_last_case_is_left_out() {
    let outcome = Eval::new("p")
        .data((0..4).map(|number| Case::new(Slow(number)).expected(number)))
        .task(async |input, _cx| input.0)
        .scorer("exact", |args| f64::from(u8::from(args.expected == Some(args.output))))
        .trials(3)
        .max_concurrency(4)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("a run");
    assert_eq!((outcome.results.len(), outcome.summary.trials), (12, 12));
}

#[tokio::test]
async fn as_many_cases_run_at_once_as_allowed_and_no_more() {
    let barrier = Arc::new(Barrier::new(4));
    let running = Arc::new(AtomicUsize::new(0));
    let peak = Arc::new(AtomicUsize::new(0));
    let (seen, most) = (Arc::clone(&running), Arc::clone(&peak));
    Eval::new("p")
        .data(numbers(16))
        .task(async move |_input, _cx| {
            most.fetch_max(seen.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            // Passes only when four are here together.
            barrier.wait().await;
            seen.fetch_sub(1, Ordering::Relaxed);
        })
        .max_concurrency(4)
        .timeout(Duration::from_secs(60))
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert_eq!(peak.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_slow_case_blocks_nobody() {
    let done = Arc::new(Notify::new());
    let finished = Arc::new(AtomicUsize::new(0));
    let (told, count) = (Arc::clone(&done), Arc::clone(&finished));
    let outcome = Eval::new("p")
        .data(numbers(50))
        .task(async move |input, _cx| {
            if *input == 0 {
                // Ends only after all the others have.
                told.notified().await;
            } else if count.fetch_add(1, Ordering::Relaxed) + 1 == 49 {
                told.notify_one();
            }
        })
        .max_concurrency(2)
        .timeout(Duration::from_secs(60))
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert!(!outcome.summary.timed_out);
    assert_eq!(outcome.results.last().map(|result| *result.input), Some(0));
}

#[tokio::test]
async fn the_time_out_keeps_what_is_finished() {
    let outcome = Eval::new("p")
        .data(numbers(1_000_000))
        .task(async |input, cx| {
            if *input >= 5 {
                cx.cancelled().await;
                std::future::pending::<()>().await;
            }
        })
        .scorer("one", |_args| 1.0)
        .max_concurrency(3)
        .timeout(Duration::from_millis(200))
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("a time-out is a result");
    assert!(outcome.summary.timed_out);
    // Five that finished, and the three that were running.
    assert_eq!((outcome.summary.trials, outcome.summary.task_errors), (8, 3));
    assert!(outcome.results.iter().all(|r| r.error.as_deref().is_none_or(|e| e == "timed out")));
    assert_eq!(outcome.summary.comparison.scores["one"].score, 1.0);
}

#[tokio::test]
async fn data_is_read_as_it_is_needed() {
    let read = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    let cases = (0..500u32).map(move |number| {
        counter.fetch_add(1, Ordering::SeqCst);
        Case::new(number)
    });
    let started = Arc::new(AtomicUsize::new(0));
    let (most_ahead, so_far) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&read));
    let ahead = Arc::clone(&most_ahead);
    Eval::new("p")
        .data(cases)
        .task(async move |_input, _cx| {
            let begun = started.fetch_add(1, Ordering::SeqCst) + 1;
            let lead = so_far.load(Ordering::SeqCst).saturating_sub(begun);
            ahead.fetch_max(lead, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(2)).await;
        })
        .max_concurrency(2)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert_eq!(read.load(Ordering::SeqCst), 500);
    // Two hand-overs, which are of one case each once the run is known not to need more, and of
    // no more than 64 ever.
    assert!(most_ahead.load(Ordering::SeqCst) <= 2 * 64, "{most_ahead:?}");
}

#[tokio::test]
async fn a_fault_in_the_data_names_the_place_and_keeps_what_ran() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(
        file.path(),
        "{\"input\":\"a\"}\n{\"input\":\"b\"}\nnonsense\n{\"input\":\"c\"}\n",
    )
    .expect("written");
    let error = Eval::new("p")
        .data(data::jsonl::<String, ()>(file.path()))
        .task(async |input, _cx| input.len())
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect_err("the third line is no case");
    let EvalError::Data { source, .. } = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains(":3:"), "{source}");
    let outcome = error.into_outcome::<String, usize, ()>().expect("what ran before");
    assert_eq!(outcome.results.len(), 2);
}

#[tokio::test]
async fn incomplete_evaluations_say_what_is_missing() {
    let cases = || [Case::new(1)];
    let no_task = Eval::new("p").data(cases()).run_without_sending().await;
    assert!(no_task.expect_err("no task").to_string().contains("has no task"));
    let no_data = Eval::new("p").run_without_sending().await;
    assert!(no_data.expect_err("no data").to_string().contains("has no data"));
    let hidden = Eval::new("p")
        .data(cases())
        .task(async |_input, _cx| Err::<i32, String>("would count as an output".into()))
        .run_without_sending()
        .await;
    assert!(hidden.expect_err("a Result").to_string().contains("use `try_task`"));
}

#[tokio::test]
async fn async_scorers_and_metadata() {
    let outcome = Eval::new("p")
        .data([Case::new("in").metadata("k", &1).tags(["t"])])
        .task(async |_input, cx| cx.set_metadata("from_task", &true))
        .scorer_async("rated", async |args| {
            tokio::task::yield_now().await;
            assert_eq!(&*args.tags, ["t"]);
            Score::new(f64::from(u8::from(args.metadata["from_task"] == true)))
                .metadata("why", &"because")
        })
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert_eq!(outcome.results[0].scores["rated"], Some(1.0));
    assert_eq!(outcome.results[0].metadata["k"], 1);
}
