//! `bench fill`: a collector with much in it, and how long the questions of a page take then.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::{Value, json};

use super::child::failed;
use super::collector::Collector;
use super::corpus::Corpus;
use super::load::{self, Plan, authorized};
use super::rows::ROWS_PER_CASE;
use super::{lag, upload};
use crate::args::bench::Fill;
use crate::clock;
use crate::exit::Failure;
use crate::printer::Printer;

const ROWS_PER_REQUEST: usize = 500;

/// The figures of one run; names and units are those of `--json`.
#[derive(Debug, Serialize)]
struct Figures {
    rows: u64,
    experiments: usize,
    cases_per_experiment: u64,
    fill_s: f64,
    search_lag_s: f64,
    queries: Vec<Query>,
    server_peak_rss_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Query {
    name: &'static str,
    runs: usize,
    first_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
    max_ms: f64,
    answer_bytes: usize,
}

pub(super) async fn run(fill: &Fill, printer: &Printer) -> Result<(), Failure> {
    // Before anything is written: two experiments are compared in the end.
    let each = fill.cases.max(1).saturating_mul(ROWS_PER_CASE as u64);
    if fill.rows <= each {
        let error = anyhow::anyhow!(
            "{} rows do not make a second experiment: one of {} cases takes {each}",
            fill.rows,
            fill.cases
        );
        return Err(Failure::usage(error, "give more --rows or fewer --cases"));
    }
    upload::tls();
    let server = match &fill.api_url {
        Some(_) => None,
        None => Some(Collector::start(fill.data_dir.as_deref()).await?),
    };
    let url = server.as_ref().map(|server| server.url.clone()).or_else(|| fill.api_url.clone());
    let plan = Plan {
        url: url.unwrap_or_default(),
        key: fill.api_key.clone(),
        project: fill.project.clone(),
        rows: fill.rows,
        row_bytes: fill.row_bytes,
        rows_per_request: ROWS_PER_REQUEST,
        cases: fill.cases,
        merges: 0.0,
        rate: None,
        connections: 4,
        seed: fill.seed,
    };
    let corpus = Arc::new(Corpus::new(fill.seed));
    let loaded = load::run(&plan, &corpus).await.map_err(failed)?;
    let search_lag_s = lag::wait(&plan.url, plan.key.as_deref()).await?.as_secs_f64();
    let asked = ask(fill, &plan, &loaded.experiments).await;
    let figures = Figures {
        rows: loaded.samples.iter().map(|sample| u64::from(sample.rows)).sum(),
        experiments: loaded.experiments.len(),
        cases_per_experiment: fill.cases,
        fill_s: loaded.samples.last().map_or(0.0, |last| last.end.as_secs_f64()),
        search_lag_s,
        queries: asked.context("a question was not answered").map_err(failed)?,
        server_peak_rss_bytes: server.as_ref().and_then(|server| server.usage().0),
    };
    if let Some(server) = server {
        server.stop().await?;
    }
    if fill.json {
        let text = serde_json::to_string(&figures);
        return printer.data(text.map_err(|error| failed(error.into()))?);
    }
    printer.data(table(&figures))
}

/// Asks each question as often as wanted, of another experiment each time.
async fn ask(fill: &Fill, plan: &Plan, experiments: &[String]) -> anyhow::Result<Vec<Query>> {
    let asker = Asker { client: load::client(1)?, plan, runs: fill.runs };
    ensure!(experiments.len() > 1, "comparing takes two experiments");
    let trace = large_trace(&asker, &experiments[0], fill.trace_spans).await?;
    let details = asker.get(&format!("/v1/experiment/{}", experiments[0])).await?.1;
    let details: Value = serde_json::from_str(&details)?;
    let project = details["project_id"].as_str().context("no project id in the answer")?;
    let at = |run: usize| &experiments[run % experiments.len()];
    let next = |run: usize| &experiments[(run + 1) % experiments.len()];
    Ok(vec![
        asker.ask("projects", |_| "/api/projects".into()).await?,
        asker
            .ask("experiments of the project", |_| format!("/api/projects/{project}/experiments"))
            .await?,
        asker
            .ask("cases of an experiment", |run| {
                format!("/api/objects/experiment/{}/cases", at(run))
            })
            .await?,
        asker
            .ask("cases by score", |run| {
                format!("/api/objects/experiment/{}/cases?sort=score:quality&order=asc", at(run))
            })
            .await?,
        asker
            .ask("a large trace", |_| {
                format!("/api/objects/experiment/{}/trace?root_span_id={trace}", experiments[0])
            })
            .await?,
        asker
            .ask("comparison of two experiments", |run| {
                format!(
                    "/experiment-comparison2?experiment_id={}&base_experiment_id={}",
                    at(run),
                    next(run)
                )
            })
            .await?,
        asker
            .ask("comparison by case", |run| {
                format!("/api/compare?experiment_id={}&base_experiment_id={}", at(run), next(run))
            })
            .await?,
        asker
            .ask("full-text search", |run| {
                format!("/api/search?q={}&project_id={project}", fill_word(run))
            })
            .await?,
    ])
}

/// Words of the corpus' syllables: some are frequent, some do not occur.
fn fill_word(run: usize) -> &'static str {
    ["ba", "stai", "prond", "trea", "vouck", "cha", "li", "gen"][run % 8]
}

/// Adds a trace with many spans and returns its id.
async fn large_trace(asker: &Asker<'_>, experiment: &str, spans: usize) -> anyhow::Result<String> {
    let trace = "7e57".repeat(8);
    let rows: Vec<Value> = (0..spans)
        .map(|span| {
            let parents =
                if span == 0 { json!(null) } else { json!([format!("{:016x}", (span - 1) / 8)]) };
            json!({
                "id": format!("large-{span}"), "experiment_id": experiment,
                "span_id": format!("{span:016x}"), "root_span_id": trace, "span_parents": parents,
                "input": {"step": span}, "output": "x".repeat(400),
                "span_attributes": {"name": "step", "type": "function"},
                "metrics": {"start": 1_795_000_000 + span, "end": 1_795_000_001 + span},
            })
        })
        .collect();
    let body = json!({"rows": rows, "api_version": 2}).to_string();
    let request = authorized(
        asker.client.post(format!("{}/logs3", asker.plan.url)),
        asker.plan.key.as_deref(),
    );
    request.body(body).send().await?.error_for_status()?;
    lag::wait(&asker.plan.url, asker.plan.key.as_deref())
        .await
        .map_err(|failure| anyhow::anyhow!("{failure}"))?;
    Ok(trace)
}

struct Asker<'a> {
    client: reqwest::Client,
    plan: &'a Plan,
    runs: usize,
}

impl Asker<'_> {
    async fn get(&self, path: &str) -> anyhow::Result<(Duration, String)> {
        let began = clock::now();
        let url = format!("{}{path}", self.plan.url);
        let reply = authorized(self.client.get(url), self.plan.key.as_deref()).send().await?;
        let status = reply.status();
        let text = reply.text().await?;
        if !status.is_success() {
            bail!("{path} was answered {status}: {text}");
        }
        Ok((clock::now().duration_since(began), text))
    }

    async fn ask(
        &self,
        name: &'static str,
        path: impl Fn(usize) -> String,
    ) -> anyhow::Result<Query> {
        let mut times = Vec::with_capacity(self.runs);
        let mut answer_bytes = 0;
        for run in 0..self.runs {
            let (took, text) = self.get(&path(run)).await?;
            times.push(took.as_secs_f64() * 1e3);
            answer_bytes = answer_bytes.max(text.len());
        }
        let first_ms = times.first().copied().unwrap_or_default();
        times.sort_unstable_by(f64::total_cmp);
        let rank = |quantile: f64| {
            let rank = (times.len() as f64 * quantile).ceil() as usize;
            times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        let (p50_ms, p95_ms, max_ms) = (rank(0.5), rank(0.95), rank(1.0));
        Ok(Query { name, runs: self.runs, first_ms, p50_ms, p95_ms, max_ms, answer_bytes })
    }
}

fn table(figures: &Figures) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["question", "first", "p50", "p95", "longest", "answer"]);
    for query in &figures.queries {
        let ms = |value: f64| format!("{value:.1} ms");
        table.add_row([
            query.name.to_owned(),
            ms(query.first_ms),
            ms(query.p50_ms),
            ms(query.p95_ms),
            ms(query.max_ms),
            format!("{:.1} KB", query.answer_bytes as f64 / 1e3),
        ]);
    }
    let mib = figures.server_peak_rss_bytes.map(|bytes| bytes >> 20);
    let memory = mib.map_or_else(|| "not known".to_owned(), |mib| format!("{mib} MiB"));
    format!(
        "{} rows in {} experiments took {:.1} s; search was {:.1} s behind; the collector's memory \
         peaked at {memory}\n\n{table}",
        figures.rows, figures.experiments, figures.fill_s, figures.search_lag_s
    )
}
