//! Results in a file, one JSON object a line: what `tidegate eval --jsonl` and `tidegate export` write.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde_json::Value;
use tidegate_analysis::NameMap;
use tidegate_analysis::comparison::{Metric, Trial, case_key, metric_unit};
use tidegate_model::row::Row;

use crate::exit::Failure;

/// Longest line, as of a file of cases.
const MAX_LINE_BYTES: u64 = 64 << 20;

const NO_RESULTS: &str =
    "give a file that `tidegate eval --jsonl` or `tidegate export` has written";

/// The results of a file, one by one, each with the number of its line from 1.
pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    number: u64,
    line: Vec<u8>,
}

/// Opens a file of results.
pub(crate) fn lines(path: &Path) -> Result<Lines, Failure> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()));
    let file =
        file.map_err(|error| Failure::failed(error, "check the file and its permissions"))?;
    let (path, reader) = (path.to_owned(), BufReader::new(file));
    Ok(Lines { path, reader, number: 0, line: Vec::new() })
}

impl Lines {
    fn fault(&self, error: impl Into<anyhow::Error>, hint: &str) -> Failure {
        let place = format!("{}:{}", self.path.display(), self.number);
        Failure::failed(error.into().context(place), hint)
    }

    fn read(&mut self) -> Result<Option<(u64, Row)>, Failure> {
        loop {
            self.line.clear();
            self.number += 1;
            let mut limited = (&mut self.reader).take(MAX_LINE_BYTES + 1);
            let read = limited.read_until(b'\n', &mut self.line);
            match read {
                Err(error) => return Err(self.fault(error, "check the file")),
                Ok(0) => return Ok(None),
                Ok(bytes) if bytes as u64 > MAX_LINE_BYTES => {
                    let error = anyhow!("the line is longer than {MAX_LINE_BYTES} bytes");
                    return Err(self.fault(error, NO_RESULTS));
                }
                Ok(_) => {}
            }
            let text = self.line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let row: Row = match serde_json::from_slice(text) {
                Ok(row) => row,
                Err(error) => return Err(self.fault(anyhow!("{error}"), NO_RESULTS)),
            };
            for member in ["input", "scores"] {
                if !row.contains_key(member) {
                    return Err(self.fault(anyhow!("no member {member:?}"), NO_RESULTS));
                }
            }
            if !row["scores"].is_object() {
                return Err(self.fault(anyhow!("\"scores\" is no object"), NO_RESULTS));
            }
            return Ok(Some((self.number, row)));
        }
    }
}

impl Iterator for Lines {
    type Item = Result<(u64, Row), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

pub(super) fn trials(path: &Path) -> Result<Vec<(String, Trial)>, Failure> {
    let trials = lines(path)?.map(|line| {
        let (number, row) = line?;
        Ok((trace(number, &row), trial(&row)))
    });
    trials.collect()
}

pub(super) fn rows(path: &Path, traces: &BTreeSet<String>) -> Result<Vec<(String, Row)>, Failure> {
    let mut found = Vec::new();
    for line in lines(path)? {
        let (number, row) = line?;
        let trace = trace(number, &row);
        if traces.contains(&trace) {
            found.push((trace, row));
        }
        if found.len() == traces.len() {
            break;
        }
    }
    Ok(found)
}

/// Exported results have the trace they were recorded in; others are known by their line.
fn trace(number: u64, row: &Row) -> String {
    let recorded = row.get("root_span_id").and_then(Value::as_str);
    recorded.map_or_else(|| format!("line {number}"), str::to_owned)
}

fn trial(row: &Row) -> Trial {
    let numbers = |member: &str| -> NameMap<f64> {
        let members = row.get(member).and_then(Value::as_object).into_iter().flatten();
        members.filter_map(|(name, value)| Some((name.as_str(), value.as_f64()?))).collect()
    };
    let metrics = numbers("metrics").into_iter().filter_map(|(name, value)| {
        let unit = if &*name == "duration" { "s" } else { metric_unit(&name)? };
        Some((name, Metric { value, unit: unit.into() }))
    });
    Trial {
        case_key: case_key(row.get("input").unwrap_or(&Value::Null)),
        scores: numbers("scores"),
        metrics: metrics.collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(text: &str) -> Result<Vec<(String, Trial)>, String> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        trials(file.path()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn results_become_trials_and_faults_name_their_line() {
        let good = r#"{"input": 1, "scores": {"a": 0.5, "b": null}, "metrics": {"duration": 2, "tokens": 7, "other": 1}}"#;
        let trials = read(&format!("\n{good}\n\n")).expect("results");
        assert_eq!((trials.len(), trials[0].0.as_str()), (1, "line 2"));
        let trial = &trials[0].1;
        assert_eq!((trial.scores.len(), trial.scores["a"]), (1, 0.5));
        assert_eq!(trial.metrics.keys().collect::<Vec<_>>(), ["duration", "tokens"]);
        let fault = |text: &str| read(text).expect_err(text);
        assert!(fault(&format!("{good}\n{{")).contains(":2: EOF"), "{}", fault("{"));
        assert!(fault(r#"{"input": 1}"#).contains(":1: no member \"scores\""));
        assert!(fault(r#"{"input": 1, "scores": []}"#).contains("no object"));
        assert!(fault("[1]").contains(":1: "));
    }
}
