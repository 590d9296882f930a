//! How ids, traces and documents lie in their columns; see `migrations/0001_initial.sql`.

use std::borrow::Cow;

use tidegate_model::{RowId, TraceId, XactId};
use uuid::Uuid;

use crate::store::{Body, StoreError, Trace, unpack};

/// Before the 16 bytes of a UUID.
const UUID: u8 = b'u';
/// Before a text; in order before all UUIDs, as in the SQLite store.
const TEXT: u8 = b't';

/// Writes a row id.
pub(super) fn row_id(id: &RowId) -> Vec<u8> {
    match id {
        RowId::Uuid(uuid) => tagged(UUID, uuid.as_bytes()),
        RowId::Text(text) => tagged(TEXT, text.as_bytes()),
    }
}

/// Reads [`row_id`].
pub(super) fn read_row_id(column: &[u8]) -> Result<RowId, StoreError> {
    match column.split_first() {
        Some((&UUID, bytes)) => Uuid::from_slice(bytes)
            .map(RowId::Uuid)
            .map_err(|_| StoreError::Damaged("a row id of a wrong length".into())),
        Some((&TEXT, text)) => Ok(RowId::from(String::from_utf8_lossy(text).as_ref())),
        _ => Err(StoreError::Damaged("a row id of an unknown kind".into())),
    }
}

/// Writes the trace of a row: its own id where it names none.
pub(super) fn trace(trace: &Trace, id: &RowId) -> Vec<u8> {
    named_trace(trace).or_else(|| named_trace(&Trace::of(&id.to_string()))).unwrap_or_else(|| {
        // An id too long for the index; its trace is its own in any case.
        row_id(id)
    })
}

/// Writes a trace by itself; `None` for that of a row that names none.
pub(super) fn named_trace(trace: &Trace) -> Option<Vec<u8>> {
    match trace {
        Trace::None => None,
        Trace::Id(bytes) => Some(tagged(UUID, bytes)),
        Trace::Text(text) => Some(tagged(TEXT, text.as_bytes())),
    }
}

/// Reads [`trace`].
pub(super) fn read_trace(column: &[u8]) -> Trace {
    match column.split_first() {
        Some((&UUID, bytes)) => bytes.try_into().map_or(Trace::None, Trace::Id),
        Some((&TEXT, text)) => Trace::Text(String::from_utf8_lossy(text).into_owned()),
        _ => Trace::None,
    }
}

/// Writes the trace that clients name so.
pub(super) fn trace_of_text(text: &str) -> Vec<u8> {
    // What [`Trace::of`] makes of it, or a row of that id without a trace.
    trace(&Trace::None, &RowId::from(text))
}

/// Reads [`trace`] as clients write it.
pub(super) fn trace_text(column: &[u8]) -> String {
    match read_trace(column) {
        Trace::None => String::new(),
        Trace::Id(bytes) => TraceId::from_bits(u128::from_be_bytes(bytes)).to_string(),
        Trace::Text(text) => text,
    }
}

/// The bytes of a document.
pub(super) fn document(body: &Body) -> &[u8] {
    match body {
        Body::Text(text) => text.as_bytes(),
        Body::Packed { frame, .. } => frame,
    }
}

/// As [`document`], of one that nobody else needs.
pub(super) fn into_bytes(body: Body) -> Vec<u8> {
    match body {
        Body::Text(text) => text.into_bytes(),
        Body::Packed { frame, .. } => frame,
    }
}

/// Reads the JSON text of a document.
pub(super) fn text(column: &[u8]) -> Result<Cow<'_, str>, StoreError> {
    if column.first() == Some(&b'{') {
        let text = std::str::from_utf8(column).map(Cow::Borrowed);
        return text.map_err(|_| StoreError::Damaged("a row is not UTF-8".into()));
    }
    unpack(column)
        .map(Cow::Owned)
        .ok_or_else(|| StoreError::Damaged("a packed row cannot be unpacked".into()))
}

/// A transaction id as a column has it; ids of this software fit.
pub(super) fn xact(id: XactId) -> i64 {
    id.as_u64().cast_signed()
}

/// Reads [`xact`].
pub(super) fn read_xact(column: i64) -> XactId {
    XactId::from_u64(column.cast_unsigned())
}

fn tagged(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut column = Vec::with_capacity(1 + bytes.len());
    column.push(tag);
    column.extend_from_slice(bytes);
    column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_in_the_order_of_the_other_store() {
        let ids = ["a", "b", "ä/1", "0198c5a2-0000-7000-8000-0000000000ab"].map(RowId::from);
        let columns = ids.each_ref().map(row_id);
        assert!(columns.is_sorted());
        for (id, column) in ids.iter().zip(&columns) {
            assert_eq!(read_row_id(column).expect("an id"), *id);
        }
        for bad in [&b""[..], b"x1", b"u12"] {
            read_row_id(bad).expect_err("no id");
        }
    }

    #[test]
    fn rows_without_a_trace_are_one_by_their_id() {
        let hex = "000000000000000000000000000000ab";
        let uuid = RowId::from("00000000-0000-0000-0000-0000000000ab");
        let named = Trace::of(hex);
        assert_eq!(read_trace(&trace(&named, &uuid)), named);
        let text = RowId::from("r");
        assert_eq!(trace(&Trace::None, &text), trace(&Trace::of("r"), &uuid));
        for text in [hex, "r", "0198c5a2-0000-7000-8000-0000000000ab", "", "00000000000000AB"] {
            assert_eq!(trace_text(&trace_of_text(text)), text);
        }
        let long = RowId::from("x".repeat(2_000).as_str());
        assert_eq!(trace_text(&trace_of_text(&long.to_string())), long.to_string());
        assert_eq!(trace(&Trace::None, &long), row_id(&long));
    }

    #[test]
    fn documents_are_text_or_frames() {
        let long = format!("{{\"input\":\"{}\"}}", "x".repeat(5_000));
        for text_of in ["{\"a\":1}", long.as_str()] {
            let body = Body::of(text_of.into());
            assert_eq!(text(document(&body)).expect("a document"), text_of);
        }
        text(b"no frame").expect_err("damaged");
        text(b"{\xff").expect_err("damaged");
    }
}
