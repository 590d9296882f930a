//! What the runner itself costs: cases that do next to nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use comfy_table::{Table, presets};
use serde::Serialize;
use tidegate_client::{Client, Receipt};
use tidegate_eval::{Case, Cells, Eval, EvalError, Outcome, Report};
use tokio::runtime::Runtime;

use super::child::{ModelServer, failed};
use super::workload::{FLUSH, config};
use super::{process, upload};
use crate::args::bench::Runner;
use crate::clock;
use crate::exit::Failure;
use crate::printer::Printer;

/// The figures of one run; names and units are those of `--json`.
#[derive(Debug, Serialize)]
struct Figures {
    /// From the call until it returned: the cases, the flush and the summary.
    wall_s: f64,
    /// From the first case to the last result.
    cases_s: f64,
    cases: usize,
    cases_per_second: f64,
    scorers: usize,
    cpu_s: Option<f64>,
    /// With the results of all cases in memory.
    peak_rss_bytes: Option<u64>,
    /// All zero without sending.
    receipt: Receipt,
    /// Means by scorer, so that nobody can leave the scorers out.
    scores: BTreeMap<String, f64>,
}

pub(super) fn run(runner: &Runner, printer: &Printer, runtime: &Runtime) -> Result<(), Failure> {
    upload::tls();
    let server = match (&runner.api_url, runner.no_send_logs) {
        (None, false) => Some(runtime.block_on(ModelServer::start(&runner.latency))?),
        _ => None,
    };
    let url = runner.api_url.clone().or_else(|| server.as_ref().map(|server| server.url.clone()));
    let before = process::cpu_seconds();
    let started = clock::now();
    let outcome = runtime.block_on(evaluate(runner, url.as_deref()))?;
    let wall_s = started.elapsed().as_secs_f64();
    let cases_s = outcome.summary.duration.as_secs_f64();
    let figures = Figures {
        wall_s,
        cases_s,
        cases: outcome.results.len(),
        cases_per_second: outcome.results.len() as f64 / cases_s.max(1e-9),
        scorers: runner.scorers,
        cpu_s: process::cpu_seconds().zip(before).map(|(now, before)| now - before),
        peak_rss_bytes: process::peak_rss_bytes(),
        receipt: outcome.receipt.clone(),
        scores: means(&outcome),
    };
    if let Some(server) = server {
        runtime.block_on(server.stop());
    }
    if runner.json {
        let text = serde_json::to_string(&figures);
        return printer.data(text.map_err(|error| failed(error.into()))?);
    }
    printer.data(table(&figures))
}

async fn evaluate(runner: &Runner, url: Option<&str>) -> Result<Outcome<u64, u64, u64>, Failure> {
    let task_time = runner.task_time;
    let mut eval = Eval::new("bench")
        .data((0..runner.cases as u64).map(|case| Case::new(case).expected(case)))
        .task(async move |input: Arc<u64>, _| {
            if !task_time.is_zero() {
                tokio::time::sleep(task_time).await;
            }
            *input
        })
        .max_concurrency(runner.max_concurrency)
        .flush_timeout(FLUSH)
        .report(Report::Silent);
    for scorer in 0..runner.scorers {
        eval = eval.scorer(format!("equal_{scorer}"), |args| args.expected == Some(args.output));
    }
    if let Some(dir) = &runner.cells {
        // Named versions, so that hashing the program is no part of the figures.
        eval = eval.cells(Cells::new(dir)).task_version("bench");
        for scorer in 0..runner.scorers {
            eval = eval.scorer_version(format!("equal_{scorer}"), "bench");
        }
    }
    let outcome = match url {
        None => eval.run_without_sending().await,
        Some(url) => {
            let client = Client::new(config(url, runner.api_key.as_deref()))?;
            eval.run_with(&client).await
        }
    };
    outcome.map_err(|error: EvalError| failed(error.into()))
}

/// Of the results themselves: the built-in server computes no summary.
fn means(outcome: &Outcome<u64, u64, u64>) -> BTreeMap<String, f64> {
    let mut means = BTreeMap::new();
    for (name, score) in outcome.results.iter().flat_map(|result| &result.scores) {
        *means.entry(name.to_owned()).or_default() += score.unwrap_or(0.0);
    }
    means.values_mut().for_each(|sum| *sum /= outcome.results.len().max(1) as f64);
    means
}

fn table(figures: &Figures) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mib = figures.peak_rss_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20));
    let optional = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "not known".to_owned(), |value| format!("{value:.3} {unit}"))
    };
    for (name, value) in [
        ("wall time", format!("{:.3} s", figures.wall_s)),
        ("cases took", format!("{:.3} s", figures.cases_s)),
        ("cases", figures.cases.to_string()),
        ("cases per second", format!("{:.0}", figures.cases_per_second)),
        ("scorers", figures.scorers.to_string()),
        ("CPU", optional(figures.cpu_s, "s")),
        ("peak memory", optional(mib, "MiB")),
        ("rows recorded", figures.receipt.rows.to_string()),
    ] {
        table.add_row([name.to_owned(), value]);
    }
    table
}
