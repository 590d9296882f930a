//! The cases that changed most against the base, with what came out on either side.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use tidegate_analysis::comparison::Trial;
use tidegate_model::row::Row;

use super::diff;
use super::text::{bounded, readable};

/// Characters of an input, an output or an expected value that are kept.
const TEXT_CHARS: usize = 400;

/// Which changes are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Scores that fell.
    WorstRegressions,
    /// Scores that rose.
    BestImprovements,
}

/// A case whose score changed, before its texts are read; see [`largest_changes`].
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The score that changed most in this case.
    pub name: String,
    /// Mean over the case's trials in the base.
    pub base_score: f64,
    /// Mean over the case's trials in the current run.
    pub score: f64,
    /// The trace in the base that stands for the case.
    pub base_trace: String,
    /// The trace in the current run that stands for the case.
    pub trace: String,
}

/// A case whose score changed, with what came out. Texts are cut at 400 characters, with a mark of
/// how many are missing; values that are no text are their JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangedCase {
    /// The score that changed most in this case.
    pub name: String,
    /// Mean over the case's trials in the base.
    pub base_score: f64,
    /// Mean over the case's trials in this run.
    pub score: f64,
    /// The name of the case, if it has one.
    pub case_id: Option<String>,
    /// The input.
    pub input: String,
    /// The expected output, if the case has one.
    pub expected: Option<String>,
    /// What came out in the base: of several trials, of the one whose score is furthest away.
    pub base_output: String,
    /// What came out in this run, likewise.
    pub output: String,
    /// What differs between the outputs, in lines that begin with `-` (base), `+` (this run) or a
    /// blank (both), at most 16; of the whole outputs, not of the cut ones.
    pub diff: Vec<String>,
    /// The trace in the base, by its `root_span_id`.
    pub base_trace: String,
    /// The trace in this run.
    pub trace: String,
}

/// Finds the cases of both runs whose score changed most, at most `most`, the largest change first.
/// Trials come with the trace they were read from, and cases match by
/// [`Trial::case_key`]. A case is there once, with the score that changed most.
#[must_use]
pub fn largest_changes(
    current: &[(String, Trial)],
    base: &[(String, Trial)],
    which: Which,
    most: usize,
) -> Vec<Change> {
    // The traces that show most of a regression are the best of the base and the worst of now.
    let (now, before) = match which {
        Which::WorstRegressions => (grouped(current, false), grouped(base, true)),
        Which::BestImprovements => (grouped(current, true), grouped(base, false)),
    };
    let sign = match which {
        Which::WorstRegressions => -1.0,
        Which::BestImprovements => 1.0,
    };
    let mut changes: Vec<_> = now
        .into_iter()
        .filter_map(|(key, now)| {
            let before = before.get(&key)?;
            let change = sign * (now.mean() - before.mean());
            let scale = now.mean().abs().max(before.mean().abs());
            // Sums of floats: less than this is rounding, as in the comparison itself.
            (change > 1e-9 * scale).then_some((change, key, now, *before))
        })
        .collect();
    changes.sort_by(|(one, one_key, ..), (other, other_key, ..)| {
        other.total_cmp(one).then_with(|| one_key.cmp(other_key))
    });
    let mut seen = BTreeSet::new();
    changes.retain(|(_, (case, _), ..)| seen.len() < most && seen.insert(*case));
    let changes = changes.into_iter().map(|(_, (_, name), now, before)| Change {
        name: name.to_owned(),
        base_score: before.mean(),
        score: now.mean(),
        base_trace: before.trace.to_owned(),
        trace: now.trace.to_owned(),
    });
    changes.collect()
}

/// One score of one case over its trials.
#[derive(Clone, Copy)]
struct Scored<'a> {
    sum: f64,
    count: f64,
    extreme: f64,
    trace: &'a str,
}

impl Scored<'_> {
    fn mean(&self) -> f64 {
        self.sum / self.count
    }
}

type Grouped<'a> = BTreeMap<(&'a str, &'a str), Scored<'a>>;

/// By case and score; the trace that stands for a case is that of its highest or lowest score.
fn grouped(trials: &[(String, Trial)], highest: bool) -> Grouped<'_> {
    let mut grouped = Grouped::new();
    for (trace, trial) in trials {
        for (name, score) in trial.scores.iter().filter(|(_, score)| score.is_finite()) {
            let key = (trial.case_key.as_str(), name);
            let one = Scored { sum: 0.0, count: 0.0, extreme: *score, trace };
            let scored = grouped.entry(key).or_insert(one);
            scored.sum += score;
            scored.count += 1.0;
            let further = score.total_cmp(&scored.extreme);
            let further = if highest { further } else { further.reverse() };
            if further == Ordering::Greater || further.is_eq() && trace.as_str() < scored.trace {
                (scored.extreme, scored.trace) = (*score, trace);
            }
        }
    }
    grouped
}

impl Change {
    /// Adds the texts: rows as a server has them, or results as
    /// [`CaseResult::to_json`](crate::CaseResult::to_json) writes them.
    #[must_use]
    pub fn with(self, row: &Row, base_row: &Row) -> ChangedCase {
        let text = |row: &Row, member: &str| row.get(member).map(readable).unwrap_or_default();
        let case_id = row.get("case_id").or_else(|| row.get("metadata")?.get("case_id"));
        // A trial without output has failed, and its error is what came out.
        let output = |row: &Row| match row.get("error").filter(|error| !error.is_null()) {
            Some(error) => format!("error: {}", readable(error)),
            None => lines_of(row.get("output").unwrap_or(&Value::Null)),
        };
        let (now, before) = (output(row), output(base_row));
        ChangedCase {
            name: self.name,
            base_score: self.base_score,
            score: self.score,
            case_id: case_id.and_then(Value::as_str).map(str::to_owned),
            input: bounded(&text(row, "input"), TEXT_CHARS),
            expected: row
                .get("expected")
                .filter(|expected| !expected.is_null())
                .map(|expected| bounded(&readable(expected), TEXT_CHARS)),
            base_output: bounded(&before, TEXT_CHARS),
            output: bounded(&now, TEXT_CHARS),
            diff: diff::lines(&before, &now),
            base_trace: self.base_trace,
            trace: self.trace,
        }
    }
}

/// A value in lines, so that a diff finds the member that changed.
fn lines_of(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => format!("{value:#}"),
        other => readable(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trial(trace: &str, case: &str, scores: &[(&str, f64)]) -> (String, Trial) {
        let scores = scores.iter().map(|(name, score)| ((*name).to_owned(), *score)).collect();
        let trial = Trial { case_key: case.to_owned(), scores, ..Trial::default() };
        (trace.to_owned(), trial)
    }

    #[test]
    fn the_largest_changes_come_first_and_each_case_once() {
        let base = [
            trial("b1", "one", &[("exact", 1.0), ("close", 1.0)]),
            trial("b2", "two", &[("exact", 1.0)]),
            trial("b3", "two", &[("exact", 0.5)]),
            trial("b4", "three", &[("exact", 0.0)]),
            trial("b5", "gone", &[("exact", 1.0)]),
        ];
        let current = [
            trial("c1", "one", &[("exact", 0.5), ("close", 0.0)]),
            trial("c2", "two", &[("exact", 0.75)]),
            trial("c3", "two", &[("exact", 0.25)]),
            trial("c4", "three", &[("exact", 1.0)]),
            trial("c5", "new", &[("exact", 0.0)]),
        ];
        let worst = largest_changes(&current, &base, Which::WorstRegressions, 5);
        let told: Vec<_> = worst
            .iter()
            .map(|c| (c.name.as_str(), c.base_score, c.score, &*c.base_trace, &*c.trace))
            .collect();
        assert_eq!(told, [("close", 1.0, 0.0, "b1", "c1"), ("exact", 0.75, 0.5, "b2", "c3")]);
        assert_eq!(largest_changes(&current, &base, Which::WorstRegressions, 1).len(), 1);
        let best = largest_changes(&current, &base, Which::BestImprovements, 5);
        assert_eq!((best.len(), best[0].trace.as_str(), best[0].score), (1, "c4", 1.0));
        assert!(largest_changes(&current, &current, Which::WorstRegressions, 5).is_empty());
    }

    #[test]
    fn texts_are_cut_and_the_diff_is_of_the_whole_outputs() {
        let change = Change {
            name: "exact".into(),
            base_score: 1.0,
            score: 0.0,
            base_trace: "b".into(),
            trace: "c".into(),
        };
        let row = |output: Value, error: Value| {
            let row = json!({"input": "x".repeat(500), "expected": null, "output": output,
                "error": error, "metadata": {"case_id": "first"}});
            row.as_object().expect("an object").clone()
        };
        let (old, new) = (json!({"a": 1, "b": 2}), json!({"a": 1, "b": 3}));
        let case = change.clone().with(&row(new, Value::Null), &row(old, Value::Null));
        assert!(case.input.ends_with("x… [100 characters cut]"), "{}", case.input);
        assert_eq!(case.diff, ["…", "    \"a\": 1,", "-   \"b\": 2", "+   \"b\": 3", "  }"]);
        assert_eq!((case.case_id.as_deref(), case.expected), (Some("first"), None));
        let failed =
            change.with(&row(Value::Null, json!("boom")), &row(json!("fine"), Value::Null));
        assert_eq!(failed.diff, ["- fine", "+ error: boom"]);
    }
}
