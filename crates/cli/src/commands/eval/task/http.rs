//! HTTP endpoints: the case as JSON in, JSON or text out.

use bytes::BytesMut;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use tidegate_eval::TaskError;
use tidegate_scorers::llm::{client_builder, retry_after};

use super::program::MAX_ANSWER_BYTES;
use super::reply::excerpt;
use super::{Reply, chain};
use crate::commands::eval::file::{Fault, Format, Http, Source, filled};
use crate::env::Environment;

/// How much of the body of a refusal is read.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Endpoint {
    client: reqwest::Client,
    method: Method,
    url: Url,
    /// Scheme, host and port: what messages show. Paths and queries may hold secrets.
    origin: String,
    headers: HeaderMap,
    /// Values of variables, which no message repeats.
    secrets: Vec<String>,
    query: Vec<(String, Value)>,
    body: Option<Value>,
    output: Option<String>,
}

impl Endpoint {
    pub(super) fn new(
        http: &Http,
        source: &Source,
        environment: &Environment,
    ) -> Result<Self, Fault> {
        let fault = |message: String| source.fault(http.place, message, "correct it in the file");
        let url = Url::parse(&http.url).map_err(|error| fault(error.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut insert = |name: &str, value: &str| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok();
            let value = HeaderValue::from_str(value).ok();
            let found = name.zip(value);
            found.map(|(name, value)| headers.insert(name, value)).is_some()
        };
        for (name, value) in &http.headers {
            if !insert(name, value) {
                return Err(fault(format!("{name} is no header")));
            }
        }
        let mut secrets = Vec::new();
        for (name, variable, place) in &http.headers_from_env {
            let value = environment.get(variable).map(|value| value.trim().to_owned());
            let value = value.ok_or_else(|| {
                let message = format!("the variable {variable} is not set");
                source.fault(*place, message, "set it in the environment, or in --env-file")
            })?;
            if !insert(name, &value) {
                let message = format!("the value of {variable} cannot be a header");
                return Err(source.fault(
                    *place,
                    message,
                    "it has characters that no header may have",
                ));
            }
            secrets.push(value);
        }
        let client = client_builder().timeout(http.timeout).build();
        Ok(Self {
            client: client.map_err(|error| fault(chain(error)))?,
            method: Method::from_bytes(http.method.as_bytes()).map_err(|e| fault(chain(e)))?,
            origin: url.origin().ascii_serialization(),
            url,
            headers,
            secrets,
            query: http.query.clone(),
            body: http.body.clone(),
            output: http.output.clone(),
        })
    }

    /// # Cancel safety
    /// Dropping it drops the connection.
    pub(super) async fn call(&self, request: &Value) -> Result<Reply, TaskError> {
        let mut url = self.url.clone();
        for (name, value) in &self.query {
            let value = match filled(value, request).map_err(TaskError::new)? {
                Value::String(text) => text,
                other => other.to_string(),
            };
            url.query_pairs_mut().append_pair(name, &value);
        }
        let body = match &self.body {
            Some(body) => Some(filled(body, request).map_err(TaskError::new)?),
            None if self.method == Method::GET => None,
            None => Some(request.clone()),
        };
        let mut call = self.client.request(self.method.clone(), url).headers(self.headers.clone());
        if let Some(body) = body {
            // A text is the body itself; whoever wants a JSON text writes its quotes.
            call = call.body(match body {
                Value::String(text) => text,
                other => other.to_string(),
            });
        }
        let unreachable = |error: reqwest::Error| {
            let reason = chain(error.without_url());
            TaskError::retryable(format!("cannot reach {}: {reason}", self.origin))
        };
        let mut response = call.send().await.map_err(unreachable)?;
        let status = response.status();
        let wait = retry_after(response.headers());
        let limit = if status.is_success() { MAX_ANSWER_BYTES } else { MAX_REFUSAL_BYTES };
        let mut bytes = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > limit {
                if status.is_success() {
                    let message = format!("{} answered more than {limit} bytes", self.origin);
                    return Err(TaskError::new(message));
                }
                break;
            }
            bytes.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            return Err(self.refused(status, &bytes, wait));
        }
        let reply = Reply::read(&self.origin, &bytes, Format::Auto)?;
        match &self.output {
            None => Ok(reply),
            Some(pointer) => {
                let found = reply.output.pointer(pointer).cloned().ok_or_else(|| {
                    let answer = excerpt(&self.without_secrets(reply.output.to_string()));
                    let origin = &self.origin;
                    TaskError::new(format!("the answer of {origin} has no {pointer}: {answer}"))
                })?;
                Ok(Reply::plain(found))
            }
        }
    }

    fn without_secrets(&self, text: String) -> String {
        self.secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), "[secret]"))
    }

    fn refused(
        &self,
        status: StatusCode,
        body: &[u8],
        wait: Option<std::time::Duration>,
    ) -> TaskError {
        let said = self.without_secrets(String::from_utf8_lossy(body).into_owned());
        let message = format!("{} answered {}: {}", self.origin, status.as_u16(), excerpt(&said));
        if !matches!(status.as_u16(), 408 | 429 | 500..=599) {
            return TaskError::new(message);
        }
        match wait {
            Some(wait) => TaskError::retryable(message).retry_after(wait),
            None => TaskError::retryable(message),
        }
    }
}
