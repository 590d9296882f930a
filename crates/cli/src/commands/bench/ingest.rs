//! `bench ingest`: what the collector takes in, on this machine, durably.

use std::sync::Arc;
use std::time::Duration;

use comfy_table::{Table, presets};
use serde::Serialize;

use super::child::failed;
use super::collector::Collector;
use super::corpus::Corpus;
use super::load::{self, Loaded, Plan, Sample};
use super::{lag, process, upload};
use crate::args::bench::Ingest;
use crate::exit::Failure;
use crate::printer::Printer;

/// The figures of one run; names and units are those of `--json`.
#[derive(Debug, Serialize)]
struct Figures {
    rows: u64,
    merge_rows: u64,
    row_bytes: usize,
    rows_per_request: usize,
    requests: usize,
    connections: usize,
    bytes: u64,
    wall_s: f64,
    rows_per_second: f64,
    /// Of request bodies, in units of 10^6 bytes.
    megabytes_per_second: f64,
    latency_ms: Latency,
    /// Requests that were put off with 429, 503 or 507 and sent again.
    put_off: u64,
    /// The same over parts of the load, in order.
    windows: Vec<Window>,
    /// From the last acknowledgement until everything is found by search; null if not asked for.
    search_lag_s: Option<f64>,
    /// Of the collector; null if it is not ours.
    server_peak_rss_bytes: Option<u64>,
    server_cpu_s: Option<f64>,
    generator_cpu_s: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
}

#[derive(Debug, Serialize)]
struct Window {
    /// Rows of this load acknowledged before.
    rows_before: u64,
    rows_per_second: f64,
    p99_ms: f64,
}

pub(super) async fn run(ingest: &Ingest, printer: &Printer) -> Result<(), Failure> {
    upload::tls();
    let server = match &ingest.api_url {
        Some(_) => None,
        None => Some(Collector::start(ingest.data_dir.as_deref()).await?),
    };
    let url = server.as_ref().map(|server| server.url.clone()).or_else(|| ingest.api_url.clone());
    let plan = Plan {
        url: url.unwrap_or_default(),
        key: ingest.api_key.clone(),
        project: "bench".into(),
        rows: ingest.rows,
        row_bytes: ingest.row_bytes,
        rows_per_request: ingest.rows_per_request,
        cases: ingest.cases,
        merges: ingest.merge_rate,
        rate: Some(ingest.rate).filter(|rate| *rate > 0).map(|rate| rate as f64),
        connections: ingest.connections,
        seed: ingest.seed,
    };
    let corpus = Arc::new(Corpus::new(ingest.seed));
    let before = process::cpu_seconds();
    let loaded = load::run(&plan, &corpus).await.map_err(failed)?;
    let generator_cpu_s = process::cpu_seconds().zip(before).map(|(now, before)| now - before);
    let search_lag_s = match ingest.search_lag {
        true => Some(lag::wait(&plan.url, plan.key.as_deref()).await?.as_secs_f64()),
        false => None,
    };
    let (server_peak_rss_bytes, server_cpu_s) =
        server.as_ref().map_or((None, None), Collector::usage);
    if let Some(server) = server {
        server.stop().await?;
    }
    let figures = Figures {
        search_lag_s,
        server_peak_rss_bytes,
        server_cpu_s,
        generator_cpu_s,
        ..of(&plan, &loaded, ingest.window_rows)
    };
    if ingest.json {
        let text = serde_json::to_string(&figures);
        return printer.data(text.map_err(|error| failed(error.into()))?);
    }
    printer.data(table(&figures))
}

fn of(plan: &Plan, loaded: &Loaded, window_rows: u64) -> Figures {
    let samples = &loaded.samples;
    let wall_s = samples.last().map_or(0.0, |last| last.end.as_secs_f64());
    let rows: u64 = samples.iter().map(|sample| u64::from(sample.rows)).sum();
    let bytes: u64 = samples.iter().map(|sample| u64::from(sample.bytes)).sum();
    Figures {
        rows,
        merge_rows: loaded.merge_rows,
        row_bytes: plan.row_bytes,
        rows_per_request: plan.rows_per_request,
        requests: samples.len(),
        connections: plan.connections,
        bytes,
        wall_s,
        rows_per_second: rows as f64 / wall_s.max(1e-9),
        megabytes_per_second: bytes as f64 / 1e6 / wall_s.max(1e-9),
        latency_ms: Latency {
            p50: quantile_ms(samples, 0.5),
            p99: quantile_ms(samples, 0.99),
            max: quantile_ms(samples, 1.0),
        },
        put_off: loaded.put_off,
        windows: windows(samples, window_rows),
        search_lag_s: None,
        server_peak_rss_bytes: None,
        server_cpu_s: None,
        generator_cpu_s: None,
    }
}

/// The nearest-rank quantile of the latencies; 0 without any.
fn quantile_ms(samples: &[Sample], quantile: f64) -> f64 {
    let mut latencies: Vec<Duration> = samples.iter().map(|sample| sample.latency).collect();
    latencies.sort_unstable();
    let rank = (latencies.len() as f64 * quantile).ceil() as usize;
    let found = latencies.get(rank.saturating_sub(1));
    found.map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
}

/// Cuts the load where at least so many rows are acknowledged; a shorter rest joins the last part.
fn windows(samples: &[Sample], rows: u64) -> Vec<Window> {
    let mut cuts = vec![0];
    let mut inside = 0;
    for (index, sample) in samples.iter().enumerate() {
        inside += u64::from(sample.rows);
        if inside >= rows.max(1) {
            cuts.push(index + 1);
            inside = 0;
        }
    }
    match cuts.len() {
        1 => cuts.push(samples.len()),
        _ => {
            if let Some(last) = cuts.last_mut() {
                *last = samples.len();
            }
        }
    }
    let mut before = 0;
    let parts = cuts.iter().zip(cuts.iter().skip(1));
    parts
        .map(|(&from, &to)| {
            let part = &samples[from..to];
            let count: u64 = part.iter().map(|sample| u64::from(sample.rows)).sum();
            let began = from.checked_sub(1).map_or(Duration::ZERO, |last| samples[last].end);
            let ended = part.last().map_or(began, |last| last.end);
            let took = (ended - began).as_secs_f64().max(1e-9);
            let window = Window {
                rows_before: before,
                rows_per_second: count as f64 / took,
                p99_ms: quantile_ms(part, 0.99),
            };
            before += count;
            window
        })
        .collect()
}

fn table(figures: &Figures) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mib = |bytes: u64| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20));
    let seconds = |value: f64| format!("{value:.2} s");
    let unknown = || "not known".to_owned();
    for (name, value) in [
        ("rows", format!("{}, of them {} deltas", figures.rows, figures.merge_rows)),
        ("requests", format!("{} on {} connections", figures.requests, figures.connections)),
        ("wall time", seconds(figures.wall_s)),
        ("rows per second", format!("{:.0}", figures.rows_per_second)),
        ("bodies", format!("{:.1} MB/s", figures.megabytes_per_second)),
        ("latency p50", format!("{:.1} ms", figures.latency_ms.p50)),
        ("latency p99", format!("{:.1} ms", figures.latency_ms.p99)),
        ("longest", format!("{:.1} ms", figures.latency_ms.max)),
        ("put off", figures.put_off.to_string()),
        ("search lag", figures.search_lag_s.map_or_else(|| "not asked for".into(), seconds)),
        ("collector's memory", figures.server_peak_rss_bytes.map_or_else(unknown, mib)),
        ("collector's CPU", figures.server_cpu_s.map_or_else(unknown, seconds)),
        ("generator's CPU", figures.generator_cpu_s.map_or_else(unknown, seconds)),
    ] {
        table.add_row([name.to_owned(), value]);
    }
    let mut windows = Table::new();
    windows.load_style(presets::NOTHING);
    windows.set_header(["rows before", "rows per second", "p99"]);
    for window in &figures.windows {
        windows.add_row([
            window.rows_before.to_string(),
            format!("{:.0}", window.rows_per_second),
            format!("{:.1} ms", window.p99_ms),
        ]);
    }
    format!("{table}\n\n{windows}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(end_ms: u64, latency_ms: u64) -> Sample {
        Sample {
            end: Duration::from_millis(end_ms),
            latency: Duration::from_millis(latency_ms),
            rows: 10,
            bytes: 100,
        }
    }

    #[test]
    fn windows_cover_everything_once() {
        let samples: Vec<_> = (1..=7).map(|n| sample(n * 100, n)).collect();
        let windows = windows(&samples, 30);
        let starts: Vec<_> = windows.iter().map(|window| window.rows_before).collect();
        assert_eq!(starts, [0, 30]);
        assert!((windows[0].rows_per_second - 100.0).abs() < 1e-6);
        assert!((windows[1].rows_per_second - 100.0).abs() < 1e-6);
        assert!((windows[1].p99_ms - 7.0).abs() < 1e-9);
        assert_eq!(super::windows(&samples, 1_000).len(), 1);
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        let samples: Vec<_> = (1..=100).map(|n| sample(n, n)).collect();
        assert!((quantile_ms(&samples, 0.99) - 99.0).abs() < 1e-9);
        assert!((quantile_ms(&samples, 0.5) - 50.0).abs() < 1e-9);
        assert!((quantile_ms(&[], 0.5)).abs() < 1e-9);
    }
}
