//! Arguments as they are typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Evaluations and traces of LLM applications: recorded, kept and compared.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// What to log on stderr: a level, or `target=level` pairs.
    #[arg(long, env = "TIDEGATE_LOG", default_value = "warn", global = true, value_name = "LEVEL")]
    pub(crate) log_level: String,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the collector: takes rows from any Braintrust client and keeps them in SQLite.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
}

const SERVE_EXAMPLES: &str = "\
Examples:
  tidegate serve
  tidegate serve --data-dir /var/lib/tidegate --listen 0.0.0.0:8787

Point a client at it:
  export BRAINTRUST_APP_URL=http://127.0.0.1:8787 BRAINTRUST_API_KEY=any";

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where everything is kept; made if missing.
    #[arg(long, env = "TIDEGATE_DATA_DIR", default_value = ".tidegate", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Address to listen on; port 0 takes a free one. Anything but loopback requires keys.
    #[arg(long, default_value = "127.0.0.1:8787", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Requires a key even on loopback. The first key is printed once.
    #[arg(long)]
    pub(crate) require_key: bool,
    /// Name of the organisation that clients see; `local` at first.
    #[arg(long, value_name = "NAME")]
    pub(crate) org: Option<String>,
}
