//! Arguments of `tidegate backup`.

use std::path::PathBuf;

use clap::Args;

use super::DataDir;

pub(crate) const HELP: &str = "\
The copy is a data directory itself: start it with `tidegate serve --data-dir DEST`, or put it in
the place of a lost one. It is the state of one moment, synced and checked when its name appears.

Examples:
  tidegate backup /backup/tidegate-2026-11-25
  tidegate backup --data-dir /var/lib/tidegate \"/backup/tidegate-$(date +%F)\"";

#[derive(Debug, Args)]
pub(crate) struct BackupArguments {
    /// Where the copy goes: a directory that does not exist, in one that does.
    #[arg(value_name = "DEST")]
    pub(crate) destination: PathBuf,
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Prints one JSON value on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
