//! What the index keeps of a trace, computed from its rows as they are now.

use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tidegate_analysis::comparison::{Trial, trials_from_rows};
use tidegate_model::row::Row;

use super::skeleton::Skeleton;
use crate::store::StoreError;

/// Rows of one trace that count, so that memory stays bounded: rows beyond have no effect on the
/// case. Their number does, and a search finds them.
const TRACE_ROWS: usize = 100_000;

/// Bytes of tags kept with a case; a longer list counts as none.
const TAGS_BYTES: usize = 4_096;

/// One trace.
#[derive(Debug, Default)]
pub(crate) struct Extract {
    pub(crate) created_us: i64,
    /// `rows.number` of the root.
    pub(crate) root: Option<i64>,
    pub(crate) rows: i64,
    /// Rows without comments.
    pub(crate) spans: i64,
    pub(crate) failed: bool,
    /// The newest transaction of its rows.
    pub(crate) xact: i64,
    /// With the case key of the root's input; `None` while there is no root.
    pub(crate) trial: Option<Trial>,
    /// JSON, a list.
    pub(crate) tags: Option<String>,
}

/// A row as it is stored, without its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// `rows.number`.
    pub(crate) number: i64,
    pub(crate) created_us: i64,
    pub(crate) xact: i64,
    pub(crate) is_root: bool,
}

/// A trace of which some rows were seen.
#[derive(Debug, Default)]
pub(crate) struct Extraction {
    extract: Extract,
    rows: Vec<Row>,
    root: Option<(Option<String>, Option<String>, i64)>,
}

impl Extraction {
    /// Takes the next row.
    pub(crate) fn add(&mut self, facts: Facts, row: Skeleton<'_>) -> Result<(), StoreError> {
        let Facts { number, created_us, xact, is_root } = facts;
        let extract = &mut self.extract;
        extract.rows += 1;
        extract.xact = extract.xact.max(xact);
        if self.root.is_none() && (extract.rows == 1 || created_us < extract.created_us) {
            extract.created_us = created_us;
        }
        let (error, tag_list) = (row.error, row.tags);
        let row = row.into_row(is_root)?;
        if row.contains_key("comment") && !row.contains_key("span_id") {
            return Ok(());
        }
        extract.spans += 1;
        extract.failed |= error.is_some_and(|error| !is_blank(error));
        if is_root {
            // The same choice as that of a trial among several roots.
            let member = |name| row.get(name).and_then(Value::as_str).map(str::to_owned);
            let rank = (member("created"), member("id"), number);
            if self.root.as_ref().is_none_or(|best| rank < *best) {
                extract.created_us = created_us;
                extract.tags = tag_list.and_then(tags);
                extract.root = Some(number);
                self.root = Some(rank);
            }
        }
        if self.rows.len() < TRACE_ROWS {
            self.rows.push(row);
        }
        Ok(())
    }

    /// Returns what there is to keep; `None` if there was no row.
    pub(crate) fn finish(mut self) -> Option<Extract> {
        if self.extract.rows == 0 {
            return None;
        }
        self.extract.trial = trials_from_rows(&self.rows).pop();
        if self.extract.trial.is_none() {
            self.extract.root = None;
        }
        Some(self.extract)
    }
}

fn is_blank(value: &RawValue) -> bool {
    matches!(value.get(), "null" | "\"\"" | "false")
}

fn tags(value: &RawValue) -> Option<String> {
    let list = value.get().starts_with('[') && value.get() != "[]";
    (list && value.get().len() <= TAGS_BYTES).then(|| value.get().to_owned())
}

/// Hash of a case key. It matches cases as the key does, in 16 bytes.
pub(crate) fn input_hash(case_key: &str) -> [u8; 16] {
    let digest = Sha256::digest(case_key.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}
