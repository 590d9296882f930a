//! Where a query goes on, as the text that clients send back.
//!
//! `r<id>` after a row, with `o<n>.` before it while rows are still to be left out; in a sorted
//! read `s<fingerprint>.<keys>.<id>`. Ids and keys are hexadecimal, so that a cursor needs no
//! quoting anywhere.

use serde_json::Value;
use sha2::{Digest, Sha256};
use tidegate_model::RowId;

use super::plan::SortKey;
use crate::store::Cursor;

/// Bytes of the last row's keys; a cursor that a client cannot send back is of no use.
const MAX_KEY_BYTES: usize = 2_048;

/// Where to begin.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum After {
    /// With rows to leave out.
    Start {
        skip: usize,
    },
    Row {
        cursor: Cursor,
        skip: usize,
    },
    /// After a row of these keys and this id.
    Sorted {
        keys: Vec<Value>,
        id: RowId,
    },
}

impl After {
    pub(super) fn start(skip: usize) -> Self {
        Self::Start { skip }
    }

    pub(super) fn skip(&self) -> usize {
        match self {
            Self::Start { skip } | Self::Row { skip, .. } => *skip,
            Self::Sorted { .. } => 0,
        }
    }

    /// The row to begin after, if the order is that of ids.
    pub(super) fn row(&self) -> Option<&Cursor> {
        match self {
            Self::Row { cursor, .. } => Some(cursor),
            Self::Start { .. } | Self::Sorted { .. } => None,
        }
    }

    /// Reads a cursor; `None` if it is none, or of a read sorted in another way.
    pub(super) fn from_text(text: &str, fingerprint: Option<u32>) -> Option<Self> {
        let Some(fingerprint) = fingerprint else {
            let (skip, row) = match text.strip_prefix('o') {
                None => (0, text),
                Some(rest) => {
                    let (skip, row) = rest.split_once('.')?;
                    let digits = skip.bytes().all(|byte| byte.is_ascii_digit());
                    (skip.parse().ok().filter(|_| digits)?, row)
                }
            };
            return Some(Self::Row { cursor: Cursor::from_text(row)?, skip });
        };
        let mut parts = text.strip_prefix('s')?.splitn(3, '.');
        if parts.next()? != format!("{fingerprint:08x}") {
            return None;
        }
        let Value::Array(keys) = serde_json::from_slice(&from_hex(parts.next()?)?).ok()? else {
            return None;
        };
        let Cursor(id) = Cursor::from_text(parts.next()?)?;
        Some(Self::Sorted { keys, id })
    }
}

/// Writes the cursor after a row in order of ids.
pub(super) fn after_row(id: &RowId, skip: usize) -> String {
    let row = Cursor(id.clone()).to_text();
    if skip == 0 { row } else { format!("o{skip}.{row}") }
}

/// Writes the cursor after a row of a sorted read; `None` if its keys are too long for one.
pub(super) fn after_sorted(fingerprint: u32, keys: Vec<Value>, id: &RowId) -> Option<String> {
    let keys = Value::Array(keys).to_string();
    if keys.len() > MAX_KEY_BYTES {
        return None;
    }
    let hex: String = keys.bytes().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("s{fingerprint:08x}.{hex}.{}", Cursor(id.clone()).to_text()))
}

/// Tells one sort from another.
pub(super) fn fingerprint(keys: &[SortKey]) -> u32 {
    let text = format!("{keys:?}");
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || text.len() > 2 * MAX_KEY_BYTES {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok();
    text.as_bytes().chunks_exact(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cursors_round_trip() {
        let id = RowId::from("fälle/1");
        let row = |skip| After::Row { cursor: Cursor(id.clone()), skip };
        for skip in [0, 17] {
            assert_eq!(After::from_text(&after_row(&id, skip), None), Some(row(skip)));
        }
        let keys = vec![json!(0.5), json!(null), json!("ä.")];
        let text = after_sorted(7, keys.clone(), &id).expect("short");
        assert_eq!(After::from_text(&text, Some(7)), Some(After::Sorted { keys, id: id.clone() }));
        assert_eq!(After::from_text(&text, Some(8)), None);
        assert_eq!(After::from_text(&text, None), None);
        assert_eq!(After::from_text(&after_row(&id, 0), Some(7)), None);
        assert_eq!(after_sorted(7, vec![json!("x".repeat(3_000))], &id), None);
    }

    #[test]
    fn garbage_is_no_cursor() {
        for text in
            ["", "o", "o+1.r61", "o1r61", "s", "s00000007", "s00000007.zz.r61", "s00000007.5b.r61"]
        {
            assert_eq!(After::from_text(text, None), None, "{text}");
            assert_eq!(After::from_text(text, Some(7)), None, "{text}");
        }
    }
}
