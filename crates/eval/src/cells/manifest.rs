//! `run.json`: what a run is, and how far it got.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tidegate_analysis::statistics::{Level, Margin, Options, Threshold};

use super::hash::Key;
use super::{CellsError, Shard, store};
use crate::gate::{Condition, Gate};

pub(super) const FILE: &str = "run.json";
const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) run: String,
    pub(super) shard: Shard,
    pub(super) project: String,
    /// When the run began, ISO 8601 in UTC.
    pub(super) created: String,
    pub(super) task_version: String,
    /// By name. Those of the last process that worked on the run.
    pub(super) scorers: BTreeMap<String, String>,
    pub(super) run_scorers: Vec<String>,
    pub(super) trials: u32,
    pub(super) error_score: Option<f64>,
    pub(super) gates: Vec<GateEntry>,
    pub(super) statistics: Statistics,
    /// Where rows went; `None` without sending logs.
    pub(super) experiment: Option<ExperimentEntry>,
    /// `None` until the last process that worked on the run has ended by itself.
    pub(super) end: Option<End>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ExperimentEntry {
    pub(super) id: String,
    pub(super) name: String,
}

/// How a process that worked on the run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct End {
    /// Whether every cell of this part has a record.
    pub(super) complete: bool,
    /// Cells of the whole run, if the data was read to its end.
    pub(super) cells: Option<u64>,
    /// Hash over the keys of all of them, in the order of the data.
    pub(super) keys: Option<Key>,
    pub(super) ran: u64,
    pub(super) taken_over: u64,
    pub(super) rescored: u64,
    pub(super) left_out: u64,
    pub(super) duration_s: f64,
}

impl End {
    /// That of a process which still works.
    pub(super) fn open() -> Self {
        Self {
            complete: false,
            cells: None,
            keys: None,
            ran: 0,
            taken_over: 0,
            rescored: 0,
            left_out: 0,
            duration_s: 0.0,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct GateEntry {
    name: String,
    rule: GateRule,
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GateRule {
    AtLeast,
    AtMost,
    MeanAtLeast,
    MeanAtMost,
    NoRegression,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Statistics {
    level: f64,
    same_within: Option<f64>,
    flips: u32,
    seed: u64,
}

/// What is said of a run when it begins.
#[derive(Debug, Clone)]
pub(super) struct Head<'a> {
    pub(super) run: &'a str,
    pub(super) shard: Shard,
    pub(super) project: &'a str,
    pub(super) created: String,
    pub(super) task_version: String,
    pub(super) scorers: BTreeMap<String, String>,
    pub(super) run_scorers: Vec<String>,
    pub(super) trials: u32,
    pub(super) error_score: Option<f64>,
}

impl Manifest {
    pub(super) fn new(head: Head<'_>, gates: &[Gate], options: &Options) -> Self {
        Self {
            format: FORMAT,
            run: head.run.to_owned(),
            shard: head.shard,
            project: head.project.to_owned(),
            created: head.created,
            task_version: head.task_version,
            scorers: head.scorers,
            run_scorers: head.run_scorers,
            trials: head.trials,
            error_score: head.error_score,
            gates: gates.iter().map(GateEntry::of).collect(),
            statistics: Statistics::of(options),
            experiment: None,
            end: None,
        }
    }

    /// Reads the manifest of a part; `None` if there is none.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, CellsError> {
        let path = directory.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CellsError::file(path)(error)),
        };
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|error| {
            CellsError::Manifest { path: path.clone(), problem: error.to_string() }
        })?;
        match manifest.checked() {
            Ok(()) => Ok(Some(manifest)),
            Err(problem) => Err(CellsError::Manifest { path, problem }),
        }
    }

    /// Whether this version understands it; the error says why not.
    pub(super) fn checked(&self) -> Result<(), String> {
        match self {
            Self { format, .. } if *format != FORMAT => {
                Err(format!("it has the format {format}, and this version knows {FORMAT}"))
            }
            Self { shard, .. } if !shard.is_valid() => Err(format!("there is no shard {shard}")),
            _ => Ok(()),
        }
    }

    /// Replaces the file in one step, so that a reader finds the old or the new one.
    pub(super) fn write(&self, directory: &Path) -> Result<(), CellsError> {
        let path = directory.join(FILE);
        let fresh = directory.join("run.json.new");
        let mut bytes = serde_json::to_vec_pretty(self).expect("a manifest is JSON");
        bytes.push(b'\n');
        let write = || {
            let mut options = File::options();
            let mut file =
                store::private(options.write(true).create(true).truncate(true)).open(&fresh)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            store::sync_directory(directory)
        };
        write().map_err(CellsError::file(&path))
    }

    pub(super) fn gates(&self) -> Result<Vec<Gate>, String> {
        self.gates.iter().map(GateEntry::gate).collect()
    }

    pub(super) fn options(&self) -> Result<Options, String> {
        self.statistics.options()
    }
}

impl GateEntry {
    fn of(gate: &Gate) -> Self {
        let (rule, limit) = match gate.condition {
            Condition::Threshold(Threshold::AtLeast(limit)) => (GateRule::AtLeast, limit),
            Condition::Threshold(Threshold::AtMost(limit)) => (GateRule::AtMost, limit),
            Condition::Mean(Threshold::AtLeast(limit)) => (GateRule::MeanAtLeast, limit),
            Condition::Mean(Threshold::AtMost(limit)) => (GateRule::MeanAtMost, limit),
            Condition::NoRegression(margin) => (GateRule::NoRegression, margin.value()),
        };
        Self { name: gate.name.clone(), rule, limit }
    }

    fn gate(&self) -> Result<Gate, String> {
        let condition = match self.rule {
            GateRule::AtLeast => Condition::Threshold(Threshold::AtLeast(self.limit)),
            GateRule::AtMost => Condition::Threshold(Threshold::AtMost(self.limit)),
            GateRule::MeanAtLeast => Condition::Mean(Threshold::AtLeast(self.limit)),
            GateRule::MeanAtMost => Condition::Mean(Threshold::AtMost(self.limit)),
            GateRule::NoRegression => {
                let margin = Margin::new(self.limit).map_err(|error| error.to_string())?;
                Condition::NoRegression(margin)
            }
        };
        Ok(Gate { name: self.name.clone(), condition })
    }
}

impl Statistics {
    fn of(options: &Options) -> Self {
        let Options { level, same_within, flips, seed, .. } = *options;
        let same_within = same_within.map(Margin::value);
        Self { level: level.ratio(), same_within, flips, seed }
    }

    fn options(self) -> Result<Options, String> {
        let level = Level::new(self.level).map_err(|error| error.to_string())?;
        let options = Options::default().level(level).flips(self.flips).seed(self.seed);
        match self.same_within {
            Some(margin) => {
                let margin = Margin::new(margin).map_err(|error| error.to_string())?;
                Ok(options.same_within(margin))
            }
            None => Ok(options),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_comes_back_as_it_was_written() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(Manifest::read(directory.path()).expect("readable"), None);
        let head = Head {
            run: "r",
            shard: Shard { number: 2, count: 3 },
            project: "p",
            created: "2026-01-01T00:00:00Z".to_owned(),
            task_version: "v".to_owned(),
            scorers: [("exact".to_owned(), "1".to_owned())].into(),
            run_scorers: vec!["f1".to_owned()],
            trials: 2,
            error_score: Some(0.1),
        };
        let conditions = [
            Condition::Threshold(Threshold::AtLeast(0.1 + 0.2)),
            Condition::Mean(Threshold::AtMost(2.0)),
            Condition::NoRegression(Margin::new(0.05).expect("valid")),
        ];
        let gates: Vec<_> =
            conditions.map(|condition| Gate { name: "exact".to_owned(), condition }).into();
        let margin = Margin::new(0.01).expect("valid");
        let options = Options::default().same_within(margin).flips(7).seed(u64::MAX);
        let manifest = Manifest::new(head, &gates, &options);
        manifest.write(directory.path()).expect("written");
        let read = Manifest::read(directory.path()).expect("readable").expect("there");
        assert_eq!(read, manifest);
        assert_eq!(read.gates().expect("valid"), gates);
        assert_eq!(read.options().expect("valid"), options);
        std::fs::write(directory.path().join(FILE), "{\"format\": 1}").expect("written");
        let error = Manifest::read(directory.path()).expect_err("not whole");
        assert!(error.to_string().contains("run.json cannot be understood"), "{error}");
    }
}
