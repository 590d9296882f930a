//! Reading an experiment back without its payloads: what a comparison needs, page by page.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use reqwest::Method;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tidegate_model::row::{Row, is_root};

use crate::error::ApiError;
use crate::experiment::{body, encode};
use crate::session::{Origin, Session};

/// Rows asked for at once. With payloads of a kilobyte a page is about a megabyte.
const PAGE_ROWS: usize = 1_000;
const TRIES_PER_PAGE: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Members that are kept. Outputs, expected values, metadata and the like are skipped while the
/// reply is decoded, so that a run with megabytes per row costs no more memory than one without.
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

#[derive(Serialize)]
struct Request<'a> {
    limit: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
}

#[derive(Deserialize)]
struct Reply {
    events: Vec<Outline>,
    #[serde(default)]
    cursor: Option<String>,
}

pub(crate) async fn read(
    session: &Session,
    id: &str,
    deadline: Duration,
) -> Result<Vec<Row>, ApiError> {
    let path = format!("v1/experiment/{}/fetch", encode(id));
    let mut rows = Vec::new();
    let pages = async {
        let mut limit = PAGE_ROWS;
        let mut cursor: Option<String> = None;
        loop {
            let reply = page(session, &path, &mut limit, cursor.as_deref()).await?;
            rows.extend(reply.events.into_iter().filter_map(|Outline(row)| row));
            let next = reply.cursor.filter(|next| !next.is_empty());
            match next {
                None => return Ok(()),
                // Such a server would be read for ever.
                Some(next) if cursor.as_ref() == Some(&next) => {
                    return Err(ApiError::Stuck { path: path.clone() });
                }
                next => cursor = next,
            }
        }
    };
    match tokio::time::timeout(deadline, pages).await {
        Ok(read) => read.map(|()| rows),
        Err(_) => Err(ApiError::Deadline { path: path.clone(), deadline }),
    }
}

/// Reads one page. A reply beyond the cap teaches a smaller limit, which later pages keep.
async fn page(
    session: &Session,
    path: &str,
    limit: &mut usize,
    cursor: Option<&str>,
) -> Result<Reply, ApiError> {
    let mut tries = 1;
    let mut wait = FIRST_WAIT;
    loop {
        let request = body(&Request { limit: *limit, cursor });
        match session.json(Origin::Api, Method::POST, path, Some(request)).await {
            Err(ApiError::TooLong { .. }) if *limit > 1 => *limit /= 2,
            Err(error) if error.is_retryable() && tries < TRIES_PER_PAGE => {
                tokio::time::sleep(error.retry_after().unwrap_or(wait)).await;
                tries += 1;
                wait *= 2;
            }
            reply => return reply,
        }
    }
}

/// A row with the members of [`KEPT`]; `None` for a comment, which is no span.
struct Outline(Option<Row>);

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
        let reply: Reply = serde_json::from_str(&reply.to_string()).expect("a reply");
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
}
