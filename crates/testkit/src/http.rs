//! Just enough HTTP/1.1 for tests, without the crate's own client under it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Status, header lines (lower-case) and body of an answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// Header lines.
    pub headers: Vec<String>,
    /// The body as it came.
    pub bytes: Vec<u8>,
    /// The body as text, with replacement characters for what is none.
    pub text: String,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The value of a header, by its lower-case name; the value is in lower case, too.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Sends a GET; `path` may carry a query.
#[must_use]
pub fn get(url: &str, path: &str) -> Reply {
    send(url, "GET", path, &[], b"", TIMEOUT).expect("an answer")
}

/// Sends a POST with extra header lines.
///
/// # Errors
/// The connection broke before an answer came, as when the server is killed.
pub fn post(url: &str, path: &str, headers: &[&str], body: &str) -> std::io::Result<Reply> {
    send(url, "POST", path, headers, body.as_bytes(), TIMEOUT)
}

/// Sends a PUT.
///
/// # Errors
/// See [`post`].
pub fn put(url: &str, path: &str, body: &str) -> std::io::Result<Reply> {
    send(url, "PUT", path, &[], body.as_bytes(), TIMEOUT)
}

/// Sends a request of any kind. `timeout` is the longest wait for the next bytes of the answer, and
/// for the server to take more of the body.
///
/// # Errors
/// The connection broke or was idle for too long before the whole answer came.
///
/// # Panics
/// If `url` is not a plain `http://HOST:PORT`, or the answer is chunked, which is not decoded.
pub fn send(
    url: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
    timeout: Duration,
) -> std::io::Result<Reply> {
    let address = url.strip_prefix("http://").expect("a plain http URL").trim_end_matches('/');
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let extra: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{extra}content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    // A server may refuse before it has read the body, and say so.
    let sent = stream.write_all(body);
    let mut answer = Vec::new();
    match (stream.read_to_end(&mut answer), sent) {
        (Err(_), Err(error)) if answer.is_empty() => Err(error),
        (Err(error), Ok(())) => Err(error),
        _ => parse(answer),
    }
}

fn parse(mut answer: Vec<u8>) -> std::io::Result<Reply> {
    let broken = |what: &str| std::io::Error::other(format!("not an HTTP answer: {what:?}"));
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or_else(|| broken(&String::from_utf8_lossy(&answer)))?;
    let bytes = answer.split_off(end + 4);
    let head = String::from_utf8_lossy(&answer);
    let mut lines = head.lines().filter(|line| !line.is_empty()).map(str::to_ascii_lowercase);
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(|| broken(&head))?;
    let headers: Vec<String> = lines.collect();
    assert!(!headers.iter().any(|h| h.contains("chunked")), "chunked answers are not decoded");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Reply { status, headers, bytes, text })
}

/// Reads all rows of an object through `POST /btql`, page by page.
#[must_use]
pub fn rows(url: &str, kind: &str, object_id: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let query = json!({"query": {
            "select": [{"op": "star"}],
            "from": {
                "op": "function",
                "name": {"op": "ident", "name": [kind]},
                "args": [{"op": "literal", "value": object_id}],
            },
            "limit": 1000,
            "cursor": cursor,
        }});
        let reply = post(url, "/btql", &[], &query.to_string()).expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.text);
        let mut page = reply.json();
        let Value::Array(data) = page["data"].take() else { panic!("no data: {}", reply.text) };
        rows.extend(data);
        cursor = page["cursor"].take();
        if cursor.is_null() {
            return rows;
        }
    }
}
