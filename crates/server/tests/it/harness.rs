//! A collector in a temporary directory, and a client for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_server::{Handle, Options, start};

use crate::database::{Database, options_on};

/// For everything a test waits for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Collector {
    pub(crate) handle: Handle,
    pub(crate) dir: TempDir,
    client: Client,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    /// Null if the answer is not JSON.
    pub(crate) body: Value,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Options for a free port on a directory. Collectors on one directory have one database, whatever
/// the store.
pub(crate) fn options(dir: &TempDir) -> Options {
    options_on(dir.path()).listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::start_with(|options| options).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(Options) -> Options) -> Self {
        Self::start_in(tempfile::tempdir().expect("temporary directory"), change).await
    }

    pub(crate) async fn start_in(dir: TempDir, change: impl FnOnce(Options) -> Options) -> Self {
        Self::of(start(change(options(&dir))).await.expect("start"), dir)
    }

    /// A collector that runs on a directory.
    pub(crate) fn of(handle: Handle, dir: TempDir) -> Self {
        // Only needed to build a client at all: everything here is plain HTTP. Fails when another
        // test was first.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder()
            .timeout(DEADLINE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("client");
        Self { handle, dir, client }
    }

    /// Another collector on the same directory and database.
    pub(crate) async fn beside(&self, change: impl FnOnce(Options) -> Options) -> Self {
        let handle = start(change(options(&self.dir))).await.expect("start");
        let dir = tempfile::tempdir().expect("a directory that nobody uses");
        Self { handle, dir, client: self.client.clone() }
    }

    /// What it keeps its rows in.
    pub(crate) fn database(&self) -> Database {
        Database::of(self.dir.path())
    }

    /// Stops the collector and gives its directory back.
    pub(crate) async fn stop(self) -> TempDir {
        self.handle.shutdown(DEADLINE).await.expect("clean shutdown");
        self.dir
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.send_with(method, path, body, &[]).await
    }

    pub(crate) async fn send_with(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let reply = self.send_any(method, path, body, headers).await;
        assert!(!reply.body.is_null(), "{path}: not JSON: {:?}", reply.text());
        reply
    }

    /// Sends a request whose answer need not be JSON; its body is null then.
    pub(crate) async fn send_any(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let url = format!("{}{path}", self.handle.url());
        let mut request = self.client.request(method, url).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = request.send().await.expect("reply");
        let (status, headers) = (reply.status(), reply.headers().clone());
        let bytes = reply.bytes().await.expect("body").to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Reply { status, headers, body, bytes }
    }

    /// Reads a page that is no JSON.
    pub(crate) async fn text(&self, path: &str, headers: &[(&str, &str)]) -> String {
        let mut request = self.client.get(format!("{}{path}", self.handle.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = request.send().await.expect("reply");
        assert_eq!(reply.status(), StatusCode::OK, "{path}");
        reply.text().await.expect("text")
    }

    /// A request to an absolute URL, whose answer need not be JSON.
    pub(crate) fn request(&self, method: Method, url: &str) -> reqwest::RequestBuilder {
        self.client.request(method, url)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let reply = self.send(Method::POST, path, body.to_string()).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
        reply.body
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.send(Method::GET, path, "").await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
        reply.body
    }

    /// Posts what must be refused and returns the message.
    pub(crate) async fn refused(&self, path: &str, body: &str, status: u16) -> String {
        let reply = self.send(Method::POST, path, body).await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.body);
        reply.body["error"].as_str().expect("an error text").to_owned()
    }

    pub(crate) async fn log(&self, rows: &Value) -> Value {
        self.post("/logs3", &json!({"rows": rows, "api_version": 2})).await
    }

    /// Registers an experiment in project `p` and returns the reply's experiment.
    pub(crate) async fn experiment(&self, more: &Value) -> Value {
        let mut body = json!({"project_name": "p"});
        for (name, value) in more.as_object().expect("object") {
            body[name] = value.clone();
        }
        self.post("/api/experiment/register", &body).await["experiment"].clone()
    }

    /// Reads all rows of an experiment through `/btql`, by pages of `limit`.
    pub(crate) async fn rows(&self, experiment: &str, limit: usize) -> Vec<Value> {
        self.rows_of("experiment", experiment, limit).await
    }

    /// Reads all rows of an object of any kind, as [`Collector::rows`] does.
    pub(crate) async fn rows_of(&self, kind: &str, id: &str, limit: usize) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = Value::Null;
        loop {
            let query = json!({"select": [{"op": "star"}], "limit": limit, "cursor": cursor,
                "from": {"op": "function", "name": {"op": "ident", "name": [kind]},
                    "args": [{"op": "literal", "value": id}]}});
            let page = self.post("/btql", &json!({ "query": query })).await;
            let data = page["data"].as_array().expect("data").clone();
            assert!(data.len() <= limit);
            rows.extend(data);
            cursor = page["cursor"].clone();
            if cursor.is_null() {
                return rows;
            }
        }
    }

    /// Reads one row of an experiment by its id.
    pub(crate) async fn row(&self, experiment: &str, id: &str) -> Option<Value> {
        self.rows(experiment, 1_000).await.into_iter().find(|row| row["id"] == id)
    }
}

/// What SQLite finds wrong with the database of a collector that has stopped; `ok` if nothing.
pub(crate) fn integrity(data_dir: &std::path::Path) -> String {
    let database = rusqlite::Connection::open(data_dir.join("tidegate.db")).expect("a database");
    database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a result")
}
