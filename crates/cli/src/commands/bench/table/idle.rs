//! How idle the processor was in the published versions, and their profiles.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use comfy_table::{ContentArrangement, Table, presets};

use super::Variant;
use crate::args::bench::Upload;
use crate::commands::bench::figures::Figures;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::profiles;

/// The share that was published for a version, if one was.
pub(super) type Published = Option<&'static str>;

/// The table, if profiles are wanted.
pub(super) struct Idle(Option<(PathBuf, Table)>);

impl Idle {
    pub(super) fn begin(upload: &Upload) -> Result<Self, Failure> {
        let Some(directory) = &upload.profile_dir else { return Ok(Self(None)) };
        let made = fs::create_dir_all(directory);
        made.with_context(|| format!("cannot make the directory {}", directory.display()))
            .map_err(|error| Failure::failed(error, "choose another --profile-dir"))?;
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["variant", "CPU s", "wall s", "CPU idle", "published", "profile"]);
        Ok(Self(Some((directory.clone(), table))))
    }

    /// The same run, with a profile if the variant has one.
    pub(super) fn profiled(&self, upload: &Upload, variant: &Variant) -> Upload {
        let directory = self.0.as_ref().filter(|_| variant.idle.is_some());
        let profile = directory.map(|(directory, _)| file(directory, variant));
        Upload { profile, ..upload.clone() }
    }

    pub(super) fn add(&mut self, upload: &Upload, variant: &Variant, figures: &Figures) {
        let (Some((directory, table)), Some(published)) = (&mut self.0, variant.idle) else {
            return;
        };
        let optional = |value: Option<f64>, unit: &str, digits: usize| {
            value.map_or_else(|| "not known".to_owned(), |value| format!("{value:.digits$}{unit}"))
        };
        let file = file(directory, variant);
        let files = match upload.runs {
            1 => file.display().to_string(),
            runs => {
                let (first, last) = (1, runs);
                let [first, last] = [first, last].map(|run| profiles::numbered(&file, run, runs));
                format!("{} to {}", first.display(), last.display())
            }
        };
        table.add_row([
            variant.name.to_owned(),
            optional(figures.cpu_s, "", 2),
            format!("{:.2}", figures.wall_s),
            optional(figures.cpu_idle_ratio.map(|ratio| ratio * 100.0), " %", 1),
            published.unwrap_or_default().to_owned(),
            files,
        ]);
    }

    pub(super) fn print(self, printer: &Printer) -> Result<(), Failure> {
        let Some((_, table)) = self.0 else { return Ok(()) };
        printer.data("")?;
        printer.data(table)?;
        printer.data(NOTES)
    }
}

fn file(directory: &Path, variant: &Variant) -> PathBuf {
    directory.join(format!("{}.jsonl", variant.name.replace(' ', "-")))
}

const NOTES: &str = "\
CPU idle is 1 - (user + system time) / wall time of the process that logs, with all its threads;
the server is a process of its own. The emulated loggers are compiled, and JavaScript takes more
for the same: compare the versions with each other. A large share says that a run waits, but not
for what; the profiles do. The share is of one processor, and the system counts in steps of 10 ms.";
