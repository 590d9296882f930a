//! Rows of a dataset as they are read.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tidegate_model::{Destination, Row};

use crate::error::ApiError;
use crate::outline::RowPages;

/// One row. Members that are not set are null or empty.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct DatasetRow {
    /// Unique within the dataset.
    pub id: String,
    /// The input.
    pub input: Value,
    /// The expected output.
    pub expected: Value,
    /// The metadata.
    pub metadata: Map<String, Value>,
    /// The tags.
    pub tags: Vec<String>,
    /// The transaction that wrote this state of the row.
    pub xact_id: Option<String>,
    /// ISO-8601.
    pub created: Option<String>,
    /// Where this row can be found: what a case made of it carries as its `origin`. A row that was
    /// itself read from an experiment links to that.
    pub origin: Value,
}

impl DatasetRow {
    /// Reads a row of a dataset, or a root of an experiment as the case it stands for.
    pub(crate) fn of(object: &Destination, mut row: Row) -> Self {
        let mut text = |name: &str| match row.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let id = text("id").unwrap_or_default();
        let (xact_id, created) = (text("_xact_id"), text("created"));
        let mut origin = json!({
            "object_type": object.kind(),
            "object_id": object.object_id(),
            "id": id,
        });
        for (name, value) in [("_xact_id", &xact_id), ("created", &created)] {
            if let Some(value) = value {
                origin[name] = value.as_str().into();
            }
        }
        let mut take = |name: &str| row.remove(name).unwrap_or(Value::Null);
        // Rows of old clients have the expected output where others have the output.
        let expected = match (take("expected"), take("output")) {
            (Value::Null, output) => output,
            (expected, _) => expected,
        };
        let metadata = match take("metadata") {
            Value::Object(metadata) => metadata,
            _ => Map::new(),
        };
        let tags = match take("tags") {
            Value::Array(tags) => tags.iter().filter_map(Value::as_str).map(Into::into).collect(),
            _ => Vec::new(),
        };
        Self { id, input: take("input"), expected, metadata, tags, xact_id, created, origin }
    }
}

/// The rows of a dataset, page by page; see [`Dataset::fetch`](super::Dataset::fetch).
#[derive(Debug)]
pub struct DatasetRows {
    pages: RowPages,
    object: Arc<Destination>,
}

impl DatasetRows {
    pub(crate) fn new(pages: RowPages, object: Arc<Destination>) -> Self {
        Self { pages, object }
    }

    /// Sets how many rows a page has; 1000 by default, fewer where that would be more than 64 MiB.
    #[must_use]
    pub fn page_rows(mut self, rows: usize) -> Self {
        self.pages.limit(rows);
        self
    }

    /// Reads the next page, which may be empty; `None` after the last one. A page that fails in a
    /// way that may pass is asked for up to three times.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses, or the deadline passed. The same
    /// page is read again by the next call.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the place as it was.
    pub async fn next(&mut self, deadline: Duration) -> Result<Option<Vec<DatasetRow>>, ApiError> {
        let page = self.pages.next(deadline).await?;
        let object = &self.object;
        Ok(page.map(|rows| rows.into_iter().map(|row| DatasetRow::of(object, row)).collect()))
    }
}
