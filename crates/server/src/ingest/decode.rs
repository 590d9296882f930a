//! Decoding a `/logs3` body. Either every row is good or nothing is stored.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tidegate_model::row::RowError;
use tidegate_model::{Destination, Row, RowId, merge, row};

use super::{fast, surrogates};
use crate::store::{Change, Document, RowWrite};

/// Rows in a request at most: each takes some hundred bytes besides its text, which the lease on
/// the body does not cover.
pub(super) const ROWS: usize = 10_000;

/// A body, decoded.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// Row ids in request order.
    pub(crate) ids: Vec<String>,
    pub(crate) writes: Vec<RowWrite>,
}

/// Why a body is refused. Rows count from one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("the body is not valid JSON: {0}")]
    Body(#[source] serde_json::Error),
    #[error("the body must be a JSON object with a list \"rows\"")]
    NoRows,
    #[error("the body must be an object with a list {0:?}")]
    NoList(&'static str),
    #[error(
        "a reference to an overflow upload needs \"type\" and \"key\", and no more than 64 KiB"
    )]
    Overflow,
    #[error("{count} rows in one request are more than {ROWS}; send them in several requests")]
    TooMany { count: usize },
    #[error("row {number} of {count}: {error}")]
    Row {
        number: usize,
        count: usize,
        #[source]
        error: RowFault,
    },
}

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowFault {
    #[error("{0}")]
    Json(#[source] serde_json::Error),
    #[error("a row must be an object")]
    NotAnObject,
    #[error("\"source\" must be app, api or external")]
    Source,
    #[error("\"id\" and \"comment\" must be texts")]
    Comment,
    #[error("{0}")]
    Member(#[from] RowError),
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Envelope<'a> {
    #[serde(borrow)]
    rows: Option<&'a RawValue>,
}

/// Decodes a body. Blocks, for longer texts are packed.
pub(crate) fn decode(body: &[u8]) -> Result<Decoded, DecodeError> {
    let fast = std::str::from_utf8(body).ok().and_then(fast::decode);
    fast.map_or_else(|| slow(body), Ok)
}

/// Decodes a body of any kind.
///
/// Rows are found first and parsed one by one, so that a fault is reported with its row and only
/// one row at a time exists as a tree.
pub(super) fn slow(body: &[u8]) -> Result<Decoded, DecodeError> {
    if body.trim_ascii().starts_with(b"[") {
        // A list would be taken for the members of the envelope in their order.
        return Err(DecodeError::NoRows);
    }
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(DecodeError::Body)?;
    let rows = envelope.rows.map_or("null", RawValue::get);
    if rows.starts_with('{') && rows.contains("logs3_overflow") {
        return Err(DecodeError::Overflow);
    }
    let rows: Vec<&RawValue> = serde_json::from_str(rows).map_err(|_| DecodeError::NoRows)?;
    let count = rows.len();
    if count > ROWS {
        return Err(DecodeError::TooMany { count });
    }
    let mut decoded = Decoded { ids: Vec::with_capacity(count), writes: Vec::with_capacity(count) };
    for (number, raw) in (1..).zip(rows) {
        let (id, write) =
            one(raw.get()).map_err(|error| DecodeError::Row { number, count, error })?;
        decoded.ids.push(id);
        decoded.writes.push(write);
    }
    Ok(decoded)
}

/// Decodes a row of any kind.
pub(super) fn one(text: &str) -> Result<(String, RowWrite), RowFault> {
    // JavaScript cuts strings between the halves of a pair and sends the half; that must not cost
    // the whole request.
    let text = match surrogates::repair(text) {
        Some(repaired) => Cow::Owned(repaired),
        None => Cow::Borrowed(text),
    };
    if !text.starts_with('{') {
        return Err(RowFault::NotAnObject);
    }
    one_row(serde_json::from_str(&text).map_err(RowFault::Json)?)
}

/// Reads what a parsed row asks for.
pub(super) fn one_row(row: Row) -> Result<(String, RowWrite), RowFault> {
    let id = row::id(&row)?;
    let destination = Destination::of(&row)?;
    let change = change(row);
    Ok((id.clone(), RowWrite { destination, id: RowId::from(id.as_str()), change }))
}

fn change(row: Row) -> Change {
    if row.get("_is_merge").and_then(Value::as_bool) == Some(true)
        && row.get("_object_delete").and_then(Value::as_bool) != Some(true)
    {
        return Change::Merge(row);
    }
    // Without a stored row to merge into, what is left of the rules needs no look at the store.
    merge::apply(None, row).map_or(Change::Delete, |row| Change::Replace(Document::of(row)))
}

#[cfg(test)]
mod tests;
