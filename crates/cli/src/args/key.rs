//! Arguments of `tidegate key`.

use clap::{Args, Subcommand};

use super::{DataDir, Database};

#[derive(Debug, Args)]
pub(crate) struct KeyArguments {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Makes a key and prints it; it is stored hashed, so this is the only time.
    #[command(after_help = CREATE_HELP)]
    Create(Create),
    /// Lists all keys, without their secret part.
    List(List),
    /// Revokes a key for good; the next request with it is refused.
    Revoke(Revoke),
}

const CREATE_HELP: &str = "\
Works beside a running server and without one.

Examples:
  tidegate key create --name laptop
  tidegate key create --name ci --project my-app
  tidegate key create --name dashboard --project my-app --read-only --json";

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    #[command(flatten)]
    pub(crate) database: Database,
    /// What lists show; at most 200 bytes.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Id or name of the only project the key opens; a new name becomes a project [default: all].
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// The key may read and not write.
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Prints `{"key": ..., "id": ...}` on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    #[command(flatten)]
    pub(crate) database: Database,
    /// Prints one JSON value on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    #[command(flatten)]
    pub(crate) database: Database,
    /// Id of the key, from `tidegate key list`.
    pub(crate) id: String,
    /// Prints one JSON value on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
