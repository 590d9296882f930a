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
    /// The body as text.
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
}

/// Sends a GET; `path` may carry a query.
#[must_use]
pub fn get(url: &str, path: &str) -> Reply {
    exchange(url, "GET", path, &[], "").expect("an answer")
}

/// Sends a POST with extra header lines.
///
/// # Errors
/// The connection broke before an answer came, as when the server is killed.
pub fn post(url: &str, path: &str, headers: &[&str], body: &str) -> std::io::Result<Reply> {
    exchange(url, "POST", path, headers, body)
}

/// Sends a PUT.
///
/// # Errors
/// See [`post`].
pub fn put(url: &str, path: &str, body: &str) -> std::io::Result<Reply> {
    exchange(url, "PUT", path, &[], body)
}

fn exchange(
    url: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> std::io::Result<Reply> {
    let address = url.strip_prefix("http://").expect("a plain http URL").trim_end_matches('/');
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let extra: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{extra}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let broken = || std::io::Error::other(format!("not an HTTP answer: {answer:?}"));
    let (head, text) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    let mut lines = head.lines().map(str::to_ascii_lowercase);
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(broken)?;
    let headers: Vec<String> = lines.collect();
    assert!(!headers.iter().any(|h| h.contains("chunked")), "chunked answers are not decoded");
    Ok(Reply { status, headers, text: text.to_owned() })
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
