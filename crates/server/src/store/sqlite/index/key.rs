//! Which trace a row belongs to.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tidegate_model::TraceId;

use crate::store::StoreError;

/// A trace within its object, as `rows.root_span_id` holds it. A row without one is a trace by its
/// id, which other rows may name as theirs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::store::sqlite) enum TraceKey {
    /// 32 hex digits, as bytes.
    Id([u8; 16]),
    Text(String),
}

impl From<&str> for TraceKey {
    fn from(text: &str) -> Self {
        match text.parse::<TraceId>() {
            Ok(id) => Self::Id(id.bits().to_be_bytes()),
            Err(_) => Self::Text(text.into()),
        }
    }
}

impl TraceKey {
    /// Reads a column that is not NULL.
    pub(super) fn of_column(value: ValueRef<'_>) -> Result<Self, StoreError> {
        match value {
            ValueRef::Blob(bytes) => bytes
                .try_into()
                .map(Self::Id)
                .map_err(|_| StoreError::Damaged("a trace id of a wrong length".into())),
            ValueRef::Text(text) => Ok(Self::Text(String::from_utf8_lossy(text).into_owned())),
            other => Err(StoreError::Damaged(format!("a trace id of type {}", other.data_type()))),
        }
    }

    /// The id as clients write it.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Id(bytes) => TraceId::from_bits(u128::from_be_bytes(*bytes)).to_string(),
            Self::Text(text) => text.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_the_spelling_of_ids() {
        for text in ["000000000000000000000000000000ab", "case-1", "", "00000000000000AB"] {
            assert_eq!(TraceKey::from(text).to_text(), text);
        }
    }
}
