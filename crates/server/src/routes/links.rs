//! URLs that a client can reach, built from how it reached us.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::reply::ApiError;
use crate::app::App;

/// The base URL by which a request came, without a slash at the end.
#[derive(Debug)]
pub(super) struct BaseUrl(pub(super) String);

impl FromRequestParts<Arc<App>> for BaseUrl {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let Some(host) = text(header::HOST.as_str()).filter(|host| !host.is_empty()) else {
            return Ok(Self(app.url.clone()));
        };
        let scheme = if is_forwarded_https(&parts.headers) { "https" } else { "http" };
        Ok(Self(format!("{scheme}://{host}")))
    }
}

/// Set by a proxy that ends TLS; the client's own lie would only mislead itself.
fn is_forwarded_https(headers: &HeaderMap) -> bool {
    let proto = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    proto.is_some_and(|proto| proto.trim() == "https")
}

/// Whether a browser reaches this server by TLS, which a proxy ends: the proxy says so, or the
/// browser, in the origin of its page.
pub(super) fn is_https(headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    is_forwarded_https(headers) || origin.is_some_and(|origin| origin.starts_with("https://"))
}

impl BaseUrl {
    /// The page of a project.
    pub(super) fn project(&self, org: &str, project: &str) -> String {
        format!("{}/app/{}/p/{}", self.0, encode(org), encode(project))
    }

    /// The page of an experiment.
    pub(super) fn experiment(&self, org: &str, project: &str, experiment: &str) -> String {
        format!("{}/experiments/{}", self.project(org, project), encode(experiment))
    }

    /// The page of a dataset.
    pub(super) fn dataset(&self, org: &str, project: &str, dataset: &str) -> String {
        format!("{}/datasets/{}", self.project(org, project), encode(dataset))
    }
}

/// Percent-encodes all but the characters that stand for themselves in any part of a URL.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_survive_any_name() {
        let base = BaseUrl("http://h:1".into());
        assert_eq!(
            base.experiment("a b", "p/q", "ü?"),
            "http://h:1/app/a%20b/p/p%2Fq/experiments/%C3%BC%3F"
        );
    }
}
