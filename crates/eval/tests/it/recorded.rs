//! What a real collector has after a run, and what the comparison says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_analysis::comparison::{compare, trials_from_rows};
use tidegate_client::{Client, Config, Event, Policy, Span};
use tidegate_eval::{Case, Eval, EvalError, Outcome, Report, TaskError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use crate::world::{World, world};

type Ran = Outcome<&'static str, String, &'static str>;

/// `good` names the inputs that are answered right.
async fn run(world: &World, good: &'static [&'static str]) -> Ran {
    let cases = ["a", "b", "c", "d"].map(|input| Case::new(input).expected("right").id(input));
    Eval::new("project")
        .experiment_name("run")
        .data(cases)
        .try_task(async move |input, cx| {
            if *input == "d" {
                return Err("failed on purpose");
            }
            let step = Span::start("step");
            step.log(Event::new().input(&*input).metric("tokens", 7.0));
            step.end();
            cx.set_metadata("seen", &true);
            Ok(if good.contains(&*input) { "right" } else { "wrong" }.to_owned())
        })
        .scorer("exact", |args| args.expected.is_some_and(|expected| expected == args.output))
        .scorer("fragile", |args| if *args.input == "c" { Err("no score") } else { Ok(0.25) })
        .max_concurrency(2)
        .report(Report::Silent)
        .run_with(&world.client)
        .await
        .expect("runs")
}

fn child<'a>(rows: &'a [Value], parent: &Value, name: &str) -> &'a Value {
    let found = rows.iter().find(|row| {
        row["span_parents"] == json!([parent["span_id"]]) && row["span_attributes"]["name"] == name
    });
    found.unwrap_or_else(|| panic!("{name} below {parent}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_of_spans_is_the_one_that_published_clients_make() {
    let world = world().await;
    let outcome = run(&world, &["a"]).await;
    let experiment = outcome.summary.experiment.as_ref().expect("recorded");
    let rows = world.rows(&experiment.id).await;
    assert_eq!(rows.len() as u64, outcome.receipt.rows);
    // Root, task, step and two scorers; the failing case has no step and no scorers.
    assert_eq!(rows.len(), 3 * 5 + 2);
    let root = |input: &str| {
        let mut roots = rows.iter().filter(|row| row["is_root"] == true);
        roots.find(|row| row["input"] == input).expect("a root")
    };
    let a = root("a");
    assert_eq!(a["span_attributes"], json!({"name": "eval", "type": "eval"}));
    assert_eq!((&a["output"], &a["expected"]), (&json!("right"), &json!("right")));
    assert_eq!(a["metadata"], json!({"case_id": "a", "seen": true}));
    assert!(a["metrics"]["end"].as_f64() >= a["metrics"]["start"].as_f64());
    let task = child(&rows, a, "task");
    assert_eq!(task["span_attributes"]["type"], "task");
    assert_eq!((&task["input"], &task["output"]), (&json!("a"), &json!("right")));
    assert_eq!(child(&rows, task, "step")["metrics"]["tokens"], 7.0);
    let exact = child(&rows, a, "exact");
    assert_eq!(
        exact["span_attributes"],
        json!({"name": "exact", "type": "score", "purpose": "scorer"})
    );
    assert_eq!(exact["scores"], json!({"exact": 1.0}));
    assert_eq!(exact["input"]["output"], "right");
    let c = root("c");
    assert_eq!(c["metadata"]["scorer_errors"], json!({"fragile": "no score"}));
    assert_eq!(child(&rows, c, "fragile")["error"], "no score");
    let d = root("d");
    assert_eq!(d["error"], "failed on purpose");
    assert_eq!(child(&rows, d, "task")["error"], "failed on purpose");
    assert!(d.get("output").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_several_scores_and_error_scores_are_recorded() {
    let world = world().await;
    let outcome = Eval::new("project")
        .data([Case::new("a"), Case::new("b")])
        .try_task(async |input, cx| match cx.metadata().contains_key("attempts") {
            false => Err(TaskError::retryable("busy")),
            true if *input == "b" => Err(TaskError::new("refused")),
            true => Ok(input.len()),
        })
        .scorer("pair", |_args| [("left", 0.25), ("right", 0.75)])
        .scorer("one", |_args| 1.0)
        .retries(1)
        .error_score(0.0)
        .report(Report::Silent)
        .run_with(&world.client)
        .await
        .expect("runs");
    let rows = world.rows(&outcome.summary.experiment.expect("recorded").id).await;
    let root = |input: &str| {
        let mut roots = rows.iter().filter(|row| row["is_root"] == true);
        roots.find(|row| row["input"] == input).expect("a root")
    };
    let (a, b) = (root("a"), root("b"));
    assert_eq!(a["metadata"], json!({"attempts": 2}));
    let task = child(&rows, a, "task");
    assert_eq!(task["metadata"], json!({"attempts": 1, "last_error": "busy"}));
    let pair = child(&rows, a, "pair");
    assert_eq!(pair["scores"], json!({"left": 0.25, "right": 0.75}));
    assert_eq!(pair["output"][1], json!({"name": "right", "score": 0.75}));
    assert_eq!((&b["error"], &b["scores"]), (&json!("refused"), &json!({"pair": 0.0, "one": 0.0})));
    let scores = &outcome.summary.comparison.scores;
    assert_eq!((scores["left"].score, scores["one"].score), (0.25, 0.5));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_with_the_last_run_equals_a_count_by_hand() {
    let world = world().await;
    let first = run(&world, &["a", "b"]).await;
    assert!(first.summary.base.is_none());
    let second = run(&world, &["b", "c"]).await;
    let base = second.summary.base.as_ref().expect("compared");
    assert_eq!(base.name, "run");
    assert_ne!(second.summary.experiment.as_ref().map(|e| e.name.as_str()), Some("run"));
    let exact = &second.summary.comparison.scores["exact"];
    // c got right, a got wrong, b stayed; d has no score in either run.
    assert_eq!((exact.improvements, exact.regressions, exact.diff), (1, 1, Some(0.0)));
    assert!((exact.score - 2.0 / 3.0).abs() < 1e-12);
    let fragile = &second.summary.comparison.scores["fragile"];
    assert_eq!((fragile.score, fragile.improvements, fragile.regressions), (0.25, 0, 0));
    assert_eq!(second.summary.comparison.metrics["tokens"].metric, 7.0);

    // The server's figures are those of the shared function over the stored rows.
    let stored = |outcome: &Ran| outcome.summary.experiment.as_ref().expect("recorded").id.clone();
    let (now, before) = (world.rows(&stored(&second)).await, world.rows(&stored(&first)).await);
    let trials =
        |rows: &[Value]| trials_from_rows(rows.iter().map(|row| row.as_object().expect("a row")));
    let local = compare(&trials(&now), Some(&trials(&before)));
    assert_eq!(local.scores, second.summary.comparison.scores);
}

/// With a concurrency limit the JavaScript client flushes after each case, and the next one waits
/// for the backlog of all.
#[tokio::test(flavor = "multi_thread")]
async fn no_case_waits_for_the_uploads_of_another() {
    const CASES: usize = 20;
    let world = world().await;
    // Connections are accepted by the system, and nobody ever answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client = Client::new(
        Config::default()
            .app_url(world.collector.url())
            .policy(Policy::Block)
            .api_url(format!("http://{}", silent.local_addr().expect("bound")))
            .shutdown_timeout(Duration::ZERO),
    )
    .expect("a client");
    let (begun, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let last = Arc::clone(&all);
    let run = Eval::new("project")
        .data((0..CASES).map(Case::<usize, ()>::new))
        .task(async move |input, _cx| {
            if begun.fetch_add(1, Ordering::Relaxed) + 1 == CASES {
                last.notify_one();
            }
            *input
        })
        .max_concurrency(1)
        .flush_timeout(Duration::from_secs(600))
        .report(Report::Silent)
        .run_with(&client);
    let raced = async {
        // Cancel safety: the run is over for this test either way.
        tokio::select! {
            ran = run => panic!("it ended without an answer to its uploads: {:?}", ran.err()),
            () = all.notified() => {}
        }
    };
    tokio::time::timeout(Duration::from_secs(60), raced).await.expect("every case began");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_uploads_fail_is_an_error_that_keeps_the_results() {
    let world = world().await;
    let client = Client::new(
        Config::default()
            .app_url(world.collector.url())
            .policy(Policy::Block)
            // Registration goes to the collector, uploads to where nothing listens.
            .api_url("http://127.0.0.1:1")
            .shutdown_timeout(Duration::ZERO),
    )
    .expect("a client");
    let error = Eval::new("project")
        .data([Case::new(1)])
        .task(async |input, _cx| *input + 1)
        .flush_timeout(Duration::from_millis(300))
        .report(Report::Silent)
        .run_with(&client)
        .await
        .expect_err("nothing is stored");
    assert!(matches!(&error, EvalError::NotRecorded { .. }), "{error:?}");
    let outcome = error.into_outcome::<i32, i32, ()>().expect("the results");
    assert_eq!(outcome.results[0].output.as_deref(), Some(&2));
    assert_eq!(outcome.receipt.pending, outcome.receipt.accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_says_how_sure_it_is_and_whether_a_difference_is_real() {
    let world = world().await;
    let run = async |right_below: u32| {
        Eval::new("project")
            .data((0..100).map(|number| Case::new(number).expected(true)))
            .task(async move |input, _cx| *input < right_below)
            .scorer("exact", |args| args.expected == Some(args.output))
            .report(Report::Silent)
            .run_with(&world.client)
            .await
            .expect("runs")
            .to_json()
    };
    let first = run(50).await;
    let exact = &first["estimates"]["exact"];
    assert_eq!((&exact["mean"], &exact["cases"]), (&json!(0.5), &json!(100)));
    assert!(exact["interval"]["lower"].as_f64() < Some(0.5), "{exact}");
    assert_eq!(first["comparisons"], json!({}), "there is no base yet");

    let second = run(80).await;
    assert_eq!(second["warnings"], json!([]));
    let exact = &second["comparisons"]["exact"];
    assert_eq!(exact["verdict"], "better");
    assert_eq!((&exact["improved_cases"], &exact["matched_cases"]), (&json!(30), &json!(100)));
    let difference = exact["difference"].as_f64().expect("a number");
    assert!((difference - 0.3).abs() < 1e-12, "{exact}");
    // Durations are those of the spans on both sides, so they match the server's figure.
    let mean = second["metric_estimates"]["duration"]["mean"].as_f64().expect("a number");
    let shown = second["metrics"]["duration"]["metric"].as_f64().expect("a number");
    assert!((mean - shown).abs() <= 1e-9 * shown, "{mean} {shown}");
    assert_eq!(second["metric_comparisons"]["duration"]["matched_cases"], 100);

    let third = run(80).await;
    assert_eq!(third["comparisons"]["exact"]["verdict"], "undecided");
}

#[tokio::test(flavor = "multi_thread")]
async fn evaluations_of_one_name_do_not_replace_each_other() {
    let world = world().await;
    let (a, b, c) =
        tokio::join!(run(&world, &["a"]), run(&world, &["a", "b"]), run(&world, &["a", "b", "c"]));
    let mut names = std::collections::BTreeSet::new();
    for (outcome, right) in [(&a, 1.0), (&b, 2.0), (&c, 3.0)] {
        let experiment = outcome.summary.experiment.as_ref().expect("recorded");
        names.insert(experiment.name.clone());
        let rows = world.rows(&experiment.id).await;
        assert_eq!(rows.len(), 3 * 5 + 2, "its own rows and nothing else");
        assert_eq!(outcome.summary.comparison.scores["exact"].score, right / 3.0);
    }
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn a_program_without_a_runtime_runs_an_evaluation() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime for the collector");
    let world = runtime.block_on(world());
    let eval = || {
        Eval::new("project")
            .data([Case::new(1)])
            .task(async |input, _cx| *input + 1)
            .report(Report::Silent)
    };
    let outcome = eval().run_blocking_with(&world.client).expect("runs");
    assert_eq!(outcome.results[0].output.as_deref(), Some(&2));
    // Inside of a runtime too, where blocking on another one panics.
    let inside = runtime.block_on(async { eval().run_blocking_with(&world.client) });
    assert_eq!(inside.expect("runs").summary.trials, 1);
}

/// Passes everything on, but hangs up on whoever reads rows.
async fn without_reads(server: &str) -> String {
    let server = server.trim_start_matches("http://").to_owned();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let mut connections = tokio::task::JoinSet::new();
    connections.spawn(async move {
        let mut pipes = tokio::task::JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let server = server.clone();
            pipes.spawn(async move { pipe(client, &server).await.ok() });
        }
    });
    connections.detach_all();
    url
}

async fn pipe(client: tokio::net::TcpStream, server: &str) -> std::io::Result<()> {
    let server = tokio::net::TcpStream::connect(server).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = from_client.read(&mut buffer).await?;
            if read == 0 || buffer[..read].starts_with(b"POST /v1/experiment/") {
                return std::io::Result::Ok(());
            }
            to_server.write_all(&buffer[..read]).await?;
        }
    };
    // Cancel safety: either end closes both.
    tokio::select! {
        ended = requests => ended,
        ended = tokio::io::copy(&mut from_server, &mut to_client) => ended.map(|_| ()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_cannot_be_read_costs_the_statistics_and_not_the_run() {
    let mut world = world().await;
    run(&world, &["a"]).await;
    let config = Config::default()
        .app_url(world.collector.url())
        .api_url(without_reads(world.collector.url()).await)
        .policy(Policy::Block);
    world.client = Client::new(config).expect("a client");
    let outcome = run(&world, &["a", "b"]).await;
    let summary = &outcome.summary;
    assert!(summary.comparisons.is_empty() && summary.base.is_some());
    assert_eq!(summary.comparison.scores["exact"].improvements, 1, "the server's own figures stay");
    assert_eq!(summary.estimates["exact"].cases, 3);
    assert!(summary.warnings[0].contains("without statistics"), "{:?}", summary.warnings);
}
