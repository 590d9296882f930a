//! `tidegate cells`: the results that evaluations keep in files.

use std::path::Path;
use std::time::Duration;

use comfy_table::{Table, presets};
use serde_json::{Value, json};
use tidegate_eval::{Cells, KeptPart, PartState};

use super::eval::cells_failure;
use crate::args::cells::{CellsArguments, Clean, List, What};
use crate::clock;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::units;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn run(cells: &CellsArguments, printer: &Printer) -> Result<(), Failure> {
    match &cells.what {
        What::List(list) => show(list, printer),
        What::Clean(clean) => remove(clean, printer),
    }
}

fn show(list: &List, printer: &Printer) -> Result<(), Failure> {
    let parts = kept(list.data_dir.path(), printer)?;
    let mut shown = Vec::new();
    for part in &parts {
        let state = part.state().map_err(|error| cells_failure(&error))?;
        shown.push((part, state));
    }
    if list.json {
        let all = shown.iter().map(|(part, state)| {
            let mut value = described(part);
            value["state"] = name(*state).into();
            value["resume"] = resume(part, *state).into();
            value
        });
        return printer.data(json!({"runs": all.collect::<Vec<_>>()}));
    }
    if shown.is_empty() {
        return printer.data("no run is kept");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["run", "shard", "project", "began", "size", "state", "resume with"]);
    for (part, state) in shown {
        table.add_row([
            part.run.clone(),
            part.shard.to_string(),
            part.project.clone(),
            part.created.split('.').next().unwrap_or_default().to_owned(),
            units::bytes(part.bytes()),
            name(state).to_owned(),
            resume(part, state).unwrap_or_default(),
        ]);
    }
    printer.data(table)
}

fn remove(clean: &Clean, printer: &Printer) -> Result<(), Failure> {
    let dir = clean.data_dir.path();
    let now = clock::wall();
    let is_old = |part: &KeptPart| {
        let Some(days) = clean.older_than else { return true };
        // Of one whose times are not known nobody can say that it is old.
        let age = part.changed().and_then(|changed| now.duration_since(changed).ok());
        age.is_some_and(|age| age >= DAY * days)
    };
    let (mut removed, mut locked, mut bytes) = (Vec::new(), Vec::new(), 0_u64);
    for part in kept(dir, printer)?.into_iter().filter(is_old) {
        let (described, size) = (described(&part), part.bytes());
        let gone = match clean.dry_run {
            true => part.state().map(|state| state != PartState::Locked),
            false => part.remove(),
        };
        if gone.map_err(|error| cells_failure(&error))? {
            removed.push(described);
            bytes += size;
        } else {
            locked.push(described);
        }
    }
    if !clean.dry_run {
        Cells::remove_leftovers(dir).map_err(|error| cells_failure(&error))?;
    }
    if clean.json {
        return printer.data(json!({
            "dry_run": clean.dry_run,
            "removed": removed,
            "locked": locked,
            "bytes": bytes,
        }));
    }
    let verb = if clean.dry_run { "would be removed" } else { "removed" };
    let line = |part: &Value| format!("{} ({})", text(part, "run"), text(part, "shard"));
    for part in &removed {
        printer.data(format_args!("{verb}: {}", line(part)))?;
    }
    for part in &locked {
        printer.data(format_args!("left alone, a process writes it: {}", line(part)))?;
    }
    printer.data(format_args!("{} parts of runs, {}: {verb}", removed.len(), units::bytes(bytes)))
}

/// What cannot be read is said, and hides nothing else.
fn kept(dir: &Path, printer: &Printer) -> Result<Vec<KeptPart>, Failure> {
    let kept = Cells::kept(dir).map_err(|error| cells_failure(&error))?;
    for error in &kept.unreadable {
        printer.say(format_args!("warning: {error}"));
    }
    Ok(kept.parts)
}

fn described(part: &KeptPart) -> Value {
    json!({
        "run": part.run,
        "shard": part.shard.to_string(),
        "project": part.project,
        "created": part.created,
        "experiment": part.experiment,
        "bytes": part.bytes(),
        "directory": part.directory,
    })
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

fn name(state: PartState) -> &'static str {
    match state {
        PartState::Finished => "finished",
        PartState::Locked => "locked",
        _ => "interrupted",
    }
}

/// The flags of `tidegate eval` that go on with it.
fn resume(part: &KeptPart, state: PartState) -> Option<String> {
    let shard = match part.shard.count {
        1 => String::new(),
        _ => format!(" --shard {}", part.shard),
    };
    (state == PartState::Interrupted).then(|| format!("--resume {}{shard}", part.run))
}
