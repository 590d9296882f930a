//! Arguments of `tidegate timeline`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tidegate_client::what_if::Change;

use super::compare::Place;
use super::time::duration;

pub(crate) const HELP: &str = "\
A profile is a file that says what happened when in a run: spans, waits, upload requests, what was
pending, processor time. It is written by `tidegate eval FILE.toml --profile run.jsonl`, by `Eval` of
the SDK, by `tidegate bench upload --profile` and, for clients of any language, by
`tidegate serve --record-requests`. docs/reading-a-timeline.md says how to read the picture.

A RUN is an experiment whose profile its server keeps, as the collector does with those of evaluations,
by name or id; or the name of a kept run (`tidegate cells list`) whose directory holds a `profile.jsonl`.

Exit codes: 0 done; 2 wrong usage; 3 failure, such as a file that is no profile, or, with --follow,
a writer that was killed; 130 interrupted while following.

Examples:
  tidegate timeline run.jsonl
  tidegate timeline my-experiment --project my-app
  tidegate timeline run.jsonl --format svg -o run.svg
  tidegate timeline run.jsonl --format speedscope -o run.speedscope.json   # speedscope.app
  tidegate timeline run.jsonl --format perfetto -o run.perfetto.json       # ui.perfetto.dev
  tidegate timeline run.jsonl --format json | jq '.diagnosis[].cause'
  tidegate timeline run.jsonl --what-if lanes=16
  tidegate timeline run.jsonl --follow                                     # beside the evaluation";

/// What `tidegate timeline` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A picture of characters, figures and diagnosis.
    Text,
    /// Figures, diagnosis and all requests as one JSON value.
    Json,
    /// For speedscope: a profile per lane and per slot.
    Speedscope,
    /// For Perfetto and chrome://tracing: tracks and counters.
    Perfetto,
    /// A picture for documents, in light and dark.
    Svg,
}

#[derive(Debug, Args)]
pub(crate) struct Timeline {
    /// A profile, or the name of an experiment or of a kept run.
    #[arg(value_name = "RUN|FILE")]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// What to write.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Where to write it, complete or not at all; `-` is stdout.
    #[arg(short, long, default_value = "-", value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Draws with the characters of ASCII, as it does anyway where the locale is not UTF-8.
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Reads along while the run goes on: draws anew on a terminal, elsewhere prints a line for
    /// each request; ends with the run.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Says instead how long the run would have taken under other settings, such as
    /// `lanes=16,flush-every-task=no`; docs/what-if.md has all of them.
    #[arg(long, value_name = "SETTINGS", conflicts_with = "follow")]
    pub(crate) what_if: Option<Change>,
    /// Longest wait of --follow for a file that does not exist yet.
    #[arg(long, default_value = "30s", value_parser = duration, value_name = "TIME", requires = "follow")]
    pub(crate) wait: Duration,
}
