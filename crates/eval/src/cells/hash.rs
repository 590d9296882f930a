//! Keys: what decides a cell, and what decides a score.
//!
//! ```text
//! case    input, metadata, tags, id          what the task is shown
//! cell    case, occurrence, trial, task version
//! score   cell, expected output, scorer name and version
//! row     run, cell, name of the span
//! ```
//!
//! All are SHA-256 over parts with their lengths before them, so that no two lists of parts run
//! together to one text. JSON is canonical: keys sorted, numbers by value. 128 bits are kept: two
//! of a billion cells collide with a chance below 1 in 10^20.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use tidegate_analysis::comparison::case_key;

use crate::json;

/// The key of a cell, a score or a row; 32 lower-case hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key(pub(super) u128);

/// What a case is, apart from how often it occurs. The expected output stands beside it: the task
/// does not see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CaseHash {
    pub(super) case: Key,
    expected: Key,
}

impl CaseHash {
    pub(crate) fn of(
        input: &Value,
        expected: Option<&Value>,
        id: Option<&str>,
        tags: &[String],
        metadata: &serde_json::Map<String, Value>,
    ) -> Self {
        let metadata = case_key(&Value::Object(metadata.clone()));
        let mut case = Parts::new("case");
        case.text(&case_key(input)).text(&metadata).maybe(id).number(tags.len() as u64);
        for tag in tags {
            case.text(tag);
        }
        Self { case: case.key(), expected: expected_key(expected) }
    }

    /// Whether this is what the case expects.
    pub(super) fn expects(&self, expected: Option<&RawValue>) -> bool {
        self.expected == expected_key(expected.map(json::parsed).as_ref())
    }
}

fn expected_key(expected: Option<&Value>) -> Key {
    let mut parts = Parts::new("expected");
    parts.maybe(expected.map(case_key).as_deref());
    parts.key()
}

/// `occurrence` counts the cases of one hash, from 0.
pub(super) fn cell(case: CaseHash, occurrence: u64, trial: u32, task_version: &str) -> Key {
    let mut parts = Parts::new("cell");
    parts.part(&case.case.0.to_be_bytes()).number(occurrence).number(trial.into());
    parts.text(task_version).key()
}

pub(super) fn score(cell: Key, case: CaseHash, scorer: &str, version: &str) -> Key {
    let mut parts = Parts::new("score");
    parts.part(&cell.0.to_be_bytes()).part(&case.expected.0.to_be_bytes());
    parts.text(scorer).text(version).key()
}

/// The id of a row, shaped as a version 8 UUID: one that says nothing but what its maker put in.
pub(super) fn row_id(run: &str, cell: Key, span: &str) -> String {
    let key = Parts::new("row").text(run).part(&cell.0.to_be_bytes()).text(span).key();
    let hex = key.to_string();
    let variant = 0x8 | ((key.0 >> 60) & 0x3) as u8;
    let (one, two, three) = (&hex[..8], &hex[8..12], &hex[13..16]);
    format!("{one}-{two}-8{three}-{variant:x}{}-{}", &hex[17..20], &hex[20..])
}

/// Hashes all keys of a run in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct OrderHash(Sha256);

impl OrderHash {
    pub(super) fn add(&mut self, key: Key) {
        self.0.update(key.0.to_be_bytes());
    }

    pub(super) fn key(&self) -> Key {
        cut(self.0.clone())
    }
}

/// Of texts that together say what something is, such as a scorer and its settings.
pub(super) fn of_parts(kind: &str, texts: &[&str]) -> Key {
    let mut parts = Parts::new(kind);
    for text in texts {
        parts.text(text);
    }
    parts.key()
}

struct Parts(Sha256);

impl Parts {
    fn new(kind: &str) -> Self {
        let mut parts = Self(Sha256::new());
        parts.text("tidegate 1").text(kind);
        parts
    }

    fn part(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.part(text.as_bytes())
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.part(&number.to_be_bytes())
    }

    /// Absent differs from every text.
    fn maybe(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.number(1).text(text),
            None => self.number(0),
        }
    }

    fn key(&mut self) -> Key {
        cut(std::mem::take(&mut self.0))
    }
}

pub(super) fn cut(hash: Sha256) -> Key {
    let hash = hash.finalize();
    let first: [u8; 16] = hash[..16].try_into().expect("a hash has 32 bytes");
    Key(u128::from_be_bytes(first))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl FromStr for Key {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        match u128::from_str_radix(text, 16) {
            Ok(bits) if is_hex && text.len() == 32 => Ok(Self(bits)),
            _ => Err("expected 32 lower-case hex digits"),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn case(input: &Value, expected: Option<&Value>, id: Option<&str>, tags: &[&str]) -> CaseHash {
        let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        CaseHash::of(input, expected, id, &tags, &Map::new())
    }

    #[test]
    fn whatever_the_task_can_see_decides_the_cell() {
        let one = json!({"a": 1, "b": [2]});
        let plain = case(&one, None, None, &[]);
        assert_eq!(plain, case(&json!({"b": [2.0], "a": 1}), None, None, &[]));
        let mut metadata = Map::new();
        metadata.insert("k".into(), json!(1));
        let others = [
            case(&json!({"a": 1, "b": [3]}), None, None, &[]),
            case(&one, None, Some(""), &[]),
            case(&one, None, None, &["t"]),
            case(&one, None, None, &["t", ""]),
            CaseHash::of(&one, None, None, &[], &metadata),
        ];
        let mut keys: Vec<Key> = others.iter().map(|case| cell(*case, 0, 0, "v")).collect();
        keys.extend([cell(plain, 0, 0, "v"), cell(plain, 1, 0, "v"), cell(plain, 0, 1, "v")]);
        keys.push(cell(plain, 0, 0, "w"));
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count, "all differ");
    }

    #[test]
    fn the_expected_output_decides_the_score_and_not_the_cell() {
        let (right, wrong) = (json!("right"), json!("wrong"));
        let (one, other) = (Some(&right), Some(&wrong));
        let (one, other) = (case(&json!(1), one, None, &[]), case(&json!(1), other, None, &[]));
        let key = cell(one, 0, 0, "v");
        assert_eq!(key, cell(other, 0, 0, "v"));
        assert_ne!(score(key, one, "s", "1"), score(key, other, "s", "1"));
        assert_ne!(score(key, one, "s", "1"), score(key, one, "s", "2"));
        assert_ne!(score(key, one, "s", "1"), score(key, one, "t", "1"));
        let (none, null) =
            (case(&json!(1), None, None, &[]), case(&json!(1), Some(&json!(null)), None, &[]));
        assert_ne!(score(key, none, "s", "1"), score(key, null, "s", "1"));
    }

    #[test]
    fn keys_survive_their_text_and_row_ids_are_uuids() {
        let key = cell(case(&json!(1), None, None, &[]), 0, 0, "v");
        assert_eq!(key.to_string().parse(), Ok(key));
        for bad in ["", "1", "G0000000000000000000000000000000", "+0000000000000000000000000000001"]
        {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
        let id = row_id("run", key, "task");
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "8", "{id}");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        assert_ne!(id, row_id("run", key, "eval"));
        assert_ne!(id, row_id("nur", key, "task"));
    }
}
