//! An HTTP server that answers by a script, such as an endpoint of a model, or on purpose not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::Value;

/// How the script answers a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Status, extra header lines (each ended by `\r\n`), body.
    Text(u16, String, String),
    /// Extra header lines, and parts that are sent as they come, until the sender is dropped.
    Stream(String, Arc<Mutex<Receiver<String>>>),
    /// Reads the request and never answers.
    Hang,
    /// Closes the connection without an answer.
    Close,
}

impl Answer {
    /// Status 200 and a JSON body.
    #[must_use]
    pub fn json(body: &Value) -> Self {
        Self::Text(200, String::new(), body.to_string())
    }

    /// Server-sent events, each sent as it comes.
    #[must_use]
    pub fn events(parts: Receiver<String>) -> Self {
        Self::Stream("content-type: text/event-stream\r\n".into(), Arc::new(Mutex::new(parts)))
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// Such as `POST /v1/chat/completions`.
    pub line: String,
    /// Header lines.
    pub headers: Vec<String>,
    /// The body; null if it is no JSON.
    pub body: Value,
}

type Script = dyn Fn(usize, &Request) -> Answer + Send + Sync;

/// A running script. It ends with the test process; each test has one of its own.
#[derive(Debug)]
pub struct ScriptedServer {
    url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl ScriptedServer {
    /// Listens on a free port. `script` sees the number of the request, from 0, and the request; it
    /// runs on the thread of the connection and may block.
    ///
    /// # Panics
    /// Without a free port.
    #[must_use]
    pub fn start(script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, script) = (Arc::clone(&shared), Arc::clone(&script));
                thread::spawn(move || serve(&stream, &seen, &*script));
            }
        });
        Self { url, seen }
    }

    /// Base URL without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut stream: &TcpStream, seen: &Mutex<Vec<Request>>, script: &Script) {
    let Ok(second) = stream.try_clone() else { return };
    let mut reader = BufReader::new(second);
    while let Some(request) = read(&mut reader) {
        let number = {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(request.clone());
            seen.len() - 1
        };
        let (status, extra, body) = match script(number, &request) {
            Answer::Text(status, extra, body) => (status, extra, body),
            Answer::Stream(extra, parts) => {
                if stream_parts(stream, &extra, &parts).is_err() {
                    return;
                }
                continue;
            }
            Answer::Hang => {
                // Until the client closes the connection.
                reader.read_to_end(&mut Vec::new()).ok();
                return;
            }
            Answer::Close => return,
        };
        let head = format!("HTTP/1.1 {status} X\r\n{extra}content-length: {}\r\n\r\n", body.len());
        // A client that gave up is part of some tests.
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn stream_parts(
    mut stream: &TcpStream,
    extra: &str,
    parts: &Mutex<Receiver<String>>,
) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 X\r\n{extra}transfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
    for part in parts.iter().filter(|part| !part.is_empty()) {
        stream.write_all(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes())?;
    }
    stream.write_all(b"0\r\n\r\n")
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let line = line.trim().strip_suffix(" HTTP/1.1")?.to_owned();
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        headers.push(header.to_owned());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line, headers, body: serde_json::from_slice(&body).unwrap_or_default() })
}
