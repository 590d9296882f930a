//! Uploads and downloads by signed URLs: no key of ours goes there, and nothing is held in memory
//! that its owner does not hold anyway.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use tidegate_model::wire::uploads::SignedUpload;
use tokio::sync::mpsc;

use super::{Answer, Http, read_answer, time_limit};
use crate::error::ApiError;
use crate::ids;

/// A URL by which whoever has it can upload one thing, checked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    key: Arc<str>,
    url: Url,
    headers: HeaderMap,
    /// Present if a form is wanted.
    fields: Option<Vec<(String, String)>>,
}

impl fmt::Debug for Signed {
    /// Without what would let a reader of a log upload.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("origin", &self.origin()).finish_non_exhaustive()
    }
}

impl Signed {
    /// Checks what a server has answered; `None` if nothing can be uploaded by it.
    pub(crate) fn checked(upload: SignedUpload, key: Arc<str>) -> Option<Self> {
        let url = Url::parse(&upload.signed_url).ok()?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return None;
        }
        let fields = match upload.method.as_deref().unwrap_or("PUT") {
            "PUT" => None,
            "POST" => Some(upload.fields.unwrap_or_default().into_iter().collect()),
            _ => return None,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in upload.headers.unwrap_or_default() {
            let name = HeaderName::try_from(name).ok()?;
            // The boundary of a form is ours to say.
            if fields.is_none() || name != CONTENT_TYPE {
                headers.insert(name, HeaderValue::try_from(value).ok()?);
            }
        }
        let blob = url.host_str().is_some_and(|host| host.ends_with("blob.core.windows.net"));
        if blob && fields.is_none() {
            headers.insert("x-ms-blob-type", HeaderValue::from_static("BlockBlob"));
        }
        Some(Self { key, url, headers, fields })
    }

    /// Stands for any in a replay, which sends nothing.
    pub(crate) fn simulated() -> Self {
        let url = Url::parse("http://simulated.invalid/").expect("a URL");
        Self { key: "".into(), url, headers: HeaderMap::new(), fields: None }
    }

    pub(crate) fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// Scheme, host and port, which is all that may be said of it.
    pub(crate) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

/// What is uploaded.
#[derive(Debug)]
pub(crate) struct Content<'a> {
    source: Source,
    length: u64,
    content_type: &'a str,
    file_name: &'a str,
}

#[derive(Debug)]
enum Source {
    Memory(Bytes),
    Pieces(mpsc::Receiver<io::Result<Bytes>>),
}

impl<'a> Content<'a> {
    pub(crate) fn of(bytes: Bytes, content_type: &'a str, file_name: &'a str) -> Self {
        let length = bytes.len() as u64;
        Self { source: Source::Memory(bytes), length, content_type, file_name }
    }

    /// Content that comes in pieces, of this length in all.
    pub(crate) fn pieces(
        pieces: mpsc::Receiver<io::Result<Bytes>>,
        length: u64,
        content_type: &'a str,
        file_name: &'a str,
    ) -> Self {
        Self { source: Source::Pieces(pieces), length, content_type, file_name }
    }
}

impl Http {
    /// Uploads something by a signed URL and reads the answer, whatever its status. Our key does
    /// not go along: the host is any, and the URL needs none.
    pub(crate) async fn transfer(
        &self,
        signed: &Signed,
        content: Content<'_>,
    ) -> Result<Answer, ApiError> {
        let Content { source, length, content_type, file_name } = content;
        let limit = time_limit(self.timeout, usize::try_from(length).unwrap_or(usize::MAX));
        let method = if signed.fields.is_some() { Method::POST } else { Method::PUT };
        let mut request = self.client.request(method, signed.url.clone()).timeout(limit);
        request = request.headers(signed.headers.clone());
        let mut body = Pieces { head: VecDeque::new(), source, tail: None, left: length };
        if let Some(fields) = &signed.fields {
            let boundary = format!("tidegate-{:016x}{:016x}", ids::random(), ids::random());
            body.wrap_in_form(fields, &boundary, content_type, file_name);
            let kind = format!("multipart/form-data; boundary={boundary}");
            request = request.header(CONTENT_TYPE, kind);
        }
        let body = match body.only_memory() {
            Ok(bytes) => bytes.into(),
            Err(body) => {
                // Storage wants to know the length before; a body in chunks is refused.
                request = request.header(CONTENT_LENGTH, body.left);
                reqwest::Body::wrap(body)
            }
        };
        let unreachable = |error: reqwest::Error| ApiError::Unreachable {
            origin: signed.origin(),
            source: error.without_url(),
        };
        let response = request.body(body).send().await.map_err(unreachable)?;
        read_answer(response, "signed upload", unreachable).await
    }
}

/// A download under way.
#[derive(Debug)]
pub(crate) struct Download {
    response: reqwest::Response,
    origin: String,
    /// For each piece.
    patience: Duration,
}

impl Http {
    /// Begins a download by a URL that needs no key.
    pub(crate) async fn fetch(&self, url: &str) -> Result<Download, ApiError> {
        let bad = || ApiError::Url { url: "the download URL of an attachment".to_owned() };
        let url = Url::parse(url).map_err(|_| bad())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad());
        }
        let origin = url.origin().ascii_serialization();
        // Only the head: how long the rest may take is the caller's to say.
        let response = tokio::time::timeout(self.timeout, self.client.get(url).send());
        let response = response.await.map_err(|_| late(self.timeout))?;
        let response = response.map_err(|error| ApiError::Unreachable {
            origin: origin.clone(),
            source: error.without_url(),
        })?;
        if !response.status().is_success() {
            let unreachable = |error: reqwest::Error| ApiError::Unreachable {
                origin: origin.clone(),
                source: error.without_url(),
            };
            let answer = tokio::time::timeout(
                self.timeout,
                read_answer(response, "attachment", unreachable),
            );
            let answer = answer.await.map_err(|_| late(self.timeout))??;
            return Err(ApiError::Status {
                status: answer.status.as_u16(),
                path: "the download of an attachment".to_owned(),
                message: answer.message(),
                retry_after: answer.retry_after,
            });
        }
        Ok(Download { response, origin, patience: self.timeout })
    }
}

impl Download {
    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let piece = tokio::time::timeout(self.patience, self.response.chunk()).await;
        let piece = piece.map_err(|_| late(self.patience))?;
        piece.map_err(|error| ApiError::Unreachable {
            origin: self.origin.clone(),
            source: error.without_url(),
        })
    }
}

fn late(deadline: Duration) -> ApiError {
    ApiError::Deadline { path: "the download of an attachment".to_owned(), deadline }
}

/// A body of known length: what stands before the content, the content, and what stands after it.
#[derive(Debug)]
struct Pieces {
    head: VecDeque<Bytes>,
    source: Source,
    tail: Option<Bytes>,
    left: u64,
}

impl Pieces {
    fn wrap_in_form(
        &mut self,
        fields: &[(String, String)],
        boundary: &str,
        content_type: &str,
        file_name: &str,
    ) {
        let mut head = String::new();
        for (name, value) in fields {
            let name = quoted(name);
            head.push_str(&format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        // The type that was signed, if one was.
        let signed = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let content_type = signed.map_or(content_type, |(_, value)| value);
        let file_name = quoted(file_name);
        head.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\nContent-Type: {content_type}\r\n\r\n"
        ));
        let tail = format!("\r\n--{boundary}--\r\n");
        self.left += (head.len() + tail.len()) as u64;
        self.head.push_back(head.into());
        self.tail = Some(tail.into());
    }

    /// The content itself, if it is all there is and in memory.
    fn only_memory(self) -> Result<Bytes, Self> {
        match self {
            Self { source: Source::Memory(bytes), tail: None, .. } => Ok(bytes),
            body => Err(body),
        }
    }

    fn give(&mut self, piece: Bytes) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.left.checked_sub(piece.len() as u64) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            None => Poll::Ready(Some(Err(io::Error::other("longer than announced")))),
        }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(piece) = self.head.pop_front() {
            return self.give(piece);
        }
        let piece = match &mut self.source {
            Source::Memory(bytes) => Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()),
            Source::Pieces(pieces) => match std::task::ready!(pieces.poll_recv(context)) {
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                piece => piece.and_then(Result::ok),
            },
        };
        if let Some(piece) = piece.or_else(|| self.tail.take()) {
            return self.give(piece);
        }
        Poll::Ready(match self.left {
            0 => None,
            // Nobody may take a part for the whole.
            _ => Some(Err(io::Error::other("shorter than announced"))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A name in a header of a form, as browsers write it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn upload(url: &str, method: &str) -> SignedUpload {
        let headers = [("content-type", "application/json"), ("x-extra", "1")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        SignedUpload {
            method: Some(method.to_owned()),
            signed_url: url.to_owned(),
            headers: Some(BTreeMap::from(headers)),
            fields: None,
        }
    }

    #[test]
    fn what_cannot_be_uploaded_to_is_refused() {
        for (url, method) in [
            ("", "PUT"),
            ("ftp://host/x", "PUT"),
            ("/relative", "PUT"),
            ("file:///etc/passwd", "PUT"),
            ("https://host/x", "DELETE"),
        ] {
            assert!(Signed::checked(upload(url, method), "k".into()).is_none(), "{method} {url}");
        }
        let mut bad = upload("https://host/x", "PUT");
        bad.headers = Some(BTreeMap::from([("bad name".to_owned(), "x".to_owned())]));
        assert!(Signed::checked(bad, "k".into()).is_none());
    }

    #[test]
    fn headers_follow_the_host_and_the_method() {
        let put = Signed::checked(upload("https://host/x?sig=s3cr3t", "PUT"), "k".into());
        let put = put.expect("a URL");
        assert_eq!(put.headers["content-type"], "application/json");
        assert!(!put.headers.contains_key("x-ms-blob-type"));
        assert!(!format!("{put:?}").contains("s3cr3t"));
        let post = Signed::checked(upload("https://host/x", "POST"), "k".into()).expect("a URL");
        assert!(!post.headers.contains_key("content-type"), "it would lack the boundary");
        assert_eq!(post.headers["x-extra"], "1");
        let azure = upload("https://account.blob.core.windows.net/x", "PUT");
        let azure = Signed::checked(azure, "k".into()).expect("a URL");
        assert_eq!(azure.headers["x-ms-blob-type"], "BlockBlob");
    }
}
