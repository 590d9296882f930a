//! Rows on their way into a store and out of it.

use tidegate_model::{Destination, Row, RowId, XactId};

use super::Document;

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

/// A row as stored, without the members a reader gets on top.
#[derive(Debug)]
pub(crate) struct StoredRow {
    pub(crate) text: String,
    pub(crate) xact: XactId,
    pub(crate) is_root: bool,
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
}
