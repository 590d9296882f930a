//! What is kept of a finished cell: all that its result, its rows and a summary are made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::hash::Key;
use super::plan::Scored;
use crate::classification::Classification;
use crate::json;
use crate::scorer::Score;
use crate::trial::Grade;

/// One cell. The last record of a cell counts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// Position among all cells of the run, in the order of the data, from 0.
    pub(super) index: u64,
    pub(super) trial: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) case_id: Option<String>,
    pub(super) input: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub(super) expected: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<String>,
    /// Of the case, with what the task has set.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) metadata: Map<String, Value>,
    /// What the task has added up.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metrics: BTreeMap<String, f64>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub(super) output: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// How long the task took.
    pub(super) duration_ns: u64,
    /// Whether the task looked at the expected output, so that it decides the output too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) saw_expected: bool,
    /// What scorers and classifiers made of the output, by kind and name: see [`grade_name`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) grades: BTreeMap<String, Graded>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace: Option<Trace>,
}

/// What a scorer or a classifier made of the output.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Graded {
    pub(super) key: Key,
    /// A score or classes, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grade: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) span: Option<SpanTimes>,
}

/// Where the rows of a cell stand in their trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trace {
    /// 32 hex digits.
    pub(super) id: String,
    pub(super) root: SpanTimes,
    pub(super) task: SpanTimes,
}

/// A span, with its times in microseconds since the unix epoch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct SpanTimes {
    /// 16 hex digits.
    pub(super) id: String,
    pub(super) start_us: u64,
    pub(super) end_us: u64,
}

/// A value that is there may be null, which is not the same as one that is not there.
fn present<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(json).map(Some)
}

pub(crate) const SCORE: &str = Score::SPAN_TYPE;
pub(crate) const CLASSES: &str = Vec::<Classification>::SPAN_TYPE;

/// A scorer and a classifier may have one name, and either may be called `task`.
pub(super) fn grade_name<T: Grade>(name: &str) -> String {
    format!("{} {name}", T::SPAN_TYPE)
}

/// The kind and the name that [`grade_name`] has joined.
pub(super) fn kind_and_name(grade: &str) -> (&str, &str) {
    grade.split_once(' ').unwrap_or((SCORE, grade))
}

impl Graded {
    pub(super) fn of<T: Grade>(key: Key, done: &Result<T, String>) -> Self {
        let grade = done.as_ref().ok().map(json::raw);
        Self { key, grade, error: done.as_ref().err().cloned(), span: None }
    }

    pub(super) fn result<T: Grade>(&self) -> Result<T, String> {
        match (&self.error, &self.grade) {
            (Some(error), _) => Err(error.clone()),
            (None, Some(grade)) => serde_json::from_str(grade.get())
                .map_err(|error| format!("what is recorded is of no use any more: {error}")),
            (None, None) => Err("nothing is recorded".to_owned()),
        }
    }
}

impl Record {
    /// What there is of scorers with these keys.
    pub(super) fn scored(&self, scorers: &[(&str, Key)]) -> Vec<Scored> {
        let scored = scorers.iter().map(|(name, key)| match self.grades.get(*name) {
            None => Scored::Absent,
            Some(graded) if graded.key != *key => Scored::Outdated,
            Some(graded) if graded.error.is_some() => Scored::Failed,
            Some(_) => Scored::Done,
        });
        scored.collect()
    }
}
