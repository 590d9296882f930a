//! Arguments of `tidegate bench`.

mod store;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

pub(crate) use store::{Fill, Ingest};

use super::time::duration;

#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Measures a whole run: cases, spans, uploads, flush.
    #[command(after_help = UPLOAD_EXAMPLES)]
    Upload(Upload),
    /// Measures what recording costs the thread that records.
    #[command(after_help = LOG_EXAMPLES)]
    #[command(mut_arg("base", |base| base.default_value("25ms")))]
    #[command(mut_arg("per_row", |per_row| per_row.default_value("0.01ms")))]
    Log(Log),
    /// Measures the runner: cases that do next to nothing.
    #[command(after_help = EVAL_EXAMPLES)]
    #[command(mut_arg("base", |base| base.default_value("0ms")))]
    #[command(mut_arg("per_row", |per_row| per_row.default_value("0ms")))]
    Eval(Runner),
    /// Measures what the collector takes in, durably.
    #[command(after_help = store::INGEST_EXAMPLES)]
    Ingest(Ingest),
    /// Fills a collector and measures the questions that people ask it.
    #[command(after_help = store::FILL_EXAMPLES)]
    Fill(Fill),
    /// The server that `bench upload` starts as a child process.
    #[command(hide = true)]
    Model(Model),
}

const UPLOAD_EXAMPLES: &str = "\
Examples:
  tidegate bench upload
  tidegate bench upload --cases 5000 --per-row 0.2ms --runs 5
  tidegate bench upload --strategy serial-chunks --flush-every-task
  tidegate bench upload --strategy serial-chunks --flush-every-task --profile broken.jsonl
  tidegate bench upload --table seed --profile-dir profiles
  tidegate bench upload --table overhead --task-time 50ms --per-row 0.2ms --runs 3
  tidegate bench upload --api-url http://127.0.0.1:8787 --json";

const LOG_EXAMPLES: &str = "\
Examples:
  tidegate bench log --rate 10000 --producers 4
  tidegate bench log --rate 10000 --durable --spool-dir /tmp/spool
  tidegate bench log --policy spool --dead-server --spool-dir /tmp/spool --seconds 60";

const EVAL_EXAMPLES: &str = "\
Examples:
  tidegate bench eval --cases 100000 --scorers 2 --no-send-logs
  tidegate bench eval --cases 100000 --scorers 2 --no-send-logs --cells /tmp/bench
  tidegate bench eval --cases 5120 --task-time 100ms --max-concurrency 512 --no-send-logs
  tidegate bench eval --cases 100000 --api-url http://127.0.0.1:8787 --json";

/// How rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strategy {
    /// This SDK.
    Adaptive,
    /// Everything drained at once, in requests of 100 rows, all in parallel (0.4.10 and the fix).
    FixedBatches,
    /// Chunks of 25 queued events, one request after another (3.2.0).
    SerialChunks,
    /// Nothing is recorded: what the same evaluation takes without logging.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Table {
    /// The published figures of the regression beside ours.
    Seed,
    /// The same cases with and without recording, 1, 4, 16 and 64 at once. Give --task-time.
    Overhead,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Workload {
    /// Cases of the evaluation.
    #[arg(long, default_value_t = 40)]
    pub(crate) cases: usize,
    /// Spans that each task makes, besides root, task and scorer.
    #[arg(long, default_value_t = 8)]
    pub(crate) spans: usize,
    /// Bytes of the text in each span's input, and in its output.
    #[arg(long, default_value_t = 128, value_name = "BYTES")]
    pub(crate) payload_bytes: usize,
    /// Cases at once.
    #[arg(long, default_value_t = 4, value_parser = positive)]
    pub(crate) max_concurrency: usize,
    /// How long each task waits besides recording.
    #[arg(long, default_value = "0ms", value_parser = duration, value_name = "TIME")]
    pub(crate) task_time: Duration,
    /// Waits for a flush at the end of each task.
    #[arg(long)]
    pub(crate) flush_every_task: bool,
}

/// How long the built-in server takes, and what goes wrong on the way.
#[derive(Debug, Clone, Args)]
pub(crate) struct Latency {
    /// Fixed time of each upload.
    #[arg(long, default_value = "250ms", value_parser = duration, value_name = "TIME")]
    pub(crate) base: Duration,
    /// Time per row of an upload.
    #[arg(long, default_value = "4ms", value_parser = duration, value_name = "TIME")]
    pub(crate) per_row: Duration,
    /// Bytes per second of each connection; unlimited by default.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) bandwidth: Option<u64>,
    /// Additional time of each upload, random up to this.
    #[arg(long, default_value = "0ms", value_parser = duration, value_name = "TIME")]
    pub(crate) jitter: Duration,
    /// Fraction of uploads answered with 503.
    #[arg(long, default_value_t = 0.0, value_parser = fraction, value_name = "0..1")]
    pub(crate) error_rate: f64,
    /// Fraction of uploads whose connection is closed without an answer.
    #[arg(long, default_value_t = 0.0, value_parser = fraction, value_name = "0..1")]
    pub(crate) drop_rate: f64,
    /// Fraction of uploads answered with 429 and `Retry-After: 1`.
    #[arg(long, default_value_t = 0.0, value_parser = fraction, value_name = "0..1")]
    pub(crate) throttle_rate: f64,
    /// Uploads longer than this are answered with 413.
    #[arg(long, value_name = "BYTES")]
    pub(crate) limit_bytes: Option<usize>,
    /// Seed of everything random here.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Upload {
    #[command(flatten)]
    pub(crate) workload: Workload,
    #[command(flatten)]
    pub(crate) latency: Latency,
    /// How rows are sent.
    #[arg(long, value_enum, default_value = "adaptive")]
    pub(crate) strategy: Strategy,
    /// Queued events per chunk, for the strategies other than adaptive; 0 means no chunks.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) chunk: Option<usize>,
    /// Sends the chunks of a drain at once instead of one after another.
    #[arg(long)]
    pub(crate) parallel_chunks: bool,
    /// Waits for a flush after a task only if this many events were queued since the last one.
    #[arg(long, value_name = "EVENTS", conflicts_with = "flush_every_task")]
    pub(crate) flush_every_items: Option<usize>,
    /// Puts a drain off until the running code has yielded once, or for a timer of 0 ms.
    #[arg(long, value_enum)]
    pub(crate) drain_delay: Option<DrainDelay>,
    /// Sends to this server (app and API origin) instead of the built-in one.
    #[arg(long, value_name = "URL", conflicts_with_all = ["base", "per_row", "bandwidth", "jitter",
        "error_rate", "drop_rate", "throttle_rate", "limit_bytes"])]
    pub(crate) api_url: Option<String>,
    /// Key for that server.
    #[arg(long, env = "BRAINTRUST_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// Repeats the run, each time in a process of its own.
    #[arg(long, default_value_t = 1, value_parser = positive)]
    pub(crate) runs: usize,
    /// Writes what happened when to this file. Of several runs each has a file of its own, with
    /// its number before the extension.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Prints one JSON value on stdout and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
    /// Runs a whole table of strategies.
    #[arg(long, value_enum, conflicts_with_all = ["strategy", "json", "api_url", "profile", "chunk",
        "parallel_chunks", "flush_every_items", "drain_delay", "flush_every_task"])]
    pub(crate) table: Option<Table>,
    /// For the table seed: writes the profiles of the published versions and of this SDK to this
    /// directory, and prints how idle the processor was beside the published shares.
    #[arg(long, value_name = "DIR", requires = "table")]
    pub(crate) profile_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Runner {
    #[command(flatten)]
    pub(crate) latency: Latency,
    /// Cases of the evaluation.
    #[arg(long, default_value_t = 100_000, value_parser = positive)]
    pub(crate) cases: usize,
    /// Scorers of each case.
    #[arg(long, default_value_t = 2)]
    pub(crate) scorers: usize,
    /// How long each task waits.
    #[arg(long, default_value = "0ms", value_parser = duration, value_name = "TIME")]
    pub(crate) task_time: Duration,
    /// Cases at once.
    #[arg(long, default_value_t = 10, value_parser = positive)]
    pub(crate) max_concurrency: usize,
    /// Records nothing.
    #[arg(long, conflicts_with = "api_url")]
    pub(crate) no_send_logs: bool,
    /// Keeps all results in a new run below this data directory, as `tidegate eval` does.
    #[arg(long, value_name = "DIR")]
    pub(crate) cells: Option<std::path::PathBuf>,
    /// Sends to this server (app and API origin) instead of the built-in one.
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Key for that server.
    #[arg(long, env = "BRAINTRUST_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// Prints one JSON value on stdout and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DrainDelay {
    /// One turn of the scheduler, like a microtask.
    Yield,
    /// A timer that fires at once, like `setTimeout(0)`.
    #[value(name = "0ms")]
    Timer,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Model {
    #[command(flatten)]
    pub(crate) latency: Latency,
}

/// What happens when the budget is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogPolicy {
    Block,
    Spool,
    Drop,
}

/// Waking up costs a thread more than recording a span does: caches are cold, and a virtual
/// machine has given its processor away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pace {
    /// Sleeps, as a program that waits for answers; the span is the first thing after waking up.
    Idle,
    /// Is awake for the last 50 µs before, as a program that works.
    Busy,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Log {
    #[command(flatten)]
    pub(crate) latency: Latency,
    /// Spans per second of all producers together; 0 means as fast as they can.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) rate: u64,
    /// Threads that record.
    #[arg(long, default_value_t = 1, value_parser = positive)]
    pub(crate) producers: usize,
    /// What a producer does until its next span is due.
    #[arg(long, value_enum, default_value = "idle")]
    pub(crate) pace: Pace,
    /// Records nothing and only turns the payload into JSON, for comparison.
    #[arg(long)]
    pub(crate) payload_only: bool,
    /// How long to record.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) seconds: u64,
    /// Bytes of the text in each event.
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    pub(crate) payload_bytes: usize,
    /// What happens when the budget is full.
    #[arg(long, value_enum, default_value = "drop")]
    pub(crate) policy: LogPolicy,
    /// Every record is in the spool before `log()` returns.
    #[arg(long, requires = "spool_dir")]
    pub(crate) durable: bool,
    /// Where the spool is.
    #[arg(long, value_name = "DIR")]
    pub(crate) spool_dir: Option<PathBuf>,
    /// Writes what happened when to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Nobody answers for the whole run.
    #[arg(long)]
    pub(crate) dead_server: bool,
    /// Sends to this server instead of the built-in one.
    #[arg(long, value_name = "URL", conflicts_with = "dead_server")]
    pub(crate) api_url: Option<String>,
    /// Most time for the flush at the end.
    #[arg(long, default_value = "60s", value_parser = duration, value_name = "TIME")]
    pub(crate) flush_timeout: Duration,
    /// Prints one JSON value on stdout and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads `250ms`, `0.2ms`, `3s`, `20us`.
fn fraction(text: &str) -> Result<f64, String> {
    let wrong = || format!("{text:?} is no fraction between 0 and 1");
    text.parse().ok().filter(|f| (0.0..=1.0).contains(f)).ok_or_else(wrong)
}

fn positive(text: &str) -> Result<usize, String> {
    let wrong = || format!("{text:?} is no whole number above 0");
    text.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)
}
