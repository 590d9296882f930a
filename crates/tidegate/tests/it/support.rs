//! The real collector, a client of it, and its rows.

use std::future::Future;
use std::time::Duration;

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::Value;
use tempfile::TempDir;
use tidegate::client::{Client, Config, Destination, Receipt, Trace, TraceBuffer};
use tidegate::llm::Recorder;
use tidegate_testkit::{ServerProcess, built_binary, rows};

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A collector, and a client that sends to it.
pub(crate) struct Collector {
    pub(crate) client: Client,
    pub(crate) project_id: String,
    server: ServerProcess,
    _data: TempDir,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::start_with(|config| config).await
    }

    pub(crate) async fn start_with(set: impl FnOnce(Config) -> Config) -> Self {
        let data = TempDir::new().expect("a directory");
        let server = ServerProcess::start(&built_binary(), data.path(), &[]);
        let client = Client::new(set(Config::default().app_url(server.url()))).expect("a thread");
        let project = client.register_project("ways-in").await.expect("a project");
        Self { client, project_id: project.id, server, _data: data }
    }

    pub(crate) fn logs(&self) -> Destination {
        Destination::ProjectLogs(self.project_id.clone())
    }

    pub(crate) async fn flush(&self) -> Receipt {
        self.client.flush(DEADLINE).await.expect("all is delivered")
    }

    /// What is stored.
    pub(crate) fn rows(&self) -> Vec<Value> {
        rows(self.server.url(), "project_logs", &self.project_id)
    }
}

/// The row of a name; there must be one alone.
pub(crate) fn named<'a>(rows: &'a [Value], name: &str) -> &'a Value {
    let mut found = rows.iter().filter(|row| row["span_attributes"]["name"] == name);
    let row = found.next().unwrap_or_else(|| panic!("no row {name} among {rows:#?}"));
    assert!(found.next().is_none(), "more than one row {name}");
    row
}

/// Whether a row is directly below another.
pub(crate) fn is_below(row: &Value, parent: &Value) -> bool {
    row["span_parents"][0] == parent["span_id"] && row["root_span_id"] == parent["root_span_id"]
}

/// Runs with a span that is kept in memory as the current one, and gives what was recorded.
pub(crate) fn kept(run: impl FnOnce()) -> Trace {
    let buffer = TraceBuffer::new(16 << 20);
    let root = tidegate::client::Span::disabled().child_kept("root", &buffer);
    root.in_scope(run);
    root.end();
    buffer.take()
}

/// As [`kept`], for a future.
pub(crate) async fn kept_async<F: Future>(run: F) -> (F::Output, Trace) {
    let buffer = TraceBuffer::new(16 << 20);
    let root = tidegate::client::Span::disabled().child_kept("root", &buffer);
    let output = root.scope(run).await;
    root.end();
    (output, buffer.take())
}

/// The one call of a trace, as JSON.
pub(crate) fn the_call(trace: &Trace) -> Value {
    let rows = trace.to_json();
    let calls: Vec<_> =
        rows.as_array().into_iter().flatten().filter(|row| row["type"] == "llm").collect();
    assert_eq!(calls.len(), 1, "{rows:#}");
    calls[0].clone()
}

/// An HTTP client whose calls are recorded.
pub(crate) fn client(recorder: &Recorder) -> ClientWithMiddleware {
    // An error: another test of this process has installed it.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().build().expect("a client");
    ClientBuilder::new(client).with(recorder.middleware()).build()
}
