//! Cases from a file of JSON lines, read as the run asks for them.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::DataError;
use super::lines::{self, Lines};
use crate::case::Case;

/// Reads cases from a file with one JSON object per line.
///
/// Members are `input` (required), `expected`, `id`, `tags`, `metadata` (an object), `trials` and
/// `origin`. Members that servers add to exported rows are ignored; any other member is an error,
/// since it is probably a misspelt one. Blank lines are skipped. The file is opened with the first
/// case and never read further than the run has come; a line is at most 64 MiB long.
///
/// ```
/// use tidegate_eval::{Case, data};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("cases.jsonl");
/// std::fs::write(&path, "{\"input\": \"bonjour\", \"expected\": \"fra\"}\n")?;
/// let cases: Result<Vec<Case<String, String>>, _> = data::jsonl(&path).collect();
/// assert_eq!(cases?[0].expected_output().map(String::as_str), Some("fra"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn jsonl<I, E>(path: impl Into<PathBuf>) -> Jsonl<I, E>
where
    I: DeserializeOwned,
    E: DeserializeOwned,
{
    Jsonl { lines: Lines::new(path.into()), done: false, types: PhantomData }
}

/// Iterator of [`jsonl`]. It ends after the first error.
pub struct Jsonl<I, E> {
    lines: Lines,
    done: bool,
    types: PhantomData<fn() -> (I, E)>,
}

/// A line as it is written. `Option<Value>` would not tell a missing input from null.
#[derive(Deserialize)]
#[serde(bound = "I: DeserializeOwned, E: DeserializeOwned", expecting = "a JSON object")]
struct Line<I, E> {
    input: I,
    #[serde(default = "none")]
    expected: Option<E>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default, alias = "trialCount")]
    trials: Option<u32>,
    #[serde(default)]
    origin: Option<Value>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

fn none<T>() -> Option<T> {
    None
}

/// Members of exported rows that say nothing about the case.
pub(super) const IGNORED: [&str; 14] = [
    "created",
    "dataset_id",
    "project_id",
    "experiment_id",
    "span_id",
    "root_span_id",
    "span_parents",
    "is_root",
    "upsert_id",
    "output",
    "comments",
    "audit_data",
    "facets",
    "classifications",
];

impl<I: DeserializeOwned, E: DeserializeOwned> Jsonl<I, E> {
    /// Reads the next case; goes on after it only if there is one.
    fn read(&mut self) -> Result<Option<Case<I, E>>, DataError> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        while let Some((line, text)) = self.lines.next()? {
            if !text.trim().is_empty() {
                // Without the line end, which a parser would count as a second line.
                let case = case(text.trim_end_matches(['\r', '\n']));
                let case = case.map_err(|(column, reason)| {
                    lines::error(self.lines.path(), line, column, reason)
                })?;
                self.done = false;
                return Ok(Some(case));
            }
        }
        Ok(None)
    }
}

/// A line's case, or the column and the reason why it is none.
fn case<I, E>(text: &str) -> Result<Case<I, E>, (usize, String)>
where
    I: DeserializeOwned,
    E: DeserializeOwned,
{
    let line: Line<I, E> = serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        // The position is given as that of the file, not of the line.
        let message = message.rsplit_once(" at line ").map_or(&*message, |(reason, _)| reason);
        (error.column().max(1), message.to_owned())
    })?;
    let unknown =
        line.others.keys().find(|name| !name.starts_with('_') && !IGNORED.contains(&name.as_str()));
    if let Some(name) = unknown {
        let reason = format!(
            "unknown member {name:?}; known are input, expected, id, tags, metadata, trials and origin, other values belong into metadata"
        );
        return Err((1, reason));
    }
    let case = Case::new(line.input).maybe_expected(line.expected);
    let case = case.tags(line.tags.unwrap_or_default());
    Ok(Case {
        id: line.id,
        metadata: line.metadata.unwrap_or_default(),
        trials: line.trials.map(|trials| trials.max(1)),
        origin: line.origin,
        ..case
    })
}

impl<I: DeserializeOwned, E: DeserializeOwned> Iterator for Jsonl<I, E> {
    type Item = Result<Case<I, E>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl<I, E> Debug for Jsonl<I, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Jsonl").field("lines", &self.lines).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(content: &[u8]) -> (Vec<Case<String, String>>, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cases.jsonl");
        std::fs::write(&path, content).unwrap();
        let (mut cases, mut errors) = (Vec::new(), Vec::new());
        for case in jsonl(&path) {
            match case {
                Ok(case) => cases.push(case),
                Err(error) => errors.push(error.to_string()),
            }
        }
        assert!(errors.len() <= 1, "reading goes on after {errors:?}");
        let prefix = format!("{}:", directory.path().join("cases.jsonl").display());
        let error = errors.pop();
        (cases, error.map(|error| error.strip_prefix(&prefix).unwrap_or(&error).to_owned()))
    }

    #[test]
    fn reads_every_member_and_skips_blank_lines() {
        let (cases, error) = read(
            "\u{feff}{\"input\":\"a\",\"expected\":\"b\",\"id\":\"1\",\"tags\":[\"x\",\"x\"],\
             \"metadata\":{\"k\":1},\"trialCount\":2,\"origin\":{\"id\":\"o\"},\"_xact_id\":\"7\"}\r\n\
             \n  \n{\"input\":\"c\",\"expected\":null,\"tags\":null,\"created\":\"now\"}"
                .as_bytes(),
        );
        assert_eq!(error, None);
        let first = Case::new("a".to_owned()).expected("b".to_owned()).id("1").tags(["x"]);
        let first = first.metadata("k", &1).trials(2).origin(json!({"id": "o"}));
        assert_eq!(cases, [first, Case::new("c".to_owned()).maybe_expected(None)]);
    }

    #[test]
    fn names_line_column_and_reason_of_what_is_wrong() {
        let error = |second: &[u8]| {
            let (cases, error) =
                read(&[b"{\"input\":\"a\"}\n", second, b"\n{\"input\":\"c\"}"].concat());
            assert_eq!(cases.len(), 1, "{error:?}");
            error.unwrap()
        };
        assert_eq!(error(b"{\"input\": }"), "2:11: expected value");
        assert_eq!(error(b"{\"input\": \"b\""), "2:13: EOF while parsing an object");
        assert_eq!(error(b"[]"), "2:1: invalid type: sequence, expected a JSON object");
        assert_eq!(error(b"{\"expected\": \"b\"}"), "2:17: missing field `input`");
        assert_eq!(error(b"{\"input\": 3}"), "2:11: invalid type: integer `3`, expected a string");
        assert_eq!(error(b"{\"input\": \"\xff\"}"), "2:12: text is not UTF-8; convert the file");
        let misspelt = error(b"{\"input\": \"b\", \"expcted\": \"b\"}");
        assert!(
            misspelt.starts_with("2:1: unknown member \"expcted\"; known are input"),
            "{misspelt}"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let mut cases = jsonl::<String, String>("no/such/file.jsonl");
        let error = cases.next().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "cannot open no/such/file.jsonl");
        assert!(cases.next().is_none());
    }

    #[test]
    fn an_empty_file_has_no_cases() {
        assert_eq!(read(b"").0, []);
        assert_eq!(read(b"\n\n").0, []);
    }
}
