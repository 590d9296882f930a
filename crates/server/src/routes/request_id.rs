//! The id of a request: on its answer, in its log lines, and in the body of an error, so that a
//! user's report leads to the cause.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// Carries the id, both ways.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken from a client.
const LENGTH: usize = 128;

tokio::task_local! {
    static CURRENT: Arc<str>;
}

/// The id of the request that is being answered; `None` outside of one.
pub(super) fn current() -> Option<Arc<str>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Takes the client's id if it is one, or makes one.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER).filter(|id| is_sane(id.as_bytes()));
    let id: Arc<str> = match given.and_then(|id| id.to_str().ok()) {
        Some(id) => id.into(),
        None => uuid::Uuid::now_v7().to_string().into(),
    };
    let header = HeaderValue::from_str(&id).expect("letters, digits and a few signs");
    // Logs read it there.
    request.headers_mut().insert(HEADER, header.clone());
    let mut response = CURRENT.scope(id, next.run(request)).await;
    response.headers_mut().insert(HEADER, header);
    response
}

/// Whether it can stand in a log line and a header as it is.
fn is_sane(id: &[u8]) -> bool {
    let sign = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    (1..=LENGTH).contains(&id.len()) && id.iter().all(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_confuse_a_log_are_not_taken() {
        for good in ["a", "0198c5a2-0000-7000-8000-0000000000ab", "Root=1-67891233-abc/x+y:z_."] {
            assert!(is_sane(good.as_bytes()), "{good}");
        }
        for bad in ["", "a b", "a\"b", "a,b", "a\tb", "ä", &"x".repeat(129)] {
            assert!(!is_sane(bad.as_bytes()), "{bad}");
        }
    }
}
