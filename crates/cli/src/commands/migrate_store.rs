//! `tidegate migrate-store`.

use std::time::{Duration, Instant};

use tidegate_server::maintenance::{Migration, MigrationError, MigrationStep};

use crate::args::migrate_store::MigrateStore;
use crate::clock;
use crate::commands::serve::bucket_hint;
use crate::env;
use crate::exit::Failure;
use crate::printer::Printer;

/// Between two lines about how far it is.
const TELL_EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn run(arguments: &MigrateStore, printer: &Printer) -> Result<(), Failure> {
    let mut told = Told { at: clock::now(), printer: *printer };
    let data_dir = arguments.data_dir.path();
    let mut migration = Migration::new(data_dir, &arguments.database);
    if let Some(url) = arguments.blobs.url() {
        migration = migration.blobs(url, env::of_buckets());
    }
    let moved = migration.run(move |step| told.tell(step)).await;
    let report = moved.map_err(failure)?;
    let lost = [(report.missing_files, "missing"), (report.damaged_files, "not what they were")];
    for (files, what) in lost.into_iter().filter(|(files, _)| *files > 0) {
        printer.say(format_args!(
            "warning: {files} uploaded files are {what} in the data directory and were not copied"
        ));
    }
    if arguments.json {
        let text = serde_json::to_string(&report);
        return printer.data(text.map_err(|error| {
            Failure::failed(error.into(), "everything is moved; look at it with `tidegate serve`")
        })?);
    }
    let resumed = match report.resumed_at {
        0 => String::new(),
        rows => format!(" ({rows} of them before)"),
    };
    printer.data(format_args!(
        "moved {} rows and {} earlier states{resumed}, and {} projects, experiments and the like; \
         both sides were read again and are the same: sha256 {}",
        report.rows, report.earlier, report.registered, report.checksum
    ))?;
    match arguments.blobs.url() {
        None => Ok(()),
        Some(url) => printer.data(format_args!(
            "{} uploaded files ({:.1} MB) are in {url}",
            report.files,
            report.file_bytes as f64 / 1e6
        )),
    }
}

struct Told {
    at: Instant,
    printer: Printer,
}

impl Told {
    fn tell(&mut self, step: MigrationStep) {
        let now = clock::now();
        if now.duration_since(self.at) < TELL_EVERY {
            return;
        }
        self.at = now;
        match step {
            MigrationStep::Moved(done, all) => {
                self.printer.say(format_args!("moved {done} of {all} rows"));
            }
            MigrationStep::Compared(done, all) => {
                self.printer.say(format_args!("compared {done} of {all} rows"));
            }
            MigrationStep::Copied(done, all) => {
                self.printer.say(format_args!("copied {done} of {all} uploaded files"));
            }
            _ => {}
        }
    }
}

fn failure(error: MigrationError) -> Failure {
    let hint = match &error {
        MigrationError::Source(_) => {
            "stop its server, and name the directory with --data-dir; nothing was moved"
        }
        MigrationError::Occupied | MigrationError::Destination(_) => {
            "name an empty database with --database; it is untouched"
        }
        MigrationError::Differs { .. } => {
            "something else wrote to the database; empty it and run this again. The data directory \
             is as it was"
        }
        MigrationError::Bucket { source, .. } => bucket_hint(source),
        _ => "run it again: it goes on where it was",
    };
    Failure::failed(error.into(), hint)
}
