//! Arguments as they are typed.

pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod cells;
pub(crate) mod compare;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod health;
pub(crate) mod key;
pub(crate) mod merge;
pub(crate) mod migrate_store;
pub(crate) mod profile;
pub(crate) mod spool;
pub(crate) mod time;
pub(crate) mod timeline;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tidegate_server::Latency;

/// Evaluations and traces of LLM applications: recorded, kept and compared.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// What to log on stderr: a level, or `target=level` pairs.
    #[arg(long, env = "TIDEGATE_LOG", default_value = "warn", global = true, value_name = "LEVEL")]
    pub(crate) log_level: String,
    /// How log lines are written.
    #[arg(
        long,
        env = "TIDEGATE_LOG_FORMAT",
        default_value = "text",
        global = true,
        value_name = "FORMAT"
    )]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the collector: takes rows from any Braintrust client, keeps them in SQLite, and has the web pages.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Copies the data directory, also while it is being served.
    #[command(after_help = backup::HELP)]
    Backup(backup::BackupArguments),
    /// Looks at the data directory and says what is wrong and what to do.
    #[command(after_help = doctor::HELP)]
    Doctor(doctor::DoctorArguments),
    /// Moves everything from a data directory into a PostgreSQL database.
    #[command(after_help = migrate_store::HELP)]
    MigrateStore(migrate_store::MigrateStore),
    /// Makes, lists and revokes the API keys of a collector.
    Key(key::KeyArguments),
    /// Asks the collector of a data directory whether it is ready.
    #[command(after_help = health::HELP)]
    Health(health::Health),
    /// Compares two finished runs: CURRENT against BASE.
    #[command(after_help = compare::COMPARE_HELP)]
    Compare(compare::Compare),
    /// Writes all trials of a finished run as JSON Lines or CSV.
    #[command(after_help = compare::EXPORT_HELP)]
    Export(compare::Export),
    /// Says how many cases a difference needs, from the spread of a finished run.
    #[command(after_help = compare::PLAN_HELP)]
    Plan(compare::Plan),
    /// Runs evaluations described in TOML files.
    #[command(after_help = eval::HELP)]
    Eval(Box<eval::Eval>),
    /// Makes one result of the shards of a run.
    #[command(after_help = merge::MERGE_HELP)]
    Merge(merge::Merge),
    /// Looks after the results that evaluations keep in files.
    Cells(cells::CellsArguments),
    /// Looks after what could not be delivered and waits in files.
    Spool(spool::Spool),
    /// Measures recording and uploading.
    Bench(bench::Bench),
    /// Draws the requests of a run and says what it was waiting for.
    #[command(after_help = timeline::HELP)]
    Timeline(timeline::Timeline),
    /// Runs a command and shows on what it spends its processor time.
    #[command(after_help = profile::HELP)]
    Profile(profile::Profile),
}

const SERVE_EXAMPLES: &str = "\
Examples:
  tidegate serve
  tidegate serve --data-dir /var/lib/tidegate --listen 0.0.0.0:8787
  tidegate serve --database postgres://tidegate@db/tidegate --data-dir /mnt/shared

Point a client at it:
  export BRAINTRUST_APP_URL=http://127.0.0.1:8787 BRAINTRUST_API_KEY=any";

const DATA_DIR: &str = tidegate_client::env::DEFAULT_DATA_DIR;

/// The data directory, the same for every command.
#[derive(Debug, Args)]
pub(crate) struct DataDir {
    /// Where everything is kept [default: .tidegate].
    // The parser for paths refuses a blank value, which has a meaning here.
    #[arg(
        long = "data-dir",
        env = "TIDEGATE_DATA_DIR",
        value_name = "DIR",
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    path: Option<PathBuf>,
}

impl DataDir {
    /// Where everything is kept; a blank variable means the default, as everywhere.
    pub(crate) fn path(&self) -> &Path {
        self.given().unwrap_or(Path::new(DATA_DIR))
    }

    /// What was asked for, if anything was.
    pub(crate) fn given(&self) -> Option<&Path> {
        self.path.as_deref().filter(|path| !path.as_os_str().is_empty())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) blobs: Blobs,
    /// Address to listen on; port 0 takes a free one. Anything but loopback requires keys.
    #[arg(long, default_value = "127.0.0.1:8787", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Requires a key even on loopback. The first key is printed once.
    #[arg(long)]
    pub(crate) require_key: bool,
    /// Name of the organisation that clients see; `local` at first.
    #[arg(long, value_name = "NAME")]
    pub(crate) org: Option<String>,
    /// Requests per second that each key may send, and as many at once after a pause; more get 429.
    #[arg(long, value_name = "N")]
    pub(crate) rate_limit: Option<NonZeroU32>,
    /// Largest attachment in MiB; larger ones get 413.
    #[arg(long, default_value_t = 1_024, value_name = "MIB",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_attachment: u32,
    /// Logs reads of the database that take longer, without what they read.
    #[arg(long, default_value = "500ms", value_parser = time::duration, value_name = "TIME")]
    pub(crate) slow_query: Duration,
    /// Removes rows of project logs that are older (30d, 12h); experiments and datasets stay.
    #[arg(long, value_parser = time::duration, value_name = "TIME")]
    pub(crate) retention: Option<Duration>,
    /// For tests of clients: writes each `POST /logs3` that arrives, of any client, as a line of a
    /// profile, for `tidegate timeline`. An older profile in the file is replaced.
    #[arg(long, value_name = "FILE", help_heading = TEST_AIDS)]
    pub(crate) record_requests: Option<PathBuf>,
    /// For tests of clients: answers each `POST /logs3` as late as a slow network would, so much
    /// for the request and so much for each of its rows (250ms+4ms/row, 250ms), a minute at most.
    #[arg(long, value_name = "TIME", value_parser = time::latency, help_heading = TEST_AIDS)]
    pub(crate) simulate_latency: Option<Latency>,
}

/// The database that many collectors share.
#[derive(Debug, Args)]
pub(crate) struct Database {
    /// Keeps everything but uploaded bytes in a PostgreSQL database, 15 or later, which any number
    /// of collectors may share: postgres://USER@HOST/NAME. A password belongs into the variable,
    /// which lists of processes do not show.
    #[arg(
        long = "database",
        env = "TIDEGATE_DATABASE",
        hide_env_values = true,
        value_name = "URL"
    )]
    url: Option<String>,
}

impl Database {
    /// What was asked for, if anything was; a blank variable is none.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref().filter(|url| !url.trim().is_empty())
    }
}

/// The bucket of uploaded files.
#[derive(Debug, Args)]
pub(crate) struct Blobs {
    /// Keeps uploaded files in a bucket of an S3-compatible store, for collectors on one
    /// --database: s3://BUCKET/PREFIX. Credentials, region and endpoint are read from the usual
    /// variables (AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL, …).
    #[arg(long = "blobs", env = "TIDEGATE_BLOBS", hide_env_values = true, value_name = "URL")]
    bucket: Option<String>,
}

impl Blobs {
    /// What was asked for, if anything was; a blank variable is none.
    pub(crate) fn url(&self) -> Option<&str> {
        self.bucket.as_deref().filter(|url| !url.trim().is_empty())
    }
}

const TEST_AIDS: &str = "Test aids";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn no_command_has_an_argument_twice() {
        Arguments::command().debug_assert();
    }
}
