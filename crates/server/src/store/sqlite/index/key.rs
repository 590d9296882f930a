//! The column of a trace.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::store::StoreError;
pub(super) use crate::store::index::key::TraceKey;

impl TraceKey {
    /// Reads a column that is not NULL.
    pub(crate) fn of_column(value: ValueRef<'_>) -> Result<Self, StoreError> {
        match value {
            ValueRef::Blob(bytes) => bytes
                .try_into()
                .map(Self::Id)
                .map_err(|_| StoreError::Damaged("a trace id of a wrong length".into())),
            ValueRef::Text(text) => Ok(Self::Text(String::from_utf8_lossy(text).into_owned())),
            other => Err(StoreError::Damaged(format!("a trace id of type {}", other.data_type()))),
        }
    }
}

impl ToSql for TraceKey {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Id(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
