//! A scripted HTTP server that answers like a chat endpoint, or on purpose not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tidegate_scorers::llm::{Config, Judge};

pub(crate) const KEY: &str = "sk-very-secret-0123456789";

/// How the script answers a request.
pub(crate) enum Answer {
    /// Status, extra header lines, JSON body.
    Json(u16, &'static str, Value),
    /// Status 200 and this many bytes.
    Huge(usize),
    /// Reads the request and never answers.
    Hang,
    /// Closes the connection without an answer.
    Close,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Such as `POST /v1/chat/completions`.
    pub(crate) line: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Value,
}

impl Request {
    pub(crate) fn prompt(&self) -> &str {
        self.body["messages"][0]["content"].as_str().expect("a prompt")
    }
}

type Script = dyn Fn(usize, &Request) -> Answer + Send + Sync;

pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// `script` sees the number of the request, from 0, and the request. It runs on the thread of the
    /// connection and may block.
    pub(crate) fn start(
        script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/v1", listener.local_addr().expect("bound"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let shared = Arc::clone(&seen);
        // Ends with the test process; each test has a server of its own.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, script) = (Arc::clone(&shared), Arc::clone(&script));
                thread::spawn(move || serve(&stream, &seen, &*script));
            }
        });
        Self { url, seen }
    }

    /// Always the same choice.
    pub(crate) fn choosing(choice: &'static str) -> Self {
        Self::start(move |_, _| Answer::Json(200, "", chose(choice)))
    }

    pub(crate) fn config(&self) -> Config {
        Config::new(&self.url, "test-model").api_key(KEY)
    }

    pub(crate) fn judge(&self) -> Judge {
        self.judge_with(|config| config)
    }

    pub(crate) fn judge_with(&self, adapt: impl FnOnce(Config) -> Config) -> Judge {
        Judge::new(adapt(self.config())).expect("a judge")
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().expect("not poisoned").clone()
    }
}

/// A reply with a tool call.
pub(crate) fn chose(choice: &str) -> Value {
    called("select_choice", &json!({"reasons": "because", "choice": choice}).to_string())
}

pub(crate) fn called(tool: &str, arguments: &str) -> Value {
    json!({
        "choices": [{"message": {"role": "assistant", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": tool, "arguments": arguments}},
        ]}}],
        "usage": {
            "prompt_tokens": 100,
            "prompt_tokens_details": {"cached_tokens": 40},
            "completion_tokens": 10,
            "completion_tokens_details": {"reasoning_tokens": 4},
        },
    })
}

fn serve(mut stream: &TcpStream, seen: &Mutex<Vec<Request>>, script: &Script) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    while let Some(request) = read_request(&mut reader) {
        let number = {
            let mut seen = seen.lock().expect("not poisoned");
            seen.push(request.clone());
            seen.len() - 1
        };
        let (status, extra, body) = match script(number, &request) {
            Answer::Json(status, extra, body) => (status, extra, body.to_string()),
            Answer::Huge(bytes) => (200, "", " ".repeat(bytes)),
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

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let line = line.trim().strip_suffix(" HTTP/1.1")?.to_owned();
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        headers.push(header.to_owned());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line, headers, body: serde_json::from_slice(&body).ok()? })
}
