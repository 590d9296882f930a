//! Arguments of `tidegate cells`.

use clap::{Args, Subcommand};

use super::DataDir;

#[derive(Debug, Args)]
pub(crate) struct CellsArguments {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Shows the runs that are kept, what became of them, and how to resume them.
    List(List),
    /// Removes runs. One that a process writes is left alone.
    #[command(after_help = CLEAN_HELP)]
    Clean(Clean),
}

const CLEAN_HELP: &str = "\
Of what is removed, nothing can be resumed or taken over by --cache any more; experiments that are
recorded stay.

Examples:
  tidegate cells clean --older-than 30 --dry-run
  tidegate cells clean --older-than 30";

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Prints one JSON value on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Clean {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Only what has not changed for that many days; all by default.
    #[arg(long, value_name = "DAYS")]
    pub(crate) older_than: Option<u32>,
    /// Says what would be removed, and removes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Prints one JSON value on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
