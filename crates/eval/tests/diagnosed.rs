//! What the analysis finds in profiles of running evaluations: not uploads, but their own work.
//!
//! A program of its own, one test at a time: the processor time of a profile is that of the process,
//! and other tests in it would count as the work of the run.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tidegate_analysis::explain::explain;
use tidegate_analysis::profile::Profile;
use tidegate_client::{Span, SpanOptions};
use tidegate_eval::{Case, Eval, Report};
use tokio::sync::Mutex;
use tokio::time::Instant;

use world::{World, world};

#[path = "it/world.rs"]
#[expect(dead_code, reason = "most of it serves the other tests")]
mod world;

static ALONE: Mutex<()> = Mutex::const_new(());

async fn causes(world: &World, eval: Eval<u64, bool, u64>, path: &Path) -> Vec<&'static str> {
    let eval = eval.max_concurrency(2).report(Report::Silent).profile(path);
    eval.run_with(&world.client).await.expect("a run");
    let file = BufReader::new(File::open(path).expect("a file"));
    let explained = explain(&Profile::read(file).expect("a profile"));
    explained.diagnosis.iter().map(|finding| finding.cause.id()).collect()
}

fn cases() -> impl Iterator<Item = Case<u64, u64>> + Send {
    (0..10).map(|number| Case::new(number).expected(number))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_provider_is_what_a_run_waits_for() {
    let _alone = ALONE.lock().await;
    let (world, dir) = (world().await, TempDir::new().expect("a directory"));
    let eval = Eval::new("diagnosed")
        .data(cases())
        .task(async |_, _| {
            let _call = Span::start(SpanOptions::new("chat").span_type("llm"));
            tokio::time::sleep(Duration::from_millis(200)).await;
            true
        })
        .scorer("always", |args| *args.output);
    assert_eq!(causes(&world, eval, &dir.path().join("run.jsonl")).await, ["provider_bound"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scorer_that_computes_is_what_a_run_waits_for() {
    let _alone = ALONE.lock().await;
    let (world, dir) = (world().await, TempDir::new().expect("a directory"));
    let eval = Eval::new("diagnosed").data(cases()).task(async |_, _| true);
    let eval = eval.scorer("spins", |_| {
        let began = Instant::now();
        let mut sum = 0_u64;
        while began.elapsed() < Duration::from_millis(200) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        sum != 1
    });
    assert_eq!(causes(&world, eval, &dir.path().join("run.jsonl")).await, ["cpu_bound"]);
}
