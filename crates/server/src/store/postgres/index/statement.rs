//! Statements whose text depends on what is asked for. All values are bound.

use std::fmt::Write as _;

use deadpool_postgres::Transaction;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Portal, Row};

use crate::store::StoreError;

/// Rows fetched first, and at most; in between as many as have about [`FETCH_BYTES`].
const FETCH_ROWS: (i32, i32) = (16, 4_096);
const FETCH_BYTES: usize = 1 << 20;

/// A statement in the making.
#[derive(Debug, Default)]
pub(super) struct Statement {
    text: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Statement {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// Adds text, which no request has a part in.
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value.
    pub(super) fn bind(&mut self, value: impl ToSql + Sync + Send + 'static) -> &mut Self {
        self.values.push(Box::new(value));
        write!(self.text, "${}", self.values.len()).expect("writing to a string cannot fail");
        self
    }

    fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }

    /// Returns all rows. The statement is planned for its values, and not kept.
    pub(super) async fn rows(&self, on: &Transaction<'_>) -> Result<Vec<Row>, StoreError> {
        let prepared = on.prepare(&self.text).await?;
        Ok(on.query(&prepared, &self.values()).await?)
    }

    /// As [`Statement::rows`], for exactly one row.
    pub(super) async fn one(&self, on: &Transaction<'_>) -> Result<Row, StoreError> {
        let prepared = on.prepare(&self.text).await?;
        Ok(on.query_one(&prepared, &self.values()).await?)
    }

    /// Fetches rows in parts, so that memory holds few of them.
    pub(super) async fn parts(&self, on: &Transaction<'_>) -> Result<Parts, StoreError> {
        let prepared = on.prepare(&self.text).await?;
        let portal = on.bind(&prepared, &self.values()).await?;
        Ok(Parts { portal, count: FETCH_ROWS.0, ended: false })
    }
}

/// Rows that come in parts.
pub(super) struct Parts {
    portal: Portal,
    count: i32,
    ended: bool,
}

impl Parts {
    /// Returns the next rows; none at the end.
    pub(super) async fn next(&mut self, on: &Transaction<'_>) -> Result<Vec<Row>, StoreError> {
        if self.ended {
            return Ok(Vec::new());
        }
        let rows = on.query_portal(&self.portal, self.count).await?;
        self.ended = rows.len() < usize::try_from(self.count).unwrap_or(usize::MAX);
        let bytes: usize = rows.iter().map(Row::raw_size_bytes).sum();
        let more = if bytes < FETCH_BYTES / 2 { self.count * 2 } else { self.count };
        let more = if bytes > FETCH_BYTES { more / 2 } else { more };
        self.count = more.clamp(FETCH_ROWS.0, FETCH_ROWS.1);
        Ok(rows)
    }
}
