//! Arguments of `tidegate health`.

use clap::Args;

use super::DataDir;

pub(crate) const HELP: &str = "\
Exit codes: 0 a write would be taken, 3 it would not.

For health checks of containers and service managers, which need no curl then.";

#[derive(Debug, Args)]
pub(crate) struct Health {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
}
