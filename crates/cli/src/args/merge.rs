//! Arguments of `tidegate merge`.

use std::path::PathBuf;

use clap::Args;

use super::DataDir;

pub(crate) const MERGE_HELP: &str = "\
A run is the name that its shards share, looked for in the data directory, or a directory: that of
the run or of one shard, such as one that another machine has sent. The result is the same as that
of the whole run in one process. Nothing is asked of a server, so there is no base to compare with.

A run that is not here, or --recorded, is read from the experiment that its shards share: by its name,
which is that of the run, or NAME-RUN where the evaluation names its experiment NAME. It is compared
with its base.

Exit codes: 0 all gates pass; 1 a gate fails; 4 a gate is undecided; 2 wrong usage; 3 failure, such
as a shard that is missing, there twice or not finished.

Examples:
  tidegate merge nightly-2026-11-25
  tidegate merge shard-1/ shard-2/ shard-3/ --json
  tidegate merge main-nightly-2026-11-25 --recorded --project qa
  tidegate merge nightly-2026-11-25 --out merged/";

#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// Runs, directories of shards, or the experiment of a run.
    #[arg(value_name = "RUN|DIR", required = true)]
    pub(crate) runs: Vec<String>,
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Reads the run from the experiment of this name or id, even if some of it is here.
    #[arg(long, conflicts_with = "out")]
    pub(crate) recorded: bool,
    /// Looks for the experiment in this project only.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Writes the merged run below this data directory too, where it can be resumed.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Prints one JSON value on stdout and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}
