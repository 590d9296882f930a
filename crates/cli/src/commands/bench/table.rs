//! Several runs, side by side.

mod idle;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use super::child::{arguments, command, failed};
use super::figures::Figures;
use crate::args::bench::Upload;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::profiles;

/// One row of the table: what it is called, how it is run, and what was published for it.
struct Variant {
    name: &'static str,
    arguments: &'static [&'static str],
    /// Wall time in seconds and number of requests.
    published: Option<(f64, usize)>,
    /// Has a profile, and perhaps a published share of idle processor time.
    idle: Option<idle::Published>,
}

const FLUSH: &str = "--flush-every-task";
const SERIAL: &str = "--strategy=serial-chunks";
const FIXED: &str = "--strategy=fixed-batches";

/// Three versions and eight attempts at a fix, as the pull request of the fix reports them
/// (braintrust-sdk-javascript #1459), and this SDK.
const SEED: [Variant; 12] = [
    Variant {
        name: "0.4.10",
        arguments: &[FIXED],
        published: Some((2.0, 6)),
        idle: Some(Some("89.0 % of 2.2 s")),
    },
    Variant {
        name: "3.2.0",
        arguments: &[SERIAL, FLUSH],
        published: Some((17.9, 50)),
        idle: Some(Some("97.1 % of 18.0 s")),
    },
    Variant {
        name: "the fix",
        arguments: &[FIXED],
        published: Some((2.1, 6)),
        idle: Some(Some("93.6 % of 7.0 s (an intermediate fix)")),
    },
    Variant {
        name: "parallel chunks",
        arguments: &[SERIAL, FLUSH, "--parallel-chunks"],
        published: Some((6.6, 50)),
        idle: None,
    },
    Variant {
        name: "chunks of 100",
        arguments: &[SERIAL, FLUSH, "--chunk=100"],
        published: Some((6.8, 20)),
        idle: None,
    },
    Variant {
        name: "no chunks",
        arguments: &[SERIAL, FLUSH, "--chunk=0"],
        published: Some((8.8, 20)),
        idle: None,
    },
    Variant {
        name: "yield before the drain",
        arguments: &[SERIAL, FLUSH, "--drain-delay=yield"],
        published: Some((8.4, 50)),
        idle: None,
    },
    Variant {
        name: "0 ms timer before the drain",
        arguments: &[SERIAL, FLUSH, "--drain-delay=0ms"],
        published: Some((10.0, 41)),
        idle: None,
    },
    Variant {
        name: "flush per 100 items",
        arguments: &[FIXED, "--flush-every-items=100"],
        published: Some((5.0, 10)),
        idle: None,
    },
    Variant {
        name: "flush per 500 items",
        arguments: &[FIXED, "--flush-every-items=500"],
        published: Some((2.6, 7)),
        idle: None,
    },
    Variant {
        name: "flush per 1000 items",
        arguments: &[FIXED, "--flush-every-items=1000"],
        published: Some((1.9, 6)),
        idle: None,
    },
    Variant {
        name: "tidegate",
        arguments: &["--strategy=adaptive"],
        published: None,
        idle: Some(None),
    },
];

pub(super) async fn run(upload: &Upload, printer: &Printer) -> Result<(), Failure> {
    let mut idle = idle::Idle::begin(upload)?;
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header([
        "variant",
        "wall s",
        "published",
        "requests",
        "published",
        "pairs",
        "in flight",
        "rows",
    ]);
    for variant in &SEED {
        printer.say(format_args!("running {}", variant.name));
        let profiled = idle.profiled(upload, variant);
        let runs = children(&profiled, variant.arguments).await?;
        let middle = &runs[runs.len() / 2];
        idle.add(upload, variant, middle);
        let (wall, requests) = match variant.published {
            Some((wall, requests)) => (format!("{wall:.1}"), requests.to_string()),
            None => ("".to_owned(), "".to_owned()),
        };
        let measured = match (runs.first(), runs.last()) {
            (Some(low), Some(high)) if runs.len() > 1 => {
                format!("{:.2} ({:.2}–{:.2})", middle.wall_s, low.wall_s, high.wall_s)
            }
            _ => format!("{:.2}", middle.wall_s),
        };
        table.add_row([
            variant.name.to_owned(),
            measured,
            wall,
            middle.requests.to_string(),
            requests,
            middle.overlapping_pairs.to_string(),
            middle.peak_in_flight.to_string(),
            middle.rows_sent.to_string(),
        ]);
    }
    printer.data(table)?;
    printer.data(NOTES)?;
    idle.print(printer)
}

const NOTES: &str = "\
Published: braintrust-sdk-javascript #1459, against the hosted service, whose latency is not
known; here each upload takes the base plus the time per row. Where the two differ:
- \"chunks of 100\" and \"no chunks\" are the same run here: four cases queue 88 events, which is
  less than one chunk. Published they differ by 2 s at the same number of requests.
- \"flush per 100 items\" makes fewer requests: the four cases of a round end together here, after 88
  events, so that a flush comes with every second round; published it came about every 100 events.
- The two delays are emulated on top of serial chunks. What else those attempts changed is not
  published; a yield leaves 50 serial requests, which cannot take 8.4 s at this latency.";

/// Runs `--runs` times in processes of their own and prints all, and the one in the middle.
pub(super) async fn repeat(upload: &Upload, printer: &Printer) -> Result<(), Failure> {
    super::upload::check(upload)?;
    let runs = children(upload, &own_arguments(upload)).await?;
    let middle = &runs[runs.len() / 2];
    if upload.json {
        return printer.data(json!({"median": middle, "runs": runs}));
    }
    for run in &runs {
        printer.data(one_line(run))?;
    }
    printer.data(one(middle))
}

fn own_arguments(upload: &Upload) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    let name = super::upload::name(upload);
    let mut words = name.split(' ');
    if let Some(strategy) = words.next() {
        arguments.push(format!("--strategy={strategy}"));
    }
    arguments.extend(words.map(str::to_owned));
    arguments.extend(upload.drain_delay.map(|delay| match delay {
        crate::args::bench::DrainDelay::Yield => "--drain-delay=yield".to_owned(),
        crate::args::bench::DrainDelay::Timer => "--drain-delay=0ms".to_owned(),
    }));
    arguments
}

/// Runs in child processes, sorted by wall time.
pub(super) async fn children<S: AsRef<str>>(
    upload: &Upload,
    more: &[S],
) -> Result<Vec<Figures>, Failure> {
    let workload = &upload.workload;
    let mut runs = Vec::new();
    for run in 1..=upload.runs {
        let mut command = command()?;
        command.args(["bench", "upload", "--json"]);
        if let Some(path) = &upload.profile {
            command.arg("--profile").arg(profiles::numbered(path, run, upload.runs));
        }
        command.args(more.iter().map(AsRef::as_ref));
        command.arg(format!("--cases={}", workload.cases));
        command.arg(format!("--spans={}", workload.spans));
        command.arg(format!("--payload-bytes={}", workload.payload_bytes));
        command.arg(format!("--max-concurrency={}", workload.max_concurrency));
        command.arg(format!("--task-time={}us", workload.task_time.as_secs_f64() * 1e6));
        match &upload.api_url {
            Some(url) => command.arg(format!("--api-url={url}")),
            None => command.args(arguments(&upload.latency)),
        };
        if let Some(key) = &upload.api_key {
            command.env("BRAINTRUST_API_KEY", key);
        }
        let output = command.stderr(std::process::Stdio::inherit()).output().await?;
        if !output.status.success() {
            return Err(failed(anyhow::anyhow!("a run failed ({})", output.status)));
        }
        let figures = serde_json::from_slice(&output.stdout);
        runs.push(figures.map_err(|error| failed(anyhow::Error::new(error)))?);
    }
    runs.sort_by(|a: &Figures, b: &Figures| a.wall_s.total_cmp(&b.wall_s));
    Ok(runs)
}

fn one_line(figures: &Figures) -> String {
    let ratio = figures.ratio_to_bound.map(|ratio| format!(", {ratio:.3} × bound"));
    format!(
        "{:.3} s{}, {} requests, {} rows",
        figures.wall_s,
        ratio.unwrap_or_default(),
        figures.requests,
        figures.rows_sent
    )
}

/// The figures of one run for a person.
pub(super) fn one(figures: &Figures) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let optional = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "not known".to_owned(), |value| format!("{value:.3}{unit}"))
    };
    let mib = figures.peak_rss_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20));
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("strategy", figures.strategy.clone());
    row("wall time", format!("{:.3} s", figures.wall_s));
    row("lower bound", optional(figures.lower_bound_s, " s"));
    row("ratio to the bound", optional(figures.ratio_to_bound, ""));
    row("producing took", format!("{:.3} s", figures.produce_s));
    row("requests", figures.requests.to_string());
    row("summed request time", format!("{:.3} s", figures.cumulative_request_s));
    row("overlapping pairs", figures.overlapping_pairs.to_string());
    row("most in flight", figures.peak_in_flight.to_string());
    row("mean idle gap", format!("{:.1} ms", figures.idle_gap_ms_mean));
    row("rows sent", figures.rows_sent.to_string());
    row("bytes sent", figures.bytes_sent.to_string());
    row("CPU", optional(figures.cpu_s, " s"));
    row("CPU idle", optional(figures.cpu_idle_ratio.map(|ratio| ratio * 100.0), " %"));
    row("peak memory", optional(mib, " MiB"));
    if let Some(server) = &figures.server {
        row("rows stored", format!("{} ({} complete)", server.rows_stored, server.rows_complete));
    }
    row("receipt", figures.receipt.to_string());
    table
}
