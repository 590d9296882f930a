//! Cells: what makes an interrupted run worth something, and an unchanged case free.
//!
//! A *cell* is one trial of one case under one version of the task. Its key is a hash of what the
//! task can see; each of its scores has a key of its own, of the cell, the expected output and the
//! version of the scorer ([`hash`]). A cell is finished when its record is synced, and a run is the
//! set of cells that are missing. Everything else follows from which records count:
//!
//! ```text
//!                  records that count                      cells that are missing
//! new run          none                                    all
//! resume           those of the run                        without a record
//! cache            those of all runs of the project        without a record of success
//! only errors      those of the run that succeeded         failed, or without a record
//! only scorers     all; their named scores do not count    none: the task never runs
//! shard i/n        as above                                as above, of every n-th cell
//! merge            those of all shards                     none, or it is an error
//! ```
//!
//! [`plan`] decides, without any input or output; [`session`] does what it says.
//!
//! ```text
//! <dir>/cells/<run>/<i>-of-<n>/run.json      what the run is, and how far it got   [`manifest`]
//!                             /records.log   one line per finished cell            [`file`]
//!                             /lock          held by the process that writes
//! ```
//!
//! An unsharded run is shard 1 of 1. A thread of its own appends and syncs ([`journal`]): trials
//! wait for it only when 8 MiB are unwritten, and the end of a run waits for the rest.
//!
//! **The expected output is not part of a cell's key**, only of its scores' keys: correcting it
//! costs new scores and no new answers. A task that has asked its context for it is the exception;
//! its record says so, and counts only where the expected output is the same.
//!
//! **A shard takes every n-th cell** in the order of the data, not those whose hash says so. The
//! shards have to read the same data anyway, which the merge proves by a hash over all keys; then
//! counting off is stable, and no shard has more than one cell more than another.
//!
//! **Rows.** The row ids of root, task and scorers follow from run and cell, so whatever a killed
//! process had sent of a cell is replaced when the cell runs again. Rows of a finished cell that
//! had not left the process are made again from its record, with the ids of trace and spans that
//! they had ([`trial`]); which ones is read off the server. Spans that a task made itself are in no
//! record: those of a cut-off task stay behind in a trace without a root, which no summary counts,
//! and the last ones of a finished cell are lost with the process unless the client is durable.
//!
//! **Shards that record** share an experiment; its metadata has what a merge needs ([`shared`]).
//!
//! **The seed** of the statistics stays the one in force: it does not depend on the order of cells,
//! and neither do the statistics, which sort by case; so shards and one run agree to the last bit.

mod counter;
mod error;
mod file;
mod hash;
mod journal;
mod kept;
mod known;
mod manifest;
mod merge;
mod notes;
mod open;
mod plan;
mod record;
mod session;
mod shared;
mod store;
mod trial;
mod version;
mod whole;

use std::path::PathBuf;

use serde::Serialize;
use serde_json::value::RawValue;

pub(crate) use counter::Counter;
pub use error::CellsError;
pub(crate) use hash::CaseHash;
pub use kept::{KeptPart, KeptParts, PartState};
pub(crate) use merge::{Merged, MergedResult};
pub(crate) use notes::{Notes, ROOT, TASK};
pub(crate) use record::{CLASSES, SCORE};
pub(crate) use session::{Cell, Facts, Session};
pub(crate) use shared::{MEMBER, whole_run};
pub(crate) use whole::Whole;

/// Turns a recorded output into the type of the task's outputs.
pub(crate) type Decode<O> = fn(&RawValue) -> serde_json::Result<O>;

/// Where and how the results of a run are kept, cell by cell.
///
/// ```
/// use tidegate_eval::{Case, Cells, Eval, Report};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let directory = directory.path();
/// let squares = || {
///     Eval::new("squares")
///         .data((0..10).map(Case::new))
///         .task(async |number: std::sync::Arc<u64>, _cx| *number * *number)
///         .task_version("1")
///         .report(Report::Silent)
/// };
/// squares().cells(Cells::new(directory)).run_without_sending().await?;
/// // Nothing has changed, so nothing has to run.
/// let again = squares().cells(Cells::new(directory).cache(true)).run_without_sending().await?;
/// let cells = again.summary.cells.expect("they are on");
/// assert_eq!((cells.taken_over, cells.ran), (10, 0));
/// # Ok::<(), tidegate_eval::EvalError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "pass it to `Eval::cells`"]
pub struct Cells {
    dir: PathBuf,
    run_id: Option<String>,
    resume: Option<String>,
    cache: bool,
    only_errors: bool,
    only_scorers: Vec<String>,
    shard: Shard,
    same_task: bool,
}

impl Cells {
    /// Keeps records in `cells/<run>` below this data directory, which is made if it is missing.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            run_id: None,
            resume: None,
            cache: false,
            only_errors: false,
            only_scorers: Vec::new(),
            shard: Shard::WHOLE,
            same_task: false,
        }
    }

    /// Names a new run, instead of by time and chance. Shards of one run share the name.
    ///
    /// 1 to 100 letters, digits, `.`, `_` and `-`, the first one a letter or digit.
    pub fn run_id(mut self, run: impl Into<String>) -> Self {
        self.run_id = Some(run.into());
        self
    }

    /// Continues this run: cells that it has finished do not run again. `last` means the newest
    /// run of the project.
    pub fn resume(mut self, run: impl Into<String>) -> Self {
        self.resume = Some(run.into());
        self
    }

    /// Takes over finished cells of any earlier run of the project, if nothing that decides them
    /// has changed. Failed ones are tried again.
    pub fn cache(mut self, cache: bool) -> Self {
        self.cache = cache;
        self
    }

    /// With [`Cells::resume`]: failed cells and scores of the run count as missing.
    pub fn only_errors(mut self, only_errors: bool) -> Self {
        self.only_errors = only_errors;
        self
    }

    /// Runs these scorers again on recorded outputs, and nothing else: never the task, and no
    /// other scorer. Cells without a recorded output are left out, which the summary says.
    ///
    /// Outputs come from the run of [`Cells::resume`], else from all runs of the project.
    pub fn only_scorers<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.only_scorers = names.into_iter().map(Into::into).collect();
        self
    }

    /// Runs every `count`-th cell, beginning with the one at `number` (from 1). The shards of a run
    /// need the same data, and one [`Cells::run_id`]; `tidegate merge` makes one result of them.
    ///
    /// Shards that record share one experiment, whichever begins first: it has the name of the run,
    /// behind that of [`Eval::experiment_name`](crate::Eval::experiment_name) if there is one, and
    /// its metadata says how far each shard is. Rows have the same ids in every process, so a shard
    /// that runs again, even on another machine, replaces its rows. The summary of a shard is of its
    /// own cells, without a base, and gates are left to the merge;
    /// [`merge_recorded`](crate::merge_recorded) makes the summary of the experiment.
    pub fn shard(mut self, number: u32, count: u32) -> Self {
        self.shard = Shard { number, count };
        self
    }

    pub(crate) fn is_shard(&self) -> bool {
        self.shard.count > 1
    }

    /// With [`Cells::resume`]: takes the task for the one that was recorded although its version
    /// differs, such as after a change elsewhere in the program.
    pub fn same_task(mut self, same_task: bool) -> Self {
        self.same_task = same_task;
        self
    }
}

/// A part of a run: every `count`-th cell, beginning with the one at `number`, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Shard {
    /// From 1 to `count`.
    pub number: u32,
    /// How many there are.
    pub count: u32,
}

impl Shard {
    const WHOLE: Self = Self { number: 1, count: 1 };

    fn is_valid(self) -> bool {
        (1..=self.count).contains(&self.number)
    }

    fn has(self, index: u64) -> bool {
        index % u64::from(self.count) == u64::from(self.number) - 1
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

/// What became of the cells of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CellsSummary {
    /// The run, as [`Cells::resume`] takes it.
    pub run: String,
    /// Which part of it this was.
    pub shard: Shard,
    /// Cells whose task ran.
    pub ran: u64,
    /// Cells whose output and all of whose scores come from records.
    pub taken_over: u64,
    /// Cells whose output comes from a record, and some of whose scores were made now.
    pub rescored: u64,
    /// Cells that only scorers were to run on and that have no recorded output.
    pub left_out: u64,
    /// Whether every cell of this part is finished; otherwise resume the run.
    pub complete: bool,
}
