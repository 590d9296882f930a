//! Delivering bodies of rows: as they are, or beyond the server's limit in three steps.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use tidegate_model::limits::LOGS3_API_VERSION;
use tidegate_model::wire::uploads::{
    OverflowName, OverflowReply, OverflowRequest, OverflowRow, RowInput,
};

use super::{Origin, Session, encoded};
use crate::error::ApiError;
use crate::experiment;
use crate::http::{Answer, Body, Content, Signed};
use crate::ids;
use crate::pipeline::backoff::{self, Random};
use crate::pipeline::{Reply, Stage};
use crate::requests::Trace;

/// Tries of the last step within one delivery of the spool, so that the upload is not repeated.
const NAME_TRIES: u32 = 3;

/// The type of an upload of rows, and the name of its file in a form.
const CONTENT_TYPE: &str = "application/json";
const FILE_NAME: &str = "logs3.json";

impl Session {
    /// Takes one step of the delivery of a `/logs3` body and says what to do about the answer.
    pub(crate) async fn deliver(&self, body: Bytes, stage: Stage) -> (Reply, Trace) {
        let mut trace = Trace { sent_bytes: body.len() as u64, ..Trace::default() };
        let reply = match stage {
            Stage::Rows | Stage::Anyway => self.send_rows(body, &stage, &mut trace).await,
            Stage::Announce => self.announce(body, &mut trace).await,
            Stage::Upload(signed) => self.upload_aside(body, &signed, &mut trace).await,
            Stage::Name(key) => self.name(&key, &mut trace).await,
        };
        (reply.unwrap_or_else(|error| failed(&error)), trace)
    }

    async fn send_rows(
        &self,
        body: Bytes,
        stage: &Stage,
        trace: &mut Trace,
    ) -> Result<Reply, ApiError> {
        let limits = self.learn_limits().await?;
        let is_over = body.len() as u64 > self.max_request_bytes();
        if *stage == Stage::Rows && is_over && self.has_overflow() {
            return Ok(Reply::OverLimit);
        }
        let body = encoded(body, limits.encoding).await;
        let answer = self.post("logs3", body, trace).await?;
        Ok(judge(&answer))
    }

    /// Asks where a body may be uploaded.
    async fn announce(&self, body: Bytes, trace: &mut Trace) -> Result<Reply, ApiError> {
        // The ids of its rows are read from a body of many megabytes.
        let announcement = tokio::task::spawn_blocking(move || announcement(&body)).await;
        let Ok(Ok(announcement)) = announcement else {
            let detail = "the body cannot be announced".to_owned();
            return Ok(Reply::Refused { detail });
        };
        let answer = self.post("logs3/overflow", announcement.into(), trace).await?;
        // Without this way the body goes as it would to a server that never announced a limit.
        let missing = [400, 404, 405, 422, 501].contains(&answer.status.as_u16());
        Ok(match judge(&answer) {
            Reply::Acknowledged => match serde_json::from_slice::<OverflowReply>(&answer.body) {
                Ok(reply) if !reply.key.is_empty() => {
                    let (key, upload) = (reply.key.into(), reply.upload);
                    Signed::checked(upload, key).map_or(Reply::Next(Stage::Anyway), |signed| {
                        Reply::Next(Stage::Upload(Arc::new(signed)))
                    })
                }
                _ => Reply::Next(Stage::Anyway),
            },
            _ if missing => Reply::Next(Stage::Anyway),
            reply => reply,
        })
    }

    /// Uploads a body. The host may be another one, whose opinion of our key is of no interest.
    async fn upload_aside(
        &self,
        body: Bytes,
        signed: &Signed,
        trace: &mut Trace,
    ) -> Result<Reply, ApiError> {
        let content = Content::of(body, CONTENT_TYPE, FILE_NAME);
        let answer = self.http.transfer(signed, content).await?;
        note(trace, &answer);
        Ok(match judge(&answer) {
            Reply::Acknowledged => Reply::Next(Stage::Name(Arc::clone(signed.key()))),
            reply @ (Reply::Retry { .. } | Reply::TooLarge) => reply,
            _ => Reply::Restart {
                detail: format!(
                    "{} refused the upload of a large row: {}: {}",
                    signed.origin(),
                    answer.status.as_u16(),
                    answer.message()
                ),
            },
        })
    }

    /// Has the server take an upload.
    async fn name(&self, key: &str, trace: &mut Trace) -> Result<Reply, ApiError> {
        let request = OverflowName::new(key, LOGS3_API_VERSION);
        let answer = self.post("logs3", experiment::body(&request).into(), trace).await?;
        Ok(match answer.status {
            StatusCode::NOT_FOUND => Reply::Restart { detail: answer.message() },
            _ => judge(&answer),
        })
    }

    async fn post(&self, path: &str, body: Body, trace: &mut Trace) -> Result<Answer, ApiError> {
        self.learn_limits().await?;
        trace.sent_bytes = body.bytes.len() as u64;
        let (answer, _) = self.request(Origin::Api, Method::POST, path, Some(body)).await?;
        note(trace, &answer);
        Ok(answer)
    }
}

fn note(trace: &mut Trace, answer: &Answer) {
    trace.status = Some(answer.status.as_u16());
    trace.first_byte = Some(answer.first_byte);
}

/// A request without an answer, or with none that the protocol knows.
pub(crate) fn failed(error: &ApiError) -> Reply {
    match error {
        ApiError::Unauthorized { origin } => {
            Reply::Unauthorized { detail: format!("{origin} refused the login") }
        }
        ApiError::NoOrganisation { .. } | ApiError::Url { .. } => {
            Reply::Refused { detail: error.to_string() }
        }
        // Everything else may pass: a server that restarts, a proxy that answers for it.
        _ => Reply::Retry { after: error.retry_after(), detail: error.to_string() },
    }
}

pub(crate) fn judge(answer: &Answer) -> Reply {
    match answer.status {
        status if status.is_success() => Reply::Acknowledged,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Reply::Unauthorized { detail: answer.message() }
        }
        StatusCode::PAYLOAD_TOO_LARGE => Reply::TooLarge,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            Reply::Rejected { detail: answer.message() }
        }
        status if is_retryable(status) => Reply::Retry {
            after: answer.retry_after,
            detail: format!("{}: {}", status.as_u16(), answer.message()),
        },
        status => Reply::Refused { detail: format!("{}: {}", status.as_u16(), answer.message()) },
    }
}

fn is_retryable(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// What of a body an announcement repeats.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    rows: Vec<&'a RawValue>,
}

/// The members of a row by which a server finds its object.
const OBJECT_IDS: [&str; 6] =
    ["experiment_id", "dataset_id", "prompt_session_id", "project_id", "log_id", "function_data"];

fn announcement(body: &Bytes) -> serde_json::Result<Bytes> {
    let document: Document<'_> = serde_json::from_slice(body)?;
    let rows = document.rows.iter().map(|raw| {
        let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(raw.get())?;
        let deletes = members.get("_object_delete").is_some_and(|value| value.get() == "true");
        let comments = members.contains_key("comment");
        Ok(OverflowRow {
            object_ids: OBJECT_IDS
                .into_iter()
                .filter_map(|name| Some((name, *members.get(name)?)))
                .collect(),
            is_delete: deletes,
            has_comment: comments,
            input_row: RowInput { byte_size: raw.get().len() as u64 },
        })
    });
    let request = OverflowRequest {
        content_type: CONTENT_TYPE,
        size_bytes: body.len() as u64,
        rows: rows.collect::<serde_json::Result<_>>()?,
    };
    Ok(serde_json::to_vec(&request)?.into())
}

impl crate::spool::replay::Upload for Arc<Session> {
    /// All steps of a delivery at once.
    async fn upload(&self, body: Bytes) -> Reply {
        let mut random = Random::new(ids::random());
        let (mut stage, mut tries) = (Stage::Rows, 0);
        loop {
            let (reply, _) = self.deliver(body.clone(), stage.clone()).await;
            match reply {
                Reply::Next(next) => stage = next,
                Reply::OverLimit => stage = Stage::Announce,
                Reply::Restart { detail } => return Reply::Retry { after: None, detail },
                Reply::Retry { after, .. }
                    if matches!(stage, Stage::Name(_)) && tries < NAME_TRIES =>
                {
                    tries += 1;
                    tokio::time::sleep(backoff::delay(tries, after, &mut random)).await;
                }
                reply => return reply,
            }
        }
    }

    fn max_request_bytes(&self) -> u64 {
        Session::max_request_bytes(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_announcement_says_where_rows_belong_and_nothing_of_what_is_in_them() {
        let body = br#"{"rows":[{"id":"a","project_id":"p","log_id":"g","input":"secret \u00e9"},{"id":"b","dataset_id":"d","_object_delete":true}],"api_version":2}"#;
        let announced = announcement(&Bytes::from_static(body)).expect("JSON");
        let announced: Value = serde_json::from_slice(&announced).expect("JSON");
        let expected = json!({
            "content_type": "application/json",
            "size_bytes": body.len(),
            "rows": [
                {
                    "object_ids": {"project_id": "p", "log_id": "g"},
                    "is_delete": false,
                    "has_comment": false,
                    "input_row": {"byte_size": 64},
                },
                {
                    "object_ids": {"dataset_id": "d"},
                    "is_delete": true,
                    "has_comment": false,
                    "input_row": {"byte_size": 49},
                },
            ],
        });
        assert_eq!(announced, expected);
    }
}
