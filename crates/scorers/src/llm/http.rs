//! One request: deadline, capped reply, no redirect, no secret in errors.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::config::Config;
use super::{LlmError, clock};

/// Most characters of an endpoint's error text that are repeated.
const MAX_MESSAGE_CHARS: usize = 300;
/// Most bytes of an error's body that are read for that.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    base: Url,
    origin: String,
    authorization: Option<HeaderValue>,
    /// To take it out of what an endpoint says; some repeat the key they refuse.
    key: Option<SecretString>,
    max_reply_bytes: usize,
}

impl Http {
    /// # Errors
    /// What is wrong with URL and key, without showing either: a URL may hold a password.
    pub(super) fn new(config: &Config) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let base = Url::parse(&config.base_url).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        });
        if base.is_none() {
            faults.push("the base URL must be http or https, without user or fragment".to_owned());
        }
        let key = config.api_key.as_ref().map(|key| key.expose_secret().trim());
        let authorization = key.map(|key| HeaderValue::from_str(&format!("Bearer {key}")));
        if matches!(authorization, Some(Err(_))) || key == Some("") {
            faults.push("the key is empty or has characters that no header may have".to_owned());
        }
        let client = client_builder()
            .timeout(config.timeout)
            .connect_timeout(config.timeout.min(Duration::from_secs(10)))
            .build()
            .expect("the TLS configuration is of the type this reqwest understands");
        match base {
            Some(base) if faults.is_empty() => Ok(Self {
                client,
                origin: base.origin().ascii_serialization(),
                base,
                authorization: authorization.and_then(Result::ok).map(|mut value| {
                    value.set_sensitive(true);
                    value
                }),
                key: key.map(Into::into),
                max_reply_bytes: config.max_reply_bytes,
            }),
            _ => Err(faults),
        }
    }

    /// The address of a path below the base, which keeps the base's query.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        url
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Sends once and reads a 2xx reply whole.
    ///
    /// # Cancel safety
    /// Dropping it drops the connection; the endpoint may have worked, and may charge for it.
    pub(super) async fn post(&self, url: Url, body: Bytes) -> Result<Bytes, LlmError> {
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json").body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let mut response = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let limit_bytes = match status.is_success() {
            true => self.max_reply_bytes,
            false => MAX_MESSAGE_BYTES,
        };
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > limit_bytes {
                if status.is_success() {
                    return Err(LlmError::TooLong { limit_bytes });
                }
                break;
            }
            body.extend_from_slice(&chunk);
        }
        let origin = self.origin.clone();
        match status {
            _ if status.is_success() => Ok(body.freeze()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(LlmError::Unauthorized { origin })
            }
            _ => {
                let message = self.message(status, &body);
                Err(LlmError::Status { origin, status: status.as_u16(), message, retry_after })
            }
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> LlmError {
        LlmError::Unreachable { origin: self.origin.clone(), source: error.without_url() }
    }

    /// The endpoint's words on one line, shortened, without the key.
    fn message(&self, status: StatusCode, body: &[u8]) -> String {
        let json: Option<Value> = serde_json::from_slice(body).ok();
        let member = json.as_ref().and_then(|json| {
            json.pointer("/error/message").or_else(|| json.get("error")).and_then(Value::as_str)
        });
        let mut text =
            member.map_or_else(|| String::from_utf8_lossy(body), Into::into).into_owned();
        if let Some(key) = &self.key {
            // Before shortening: half a key is still too much.
            text = text.replace(key.expose_secret(), "[key]");
        }
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match words.char_indices().nth(MAX_MESSAGE_CHARS) {
            Some((end, _)) => format!("{}…", &words[..end]),
            None if words.is_empty() => {
                status.canonical_reason().unwrap_or("no reason given").to_owned()
            }
            None => words,
        }
    }
}

/// A client with the system's certificates that follows no redirect: a redirected POST would turn
/// into a GET, and might carry its content elsewhere. No time-out is set.
pub fn client_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls())
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
}

/// What an answer asks to wait: `retry-after-ms` in milliseconds, which some endpoints send beside
/// the other, or `retry-after` in seconds or as a date. `None` without either, or if it is neither.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    let text = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let seconds = date.as_millisecond() as f64 / 1000.0 - clock::wall().as_secs_f64();
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO))
}

/// TLS with the system's certificates and `ring`, chosen here rather than installed for the whole
/// process, which would take that choice from the host program. The same as the client's.
fn tls() -> rustls::ClientConfig {
    use rustls_platform_verifier::BuilderVerifierExt as _;
    let builder = || {
        rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
    };
    let mut config = match builder().with_platform_verifier() {
        Ok(config) => config.with_no_client_auth(),
        // A machine without certificates can still use plain HTTP; an https URL fails with an
        // unknown issuer then.
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

    fn http(base: &str) -> Result<Http, Vec<String>> {
        Http::new(&Config::new(base, "m").api_key("sesame"))
    }

    #[test]
    fn paths_are_added_to_the_base() {
        let url = |base| http(base).expect("a URL").url("chat/completions").to_string();
        assert_eq!(url("http://h/v1"), "http://h/v1/chat/completions");
        assert_eq!(url("http://h/v1/"), "http://h/v1/chat/completions");
        assert_eq!(url("http://h"), "http://h/chat/completions");
        assert_eq!(url("http://h/a?v=1"), "http://h/a/chat/completions?v=1");
        for bad in ["", "h:1", "ftp://h", "http://user:word@h", "http://h/#x"] {
            assert!(http(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_that_is_no_header_is_a_fault_and_not_shown() {
        for bad in ["", "  ", "sec\nret"] {
            let config = Config::new("http://h", "m").api_key(bad);
            let faults = Http::new(&config).expect_err("a fault");
            assert_eq!(faults.len(), 1);
            assert!(!faults[0].contains("sec"));
        }
    }

    #[test]
    fn messages_are_short_and_without_the_key() {
        let http = http("http://h").expect("a URL");
        let message = |body: &str| http.message(StatusCode::BAD_REQUEST, body.as_bytes());
        assert_eq!(message(r#"{"error":{"message":"bad\n key sesame"}}"#), "bad key [key]");
        assert_eq!(message(r#"{"error":"no"}"#), "no");
        assert_eq!(message(""), "Bad Request");
        let long = "é".repeat(MAX_MESSAGE_CHARS - 3) + "sesame";
        assert!(!message(&long).contains("ses"));
        assert_eq!(message(&long).chars().count(), MAX_MESSAGE_CHARS + 1);
    }

    #[test]
    fn retry_after_in_its_forms() {
        let parse = |name: &'static str, text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(text).expect("a header"));
            retry_after(&headers)
        };
        assert_eq!(parse("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(parse("retry-after-ms", "70"), Some(Duration::from_millis(70)));
        assert_eq!(parse("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(
            parse("retry-after", "Fri, 21 Oct 2089 07:28:00 GMT").is_some_and(|d| !d.is_zero())
        );
        assert_eq!(parse("retry-after", "soon"), None);
    }
}
