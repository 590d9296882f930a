//! Arguments of `tidegate spool`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::DataDir;

#[derive(Debug, Args)]
pub(crate) struct Spool {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Shows what waits in the spool, and for which server.
    Status(Status),
    /// Sends what waits in the spool and removes what was delivered.
    #[command(after_help = DRAIN_HELP)]
    Drain(Drain),
}

const DRAIN_HELP: &str = "\
Rows go to the server they were recorded for. The key comes from BRAINTRUST_API_KEY, and is sent
only to a server that the environment or --app-url names; what belongs elsewhere goes without.

Examples:
  tidegate spool drain
  BRAINTRUST_API_KEY=... BRAINTRUST_APP_URL=https://tidegate.example tidegate spool drain
  tidegate spool drain --app-url http://127.0.0.1:8787";

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Prints one JSON value on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Drain {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Sends everything to this server instead.
    #[arg(long, value_name = "URL")]
    pub(crate) app_url: Option<String>,
    /// Gives up after this many seconds of nothing but failures.
    #[arg(long, default_value = "60", value_parser = seconds, value_name = "SECONDS")]
    pub(crate) patience: Duration,
    /// Prints one JSON value on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Drain {
    /// The root of the spool.
    pub(crate) fn root(&self) -> PathBuf {
        self.data_dir.path().join("spool")
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is no number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
