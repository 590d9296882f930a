//! Decoding rows that come without a destination: `{"events": [...]}` and `{"feedback": [...]}` of
//! one object. Either every row is good or nothing is stored.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tidegate_model::{Destination, Row, RowId};

use super::decode::{self, DecodeError, Decoded, RowFault};
use super::surrogates;
use crate::clock;

/// Where rows go is said by the path; what a body says is not believed.
const DESTINATION_MEMBERS: [&str; 6] =
    ["org_id", "project_id", "experiment_id", "dataset_id", "prompt_session_id", "log_id"];

/// Decodes `{"events": [...]}`. A row without `id` gets one.
pub(crate) fn decode_events(body: &[u8], object: &Destination) -> Result<Decoded, DecodeError> {
    decode_list(body, "events", |row, rows| {
        let mut row = row;
        if row.get("id").is_none_or(Value::is_null) {
            row.insert("id".into(), RowId::new().to_string().into());
        }
        if !matches!(object, Destination::Dataset(_)) {
            be_a_span(&mut row);
        }
        place(&mut row, object);
        rows.push(row);
        Ok(())
    })
}

/// Makes a row that says nothing about its place in a trace the root of its own.
fn be_a_span(row: &mut Row) {
    let absent = |row: &Row, member: &str| row.get(member).is_none_or(Value::is_null);
    let merges = row.get("_is_merge").and_then(Value::as_bool) == Some(true);
    if merges || !absent(row, "_parent_id") {
        return;
    }
    if absent(row, "span_id") {
        let id = row.get("id").cloned().unwrap_or_default();
        row.insert("span_id".into(), id);
    }
    if absent(row, "root_span_id") {
        let span = row.get("span_id").cloned().unwrap_or_default();
        row.insert("root_span_id".into(), span);
    }
}

/// Decodes `{"feedback": [...]}`: a change to the row that is meant, and a row for the comment.
pub(crate) fn decode_feedback(body: &[u8], object: &Destination) -> Result<Decoded, DecodeError> {
    decode_list(body, "feedback", |mut feedback, rows| {
        let id = feedback.get("id").cloned().unwrap_or_default();
        let source = feedback.shift_remove("source").filter(|source| !source.is_null());
        let source = source.unwrap_or_else(|| "external".into());
        if !matches!(source.as_str(), Some("app" | "api" | "external")) {
            return Err(RowFault::Source);
        }
        let metadata = feedback.shift_remove("metadata").unwrap_or_default();
        let comment = feedback.shift_remove("comment").filter(|comment| !comment.is_null());
        let audit = |row: &mut Row| {
            row.insert("_audit_source".into(), source.clone());
            if !metadata.is_null() {
                row.insert("_audit_metadata".into(), metadata.clone());
            }
        };
        let mut change = Map::from_iter([("id".to_owned(), id.clone())]);
        for member in ["scores", "expected", "tags"] {
            if let Some(value) = feedback.shift_remove(member).filter(|value| !value.is_null()) {
                change.insert(member.into(), value);
            }
        }
        if change.len() > 1 || comment.is_none() {
            change.insert("_is_merge".into(), true.into());
            audit(&mut change);
            place(&mut change, object);
            rows.push(change);
        }
        if let Some(text) = comment {
            if !id.is_string() || !text.is_string() {
                return Err(RowFault::Comment);
            }
            let mut row = Row::new();
            row.insert("id".into(), RowId::new().to_string().into());
            row.insert("created".into(), clock::now_text().into());
            row.insert("origin".into(), json!({ "id": id }));
            row.insert("comment".into(), json!({ "text": text }));
            audit(&mut row);
            place(&mut row, object);
            rows.push(row);
        }
        Ok(())
    })
}

fn place(row: &mut Row, object: &Destination) {
    for member in DESTINATION_MEMBERS {
        row.shift_remove(member);
    }
    for (name, value) in object.members() {
        row.insert(name.into(), value.into());
    }
}

/// Decodes the list of a body, one item at a time; `each` adds the rows that an item stands for.
fn decode_list(
    body: &[u8],
    member: &'static str,
    mut each: impl FnMut(Row, &mut Vec<Row>) -> Result<(), RowFault>,
) -> Result<Decoded, DecodeError> {
    let members: HashMap<Cow<'_, str>, &RawValue> =
        serde_json::from_slice(body).map_err(DecodeError::Body)?;
    let list = members.get(member).map_or("null", |list| list.get());
    let items: Vec<&RawValue> =
        serde_json::from_str(list).map_err(|_| DecodeError::NoList(member))?;
    let count = items.len();
    if count > decode::ROWS {
        return Err(DecodeError::TooMany { count });
    }
    let mut decoded = Decoded { ids: Vec::with_capacity(count), writes: Vec::with_capacity(count) };
    let mut rows = Vec::new();
    for (number, raw) in (1..).zip(items) {
        let mut one = || {
            let text = surrogates::repair(raw.get());
            let text = text.map_or(Cow::Borrowed(raw.get()), Cow::Owned);
            if !text.starts_with('{') {
                return Err(RowFault::NotAnObject);
            }
            each(serde_json::from_str(&text).map_err(RowFault::Json)?, &mut rows)?;
            for row in rows.drain(..) {
                let (id, write) = decode::one_row(row)?;
                decoded.ids.push(id);
                decoded.writes.push(write);
            }
            Ok(())
        };
        one().map_err(|error| DecodeError::Row { number, count, error })?;
    }
    Ok(decoded)
}
