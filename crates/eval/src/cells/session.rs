//! A run that keeps its cells: what it knows of earlier ones, what it adds, and how it ends.

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tidegate_analysis::comparison::case_key;
use tidegate_analysis::statistics::Options;
use tidegate_client::Experiment;

use super::counter::Counter;
use super::file::{self, Entry, Reader};
use super::hash::{self, CaseHash, Key};
use super::journal::Journal;
use super::known::Known;
use super::manifest::{End, ExperimentEntry, Head, Manifest};
use super::plan::{Found, Todo, Wanted, todo};
use super::record::{Record, kind_and_name};
use super::shared::SharedShard;
use super::store::{self, Part};
use super::{Cells, CellsError, CellsSummary, Shard, open, version};
use crate::clock;
use crate::evidence::Spot;
use crate::gate::Gate;

/// Warnings that are said one by one; the rest is counted.
const MOST_WARNINGS: usize = 5;

/// What a run is, apart from its data.
pub(crate) struct Facts {
    pub(crate) project: String,
    pub(crate) task_version: Option<String>,
    pub(crate) parameters: Arc<Map<String, Value>>,
    /// Kinds and names of scorers and classifiers with their versions, in their order.
    pub(crate) scorers: Vec<(String, Option<String>)>,
    pub(crate) run_scorers: Vec<String>,
    pub(crate) trials: u32,
    pub(crate) error_score: Option<f64>,
    pub(crate) gates: Vec<Gate>,
    pub(crate) statistics: Options,
}

/// One cell of this run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(super) key: Key,
    /// Position among all cells of the run, in the order of the data.
    pub(crate) index: u64,
    pub(super) case: CaseHash,
}

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    ThisRun,
    Earlier,
}

/// A run that keeps its cells.
#[derive(Debug)]
pub(crate) struct Session {
    part: Part,
    manifest: Mutex<Manifest>,
    run: String,
    shard: Shard,
    task_version: String,
    scorers: Vec<(String, String)>,
    is_resumed: bool,
    retry_failed: bool,
    only_scorers: Vec<String>,
    files: Vec<Reader>,
    own: HashMap<Key, (usize, Entry)>,
    earlier: HashMap<Key, (usize, Entry)>,
    journal: Journal,
    /// Rows that the server has, of spans that have ended, by id.
    uploaded: OnceLock<HashMap<String, Spot>>,
    /// Cells of the whole run, of this part, and the hash of the keys, once the data has ended.
    all: OnceLock<(u64, u64, Key)>,
    counts: Counts,
    warnings: Mutex<Vec<String>>,
}

#[derive(Debug, Default)]
struct Counts {
    ran: AtomicU64,
    taken_over: AtomicU64,
    rescored: AtomicU64,
    left_out: AtomicU64,
    cut_off: AtomicU64,
    warnings: AtomicU64,
}

impl Session {
    /// Opens the directory and reads what there is. Blocks.
    pub(crate) fn open(cells: &Cells, facts: Facts) -> Result<Self, CellsError> {
        open::check(cells, &facts)?;
        let Cells { dir, shard, .. } = cells;
        let needs_program =
            facts.task_version.is_none() || facts.scorers.iter().any(|(_, v)| v.is_none());
        let program = match needs_program {
            true => Some(version::of_this_program(dir)?),
            false => None,
        };
        let or_program = |version: Option<String>| {
            version.or_else(|| program.clone()).expect("looked up if one is missing")
        };
        let scorers: Vec<_> =
            facts.scorers.into_iter().map(|(name, v)| (name, or_program(v))).collect();
        let mut head = Head {
            run: "",
            shard: *shard,
            project: &facts.project,
            created: clock::wall().to_string(),
            task_version: with_parameters(or_program(facts.task_version), &facts.parameters),
            scorers: scorers.iter().cloned().collect(),
            run_scorers: facts.run_scorers,
            trials: facts.trials,
            error_score: facts.error_score,
        };
        let (part, run, before) = match &cells.resume {
            Some(run) => open::resumed(cells, run, &mut head)?,
            None => open::fresh(cells)?,
        };
        head.run = &run;
        let mut manifest = Manifest::new(head, &facts.gates, &facts.statistics);
        manifest.experiment = before.and_then(|before| before.experiment);
        let mut known = Known::default();
        let records = part.records();
        let scan = known.add(&records)?;
        let own = std::mem::take(&mut known.cells);
        if cells.cache || (cells.resume.is_none() && !cells.only_scorers.is_empty()) {
            known.add_earlier(dir, &part, &manifest)?;
        }
        let failed = CellsError::file(records.clone());
        let journal = File::options().append(true).create(true).clone();
        let open = || {
            let mut options = journal;
            let file = store::private(&mut options).open(&records)?;
            file.set_len(scan.good)?;
            file.sync_all()?;
            store::sync_directory(&part.directory)?;
            Ok(file)
        };
        let journal = Journal::start(open().map_err(failed)?, records, scan.good)?;
        let mut warnings = known.warnings;
        if scan.torn > 0 {
            warnings.push(format!(
                "the last {} bytes of the records of {run} were cut off: their cells were not \
                 finished and run again",
                scan.torn
            ));
        }
        Ok(Self {
            part,
            task_version: manifest.task_version.clone(),
            manifest: Mutex::new(manifest),
            run,
            shard: *shard,
            scorers,
            is_resumed: cells.resume.is_some(),
            retry_failed: cells.only_errors,
            only_scorers: cells.only_scorers.clone(),
            files: known.files,
            own,
            earlier: known.cells,
            journal,
            uploaded: OnceLock::new(),
            all: OnceLock::new(),
            counts: Counts::default(),
            warnings: Mutex::new(warnings),
        })
    }

    /// The experiment that the run was recorded in, by its name.
    pub(crate) fn experiment(&self) -> Option<String> {
        let manifest = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        manifest.experiment.as_ref().map(|experiment| experiment.name.clone())
    }

    /// Whether rows of this run may be on the server, or on their way, already.
    pub(crate) fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// Says which rows the server has. Without this all are sent again, which replaces them.
    pub(crate) fn uploaded(&self, rows: HashMap<String, Spot>) {
        self.uploaded.set(rows).ok();
    }

    pub(super) fn row(&self, id: &str) -> Option<&Spot> {
        self.uploaded.get()?.get(id)
    }

    /// Says what the run is, before its first cell. Blocks.
    pub(crate) fn begin(&self, experiment: Option<&Experiment>) -> Result<(), CellsError> {
        let mut manifest = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Experiment { id, name, .. }) = experiment {
            manifest.experiment = Some(ExperimentEntry { id: id.clone(), name: name.clone() });
        }
        manifest.write(&self.part.directory)
    }

    /// Leaves nothing behind of a new run that did not begin. Blocks.
    pub(crate) fn abandon(&self) {
        if !self.is_resumed {
            self.part.remove_unused();
        }
    }

    /// What its experiment is told of this part, if it has one in common with others.
    pub(crate) fn shared(&self) -> Option<SharedShard> {
        SharedShard::of(&self.manifest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the metadata of that experiment gets in the end; `None` before [`Session::end`].
    pub(crate) fn ended_state(&self) -> Option<Map<String, Value>> {
        let manifest = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        Some(SharedShard::of(&manifest)?.state(manifest.end.as_ref()?))
    }

    pub(crate) fn counter(self: &Arc<Self>) -> Counter {
        Counter::new(Arc::clone(self))
    }

    pub(super) fn task_version(&self) -> &str {
        &self.task_version
    }

    pub(super) fn has_index(&self, index: u64) -> bool {
        self.shard.has(index)
    }

    pub(super) fn counted(&self, all: u64, own: u64, keys: Key) {
        self.all.set((all, own, keys)).ok();
    }

    pub(super) fn row_id(&self, cell: &Cell, span: &str) -> String {
        hash::row_id(&self.run, cell.key, span)
    }

    /// The keys of the scores of a cell, in the order of the scorers.
    pub(super) fn grade_keys(&self, cell: &Cell) -> Vec<(&str, Key)> {
        let key =
            |(name, version): &(String, String)| hash::score(cell.key, cell.case, name, version);
        self.scorers.iter().map(|scorer| (scorer.0.as_str(), key(scorer))).collect()
    }

    /// Whether there may be a record, without reading one.
    pub(super) fn knows(&self, cell: &Cell) -> bool {
        self.own.contains_key(&cell.key) || self.earlier.contains_key(&cell.key)
    }

    /// Reads the record of a cell. Blocks. One that cannot be read any more is said and not there.
    pub(super) fn find(&self, cell: &Cell) -> Option<(Record, From)> {
        let own = self.own.get(&cell.key).map(|found| (found, From::ThisRun));
        let earlier = self.earlier.get(&cell.key).map(|found| (found, From::Earlier));
        for (&(file, entry), from) in own.into_iter().chain(earlier) {
            match self.files[file].read(entry) {
                // It stands for another expected output.
                Ok(record)
                    if record.saw_expected && !cell.case.expects(record.expected.as_deref()) => {}
                Ok(record) => return Some((record, from)),
                Err(error) => self.warn(error.to_string()),
            }
        }
        None
    }

    /// What has to be done for a cell; `output` says whether the recorded one can be used.
    pub(super) fn todo(&self, cell: &Cell, found: Option<(&Record, From, bool)>) -> Todo {
        let keys = self.grade_keys(cell);
        let names: Vec<_> = keys.iter().map(|(grade, _)| kind_and_name(grade).1).collect();
        let wanted = |from| Wanted {
            retry_failed: self.retry_failed || from == From::Earlier,
            only_scorers: &self.only_scorers,
        };
        let Some((record, from, output)) = found else {
            return todo(wanted(From::ThisRun), None, &names);
        };
        let scores = record.scored(&keys);
        let found = Found { failed: record.error.is_some(), output, scores: &scores };
        todo(wanted(from), Some(found), &names)
    }

    pub(super) fn grade(&self, position: usize) -> &str {
        &self.scorers[position].0
    }

    pub(super) fn position(&self, scorer: &str) -> Option<usize> {
        self.scorers.iter().position(|(name, _)| name == scorer)
    }

    /// Adds a record; finished once it is synced, for which nobody waits here.
    pub(super) async fn keep(&self, cell: &Cell, record: &Record) {
        let mut line = Vec::with_capacity(512);
        match file::record(&mut line, cell.key, record) {
            Ok(()) => self.journal.append(&line).await,
            // Nothing in a record can fail to be JSON, but a missing cell must not pass as one.
            Err(error) => {
                self.cut_off();
                self.warn(format!("a cell could not be recorded: {error}"));
            }
        }
    }

    pub(super) fn ran(&self) {
        self.counts.ran.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn taken_over(&self) {
        self.counts.taken_over.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn rescored(&self) {
        self.counts.rescored.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn left_out(&self) {
        self.counts.left_out.fetch_add(1, Ordering::Relaxed);
    }

    /// A cell that ran and is not finished, because the run was ended.
    pub(super) fn cut_off(&self) {
        self.counts.cut_off.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn warn(&self, warning: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        match warnings.len() < MOST_WARNINGS {
            true => warnings.push(warning),
            false => drop(self.counts.warnings.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Waits until everything is synced, and says how the run ended.
    ///
    /// # Errors
    /// Not all records are kept.
    pub(crate) async fn end(self: Arc<Self>, took: Duration) -> Result<CellsSummary, CellsError> {
        self.journal.close().await?;
        let ended = tokio::task::spawn_blocking(move || self.ended(took)).await;
        ended.expect("it does not panic, and nobody aborts it")
    }

    fn ended(&self, took: Duration) -> Result<CellsSummary, CellsError> {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { ran, taken_over, rescored, left_out, cut_off, .. } = &self.counts;
        let (ran, taken_over) = (count(ran), count(taken_over));
        let (rescored, left_out) = (count(rescored), count(left_out));
        let finished = ran + taken_over + rescored;
        let all = self.all.get();
        let complete = count(cut_off) == 0 && all.is_some_and(|(_, own, _)| finished == *own);
        let mut manifest = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        manifest.end = Some(End {
            complete,
            cells: all.map(|(all, _, _)| *all),
            keys: all.map(|(_, _, keys)| *keys),
            ran,
            taken_over,
            rescored,
            left_out,
            duration_s: took.as_secs_f64(),
        });
        manifest.write(&self.part.directory)?;
        let (run, shard) = (self.run.clone(), self.shard);
        Ok(CellsSummary { run, shard, ran, taken_over, rescored, left_out, complete })
    }

    /// What the user should know, a sentence each.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let more = self.counts.warnings.load(Ordering::Relaxed);
        if more > 0 {
            warnings.push(format!("{more} more records could not be used"));
        }
        let left_out = self.counts.left_out.load(Ordering::Relaxed);
        if left_out > 0 {
            warnings.push(format!(
                "{left_out} cells have no recorded output and were left out, since only scorers run"
            ));
        }
        warnings
    }
}

/// Tasks see the parameters of the run, so these are a part of their version.
fn with_parameters(version: String, parameters: &Map<String, Value>) -> String {
    if parameters.is_empty() {
        return version;
    }
    let parameters = case_key(&Value::Object(parameters.clone()));
    format!("{version} with parameters {}", hash::of_parts("parameters", &[&parameters]))
}
