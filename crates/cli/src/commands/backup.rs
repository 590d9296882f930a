//! `tidegate backup`.

use serde_json::json;
use tidegate_server::maintenance::{BackupError, backup};

use crate::args::backup::BackupArguments;
use crate::exit::Failure;
use crate::printer::Printer;

/// Copies the data directory, beside the collector that may be serving it.
pub(crate) fn run(arguments: &BackupArguments, printer: &Printer) -> Result<(), Failure> {
    let destination = &arguments.destination;
    let report = backup(arguments.data_dir.path(), destination).map_err(failure)?;
    if report.missing_blobs > 0 {
        printer.say(format_args!(
            "warning: {} files of uploads are missing in the original: run `tidegate doctor`",
            report.missing_blobs
        ));
    }
    if arguments.json {
        return printer.data(json!({"destination": destination, "copied": report}));
    }
    printer.data(format_args!(
        "{}: database of {:.1} MB and {} files of uploads ({:.1} MB), checked and synced",
        destination.display(),
        report.database_bytes as f64 / 1e6,
        report.blobs,
        report.blob_bytes as f64 / 1e6,
    ))
}

fn failure(error: BackupError) -> Failure {
    let hint = match &error {
        BackupError::Exists { .. } => {
            return Failure::usage(error.into(), "name a directory that does not exist yet");
        }
        BackupError::NoDatabase { .. } => "name the data directory with --data-dir",
        BackupError::UnknownSchema { .. } => {
            "upgrade tidegate, or name another directory with --data-dir"
        }
        BackupError::Damaged { .. } => "run `tidegate doctor --full`",
        _ => "check the destination's parent directory, its permissions and the space left",
    };
    Failure::failed(error.into(), hint)
}
