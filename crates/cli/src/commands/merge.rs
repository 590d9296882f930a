//! `tidegate merge`: the shards of a run as one run.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde_json::Value;
use tidegate_eval::statistics::GateOutcome;
use tidegate_eval::{Cells, CellsError, EvalError, Outcome, Report};

use crate::args::merge::Merge;
use crate::exit::{Failure, GATE_FAILED, GATE_UNDECIDED};
use crate::printer::Printer;
use crate::runs::Runs;

/// Returns the exit code.
pub(crate) async fn run(merge: &Merge, printer: &Printer) -> Result<u8, Failure> {
    let report = if merge.json { Report::Silent } else { Report::Terminal };
    let outcome = match recorded(merge)? {
        Some(name) => of_experiment(merge, name, report).await?,
        None => {
            let paths = merge.runs.iter().map(|run| path_of(merge, run)).collect();
            let merged = tidegate_eval::merge(paths, merge.out.as_deref(), report).await;
            merged.map_err(|error| failure_here(merge, error))?
        }
    };
    if merge.json {
        printer.data(outcome.to_json())?;
    }
    Ok(match outcome.verdict() {
        GateOutcome::Pass => 0,
        GateOutcome::Fail => GATE_FAILED,
        GateOutcome::Undecided => GATE_UNDECIDED,
    })
}

fn failure(error: EvalError) -> Failure {
    let hint = error.hint();
    match error {
        // "Cannot keep the results" is not what went wrong here.
        EvalError::Cells(error) => Failure::failed(error.into(), hint),
        error => Failure::failed(error.into(), hint),
    }
}

/// What is missing here may be in the experiment that the shards have recorded in.
fn failure_here(merge: &Merge, error: EvalError) -> Failure {
    let EvalError::Cells(CellsError::Unmergeable(_)) = &error else { return failure(error) };
    let kept = Cells::kept(merge.data_dir.path()).unwrap_or_default();
    let part = kept.parts.into_iter().find(|part| merge.runs.contains(&part.run));
    let experiment = part.and_then(|part| part.experiment);
    let mut failure = failure(error);
    if let Some(name) = experiment {
        failure.hint =
            format!("{}; or read them from the experiment {name:?} with --recorded", failure.hint);
    }
    failure
}

/// A name without a directory of that name is a run of the data directory.
fn path_of(merge: &Merge, run: &str) -> PathBuf {
    let path = Path::new(run);
    if is_directory(path) { path.to_owned() } else { merge.data_dir.path().join("cells").join(run) }
}

fn is_directory(path: &Path) -> bool {
    path.is_dir() || path.components().count() != 1
}

/// The experiment to read, if the run is to come from one.
fn recorded(merge: &Merge) -> Result<Option<&str>, Failure> {
    match &merge.runs[..] {
        [run] if merge.recorded => Ok(Some(run)),
        _ if merge.recorded => {
            let error = anyhow!("--recorded takes one experiment, which all shards share");
            Err(Failure::usage(error, "name one"))
        }
        [run] if merge.out.is_none() && !path_of(merge, run).exists() => {
            Ok((!is_directory(Path::new(run))).then_some(run.as_str()))
        }
        _ => Ok(None),
    }
}

async fn of_experiment(
    merge: &Merge,
    name: &str,
    report: Report,
) -> Result<Outcome<Value, Value, Value>, Failure> {
    let mut runs = Runs::new(&merge.data_dir, merge.project.as_deref());
    let merged = read(merge, name, report, &mut runs).await;
    runs.close().await;
    merged
}

async fn read(
    merge: &Merge,
    name: &str,
    report: Report,
    runs: &mut Runs<'_>,
) -> Result<Outcome<Value, Value, Value>, Failure> {
    let nowhere = || {
        let here = path_of(merge, name);
        let here = match merge.recorded {
            true => String::new(),
            false => format!("there is no run in {}, and ", here.display()),
        };
        let error = anyhow!("{here}there is no experiment {name:?}");
        let hint = "`tidegate cells list` shows the runs that are here; an experiment that shards \
                    share is called RUN or NAME-RUN, and is looked for where BRAINTRUST_APP_URL, \
                    else --data-dir says";
        Failure::failed(error, hint)
    };
    if !runs.can_look() {
        return Err(nowhere());
    }
    let experiment = runs.experiment(name).await?.ok_or_else(nowhere)?;
    let merged = tidegate_eval::merge_recorded(&runs.client()?, &experiment, report).await;
    merged.map_err(failure)
}
