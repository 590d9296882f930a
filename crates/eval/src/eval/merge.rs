//! One outcome of all shards of a run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tidegate_client::Receipt;

use super::found::Found;
use super::run::{Of, finish};
use crate::cells::{CellsError, Merged, Whole};
use crate::error::EvalError;
use crate::evidence::{self, Sources};
use crate::outcome::Outcome;
use crate::report::{Report, Terminal};
use crate::runner::Ran;

/// Makes one outcome of the shards of a run, the same as the whole run in one process has, with the
/// gates that the run was made with. See [`Cells::shard`](crate::Cells::shard).
///
/// Each path is the directory of a shard, or one that holds the directories of shards. With `out`
/// the merged run is written below that data directory too, where it can be resumed. Figures are
/// computed here, from the records: nothing is asked of a server, so there is no base.
///
/// # Errors
/// [`EvalError::Cells`] if these are not all shards of one run, each once and finished, or if a
/// file cannot be read or written.
pub async fn merge(
    paths: Vec<PathBuf>,
    out: Option<&Path>,
    report: Report,
) -> Result<Outcome<Value, Value, Value>, EvalError> {
    let out = out.map(Path::to_owned);
    let read = move || -> Result<_, CellsError> {
        let merged = Merged::open(&paths)?;
        let (results, trials) = merged.results()?;
        if let Some(out) = out {
            merged.write(&out)?;
        }
        Ok((merged, results, trials))
    };
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.expect("it does not panic, and nobody aborts it");
    let (merged, results, trials) = read.map_err(EvalError::Cells)?;
    let terminal = Terminal::new(report);
    let (trials, evidence) =
        evidence::weigh(trials, Sources::Unrecorded, merged.whole.statistics, 0).await;
    let mut ran = Ran::empty();
    (ran.results, ran.trials) = (results, trials);
    let Merged { whole, .. } = merged;
    conclude(&mut ran, &whole);
    let receipt = Ok(Receipt::default());
    let of = Of { project: whole.project(), name: None, gates: &whole.gates, sends: false };
    let found = Found { evidence, regressions: Vec::new() };
    finish(of, ran, None, receipt, Ok(None), found, &terminal)
}

/// What the shards say of the run beside its results.
pub(super) fn conclude<I, O, E>(ran: &mut Ran<I, O, E>, whole: &Whole) {
    ran.duration = Duration::try_from_secs_f64(whole.duration_s()).unwrap_or_default();
    ran.cells = Some(Ok(whole.summary()));
    ran.cell_warnings = whole.warnings();
}
