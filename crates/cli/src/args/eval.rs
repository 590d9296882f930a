//! Arguments of `tidegate eval`.

mod keep;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{DataDir, compare};
pub(crate) use keep::{Keep, ShardWish};

pub(crate) const HELP: &str = "\
The file format is described in docs/eval-file.md; --schema prints its JSON Schema. What is kept of
a run, and how to resume, cache and shard, is described in docs/resume.md.

Exit codes:
  0 all gates pass, 1 a gate failed, 2 wrong usage or file, 3 failure, 4 a gate is undecided,
  130 interrupted

Examples:
  tidegate eval examples/language_id.toml
  tidegate eval evals/*.toml --first 20 --no-send-logs
  tidegate eval qa.toml --filter metadata.topic=law --filter 'input=^Who'
  tidegate eval qa.toml --baseline main --json
  tidegate eval evals/*.toml --junit junit.xml --github-summary
  tidegate eval qa.toml --plan=0.02
  tidegate eval qa.toml --resume last
  tidegate eval qa.toml --run-id nightly --shard 2/8
  tidegate eval qa.toml --shard auto";

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// TOML files, or patterns such as 'evals/*.toml'.
    #[arg(value_name = "FILE.toml")]
    pub(crate) files: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    #[command(flatten)]
    pub(crate) show: Show,
    #[command(flatten)]
    pub(crate) run: Run,
    #[command(flatten)]
    pub(crate) keep: Keep,
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
}

/// Which cases.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which cases")]
pub(crate) struct Choice {
    /// Only cases of which a value matches, such as id=7, tags=short or input.lang=^de; repeated,
    /// all must.
    #[arg(long, value_name = "NAME=REGEX")]
    pub(crate) filter: Vec<String>,
    /// Only the first cases.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) first: Option<u64>,
    /// Only that many cases, chosen at random.
    #[arg(long, value_name = "N", conflicts_with = "first", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sample: Option<u32>,
    /// Which random choice.
    #[arg(long, value_name = "S", default_value_t = 0, requires = "sample")]
    pub(crate) seed: u64,
}

/// What is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is shown")]
pub(crate) struct Show {
    /// Lists the cases instead of running them.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) list: bool,
    /// Checks files, data, programs and settings, and says what would run.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Prints one JSON value, {"evaluations": [...]}, on stdout.
    #[arg(long, conflicts_with = "jsonl")]
    pub(crate) json: bool,
    /// Prints one JSON line per trial on stdout.
    #[arg(long)]
    pub(crate) jsonl: bool,
    /// Writes JUnit XML to this file, which appears when all have run; a suite per evaluation.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "dry_run"])]
    pub(crate) junit: Option<PathBuf>,
    /// Appends a summary in Markdown to the file that GITHUB_STEP_SUMMARY names, or to this one.
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        // Or the next word, which may be an evaluation, would be taken for the file.
        require_equals = true,
        conflicts_with_all = ["list", "dry_run"]
    )]
    pub(crate) github_summary: Option<Option<PathBuf>>,
    /// Writes what happened when to this file: spans, uploads, waits, processor time. Of several
    /// evaluations each has a file of its own: FILE `run.jsonl` becomes `run-1.jsonl`,
    /// `run-2.jsonl` and so on, in the order of --list.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "dry_run", "no_send_logs"])]
    pub(crate) profile: Option<PathBuf>,
    /// Says which difference so many cases show and, for a difference of scores D, how many cases
    /// it needs.
    #[arg(
        long,
        value_name = "D",
        num_args = 0..=1,
        require_equals = true,
        value_parser = compare::effect,
        conflicts_with_all = ["list", "dry_run"]
    )]
    pub(crate) plan: Option<Option<f64>>,
    /// Prints the JSON Schema of the file format.
    #[arg(long)]
    pub(crate) schema: bool,
}

/// How the run goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "How it runs")]
pub(crate) struct Run {
    /// Records no experiment, here or on a server. Results are still kept in the data directory,
    /// to resume from, unless --no-cells is given too.
    #[arg(long)]
    pub(crate) no_send_logs: bool,
    /// Runs again whenever a file of the evaluation changes.
    #[arg(long, conflicts_with_all = ["list", "dry_run"])]
    pub(crate) watch: bool,
    /// Does not start further evaluations once one has failed or its gates have.
    #[arg(long)]
    pub(crate) terminate_on_failure: bool,
    /// Variables for programs and settings, one NAME=value per line; those of the process win.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Name of the experiment to compare with.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "no_send_logs",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub(crate) baseline: Option<String>,
    /// Name of the experiment; that of the file by default.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) experiment: Option<String>,
    /// Adds to the experiment of that name instead of making a new one.
    #[arg(long)]
    pub(crate) update: bool,
    /// Runs each case that often.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) trials: Option<u32>,
    /// How many tasks run at once.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) max_concurrency: Option<u32>,
    /// What an undecided gate counts as; by default the exit code is 4.
    #[arg(long, value_name = "VERDICT")]
    pub(crate) undecided: Option<Undecided>,
}

/// What an undecided gate counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Undecided {
    /// As one that passes.
    Pass,
    /// As one that fails.
    Fail,
}
