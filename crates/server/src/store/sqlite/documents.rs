//! How a row's document lies in its column: text as it is, or a zstd frame as a BLOB. Everything
//! that reads one goes through here, SQL by the function `document_text`.

use std::borrow::Cow;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};

use crate::store::{Body, StoreError, Trace, unpack};

/// Reads the JSON text of a document.
pub(super) fn text(column: ValueRef<'_>) -> Result<Cow<'_, str>, StoreError> {
    match column {
        ValueRef::Blob(frame) => unpack(frame)
            .map(Cow::Owned)
            .ok_or_else(|| StoreError::Damaged("a packed row cannot be unpacked".into())),
        _ => Ok(Cow::Borrowed(column.as_str().map_err(rusqlite::Error::from)?)),
    }
}

/// Adds `document_text(document)`, which SQL reads members through:
/// `json_extract(document_text(document), ?)`. NULL gives NULL.
pub(super) fn register(connection: &Connection) -> Result<(), rusqlite::Error> {
    // Only in statements of ours: a view or trigger in a strange file cannot call it.
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("document_text", 1, flags, |context| {
        let column = context.get_raw(0);
        if column == ValueRef::Null {
            return Ok(None);
        }
        let text =
            text(column).map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))?;
        Ok(Some(text.into_owned()))
    })
}

impl ToSql for Body {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Packed { frame, .. } => ValueRef::Blob(frame),
        }))
    }
}

/// Reads the column of the trace.
pub(super) fn trace(column: ValueRef<'_>) -> Trace {
    match column {
        ValueRef::Blob(bytes) => bytes.try_into().map_or(Trace::None, Trace::Id),
        ValueRef::Text(text) => Trace::Text(String::from_utf8_lossy(text).into_owned()),
        _ => Trace::None,
    }
}

impl ToSql for Trace {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::None => ValueRef::Null,
            Self::Id(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_reads_plain_and_packed_documents() {
        let connection = Connection::open_in_memory().expect("open");
        register(&connection).expect("registered");
        let read = |body: &dyn ToSql| -> rusqlite::Result<Option<String>> {
            let sql = "SELECT json_extract(document_text(?1), '$.input')";
            connection.query_row(sql, [body], |row| row.get(0))
        };
        for length in [1, 5_000] {
            let input = "x".repeat(length);
            let body = Body::of(format!("{{\"input\":\"{input}\"}}").into());
            assert_eq!(matches!(body, Body::Packed { .. }), length > 1);
            assert_eq!(read(&body).expect("read"), Some(input));
        }
        assert_eq!(read(&rusqlite::types::Null).expect("read"), None);
        assert!(read(&b"no frame".as_slice()).is_err());
        assert!(read(&7).is_err());
    }
}
