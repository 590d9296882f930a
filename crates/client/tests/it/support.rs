//! A scripted HTTP server: good for what a real collector never does on purpose.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_client::{Client, Config};
use tidegate_model::{Destination, Row, merge};

/// How the script answers a request.
pub(crate) enum Answer {
    /// Status, extra header lines, JSON body.
    Json(u16, &'static str, Value),
    /// Reads the request and never answers.
    Hang,
    /// Closes the connection without an answer.
    Close,
    /// Answers as without a script, once the gate is open.
    Behind(Arc<Gate>),
}

/// Holds answers back until the test opens it.
#[derive(Default)]
pub(crate) struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn open(&self) {
        *self.open.lock().expect("not poisoned") = true;
        self.opened.notify_all();
    }

    /// Gives up after minutes, so that a failed test leaves no thread behind.
    fn pass(&self) {
        let open = self.open.lock().expect("not poisoned");
        let limit = Duration::from_secs(300);
        drop(self.opened.wait_timeout_while(open, limit, |open| !*open).expect("not poisoned"));
    }
}

/// What arrived, in order.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) paths: Vec<String>,
    pub(crate) headers: Vec<Vec<String>>,
    pub(crate) bodies: Vec<Value>,
    /// The same as they came, decompressed.
    pub(crate) raw: Vec<Vec<u8>>,
    /// Rows of acknowledged `/logs3` bodies, merged as a server does.
    pub(crate) stored: HashMap<String, Row>,
    /// Answers to `/logs3` so far.
    pub(crate) uploads: usize,
}

type Script = dyn Fn(&str, usize, &Value) -> Option<Answer> + Send + Sync;

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

impl Server {
    /// Answers login, version and registration; `script` sees path, number of the upload and
    /// body first, and may answer instead.
    pub(crate) fn start(
        script: impl Fn(&str, usize, &Value) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let script: Arc<Script> = Arc::new(script);
        let (shared, own) = (Arc::clone(&seen), url.clone());
        // Ends with the test process; each test has a server of its own.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, script, url) = (Arc::clone(&shared), Arc::clone(&script), own.clone());
                thread::spawn(move || serve(&stream, &url, &seen, &*script));
            }
        });
        Self { url, seen }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(|config| config)
    }

    pub(crate) fn client_with(&self, adapt: impl FnOnce(Config) -> Config) -> Client {
        let config = Config::default().app_url(&self.url).api_key("secret-key");
        Client::new(adapt(config)).expect("a thread")
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().expect("not poisoned"))
    }
}

/// An example of this package. Cargo builds those together with its tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("this program");
    let target = tests.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps");
    target.join("examples").join(name)
}

pub(crate) fn experiment() -> Destination {
    Destination::Experiment("e1".into())
}

fn serve(mut stream: &TcpStream, url: &str, seen: &Mutex<Seen>, script: &Script) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    while let Some((path, headers, raw)) = read_request(&mut reader) {
        let body: Value = serde_json::from_slice(&raw).unwrap_or_default();
        let answer = {
            let mut seen = seen.lock().expect("not poisoned");
            let uploads = seen.uploads;
            seen.paths.push(path.clone());
            seen.headers.push(headers);
            seen.bodies.push(body.clone());
            seen.raw.push(raw);
            let answer =
                script(&path, uploads, &body).unwrap_or_else(|| default(&path, url, &body));
            seen.uploads += usize::from(path == "/logs3");
            answer
        };
        let answer = match answer {
            Answer::Behind(gate) => {
                gate.pass();
                default(&path, url, &body)
            }
            answer => answer,
        };
        if path == "/logs3" && matches!(answer, Answer::Json(200, ..)) {
            let mut seen = seen.lock().expect("not poisoned");
            let rows = match body["rows"]["key"].as_str() {
                None => body.clone(),
                Some(key) => seen.uploaded(key).expect("an upload"),
            };
            store(&mut seen.stored, &rows);
        }
        match answer {
            Answer::Json(status, extra, body) => {
                let body = body.to_string();
                let head =
                    format!("HTTP/1.1 {status} X\r\n{extra}content-length: {}\r\n\r\n", body.len());
                // A client that gave up is part of some tests.
                if stream.write_all((head + &body).as_bytes()).is_err() {
                    return;
                }
            }
            Answer::Hang => {
                // Until the client closes the connection.
                reader.read_to_end(&mut Vec::new()).ok();
                return;
            }
            Answer::Close => return,
            Answer::Behind(_) => unreachable!("it became an answer above"),
        }
    }
}

fn default(path: &str, url: &str, body: &Value) -> Answer {
    let body = match path {
        "/api/apikey/login" => json!({"org_info": [
            {"id": "o1", "name": "first", "api_url": url, "git_metadata": {"collect": "none"}},
            {"id": "o2", "name": "second", "api_url": url, "git_metadata": {"collect": "none"}},
        ]}),
        "/api/experiment/register" => json!({
            "project": {"id": "p1", "name": "p"},
            "experiment": {"id": "e1", "name": "given", "created": "2026-01-01T00:00:00Z"},
        }),
        "/logs3/overflow" => signed(url, "PUT"),
        "/attachment" => {
            let key = body["key"].as_str().expect("a key");
            json!({"signedUrl": format!("{url}/blob/{key}?signature=s3cr3t"), "headers": {"x-extra": "1"}})
        }
        _ => json!({}),
    };
    Answer::Json(200, "", body)
}

/// What an announcement of a large row is answered.
pub(crate) fn signed(storage: &str, method: &str) -> Value {
    json!({
        "method": method,
        "signedUrl": format!("{storage}/signed/a?signature=s3cr3t"),
        "headers": {"content-type": "application/json", "x-extra": "1"},
        "fields": {"policy": "p", "Content-Type": "application/json"},
        "key": "a",
    })
}

impl Seen {
    /// The last upload by a signed URL of this key.
    fn uploaded(&self, key: &str) -> Option<Value> {
        let path = format!("/signed/{key}?signature=s3cr3t");
        let at = self.paths.iter().rposition(|known| *known == path)?;
        serde_json::from_slice(&self.raw[at]).ok()
    }
}

fn store(stored: &mut HashMap<String, Row>, body: &Value) {
    for row in body["rows"].as_array().expect("rows") {
        let row = row.as_object().expect("a row").clone();
        let id = row["id"].as_str().expect("an id").to_owned();
        let before = stored.remove(&id);
        stored.insert(id, merge::apply(before, row).expect("no deletes"));
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<String>, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        headers.push(header);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let is_encoded = |name: &str| headers.contains(&format!("content-encoding: {name}"));
    if is_encoded("zstd") {
        body = zstd::bulk::decompress(&body, 64 << 20).expect("zstd");
    } else if is_encoded("gzip") {
        let packed = std::mem::take(&mut body);
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut body).expect("gzip");
    }
    Some((path, headers, body))
}
