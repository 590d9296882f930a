//! Data that is no plain iterator.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use tidegate_eval::{Case, DataError, Eval, EvalError, Report};
use tokio::sync::Notify;

const MINUTE: Duration = Duration::from_secs(60);

fn sources(error: &EvalError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(&format!(": {next}"));
        cause = next.source();
    }
    text
}

#[tokio::test]
async fn a_stream_is_read_as_it_is_needed() {
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let cases = stream::iter(0..1_000_u32).map(move |number| {
        counted.fetch_add(1, Ordering::SeqCst);
        Case::new(number)
    });
    let seen = Arc::clone(&read);
    let outcome = Eval::new("p")
        .stream(cases)
        .task(async move |input, _cx| {
            if *input == 9 {
                // However long this takes, nothing is read beyond what waits.
                for _ in 0..1_000 {
                    tokio::task::yield_now().await;
                }
                return seen.load(Ordering::SeqCst);
            }
            0
        })
        .max_concurrency(1)
        .timeout(MINUTE)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    assert_eq!(outcome.summary.trials, 1_000);
    let when_blocked = outcome.results.iter().find(|result| *result.input == 9).expect("ran");
    let when_blocked = when_blocked.output.as_deref().copied().expect("an output");
    assert!((10..=12).contains(&when_blocked), "{when_blocked} cases read of the first ten");
}

type Row = Result<Case<u32>, DataError>;

/// One case, and then what `next` makes.
fn broken(next: impl FnOnce() -> Row + Send + 'static) -> impl Stream<Item = Row> + Send + 'static {
    stream::iter([Ok(Case::new(1))]).chain(stream::once(async move { next() }))
}

#[tokio::test]
async fn a_stream_that_fails_or_panics_ends_the_run_after_the_cases_before() {
    let failing = || Err(DataError::source("the connection is gone"));
    let panicking = || -> Row { panic!("broke") };
    let run = async |cases: std::pin::Pin<Box<dyn Stream<Item = Row> + Send>>| {
        let run = Eval::new("p").stream(cases).task(async |input, _cx| *input);
        run.report(Report::Silent).run_without_sending().await.expect_err("no end of the data")
    };
    let error = run(Box::pin(broken(failing))).await;
    assert!(sources(&error).ends_with("the data source failed: the connection is gone"));
    let before = error.into_outcome::<u32, u32, ()>().expect("what ran before");
    assert_eq!(before.summary.trials, 1);
    let error = run(Box::pin(broken(panicking))).await;
    assert!(sources(&error).ends_with("reading the data panicked: broke"), "{}", sources(&error));
    assert_eq!(error.into_outcome::<u32, u32, ()>().expect("ran").summary.trials, 1);
}

#[tokio::test]
async fn a_stream_without_an_end_is_dropped_with_the_run() {
    struct Told(Arc<Notify>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let dropped = Arc::new(Notify::new());
    let told = Told(Arc::clone(&dropped));
    let cases = stream::iter([Case::new(1)]).chain(stream::once(async move {
        std::future::pending::<()>().await;
        drop(told);
        Case::new(2)
    }));
    let outcome = Eval::new("p")
        .stream(cases)
        .task(async |input, _cx| *input)
        .timeout(Duration::from_millis(50))
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("a time-out is a result");
    assert_eq!((outcome.summary.trials, outcome.summary.timed_out), (1, true));
    tokio::time::timeout(MINUTE, dropped.notified()).await.expect("nobody reads on");
}

#[tokio::test]
async fn an_async_function_may_return_the_data() {
    async fn load(rows: u32) -> Result<Vec<Case<u32>>, DataError> {
        tokio::task::yield_now().await;
        match rows {
            0 => Err(DataError::source("no such table")),
            rows => Ok((0..rows).map(Case::new).collect()),
        }
    }
    let run = async |eval: Eval<u32>| {
        eval.task(async |input, _cx| *input).report(Report::Silent).run_without_sending().await
    };
    let outcome = run(Eval::new("p").try_data_async(load(7))).await.expect("runs");
    assert_eq!(outcome.summary.trials, 7);
    let outcome = run(Eval::new("p").data_async(async { (0..5).map(Case::new) })).await;
    assert_eq!(outcome.expect("runs").summary.trials, 5);
    let error = run(Eval::new("p").try_data_async(load(0))).await.expect_err("no data");
    assert!(sources(&error).ends_with("no such table"), "{}", sources(&error));
    let panicking = async { if true { panic!("broke") } else { [Case::new(1_u32)] } };
    let error = run(Eval::new("p").data_async(panicking)).await.expect_err("no data");
    assert!(sources(&error).ends_with("panicked: broke"), "{}", sources(&error));
}
