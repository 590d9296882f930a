//! Reading an experiment back, page by page, without what the reader does not need: outlines for a
//! comparison, roots for the cases themselves.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tidegate_model::row::{Row, is_root};

use crate::client::Client;
use crate::error::ApiError;
use crate::experiment::{body, encode};
use crate::session::{Origin, Session};

/// Rows asked for at once. With payloads of a kilobyte a page is about a megabyte.
const PAGE_ROWS: usize = 1_000;
const TRIES_PER_PAGE: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Members that are kept of an outline. Outputs, expected values, metadata and the like are skipped
/// while the reply is decoded, so that a run with megabytes per row costs no more memory than one
/// without.
const KEPT: [&str; 11] = [
    "id",
    "created",
    "span_id",
    "root_span_id",
    "span_parents",
    "_parent_id",
    "is_root",
    "span_attributes",
    "scores",
    "metrics",
    "input",
];

/// What is read of each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Select {
    /// Of every span what a comparison needs: ids, place in the tree, `span_attributes`, `scores`,
    /// `metrics`, and of roots the `input`.
    Outlines,
    /// Everything of the root spans, nothing of the others. Rows of datasets are roots.
    Roots,
}

/// An experiment's rows, page by page, so that one larger than memory can be read; see
/// [`Client::experiment_pages`].
#[derive(Debug)]
pub struct RowPages {
    client: Client,
    select: Select,
    place: Place,
    ended: bool,
}

impl RowPages {
    pub(crate) fn new(client: Client, id: &str, select: Select) -> Self {
        Self { client, select, place: Place::new(id), ended: false }
    }

    /// Of any object, by the path that reads it, at a version.
    pub(crate) fn at(
        client: Client,
        path: String,
        select: Select,
        version: Option<String>,
    ) -> Self {
        let place = Place { path, limit: PAGE_ROWS, cursor: None, version };
        Self { client, select, place, ended: false }
    }

    /// Most rows of a page.
    pub(crate) fn limit(&mut self, rows: usize) {
        self.place.limit = rows.clamp(1, PAGE_ROWS);
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
    pub async fn next(&mut self, deadline: Duration) -> Result<Option<Vec<Row>>, ApiError> {
        if self.ended {
            return Ok(None);
        }
        let (session, mut place, select) =
            (Arc::clone(self.client.session()), self.place.clone(), self.select);
        let path = place.path.clone();
        let read = async move {
            let rows = match select {
                Select::Outlines => place.next::<Outline>(&session).await?,
                Select::Roots => place.next::<Root>(&session).await?,
            };
            Ok((rows, place))
        };
        let read = async move {
            let read = tokio::time::timeout(deadline, read).await;
            read.unwrap_or_else(|_| Err(ApiError::Deadline { path, deadline }))
        };
        let ((rows, has_more), place) = self.client.on_thread(read).await?;
        self.place = place;
        self.ended = !has_more;
        Ok(Some(rows))
    }
}

#[derive(Serialize)]
struct Request<'a> {
    limit: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

#[derive(Deserialize)]
struct Reply<R> {
    events: Vec<R>,
    #[serde(default)]
    cursor: Option<String>,
}

/// How far a read has come.
#[derive(Debug, Clone)]
struct Place {
    path: String,
    limit: usize,
    cursor: Option<String>,
    version: Option<String>,
}

impl Place {
    fn new(id: &str) -> Self {
        let path = format!("v1/experiment/{}/fetch", encode(id));
        Self { path, limit: PAGE_ROWS, cursor: None, version: None }
    }

    /// Reads a page and moves on; false if it was the last one.
    async fn next<R>(&mut self, session: &Session) -> Result<(Vec<Row>, bool), ApiError>
    where
        R: DeserializeOwned + Into<Option<Row>>,
    {
        let reply: Reply<R> = self.page(session).await?;
        let rows = reply.events.into_iter().filter_map(Into::into).collect();
        let next = reply.cursor.filter(|next| !next.is_empty());
        // Such a server would be read for ever.
        if next.is_some() && self.cursor == next {
            return Err(ApiError::Stuck { path: self.path.clone() });
        }
        self.cursor = next;
        Ok((rows, self.cursor.is_some()))
    }

    /// Reads one page. A reply beyond the cap teaches a smaller limit, which later pages keep.
    async fn page<R: DeserializeOwned>(&mut self, session: &Session) -> Result<Reply<R>, ApiError> {
        let mut tries = 1;
        let mut wait = FIRST_WAIT;
        loop {
            let (cursor, version) = (self.cursor.as_deref(), self.version.as_deref());
            let request = body(&Request { limit: self.limit, cursor, version });
            match session.json(Origin::Api, Method::POST, &self.path, Some(request)).await {
                Err(ApiError::TooLong { .. }) if self.limit > 1 => self.limit /= 2,
                Err(error) if error.is_retryable() && tries < TRIES_PER_PAGE => {
                    tokio::time::sleep(error.retry_after().unwrap_or(wait)).await;
                    tries += 1;
                    wait *= 2;
                }
                reply => return reply,
            }
        }
    }
}

/// All outlines of an experiment.
pub(crate) async fn read(
    session: &Session,
    id: &str,
    deadline: Duration,
) -> Result<Vec<Row>, ApiError> {
    let mut rows = Vec::new();
    every_page::<Outline>(session, id, deadline, |page| {
        rows.extend(page);
        true
    })
    .await?;
    Ok(rows)
}

/// The root rows of some traces, by `root_span_id`; those that are not there are left out. The
/// read ends as soon as all are found.
pub(crate) async fn roots(
    session: &Session,
    id: &str,
    mut wanted: BTreeSet<String>,
    deadline: Duration,
) -> Result<Vec<Row>, ApiError> {
    let mut rows = Vec::new();
    if wanted.is_empty() {
        return Ok(rows);
    }
    every_page::<Root>(session, id, deadline, |page| {
        for row in page {
            let trace = row.get("root_span_id").or_else(|| row.get("id")).and_then(Value::as_str);
            if trace.is_some_and(|trace| wanted.remove(trace)) {
                rows.push(row);
            }
        }
        !wanted.is_empty()
    })
    .await?;
    Ok(rows)
}

/// Reads pages until there are no more, or `more` says that it has enough.
async fn every_page<R>(
    session: &Session,
    id: &str,
    deadline: Duration,
    mut more: impl FnMut(Vec<Row>) -> bool,
) -> Result<(), ApiError>
where
    R: DeserializeOwned + Into<Option<Row>>,
{
    let mut place = Place::new(id);
    let path = place.path.clone();
    let pages = async {
        loop {
            let (rows, has_more) = place.next::<R>(session).await?;
            if !more(rows) || !has_more {
                return Ok(());
            }
        }
    };
    let read = tokio::time::timeout(deadline, pages).await;
    read.unwrap_or(Err(ApiError::Deadline { path, deadline }))
}

/// A whole row; `None` if it is no root span.
struct Root(Option<Row>);

impl From<Root> for Option<Row> {
    fn from(root: Root) -> Self {
        root.0
    }
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RootVisitor)
    }
}

struct RootVisitor;

impl<'de> Visitor<'de> for RootVisitor {
    type Value = Root;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Root, A::Error> {
        let mut row = Row::new();
        let mut skip = false;
        while let Some(Name(name)) = members.next_key()? {
            if skip {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = members.next_value::<Value>()?;
            // Our own server says it first, which saves decoding the payloads of the others.
            skip = name == "is_root" && value == false;
            row.insert(name.into_owned(), value);
        }
        let is_span = row.contains_key("span_id") || !row.contains_key("comment");
        Ok(Root((!skip && is_span && is_root(&row)).then_some(row)))
    }
}

/// A row with the members of [`KEPT`]; `None` for a comment, which is no span.
struct Outline(Option<Row>);

impl From<Outline> for Option<Row> {
    fn from(outline: Outline) -> Self {
        outline.0
    }
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OutlineVisitor)
    }
}

struct OutlineVisitor;

impl<'de> Visitor<'de> for OutlineVisitor {
    type Value = Outline;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Outline, A::Error> {
        let mut row = Row::new();
        let mut is_comment = false;
        while let Some(Name(name)) = members.next_key()? {
            if KEPT.contains(&&*name) {
                row.insert(name.into_owned(), members.next_value::<Value>()?);
            } else {
                is_comment |= name == "comment";
                members.next_value::<IgnoredAny>()?;
            }
        }
        if is_comment && !row.contains_key("span_id") {
            return Ok(Outline(None));
        }
        // The input of a scorer holds the output; only that of the root says which case it is.
        if !is_root(&row) {
            row.remove("input");
        }
        Ok(Outline(Some(row)))
    }
}

/// A member name, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn payloads_are_dropped_and_the_input_of_the_root_is_kept() {
        let reply = json!({"events": [
            {"id": "r", "span_id": "r", "root_span_id": "r", "input": [1], "output": "o",
             "expected": "e", "metadata": {"k": 1}, "scores": {"s": 1}, "metrics": {"start": 1}},
            {"id": "t", "span_id": "t", "root_span_id": "r", "span_parents": ["r"],
             "input": {"output": "o"}, "span_attributes": {"type": "score"}},
            {"id": "c", "comment": {"text": "nice"}},
        ]});
        let reply: Reply<Outline> = serde_json::from_str(&reply.to_string()).expect("a reply");
        let rows: Vec<_> = reply.events.into_iter().filter_map(|Outline(row)| row).collect();
        assert_eq!(
            json!(rows),
            json!([
                {"id": "r", "span_id": "r", "root_span_id": "r", "input": [1],
                 "scores": {"s": 1}, "metrics": {"start": 1}},
                {"id": "t", "span_id": "t", "root_span_id": "r", "span_parents": ["r"],
                 "span_attributes": {"type": "score"}},
            ])
        );
        assert_eq!(reply.cursor, None);
    }

    #[test]
    fn roots_are_whole_and_everything_else_is_left_out() {
        let reply = json!({"events": [
            {"is_root": true, "id": "r", "span_id": "r", "output": "o", "span_parents": []},
            {"is_root": false, "id": "t", "span_id": "t", "output": "o", "span_parents": ["r"]},
            {"id": "s", "span_id": "s", "output": "o", "span_parents": ["r"]},
            {"id": "c", "comment": {"text": "nice"}},
            {"id": "d", "span_id": "d", "output": null, "span_parents": null},
        ]});
        let reply: Reply<Root> = serde_json::from_str(&reply.to_string()).expect("a reply");
        let rows: Vec<Row> = reply.events.into_iter().filter_map(Into::into).collect();
        let ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().expect("an id")).collect();
        assert_eq!(ids, ["r", "d"]);
        assert_eq!(rows[0]["output"], "o");
    }
}
