//! Rows on their way into a store and out of it.

use jiff::Timestamp;
use serde_json::Value;
use tidegate_model::row::is_root;
use tidegate_model::{Destination, Row, RowId, XactId};

use crate::clock;

/// Members that the server alone sets, on reads.
pub(crate) const SERVER_MEMBERS: [&str; 2] = ["_xact_id", "is_root"];

/// A change to one row.
#[derive(Debug)]
pub(crate) struct RowWrite {
    pub(crate) destination: Destination,
    pub(crate) id: RowId,
    pub(crate) change: Change,
}

/// What to do to a row.
#[derive(Debug)]
pub(crate) enum Change {
    /// Store the document, whatever was there.
    Replace(Document),
    /// Merge the delta, control members included, into what is there.
    Merge(Row),
    /// Remove the row.
    Delete,
}

/// A row ready to be stored: its text, and what is indexed of it.
#[derive(Debug)]
pub(crate) struct Document {
    /// A JSON object without control members and [`SERVER_MEMBERS`], with `created`.
    pub(crate) text: String,
    pub(crate) created_us: i64,
    pub(crate) is_root: bool,
    pub(crate) root_span_id: Option<String>,
}

impl Document {
    /// Prepares a row without control members. `created` is added if missing, as readers need it.
    pub(crate) fn of(mut row: Row) -> Self {
        for member in SERVER_MEMBERS {
            row.shift_remove(member);
        }
        if row.get("created").is_none_or(Value::is_null) {
            row.insert("created".into(), clock::now_text().into());
        }
        let created = row.get("created").and_then(Value::as_str);
        let created = created.and_then(|text| text.parse::<Timestamp>().ok());
        // A comment is a row about another row; counting it as a case would be wrong.
        let comment = row.contains_key("comment") && !row.contains_key("span_id");
        Self {
            created_us: created.unwrap_or_else(clock::now).as_microsecond(),
            is_root: is_root(&row) && !comment,
            root_span_id: row.get("root_span_id").and_then(Value::as_str).and_then(trace),
            text: Value::Object(row).to_string(),
        }
    }
}

/// A longer trace id is kept in its row and not indexed: an index of long texts is of no use.
const TRACE_BYTES: usize = 512;

fn trace(text: &str) -> Option<String> {
    (text.len() <= TRACE_BYTES).then(|| text.to_owned())
}

/// A row as stored, without the members a reader gets on top.
#[derive(Debug)]
pub(crate) struct StoredRow {
    pub(crate) text: String,
    pub(crate) xact: XactId,
    pub(crate) is_root: bool,
}

/// Some rows of an object.
#[derive(Debug)]
pub(crate) struct RowPage {
    pub(crate) rows: Vec<StoredRow>,
    /// Where to go on; `None` at the end.
    pub(crate) next: Option<Cursor>,
    /// Whether the object ever had rows.
    pub(crate) known: bool,
}

/// The place after a row in an object's stable order, which is the order of row ids: updates never
/// move a row, so a reader that goes on misses none and sees none twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor(pub(crate) RowId);

impl Cursor {
    /// Writes the cursor as the opaque text that clients send back.
    pub(crate) fn to_text(&self) -> String {
        let hex: String = self.0.to_string().bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("r{hex}")
    }

    /// Reads [`Cursor::to_text`]; `None` for anything else.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        // `from_str_radix` alone would take a sign.
        let is_hex = |hex: &&str| hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hex = text.strip_prefix('r').filter(|hex| hex.len() % 2 == 0).filter(is_hex)?;
        let bytes = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok())
            .collect::<Option<Vec<u8>>>()?;
        let id = String::from_utf8(bytes).ok().filter(|id| !id.is_empty())?;
        Some(Self(RowId::from(id.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(value: Value) -> Document {
        let Value::Object(row) = value else { panic!("not an object: {value}") };
        Document::of(row)
    }

    #[test]
    fn cursors_round_trip_and_refuse_garbage() {
        for id in ["0198c5a2-0000-7000-8000-0000000000ab", "fälle/1", "x"] {
            let cursor = Cursor(RowId::from(id));
            assert_eq!(Cursor::from_text(&cursor.to_text()), Some(cursor));
        }
        for bad in ["", "r", "r0", "rzz", "r+1", "rff", "é", "x61"] {
            assert_eq!(Cursor::from_text(bad), None, "{bad}");
        }
    }

    #[test]
    fn documents_have_created_and_no_server_members() {
        let made = document(json!({"id": "a", "_xact_id": "1", "is_root": false}));
        let stored: Value = serde_json::from_str(&made.text).expect("JSON");
        assert!(stored["created"].is_string());
        assert_eq!(stored.as_object().map(serde_json::Map::len), Some(2));
        let kept = document(json!({"id": "a", "created": "2026-11-24T12:00:00.5+00:00"}));
        assert_eq!(kept.created_us, 1_795_521_600_500_000);
        assert!(kept.text.contains("2026-11-24T12:00:00.5+00:00"));
    }

    #[test]
    fn comments_are_no_roots() {
        assert!(!document(json!({"id": "a", "comment": {"text": "hm"}})).is_root);
        assert!(document(json!({"id": "a", "input": 1})).is_root);
    }
}
