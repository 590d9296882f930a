//! How a row's document lies in its column. Everything that reads one goes through here.

use std::borrow::Cow;

use rusqlite::types::ValueRef;

use crate::store::StoreError;

/// Reads the JSON text of a document.
pub(super) fn text(column: ValueRef<'_>) -> Result<Cow<'_, str>, StoreError> {
    let text = column.as_str().map_err(rusqlite::Error::from)?;
    Ok(Cow::Borrowed(text))
}
