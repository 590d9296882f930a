//! Arguments of `tidegate doctor`.

use clap::Args;

use super::DataDir;

pub(crate) const HELP: &str = "\
Changes nothing. The exit code is 1 if a check fails, else 0.

Examples:
  tidegate doctor
  tidegate doctor --full --json --data-dir /var/lib/tidegate";

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Compares the indexes of the database with its tables too, which takes longer.
    #[arg(long)]
    pub(crate) full: bool,
    /// Prints one JSON value on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
