//! What the index keeps of a trace, computed from its rows as they are now.

use rusqlite::{Connection, ToSql, params};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tidegate_analysis::comparison::{Trial, trials_from_rows};
use tidegate_model::RowId;
use tidegate_model::row::Row;

use super::super::documents;
use super::super::row_tables::IdColumn;
use super::super::skeleton::Skeleton;
use super::TraceKey;
use crate::store::StoreError;

/// Rows of one trace that count, so that memory stays bounded: rows beyond have no effect on the
/// case. Their number does, and a search finds them.
const TRACE_ROWS: usize = 100_000;

/// Bytes of tags kept with a case; a longer list counts as none.
const TAGS_BYTES: usize = 4_096;

/// One trace.
#[derive(Debug, Default)]
pub(super) struct Extract {
    pub(super) created_us: i64,
    /// `rows.number` of the root.
    pub(super) root: Option<i64>,
    pub(super) rows: i64,
    /// Rows without comments.
    pub(super) spans: i64,
    pub(super) failed: bool,
    pub(super) xact: i64,
    /// With the case key of the root's input; `None` while there is no root.
    pub(super) trial: Option<Trial>,
    pub(super) tags: Option<String>,
    /// `rows.number` of the row that is part of the trace by its id.
    pub(super) by_id: Option<i64>,
}

/// Reads a trace; `None` if it has no rows. `each` sees every row: its number and its text.
pub(super) fn trace(
    main: &Connection,
    object: i64,
    key: &TraceKey,
    mut each: impl FnMut(i64, &str, &Skeleton<'_>) -> Result<(), StoreError>,
) -> Result<Option<Extract>, StoreError> {
    let mut extract = Extract::default();
    let mut skeletons: Vec<Row> = Vec::new();
    let mut root: Option<(Option<String>, Option<String>, i64)> = None;
    let id = RowId::from(key.to_text().as_str());
    let by_trace = "SELECT number, created_us, xact, is_root, document FROM rows
        WHERE object = ?1 AND root_span_id = ?2";
    let by_id = "SELECT number, created_us, xact, is_root, document FROM rows
        WHERE object = ?1 AND row_id = ?2 AND root_span_id IS NULL";
    let parts: [(&str, &dyn ToSql); 2] = [(by_trace, key), (by_id, &IdColumn(&id))];
    for (part, (sql, key)) in parts.into_iter().enumerate() {
        let mut statement = main.prepare_cached(sql)?;
        let mut rows = statement.query(params![object, key])?;
        while let Some(row) = rows.next()? {
            let (number, created_us): (i64, i64) = (row.get(0)?, row.get(1)?);
            let is_root: bool = row.get(3)?;
            let text = documents::text(row.get_ref(4)?)?;
            let skeleton = Skeleton::of(&text)?;
            each(number, &text, &skeleton)?;
            if part == 1 {
                extract.by_id = Some(number);
            }
            extract.rows += 1;
            extract.xact = extract.xact.max(row.get(2)?);
            if root.is_none() && (extract.rows == 1 || created_us < extract.created_us) {
                extract.created_us = created_us;
            }
            let (error, tag_list) = (skeleton.error, skeleton.tags);
            let skeleton = skeleton.into_row(is_root)?;
            if skeleton.contains_key("comment") && !skeleton.contains_key("span_id") {
                continue;
            }
            extract.spans += 1;
            extract.failed |= error.is_some_and(|error| !is_blank(error));
            if is_root {
                // The same choice as that of a trial among several roots.
                let member = |name| skeleton.get(name).and_then(Value::as_str).map(str::to_owned);
                let rank = (member("created"), member("id"), number);
                if root.as_ref().is_none_or(|best| rank < *best) {
                    extract.created_us = created_us;
                    extract.tags = tag_list.and_then(tags);
                    extract.root = Some(number);
                    root = Some(rank);
                }
            }
            if skeletons.len() < TRACE_ROWS {
                skeletons.push(skeleton);
            }
        }
    }
    if extract.rows == 0 {
        return Ok(None);
    }
    extract.trial = trials_from_rows(&skeletons).pop();
    if extract.trial.is_none() {
        extract.root = None;
    }
    Ok(Some(extract))
}

fn is_blank(value: &RawValue) -> bool {
    matches!(value.get(), "null" | "\"\"" | "false")
}

fn tags(value: &RawValue) -> Option<String> {
    let list = value.get().starts_with('[') && value.get() != "[]";
    (list && value.get().len() <= TAGS_BYTES).then(|| value.get().to_owned())
}

/// Hash of a case key. It matches cases as the key does, in 16 bytes.
pub(super) fn input_hash(case_key: &str) -> [u8; 16] {
    let digest = Sha256::digest(case_key.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}
