//! Data that is no plain iterator.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use tidegate_eval::{Case, DataError, Eval, EvalError, Report};
use tokio::sync::Notify;

use crate::world::world;

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

fn again<E>(eval: Eval<u32, (), E>) -> Eval<u32, u32, E>
where
    E: serde::Serialize + PartialEq<u32> + Send + Sync + 'static,
{
    eval.task(async |input, _cx| *input + 1)
        .scorer("exact", |args| args.expected.is_some_and(|expected| expected == args.output))
        .report(Report::Silent)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cases_of_an_earlier_experiment_run_again() {
    let world = world().await;
    let cases = (0..500_u32).map(|number| {
        let case = Case::new(number).expected(2 * number).id(format!("case-{number}"));
        case.tags(["even"]).metadata("number", &number)
    });
    let first = Eval::new("project")
        .experiment_name("first")
        .data(cases)
        .task(async |input, cx| {
            cx.set_metadata("attempts", &3);
            *input * 2
        })
        .scorer("exact", |args| args.expected == Some(args.output))
        .report(Report::Silent);
    let first = first.run_with(&world.client).await.expect("runs").summary;
    // Another one in between, which would be the base if none were named.
    let between = again(Eval::new("project").data([Case::new(1_u32).expected(1_u32)]));
    between.run_with(&world.client).await.expect("runs");

    let named = again(Eval::new("project").data_from_experiment::<u32, u32>("first"));
    let named = named.experiment_name("second").run_with(&world.client).await.expect("runs");
    assert_eq!(named.results.len(), 500, "of more than one page of rows");
    let mut results: Vec<_> = named.results.iter().collect();
    results.sort_by_key(|result| *result.input);
    let seventh = results[7];
    assert_eq!((seventh.expected.as_deref(), seventh.output.as_deref()), (Some(&14), Some(&8)));
    assert_eq!(
        (seventh.case_id.as_deref(), &*seventh.tags),
        (Some("case-7"), &["even".to_owned()][..])
    );
    let metadata = serde_json::json!({"number": 7, "case_id": "case-7"});
    assert_eq!(serde_json::Value::from(seventh.metadata.clone()), metadata);
    let base = named.summary.base.as_ref().expect("a base");
    assert_eq!(base.name, "first");
    assert_eq!(named.summary.comparisons["exact"].matched_cases, 500);
    let rows = world.rows(&named.summary.experiment.as_ref().expect("recorded").id).await;
    let root = rows.iter().find(|row| row["is_root"] == true).expect("a root");
    assert_eq!(root["origin"]["object_id"], first.experiment.expect("recorded").id);
    assert_eq!(root["origin"]["object_type"], "experiment");

    let based = Eval::new("project").base_experiment("second").data_from_base::<u32, u32>();
    let based = again(based).run_with(&world.client).await.expect("runs");
    assert_eq!(
        (based.results.len(), based.summary.base.expect("a base").name.as_str()),
        (500, "second")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_experiment_that_cannot_be_used_is_said() {
    let world = world().await;
    let run = async |eval: Eval<u32, (), u32>| {
        let error = again(eval).run_with(&world.client).await.expect_err("no data");
        (sources(&error), matches!(error, EvalError::NoData(_)))
    };
    let (text, nothing_ran) = run(Eval::new("project").data_from_experiment("nowhere")).await;
    assert!(
        nothing_ran && text.ends_with("the project \"project\" has no experiment \"nowhere\""),
        "{text}"
    );
    let found = world.client.find_experiments(Some("project"), "nowhere").await.expect("a list");
    assert!(found.is_empty(), "nothing is made for a run that cannot start");
    let (text, nothing_ran) = run(Eval::new("new").data_from_base()).await;
    assert!(
        nothing_ran && text.ends_with("\"new\" has no earlier experiment to take cases from"),
        "{text}"
    );

    let texts = Eval::new("project").experiment_name("texts").data([Case::new("seven")]);
    let texts = texts.task(async |text, _cx| text.len()).report(Report::Silent);
    texts.run_with(&world.client).await.expect("runs");
    let (text, nothing_ran) = run(Eval::new("project").data_from_experiment("texts")).await;
    assert!(!nothing_ran && text.contains(" is not a case: input: invalid type: string"), "{text}");

    let alone = again(Eval::new("project").data_from_experiment::<u32, u32>("texts"));
    let error = alone.run_without_sending().await.expect_err("no client");
    assert!(error.to_string().contains("which needs a client"), "{error}");
}
