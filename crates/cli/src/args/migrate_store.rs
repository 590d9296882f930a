//! Arguments of `tidegate migrate-store`.

use clap::Args;

use super::{Blobs, DataDir};

pub(crate) const HELP: &str = "\
Stop the server of the data directory first. The database must be empty, or hold what an interrupted
run of this command left: run it again, and it goes on where it was. At the end everything is read
from both sides and compared. The data directory stays as it is; its uploaded files are used from
there, unless --blobs has them copied, each compared with its SHA-256. Start the servers with the
same options:

  tidegate migrate-store --data-dir /var/lib/tidegate --database postgres://tidegate@db/tidegate
  tidegate serve --data-dir /var/lib/tidegate --database postgres://tidegate@db/tidegate

  tidegate migrate-store --data-dir /var/lib/tidegate --database postgres://tidegate@db/tidegate \\
    --blobs s3://my-bucket/tidegate
  tidegate serve --database postgres://tidegate@db/tidegate --blobs s3://my-bucket/tidegate";

#[derive(Debug, Args)]
pub(crate) struct MigrateStore {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// The database: postgres://USER@HOST/NAME. A password belongs into the variable, which lists
    /// of processes do not show.
    #[arg(long, env = "TIDEGATE_DATABASE", hide_env_values = true, value_name = "URL")]
    pub(crate) database: String,
    #[command(flatten)]
    pub(crate) blobs: Blobs,
    /// Prints one JSON value on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
