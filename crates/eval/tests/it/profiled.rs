//! The profile of a run beside what the client and the collector say of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tidegate_analysis::profile::Profile;
use tidegate_client::{Event, Span, SpanOptions};
use tidegate_eval::{Case, Eval, EvalError, Report};
use tidegate_model::profile::Cause;

use crate::world::{World, world, world_with};

const CASES: usize = 12;
const FLUSH: Duration = Duration::from_secs(60);

fn read(path: &Path) -> Profile {
    Profile::read(BufReader::new(File::open(path).expect("a file"))).expect("a profile")
}

/// Cases whose task makes two spans; one scorer.
fn eval(path: &Path, payload_bytes: usize) -> Eval<u64, bool, u64> {
    let payload = "x".repeat(payload_bytes);
    Eval::new("profiled")
        .data((0..CASES as u64).map(|number| Case::new(number).expected(number)))
        .task(async move |_, _| {
            for _ in 0..2 {
                let step = Span::start(SpanOptions::new("step").span_type("llm"));
                step.log_async(Event::new().output(&payload)).await;
            }
            true
        })
        .scorer("always", |args| *args.output)
        .max_concurrency(3)
        .report(Report::Silent)
        .profile(path)
}

/// No time is outside of the run, and none goes back.
fn check_times(profile: &Profile) {
    let end = profile.end.expect("an end");
    assert_eq!((end.left_out, end.lost), (0, 0));
    let within = |times: &[u64]| {
        assert!(times.is_sorted(), "{times:?}");
        assert!(times.last() <= Some(&end.at_us), "{times:?} {end:?}");
    };
    profile.spans.iter().for_each(|span| within(&[span.start_us, span.end_us]));
    profile.waits.iter().for_each(|wait| within(&[wait.start_us, wait.end_us]));
    for request in &profile.requests {
        let first_byte = request.first_byte_us.expect("an answer");
        within(&[request.queued_us, request.start_us, first_byte, request.end_us]);
    }
    within(&profile.queue.iter().map(|queue| queue.at_us).collect::<Vec<_>>());
    within(&profile.cpu.iter().map(|cpu| cpu.at_us).collect::<Vec<_>>());
    let produced = end.produced_us.expect("cases have ended");
    within(&[profile.spans.iter().map(|span| span.end_us).max().expect("spans"), produced]);
}

async fn profiled(world: &World, eval: Eval<u64, bool, u64>, path: &Path) -> (Profile, String) {
    let outcome = eval.run_with(&world.client).await.expect("a run");
    assert_eq!(outcome.summary.warnings, [""; 0]);
    let profile = read(path);
    check_times(&profile);
    (profile, outcome.summary.experiment.expect("recorded").id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_10_a_profile_has_every_span_and_every_request_of_a_run() {
    let (world, dir) = (world().await, TempDir::new().expect("a directory"));
    let path = dir.path().join("run.jsonl");
    let eval = eval(&path, 200).experiment_name("one-clock");
    let (profile, id) = profiled(&world, eval, &path).await;

    assert_eq!((&*profile.header.name, profile.header.max_concurrency), ("one-clock", Some(3)));
    assert_eq!((profile.header.lanes, profile.header.budget_bytes), (Some(8), Some(10 << 20)));

    // As many spans of each kind as the collector has rows.
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for span in &profile.spans {
        *kinds.entry(profile.name_of(span.kind).to_owned()).or_default() += 1;
    }
    let mut stored: BTreeMap<String, usize> = BTreeMap::new();
    for row in world.rows(&id).await {
        let kind = row["span_attributes"]["type"].as_str().expect("a type").to_owned();
        *stored.entry(kind).or_default() += 1;
    }
    assert_eq!(kinds, stored);
    assert_eq!(kinds["llm"], 2 * CASES);

    // One root in each trace, which lasts as long as what is below it.
    let mut traces: BTreeMap<u64, Vec<_>> = BTreeMap::new();
    profile.spans.iter().for_each(|span| traces.entry(span.trace).or_default().push(span));
    assert_eq!(traces.keys().copied().collect::<Vec<_>>(), (1..=CASES as u64).collect::<Vec<_>>());
    for spans in traces.values() {
        let roots: Vec<_> = spans.iter().filter(|span| span.root).collect();
        let [root] = roots[..] else { panic!("{spans:?}") };
        assert_eq!(profile.name_of(root.kind), "eval");
        assert!(spans.iter().all(|s| root.start_us <= s.start_us && s.end_us <= root.end_us));
        assert!(spans.iter().all(|span| span.records >= 2 && span.bytes > 100), "{spans:?}");
    }

    // The client keeps the same requests, on the same clock with another zero.
    let requests = world.client.requests();
    assert_eq!(profile.requests.len(), requests.len());
    let mut lines = profile.requests.clone();
    lines.sort_by_key(|line| line.number);
    for (line, request) in lines.iter().zip(&requests) {
        let rows = (request.number, request.lane as u32, request.rows as u32, request.bytes);
        assert_eq!((line.number, line.lane, line.rows, line.bytes), rows);
        assert_eq!((line.sent_bytes, line.status), (request.sent_bytes, request.status));
        let took = request.finished.expect("finished") - request.started;
        let took = u64::try_from(took.as_micros()).expect("short");
        assert!((line.end_us - line.start_us).abs_diff(took) <= 1, "{line:?} {request:?}");
    }
    // Beside rows a body has an envelope; a row that was sent in two pieces repeats its ids.
    let sent: u64 = profile.requests.iter().map(|request| request.bytes).sum();
    let rows: u64 = profile.spans.iter().map(|span| span.bytes).sum();
    assert!(rows < sent && sent < rows + 100 * profile.requests.len() as u64, "{rows} of {sent}");

    let last = profile.queue.last().expect("a line");
    assert_eq!((last.pending_bytes, last.in_flight), (0, 0));
    if cfg!(target_os = "linux") {
        assert!(profile.cpu.len() >= 2, "at the start and at the end");
    }
}

/// Threads enough for the collector beside those that are parked at the gate.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn waits_at_the_gate_are_lines_when_the_budget_is_tiny() {
    let world = world_with(|config| config.budget_bytes(6_000)).await;
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("run.jsonl");
    let (profile, _) = profiled(&world, eval(&path, 2_000), &path).await;
    assert!(!profile.waits.is_empty());
    for wait in &profile.waits {
        assert_eq!(wait.cause, Cause::Gate);
        assert!(wait.trace.is_none_or(|trace| (1..=CASES as u64).contains(&trace)), "{wait:?}");
    }
    assert!(profile.waits.iter().any(|wait| wait.trace.is_some()), "inside of a case");
    assert_eq!(profile.header.budget_bytes, Some(6_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_that_a_task_waits_for_is_a_line_and_the_last_one_of_a_run_is_not() {
    let (world, dir) = (world().await, TempDir::new().expect("a directory"));
    let path = dir.path().join("run.jsonl");
    let client = world.client.clone();
    let eval = Eval::new("flushing")
        .data((0..CASES as u64).map(|number| Case::new(number).expected(number)))
        .task(async move |_, _| client.flush(FLUSH).await.is_ok())
        .scorer("always", |args| *args.output)
        .max_concurrency(3)
        .report(Report::Silent)
        .profile(&path);
    let (profile, _) = profiled(&world, eval, &path).await;
    let mut traces: Vec<_> = profile.waits.iter().map(|wait| wait.trace).collect();
    traces.sort_unstable();
    assert_eq!(traces, (1..=CASES as u64).map(Some).collect::<Vec<_>>());
    let produced = profile.end.and_then(|end| end.produced_us).expect("cases have ended");
    for wait in &profile.waits {
        assert_eq!(wait.cause, Cause::Flush);
        assert!(wait.end_us <= produced, "{wait:?}");
        // The task lasts as long as it waits.
        let task = profile
            .spans
            .iter()
            .find(|span| Some(span.trace) == wait.trace && profile.name_of(span.kind) == "task");
        let task = task.expect("a task");
        assert!(task.start_us <= wait.start_us && wait.end_us <= task.end_us, "{task:?} {wait:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_one_client_have_profiles_of_their_own() {
    let (world, dir) = (world().await, TempDir::new().expect("a directory"));
    let paths = ["a.jsonl", "b.jsonl"].map(|name| dir.path().join(name));
    for path in &paths {
        let (profile, _) = profiled(&world, eval(path, 10), path).await;
        assert_eq!(profile.spans.len(), 5 * CASES);
        assert_eq!(profile.spans.iter().map(|span| span.trace).min(), Some(1));
    }
    // The second profile begins with the second run, and numbers go on.
    let [first, second] = paths.map(|path| read(&path));
    let numbers = |profile: &Profile| profile.requests.iter().map(|r| r.number).max();
    let first_of_second = second.requests.iter().map(|request| request.number).min();
    assert!(numbers(&first) < first_of_second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_written_is_known_before_anything_runs() {
    let (world, dir) = (world().await, TempDir::new().expect("a directory"));
    let missing = dir.path().join("no/such/directory.jsonl");
    let error = eval(&missing, 10).run_with(&world.client).await.expect_err("no file");
    assert!(matches!(error, EvalError::Profile { .. }), "{error:?}");
    assert!(error.to_string().contains("directory.jsonl") && error.hint().contains("directory"));
    assert_eq!(world.client.stats().accepted, 0);
    let without = eval(&dir.path().join("x"), 10).run_without_sending().await;
    assert!(without.expect_err("no client").to_string().contains("run_with"));
    assert!(!dir.path().join("x").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_dropped_leaves_a_profile_up_to_then() {
    let (world, dir) = (world().await, TempDir::new().expect("a directory"));
    let path = dir.path().join("run.jsonl");
    let (reached, mut reaches) = tokio::sync::mpsc::channel(1);
    let eval = Eval::new("dropped")
        .data((0..CASES as u64).map(|number| Case::new(number).expected(number)))
        .task(async move |number, _| {
            if *number == 5 {
                reached.send(()).await.ok();
                std::future::pending::<()>().await;
            }
            true
        })
        .max_concurrency(1)
        .report(Report::Silent)
        .profile(&path);
    {
        let mut run = std::pin::pin!(eval.run_with(&world.client));
        tokio::select! {
            _ = &mut run => panic!("it never ends"),
            _ = reaches.recv() => {}
        }
    }
    let World { client, collector, .. } = world;
    // The task that was under way may end later, and its last records be lost.
    let closed = tokio::task::spawn_blocking(move || client.shutdown(FLUSH).is_ok()).await;
    closed.expect("no panic");
    let profile = read(&path);
    let roots = profile.spans.iter().filter(|span| span.root).count();
    assert!((5..=6).contains(&roots), "{:?}", profile.spans);
    assert_eq!(profile.end.expect("an end").produced_us, None);
    drop(collector);
}
