//! Arguments of the benchmarks of the collector.

use std::path::PathBuf;

use clap::Args;

use super::{fraction, positive};

pub(super) const INGEST_EXAMPLES: &str = "\
Examples:
  tidegate bench ingest
  tidegate bench ingest --rows 4500000 --window-rows 500000
  tidegate bench ingest --rows 100000 --row-bytes 10240 --rows-per-request 100 --search-lag
  tidegate bench ingest --rate 15000 --rows-per-request 100 --json";

/// Rows of experiments, made of words at the frequencies of prose.
#[derive(Debug, Clone, Args)]
pub(crate) struct Ingest {
    /// Rows to send, deltas included.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rows: u64,
    /// Bytes of a row, about.
    #[arg(long, default_value_t = 850, value_name = "BYTES")]
    pub(crate) row_bytes: usize,
    /// Rows in each request.
    #[arg(long, default_value_t = 500, value_parser = positive)]
    pub(crate) rows_per_request: usize,
    /// Fraction of rows that are deltas to rows sent before.
    #[arg(long, default_value_t = 0.1, value_parser = fraction, value_name = "0..1")]
    pub(crate) merge_rate: f64,
    /// Rows per second of all connections together; 0 means as fast as they are taken. Latency
    /// then counts from when a request was due.
    #[arg(long, default_value_t = 0)]
    pub(crate) rate: u64,
    /// Connections that send at once.
    #[arg(long, default_value_t = 4, value_parser = positive)]
    pub(crate) connections: usize,
    /// Cases of each experiment, four rows each.
    #[arg(long, default_value_t = 2_500, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) cases: u64,
    /// Rows of each part of the load that is reported by itself.
    #[arg(long, default_value_t = 500_000)]
    pub(crate) window_rows: u64,
    /// Waits at the end until search finds everything, and says how long that took.
    #[arg(long)]
    pub(crate) search_lag: bool,
    /// Seed of everything random here.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where the collector keeps everything; a temporary directory by default.
    #[arg(long, value_name = "DIR", conflicts_with = "api_url")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Sends to this collector instead of one of its own.
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Key for that collector.
    #[arg(long, env = "BRAINTRUST_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// Prints one JSON value on stdout and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) const FILL_EXAMPLES: &str = "\
Examples:
  tidegate bench fill
  tidegate bench fill --rows 10000000 --data-dir /var/tmp/bench --json";

/// A project with many experiments.
#[derive(Debug, Clone, Args)]
pub(crate) struct Fill {
    /// Rows to fill in, four per case.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rows: u64,
    /// Bytes of a row, about.
    #[arg(long, default_value_t = 850, value_name = "BYTES")]
    pub(crate) row_bytes: usize,
    /// Cases of each experiment.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) cases: u64,
    /// Spans of the one large trace.
    #[arg(long, default_value_t = 1_000, value_parser = positive)]
    pub(crate) trace_spans: usize,
    /// How often each question is asked.
    #[arg(long, default_value_t = 40, value_parser = positive)]
    pub(crate) runs: usize,
    /// Project that is filled.
    #[arg(long, default_value = "bench", value_name = "NAME")]
    pub(crate) project: String,
    /// Seed of everything random here.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where the collector keeps everything; a temporary directory by default.
    #[arg(long, value_name = "DIR", conflicts_with = "api_url")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Sends to this collector instead of one of its own.
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Key for that collector.
    #[arg(long, env = "BRAINTRUST_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// Prints one JSON value on stdout and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}
