//! What the spans of a trace say about its trial, and the result that is made of them.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use tidegate_analysis::NameMap;
use tidegate_analysis::comparison::{Trial, case_key, trials_from_rows};
use tidegate_model::row::Row;

use crate::runs::trace;

/// The spans of each trace without their payloads, as text, since a parsed row takes several times
/// the memory.
#[derive(Debug, Default)]
pub(super) struct Index {
    traces: HashMap<String, Vec<Box<str>>>,
    /// Results so far of each input, by a hash: a clash would only shift a number of a repetition.
    repetitions: HashMap<u64, u32>,
}

impl Index {
    pub(super) fn add(&mut self, rows: Vec<Row>) {
        for mut row in rows {
            // The second pass has it.
            row.remove("input");
            let spans = self.traces.entry(trace(&row).to_owned()).or_default();
            spans.push(Value::Object(row).to_string().into());
        }
    }

    fn trial(spans: &[Box<str>]) -> Option<Trial> {
        let rows: Vec<Row> =
            spans.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
        trials_from_rows(&rows).pop()
    }

    /// Names of all scores and metrics, for the header of CSV.
    pub(super) fn names(&self) -> Names {
        let mut names = Names::default();
        for trial in self.traces.values().filter_map(|spans| Self::trial(spans)) {
            names.scores.extend(trial.scores.keys().map(str::to_owned));
            names.metrics.extend(trial.metrics.keys().map(str::to_owned));
        }
        names
    }

    /// The trial of a trace, once.
    pub(super) fn take(&mut self, trace: &str) -> Option<Trial> {
        Self::trial(&self.traces.remove(trace)?)
    }

    /// Which result of this input it is, from 0.
    pub(super) fn repetition(&mut self, input: &Value) -> u32 {
        use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(case_key(input));
        let next = self.repetitions.entry(hash).or_default();
        *next += 1;
        *next - 1
    }

    /// Traces with a root that were not taken.
    pub(super) fn left(&self) -> u64 {
        self.traces.values().filter(|spans| Self::trial(spans).is_some()).count() as u64
    }
}

/// Columns that depend on the run.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) scores: BTreeSet<String>,
    pub(super) metrics: BTreeSet<String>,
}

impl Names {
    pub(super) fn add(&mut self, result: &Row) {
        for (member, names) in [("scores", &mut self.scores), ("metrics", &mut self.metrics)] {
            let members = result.get(member).and_then(Value::as_object).into_iter().flatten();
            names.extend(members.map(|(name, _)| name.clone()));
        }
    }
}

/// A result with the members of `CaseResult::to_json`, and the ids of its root.
pub(super) fn recorded_result(mut root: Row, trial: Trial, repetition: u32, id: &str) -> Row {
    let mut take = |member: &str| root.remove(member).unwrap_or(Value::Null);
    let mut metadata = match take("metadata") {
        Value::Object(metadata) => metadata,
        _ => Map::new(),
    };
    // Recorded there for want of a place of its own; a result has one.
    let mut errors = |member: &str| metadata.remove(member).unwrap_or_else(|| json!({}));
    let (scorer_errors, classifier_errors) = (errors("scorer_errors"), errors("classifier_errors"));
    let case_id = metadata.get("case_id").cloned().unwrap_or(Value::Null);
    let metrics: NameMap<f64> =
        trial.metrics.into_iter().map(|(name, metric)| (name, metric.value)).collect();
    let classifications = match take("classifications") {
        Value::Null => json!({}),
        classifications => classifications,
    };
    let tags = match take("tags") {
        Value::Null => json!([]),
        tags => tags,
    };
    let result = json!({
        "id": take("id"),
        "root_span_id": take("root_span_id"),
        "experiment_id": id,
        "created": take("created"),
        "case_id": case_id,
        "trial": repetition,
        "input": take("input"),
        "output": take("output"),
        "expected": take("expected"),
        "error": take("error"),
        "scores": trial.scores,
        "scorer_errors": scorer_errors,
        "classifications": classifications,
        "classifier_errors": classifier_errors,
        "metrics": metrics,
        "metadata": metadata,
        "tags": tags,
    });
    match result {
        Value::Object(result) => result,
        _ => unreachable!("it is written as an object"),
    }
}
