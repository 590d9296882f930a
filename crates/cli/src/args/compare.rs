//! Arguments of `tidegate compare`, `tidegate export` and `tidegate plan`, which read finished runs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tidegate_analysis::statistics::{Level, Margin, Target};

use super::DataDir;

pub(crate) const COMPARE_HELP: &str = "\
A run is an experiment (its name or id) or a file that `tidegate eval --jsonl` or `tidegate export`
has written. Experiments are looked for where evaluations send to: the data directory, or the
server that BRAINTRUST_APP_URL names.

Exit codes: 0 compared; with --fail-on-regression 1 if a score is worse for sure, 4 if a score may
be worse by more than the margin; 2 wrong usage; 3 failure.

Examples:
  tidegate compare main-1f0c feature-77ab
  tidegate compare base.jsonl now.jsonl --json
  tidegate compare main now --project answers --fail-on-regression --margin 0.02";

pub(crate) const EXPORT_HELP: &str = "\
One line a trial. JSON Lines have the members id, root_span_id, experiment_id, created, case_id,
trial, input, output, expected, error, scores, scorer_errors, classifications, classifier_errors,
metrics, metadata and tags. CSV has the same as columns, with one column per score (scores.NAME)
and metric (metrics.NAME); values that are no text are written as JSON. `trial` counts the results of one input from 0.

Examples:
  tidegate export main-1f0c > results.jsonl
  tidegate export main-1f0c --format csv --output results.csv";

pub(crate) const PLAN_HELP: &str = "\
The spread of a finished run says how many cases the next comparison needs: of its differences from
its base if it has one, else of its scores alone, which is a safe guess.

Examples:
  tidegate plan main-1f0c --effect 0.02
  tidegate plan results.jsonl --cases 500 --power 0.9";

/// Where runs are.
#[derive(Debug, Args)]
pub(crate) struct Place {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Looks for experiments in this project only.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The run that is compared with.
    #[arg(value_name = "BASE")]
    pub(crate) base: String,
    /// The run whose changes are shown.
    #[arg(value_name = "CURRENT")]
    pub(crate) current: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// How many of the worst regressions, and as many of the best improvements, are shown.
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u8).range(0..=100), value_name = "N")]
    pub(crate) cases: u8,
    /// Confidence level of intervals and verdicts.
    #[arg(long, default_value = "0.95", value_parser = level, value_name = "LEVEL")]
    pub(crate) level: Level,
    /// Exits with 1 if a score is worse for sure, with 4 if one may be worse by more than --margin.
    #[arg(long)]
    pub(crate) fail_on_regression: bool,
    /// How much worse a score may be; without a margin only sure improvements pass, and scores of
    /// which no case changed.
    #[arg(long, default_value = "0", requires = "fail_on_regression", value_parser = margin, value_name = "M")]
    pub(crate) margin: Margin,
    /// Prints one JSON value on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Jsonl,
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// An experiment (its name or id), or a file of results.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// What to write.
    #[arg(long, value_enum, default_value = "jsonl")]
    pub(crate) format: Format,
    /// Writes to this file, which appears when it is complete; stdout by default.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// An experiment (its name or id), or a file of results.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Plans from the differences from this run, instead of from the base of RUN.
    #[arg(long, value_name = "RUN")]
    pub(crate) base: Option<String>,
    /// A difference of scores (0.02 are two points): how many cases does it need?
    #[arg(long, value_parser = effect, value_name = "D")]
    pub(crate) effect: Option<f64>,
    /// A number of cases: which difference do they show? Those of RUN by default.
    #[arg(long, value_parser = clap::value_parser!(u64).range(2..=1_000_000_000), value_name = "N")]
    pub(crate) cases: Option<u64>,
    /// The probability with which a true difference is to be found.
    #[arg(long, default_value = "0.8", value_parser = power, value_name = "P")]
    pub(crate) power: Target,
    /// Prints one JSON value on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

fn level(text: &str) -> Result<Level, String> {
    Level::new(number(text)?).map_err(|error| error.to_string())
}

fn margin(text: &str) -> Result<Margin, String> {
    Margin::new(number(text)?).map_err(|error| error.to_string())
}

fn power(text: &str) -> Result<Target, String> {
    Target::new(Level::default(), number(text)?).map_err(|error| error.to_string())
}

pub(super) fn effect(text: &str) -> Result<f64, String> {
    match number(text)? {
        effect if effect > 0.0 && effect.is_finite() => Ok(effect),
        _ => Err("the difference must be above 0".to_owned()),
    }
}
