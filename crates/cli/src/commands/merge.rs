//! `tidegate merge`: the shards of a run as one run.

use std::path::PathBuf;

use tidegate_eval::statistics::GateOutcome;
use tidegate_eval::{EvalError, Report};

use crate::args::merge::Merge;
use crate::exit::{Failure, GATE_FAILED, GATE_UNDECIDED};
use crate::printer::Printer;

/// Returns the exit code.
pub(crate) async fn run(merge: &Merge, printer: &Printer) -> Result<u8, Failure> {
    let paths = merge.runs.iter().map(|run| path_of(merge, run)).collect();
    let report = if merge.json { Report::Silent } else { Report::Terminal };
    let merged = tidegate_eval::merge(paths, merge.out.as_deref(), report).await;
    let outcome = merged.map_err(|error| {
        let hint = error.hint();
        match error {
            // "Cannot keep the results" is not what went wrong here.
            EvalError::Cells(error) => Failure::failed(error.into(), hint),
            error => Failure::failed(error.into(), hint),
        }
    })?;
    if merge.json {
        printer.data(outcome.to_json())?;
    }
    Ok(match outcome.verdict() {
        GateOutcome::Pass => 0,
        GateOutcome::Fail => GATE_FAILED,
        GateOutcome::Undecided => GATE_UNDECIDED,
    })
}

/// A name without a directory of that name is a run of the data directory.
fn path_of(merge: &Merge, run: &str) -> PathBuf {
    let path = PathBuf::from(run);
    let names_a_run = !path.is_dir() && path.components().count() == 1;
    if names_a_run { merge.data_dir.path().join("cells").join(run) } else { path }
}
