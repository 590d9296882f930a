//! The members of a row that trials are made of.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tidegate_model::Row;

use crate::store::StoreError;

/// What trials are made of. The other members, which are most of the bytes, are skipped unparsed.
#[derive(Deserialize)]
pub(crate) struct Skeleton<'a> {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    span_id: Value,
    #[serde(default)]
    root_span_id: Value,
    #[serde(default)]
    span_parents: Value,
    #[serde(default, rename = "_parent_id")]
    parent_id: Value,
    #[serde(default)]
    created: Value,
    #[serde(default)]
    span_attributes: Value,
    #[serde(default)]
    scores: Value,
    #[serde(default)]
    metrics: Value,
    #[serde(borrow, default)]
    pub(crate) input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    comment: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) output: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) expected: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) tags: Option<&'a RawValue>,
}

impl<'a> Skeleton<'a> {
    pub(crate) fn of(document: &'a str) -> Result<Self, StoreError> {
        serde_json::from_str(document).map_err(|error| damaged(&error))
    }

    /// Name of the span.
    pub(crate) fn name(&self) -> Option<&str> {
        self.span_attributes.get("name")?.as_str()
    }

    pub(crate) fn into_row(self, is_root: bool) -> Result<Row, StoreError> {
        let mut row = Map::new();
        for (name, value) in [
            ("id", self.id),
            ("span_id", self.span_id),
            ("root_span_id", self.root_span_id),
            ("span_parents", self.span_parents),
            ("_parent_id", self.parent_id),
            ("created", self.created),
            ("span_attributes", self.span_attributes),
            ("scores", self.scores),
            ("metrics", self.metrics),
        ] {
            if !value.is_null() {
                row.insert(name.into(), value);
            }
        }
        if let Some(input) = self.input.filter(|_| is_root) {
            let input = serde_json::from_str(input.get()).map_err(|error| damaged(&error))?;
            row.insert("input".into(), input);
        }
        if self.comment.is_some() {
            row.insert("comment".into(), Value::Bool(true));
        }
        Ok(row)
    }
}

pub(crate) fn damaged(error: &serde_json::Error) -> StoreError {
    StoreError::Damaged(format!("a stored row is not valid JSON: {error}"))
}
