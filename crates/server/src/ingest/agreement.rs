//! Whether the two ways to decode a body agree, for tests and fuzzing.

use serde_json::Value;
use tidegate_model::{Destination, Row, RowId};

use super::{decode, fast};
use crate::store::{Body, Change, Document, RowWrite, unpack};

/// Decodes a body both ways.
///
/// # Panics
/// If the fast way takes what the slow one refuses, or makes something else of it.
pub(crate) fn check(body: &[u8]) {
    let slow = decode::slow(body);
    let Some(fast) = std::str::from_utf8(body).ok().and_then(fast::decode) else { return };
    let slow = slow.expect("what the fast way takes is right");
    assert_eq!(fast.ids, slow.ids);
    assert_eq!(fast.writes.len(), slow.writes.len());
    for (fast, slow) in fast.writes.iter().zip(&slow.writes) {
        assert_eq!(meaning(fast), meaning(slow));
    }
}

/// What a change stores, with the text parsed; the time that is made up apart.
///
/// # Panics
/// If what it stores is no row.
pub(super) fn meaning(write: &RowWrite) -> (&Destination, &RowId, String, Option<i64>) {
    let (what, created) = match &write.change {
        Change::Delete => ("delete".to_owned(), None),
        Change::Merge(row) => (format!("merge {}", Value::Object(row.clone())), None),
        Change::Replace(Document { body, created_us, is_root, trace }) => {
            let text = match body {
                Body::Text(text) => text.clone(),
                Body::Packed { frame, .. } => unpack(frame).expect("a good frame"),
            };
            assert_eq!(body.length(), text.len());
            let mut row: Row = serde_json::from_str(&text).expect("a good row");
            let time =
                row.get("created").and_then(Value::as_str).map(str::parse::<jiff::Timestamp>);
            let created = match time {
                // Times that are made up are later than most that anybody sends.
                Some(Ok(time)) if time.as_second() > 1_700_000_000 => {
                    row.shift_remove("created");
                    None
                }
                Some(Ok(_)) => Some(*created_us),
                _ => None,
            };
            row.sort_keys();
            let what = format!("replace {is_root} {trace:?} {}", Value::Object(row));
            (what, created)
        }
    };
    (&write.destination, &write.id, what, created)
}
