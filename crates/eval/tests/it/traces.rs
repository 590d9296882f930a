//! Scorers that read what the task has recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_client::{Client, Config, Event, Policy, Span, SpanOptions};
use tidegate_eval::{Case, Eval, Outcome, Report, TaskError, Trace};
use tidegate_testkit::{Answer, ScriptedServer};
use tokio::sync::Notify;

use crate::world::world;

const CASES: u32 = 3;

/// Calls a model and a tool: one in a task of its own, one on a thread.
async fn agent(input: u32) -> u32 {
    let plan = Span::start(SpanOptions::new("plan").span_type("llm"));
    plan.log(Event::new().input(&input).output(&(input * 10)).metric("tokens", 5.0));
    plan.end();
    let span = Span::current().expect("the span of the task");
    let inside = span.clone();
    let spawned = tokio::task::spawn_blocking(move || {
        let tool = inside.child(SpanOptions::new("search").span_type("tool"));
        tool.in_scope(|| {
            let call = Span::start(SpanOptions::new("answer").span_type("llm"));
            call.log(Event::new().output(&(input * 100)).metric("tokens", 7.0));
        });
    });
    spawned.await.expect("a thread");
    span.scope(async { Span::start("check").log(Event::new().error("odd")) }).await;
    input * 2
}

/// What a scorer finds wrong in the trace of this input.
fn wrong(trace: Option<&Trace>, input: u32) -> Result<bool, String> {
    let trace = trace.ok_or("there is no trace")?;
    let names: Vec<_> = trace.spans().iter().map(|span| span.name().to_owned()).collect();
    let outputs: Vec<_> = trace.spans_of_type("llm").map(|span| span.output()).collect();
    let task = &trace.spans()[0];
    let search = trace.spans_named("search").next().ok_or("no tool")?;
    let below: Vec<_> = trace.children(search.span_id()).map(|span| span.name()).collect();
    let right = names == ["task", "plan", "search", "answer", "check"]
        && outputs == [Some(json!(input * 10)), Some(json!(input * 100))]
        && (task.input(), task.output()) == (Some(json!(input)), Some(json!(input * 2)))
        && task.metric("estimated_cost") == Some(0.5)
        && search.parent_id() == Some(task.span_id())
        && below == ["answer"]
        && trace.spans()[4].error().as_deref() == Some("odd")
        && trace.spans().iter().all(|span| span.duration().is_some())
        && trace.total("tokens") == Some(12.0)
        && !trace.is_truncated();
    if right { Ok(true) } else { Err(trace.to_json().to_string()) }
}

fn eval(keep: bool) -> Eval<u32, u32, ()> {
    Eval::new("project")
        .data((0..CASES).map(Case::new))
        .task(async |input, cx| {
            cx.add_metric("estimated_cost", 0.5);
            agent(*input).await
        })
        .scorer("now", move |args| match keep {
            true => wrong(args.trace, *args.input),
            false => Ok(args.trace.is_none()),
        })
        .scorer_async("later", async move |args| match keep {
            true => wrong(args.trace.as_deref(), *args.input),
            false => Ok(args.trace.is_none()),
        })
        .keep_trace(keep)
        .report(Report::Silent)
}

fn check(outcome: &Outcome<u32, u32, ()>) {
    assert_eq!(outcome.results.len(), CASES as usize);
    for result in &outcome.results {
        assert!(result.scorer_errors.is_empty(), "{:?}", result.scorer_errors);
        assert_eq!((result.scores["now"], result.scores["later"]), (Some(1.0), Some(1.0)));
    }
}

/// Passes everything on, so that all requests are seen, those of the API too.
fn observed(server: &str) -> ScriptedServer {
    let server = server.to_owned();
    ScriptedServer::start(move |_, request| {
        let (method, path) = request.line.split_once(' ').expect("a request line");
        let path = path.to_owned();
        let reply = match method {
            "GET" => tidegate_testkit::get(&server, &path),
            _ => {
                let headers = ["content-type: application/json"];
                let body = request.body.to_string();
                tidegate_testkit::post(&server, &path, &headers, &body).expect("an answer")
            }
        };
        Answer::Text(reply.status, "content-type: application/json\r\n".to_owned(), reply.text)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scorer_reads_the_trace_of_its_case_without_a_query_per_case() {
    let mut runs = Vec::new();
    for keep in [false, true] {
        // A collector for each, so that neither run has a base to read back.
        let world = world().await;
        let server = observed(world.collector.url());
        let config = Config::default().app_url(server.url()).api_url(server.url());
        let client = Client::new(config.policy(Policy::Block)).expect("a client");
        let outcome = eval(keep).run_with(&client).await.expect("runs");
        check(&outcome);
        // Keeping takes nothing away from what is sent: root, task, four spans and two scorers.
        let rows = world.rows(&outcome.summary.experiment.expect("recorded").id).await;
        assert_eq!(rows.len(), CASES as usize * 8);
        let (uploads, mut others): (Vec<String>, Vec<_>) = server
            .requests()
            .into_iter()
            .map(|request| request.line.split('?').next().unwrap_or_default().to_owned())
            .partition(|line| line == "POST /logs3");
        assert_eq!(uploads.len(), client.requests().len());
        others.sort();
        runs.push(others);
    }
    assert!(runs[0].len() > 3, "{runs:?}");
    assert_eq!(runs[0], runs[1], "scorers that read traces ask the server for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_there_while_no_upload_is_answered() {
    let world = world().await;
    // Connections are accepted by the system, and nobody ever answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let config = Config::default()
        .app_url(world.collector.url())
        .api_url(format!("http://{}", silent.local_addr().expect("bound")))
        .policy(Policy::Block)
        .shutdown_timeout(Duration::ZERO);
    let client = Client::new(config).expect("a client");
    let (seen, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let last = Arc::clone(&all);
    let run = eval(true)
        .scorer("counted", move |args| {
            let right = wrong(args.trace, *args.input)?;
            if seen.fetch_add(1, Ordering::Relaxed) + 1 == CASES as usize {
                last.notify_one();
            }
            Ok::<_, String>(right)
        })
        .flush_timeout(Duration::from_secs(600))
        .run_with(&client);
    let raced = async {
        // Cancel safety: the run is over for this test either way.
        tokio::select! {
            ran = run => panic!("it ended without an answer to its uploads: {:?}", ran.err()),
            () = all.notified() => {}
        }
    };
    tokio::time::timeout(Duration::from_secs(60), raced).await.expect("every trace was read");
}

#[tokio::test]
async fn without_sending_a_scorer_reads_the_same_trace() {
    check(&eval(true).run_without_sending().await.expect("runs"));
}

#[tokio::test]
async fn without_keeping_nothing_is_recorded_and_scorers_have_no_trace() {
    check(&eval(false).run_without_sending().await.expect("runs"));
    let outcome = Eval::new("p")
        .data([Case::<u32, ()>::new(1)])
        .task(async |_input, cx| (cx.span().is_recording(), Span::start("s").is_recording()))
        .scorer("off", |args| *args.output == (false, false))
        .report(Report::Silent);
    let outcome = outcome.run_without_sending().await.expect("runs");
    assert_eq!(outcome.results[0].scores["off"], Some(1.0));
}

#[tokio::test]
async fn a_trace_larger_than_its_bound_says_so_and_the_next_one_is_whole() {
    let outcome = Eval::new("p")
        .data([Case::<u32, ()>::new(0), Case::new(1)])
        .task(async |input, _cx| {
            // The first one records 8 MiB.
            let bytes = if *input == 0 { 1 << 20 } else { 10 };
            for _ in 0..8 {
                let call = Span::start("call");
                call.log(Event::new().output(&"x".repeat(bytes)));
            }
            *input
        })
        .scorer("truncated", |args| {
            let trace = args.trace.expect("kept");
            let kept = trace.spans_named("call").filter_map(|span| span.output());
            let bytes: usize = kept.map(|text| text.as_str().map_or(0, str::len)).sum();
            (trace.is_truncated(), trace.spans().len(), bytes)
                == match *args.input {
                    0 => (true, 9, 3 << 20),
                    _ => (false, 9, 80),
                }
        })
        .keep_trace(true)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    for result in &outcome.results {
        assert_eq!(result.scores["truncated"], Some(1.0), "{}", result.input);
    }
}

#[tokio::test(start_paused = true)]
async fn a_trace_has_all_tries_and_nothing_that_comes_after_the_task() {
    let late = Arc::new(Notify::new());
    let (goes_on, done) = (Arc::clone(&late), Arc::new(Notify::new()));
    let written = Arc::clone(&done);
    let outcome = Eval::new("p")
        .data([Case::<u32, ()>::new(1)])
        .try_task(async move |_input, cx| {
            Span::start("try").end();
            if !cx.metadata().contains_key("attempts") {
                return Err(TaskError::retryable("busy"));
            }
            let span = cx.span().clone();
            let background = async move {
                goes_on.notified().await;
                span.child("late").end();
                written.notify_one();
            };
            #[expect(clippy::disallowed_methods, reason = "it is to outlive the task")]
            drop(tokio::spawn(background));
            Ok(())
        })
        .retries(1)
        .scorer_async("tries", async move |args| {
            late.notify_one();
            done.notified().await;
            let trace = args.trace.expect("kept");
            let names: Vec<_> = trace.spans().iter().map(|span| span.name()).collect();
            let metadata = Value::Object(trace.spans()[0].metadata());
            names == ["task", "try", "try"] && metadata["last_error"] == "busy"
        })
        .keep_trace(true)
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    let result = &outcome.results[0];
    assert_eq!(result.scores["tries"], Some(1.0), "{:?}", result.scorer_errors);
}
