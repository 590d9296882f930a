//! Shards back into one run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;
use tidegate_analysis::NameMap;
use tidegate_analysis::comparison::{Trial, case_key};

use super::file::{self, Entry, HEADER, Reader};
use super::hash::{Key, OrderHash};
use super::manifest::{End, Manifest};
use super::record::{CLASSES, Record, SCORE, kind_and_name};
use super::store::{self, Part};
use super::whole::Whole;
use super::{CellsError, Shard};
use crate::classification::Classification;
use crate::json;
use crate::outcome::CaseResult;
use crate::scorer::Score;
use crate::trial::Grade as _;

/// All shards of one run, each of them finished.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) whole: Whole,
    /// In the order of the data.
    entries: Vec<(usize, Entry)>,
    files: Vec<Reader>,
}

pub(crate) type MergedResult = CaseResult<Value, Value, Value>;

impl Merged {
    /// Opens parts of a run, or directories with the parts of a run in them. Blocks.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, CellsError> {
        let parts = parts(paths)?;
        let shards = one_run(&parts)?;
        let whole = Whole::new(&parts[0].0, parts[0].1.clone(), &shards)?;
        let mut files = Vec::new();
        let mut cells: BTreeMap<u64, (usize, Entry)> = BTreeMap::new();
        let total = whole.cells();
        for (directory, Manifest { shard, .. }) in &parts {
            let path = directory.join(store::RECORDS);
            let scan = file::scan(&path)?;
            if scan.entries.is_empty() {
                continue;
            }
            let reader = Reader::open(&path)?;
            for entry in scan.entries {
                // Later records win; those at places beyond this part are of earlier data.
                let index = reader.read(entry)?.index;
                if index < total && shard.has(index) {
                    cells.insert(index, (files.len(), entry));
                }
            }
            files.push(reader);
        }
        let mut order = OrderHash::default();
        cells.values().for_each(|(_, entry)| order.add(entry.key));
        if cells.len() as u64 != total || Some(order.key()) != whole.end.keys {
            return Err(CellsError::Unmergeable(format!(
                "their records are not those of the {total} cells that they say they have; resume \
                 the shards, which runs what is missing"
            )));
        }
        Ok(Self { whole, entries: cells.into_values().collect(), files })
    }

    /// The results in the order of the data. Blocks.
    pub(crate) fn results(&self) -> Result<(Vec<MergedResult>, Vec<Trial>), CellsError> {
        let (mut results, mut trials) = (Vec::new(), Vec::new());
        let duration: Arc<str> = "duration".into();
        let names: BTreeMap<&str, Arc<str>> = self
            .whole
            .manifest
            .scorers
            .keys()
            .map(|grade| (&**grade, kind_and_name(grade).1.into()))
            .collect();
        for (file, entry) in &self.entries {
            let record = self.files[*file].read(*entry)?;
            let key = case_key(&json::parsed(&record.input));
            let result = self.result(record, &names);
            trials.push(result.trial(key, &duration));
            results.push(result);
        }
        Ok((results, trials))
    }

    fn result(&self, record: Record, names: &BTreeMap<&str, Arc<str>>) -> MergedResult {
        let value = |raw: Box<RawValue>| Arc::new(json::parsed(&raw));
        let mut result = CaseResult {
            case_id: record.case_id,
            trial: record.trial,
            input: value(record.input),
            expected: record.expected.map(value),
            output: record.output.map(value),
            error: record.error,
            scores: NameMap::new(),
            scorer_errors: BTreeMap::new(),
            classifications: BTreeMap::new(),
            classifier_errors: BTreeMap::new(),
            metrics: record.metrics,
            metadata: record.metadata,
            tags: record.tags,
            duration: std::time::Duration::from_nanos(record.duration_ns),
        };
        for (grade, graded) in &record.grades {
            match (names.get(&**grade), kind_and_name(grade).0) {
                (None, _) => {}
                (Some(name), CLASSES) => {
                    Vec::<Classification>::enter(graded.result(), name, &mut result);
                }
                (Some(name), _) => Score::enter(graded.result(), name, &mut result),
            }
        }
        let scorers = names.keys().map(|grade| kind_and_name(grade));
        let scorers = scorers.filter(|(kind, _)| *kind == SCORE).map(|(_, name)| name);
        result.count_failures(self.whole.manifest.error_score, scorers);
        result
    }

    /// Writes the run as one part below a data directory, where it can be resumed. Blocks.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), CellsError> {
        let Whole { manifest, end, .. } = &self.whole;
        let run = &manifest.run;
        let part = Part::take(dir, run, Shard::WHOLE)?;
        let exists = || CellsError::RunExists { run: run.clone(), shard: Shard::WHOLE };
        if Manifest::read(&part.directory)?.is_some() {
            return Err(exists());
        }
        let path = part.records();
        let write = || {
            let mut options = File::options();
            let options = store::private(options.write(true).create(true).truncate(true));
            let mut file = std::io::BufWriter::new(options.open(&path)?);
            file.write_all(HEADER)?;
            let mut offset = HEADER.len() as u64;
            let mut line = Vec::new();
            for (number, entry) in &self.entries {
                let record = self.files[*number].read(*entry).map_err(std::io::Error::other)?;
                line.clear();
                file::record(&mut line, entry.key, &record)?;
                file.write_all(&line)?;
                offset += line.len() as u64;
            }
            line.clear();
            file::synced(&mut line, offset);
            file.write_all(&line)?;
            file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
            store::sync_directory(&part.directory)
        };
        if let Err(error) = write() {
            part.remove_unused();
            return Err(CellsError::file(path)(error));
        }
        let manifest = Manifest { shard: Shard::WHOLE, end: Some(end.clone()), ..manifest.clone() };
        // Last: a run without it has not begun.
        manifest.write(&part.directory)
    }
}

/// Directories of parts with what they say of themselves; at least one.
fn parts(paths: &[PathBuf]) -> Result<Vec<(PathBuf, Manifest)>, CellsError> {
    let mut parts = Vec::new();
    for path in paths {
        let directories = match path.join(super::manifest::FILE).exists() {
            true => vec![path.clone()],
            false => store::parts_of(path)?,
        };
        if directories.is_empty() {
            let path = path.display();
            return Err(CellsError::Unmergeable(format!("there is no run in {path}")));
        }
        for directory in directories {
            if let Some(manifest) = Manifest::read(&directory)? {
                parts.push((directory, manifest));
            }
        }
    }
    if parts.is_empty() {
        return Err(CellsError::Unmergeable("none is given".to_owned()));
    }
    Ok(parts)
}

/// Checks that these are all shards of one run, and finished.
pub(super) fn one_run(parts: &[(PathBuf, Manifest)]) -> Result<Vec<(&PathBuf, &End)>, CellsError> {
    let wrong = |problem: String| Err(CellsError::Unmergeable(problem));
    let (first_directory, first) = &parts[0];
    let count = first.shard.count;
    let mut numbers: BTreeMap<u32, &PathBuf> = BTreeMap::new();
    let mut ends = Vec::new();
    for (directory, manifest) in parts {
        if let Some(what) = difference(first, manifest) {
            let (one, other) = (first_directory.display(), directory.display());
            return wrong(format!("{one} and {other} differ in {what}"));
        }
        if let Some(other) = numbers.insert(manifest.shard.number, directory) {
            let (one, other) = (other.display(), directory.display());
            return wrong(format!("{one} and {other} are both shard {}", manifest.shard));
        }
        match &manifest.end {
            Some(end) if end.complete => ends.push((directory, end)),
            _ => {
                let (shard, run, directory) = (manifest.shard, &manifest.run, directory.display());
                return wrong(format!(
                    "shard {shard} in {directory} is not finished: resume {run} for this shard"
                ));
            }
        }
    }
    let missing: Vec<String> = (1..=count)
        .filter(|number| !numbers.contains_key(number))
        .map(|number| Shard { number, count }.to_string())
        .collect();
    if !missing.is_empty() {
        return wrong(format!("missing: shard {}", missing.join(", ")));
    }
    let data = |end: &End| -> (Option<u64>, Option<Key>) { (end.cells, end.keys) };
    if let Some((other, _)) = ends.iter().find(|(_, end)| data(end) != data(ends[0].1)) {
        let (one, other) = (first_directory.display(), other.display());
        return wrong(format!("{one} and {other} were made from different data"));
    }
    Ok(ends)
}

pub(super) fn difference(one: &Manifest, other: &Manifest) -> Option<&'static str> {
    [
        ("the project", one.project == other.project),
        ("the number of shards", one.shard.count == other.shard.count),
        ("the version of the task", one.task_version == other.task_version),
        ("the scorers or their versions", one.scorers == other.scorers),
        ("the scorers of the run", one.run_scorers == other.run_scorers),
        ("the number of trials", one.trials == other.trials),
        ("the score of failures", one.error_score == other.error_score),
        ("the gates", one.gates == other.gates),
        ("the options of the statistics", one.statistics == other.statistics),
    ]
    .into_iter()
    .find_map(|(what, same)| (!same).then_some(what))
}
