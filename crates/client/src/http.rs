//! HTTP with the habits this crate needs: deadlines, capped replies, no secrets in errors.

mod transfer;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

use crate::clock;
use crate::compress::Encoding;
use crate::error::ApiError;

pub(crate) use transfer::{Content, Signed};

/// Most bytes of a reply that is read for its content.
const MAX_REPLY_BYTES: usize = 64 << 20;
/// Most characters of a server's error text that are repeated.
const MAX_MESSAGE_CHARS: usize = 300;

/// Beyond its time-out a request has a second for every so many bytes of its body: a slow link
/// would otherwise repeat the same full batch for ever.
const SLOWEST_BYTES_PER_SECOND: u32 = 32 << 10;

/// A connection pool that authenticates every request.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    timeout: Duration,
    authorization: Option<HeaderValue>,
}

/// A reply that arrived whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// When the head of the reply was there.
    pub(crate) first_byte: Instant,
    pub(crate) body: Bytes,
}

/// A request body and how it is encoded.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) encoding: Option<Encoding>,
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, encoding: None }
    }
}

impl Http {
    pub(crate) fn new(key: Option<&SecretString>, timeout: Duration) -> Self {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls())
            .connect_timeout(timeout.min(Duration::from_secs(10)))
            // A redirected POST would turn into a GET; a wrong URL should be said instead.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .build()
            .expect("the TLS configuration is of the type this reqwest understands");
        let authorization = key.and_then(|key| {
            let text = format!("Bearer {}", key.expose_secret().trim());
            let mut value = HeaderValue::from_str(&text).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Self { client, timeout, authorization }
    }

    /// Sends a request and reads the reply, whatever its status.
    pub(crate) async fn send(
        &self,
        method: Method,
        base: &str,
        path: &str,
        body: Option<Body>,
    ) -> Result<Answer, ApiError> {
        let url = join(base, path)?;
        let origin = url.origin().ascii_serialization();
        let unreachable = |error: reqwest::Error| ApiError::Unreachable {
            origin: origin.clone(),
            source: error.without_url(),
        };
        let length = body.as_ref().map_or(0, |body| body.bytes.len());
        let mut request =
            self.client.request(method, url).timeout(time_limit(self.timeout, length));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.bytes);
            if let Some(encoding) = body.encoding {
                request = request.header(CONTENT_ENCODING, encoding.name());
            }
        }
        let response = request.send().await.map_err(&unreachable)?;
        read_answer(response, path, unreachable).await
    }

    /// Sends a request and decodes a 2xx reply.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        base: &str,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<T, ApiError> {
        let answer = self.send(method, base, path, body.map(Body::from)).await?;
        answer.check(base, path)?;
        serde_json::from_slice(&answer.body)
            .map_err(|source| ApiError::Decode { path: path_only(path), source })
    }
}

impl Answer {
    /// Turns any status but 2xx into an error.
    pub(crate) fn check(&self, base: &str, path: &str) -> Result<(), ApiError> {
        if self.status.is_success() {
            return Ok(());
        }
        if matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let origin = join(base, path)?.origin().ascii_serialization();
            return Err(ApiError::Unauthorized { origin });
        }
        Err(ApiError::Status {
            status: self.status.as_u16(),
            path: path_only(path),
            message: self.message(),
            retry_after: self.retry_after,
        })
    }

    /// The server's words: the `error` member if the body is such JSON, else its text.
    pub(crate) fn message(&self) -> String {
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let member = json.as_ref().and_then(|json| json.get("error")).and_then(|e| e.as_str());
        let text = member.map_or_else(|| String::from_utf8_lossy(&self.body), Into::into);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match words.char_indices().nth(MAX_MESSAGE_CHARS) {
            Some((end, _)) => format!("{}…", &words[..end]),
            None if words.is_empty() => {
                self.status.canonical_reason().unwrap_or("no reason given").to_owned()
            }
            None => words,
        }
    }
}

/// Reads a whole answer.
async fn read_answer(
    mut response: reqwest::Response,
    path: &str,
    unreachable: impl Fn(reqwest::Error) -> ApiError,
) -> Result<Answer, ApiError> {
    let first_byte = clock::now();
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(retry_after);
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(&unreachable)? {
        if body.len() + chunk.len() > MAX_REPLY_BYTES {
            let path = path.to_owned();
            return Err(ApiError::TooLong { path, limit_bytes: MAX_REPLY_BYTES });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, retry_after, first_byte, body: body.freeze() })
}

fn time_limit(timeout: Duration, body_bytes: usize) -> Duration {
    let bytes = u32::try_from(body_bytes).unwrap_or(u32::MAX);
    timeout.saturating_add(Duration::from_secs(bytes.into()) / SLOWEST_BYTES_PER_SECOND)
}

/// Joins without doubling slashes.
fn join(base: &str, path: &str) -> Result<reqwest::Url, ApiError> {
    let text = format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'));
    // The base alone must be a URL: a parser takes the host from the path if it is missing.
    match reqwest::Url::parse(base).and_then(|_| reqwest::Url::parse(&text)) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(ApiError::Url { url: base.to_owned() }),
    }
}

/// A path for messages; query strings may carry names of users' things.
fn path_only(path: &str) -> String {
    path.split('?').next().unwrap_or(path).to_owned()
}

/// Both forms of RFC 9110 §10.2.3: seconds, or an HTTP date.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let seconds = date.as_millisecond() as f64 / 1000.0 - clock::wall().unix_seconds();
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO))
}

/// TLS with the system's certificates and `ring`, chosen here rather than installed for the
/// whole process, which would take that choice from the host program.
fn tls() -> rustls::ClientConfig {
    use rustls_platform_verifier::BuilderVerifierExt as _;
    let builder = || {
        rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
    };
    let mut config = match builder().with_platform_verifier() {
        Ok(config) => config.with_no_client_auth(),
        // A machine without certificates can still talk to a collector over plain HTTP; an
        // https URL fails with an unknown issuer then.
        Err(_) => {
            builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_joined_without_doubled_slashes() {
        for base in ["http://host:1", "http://host:1/", "http://host:1//"] {
            assert_eq!(join(base, "/logs3").expect("url").as_str(), "http://host:1/logs3");
        }
        assert_eq!(join("http://h/prefix/", "x?a=b").expect("url").path(), "/prefix/x");
        for bad in ["", "host:8787", "ftp://host", "http://"] {
            assert!(matches!(join(bad, "x"), Err(ApiError::Url { .. })), "{bad}");
        }
    }

    #[test]
    fn a_large_body_has_more_time() {
        let minute = Duration::from_secs(60);
        assert_eq!(time_limit(minute, 0), minute);
        assert_eq!(time_limit(minute, 3 << 20), minute + Duration::from_secs(96));
        assert_eq!(time_limit(Duration::MAX, 1), Duration::MAX);
    }

    #[test]
    fn retry_after_in_both_forms() {
        let parse = |text: &str| retry_after(&HeaderValue::from_str(text).expect("header"));
        assert_eq!(parse("7"), Some(Duration::from_secs(7)));
        assert_eq!(parse("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let far = parse("Fri, 21 Oct 2089 07:28:00 GMT").expect("a date");
        assert!(far > Duration::from_secs(1_000_000_000));
        assert_eq!(parse("soon"), None);
    }

    #[test]
    fn messages_are_short_and_on_one_line() {
        let answer = |body: &str| Answer {
            status: StatusCode::BAD_REQUEST,
            retry_after: None,
            first_byte: clock::now(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        assert_eq!(answer(r#"{"error":"row 3:\n bad"}"#).message(), "row 3: bad");
        assert_eq!(answer("").message(), "Bad Request");
        assert_eq!(answer(&"é".repeat(1000)).message().chars().count(), MAX_MESSAGE_CHARS + 1);
    }
}
