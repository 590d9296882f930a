//! A trace that goes on in another service, by the headers of W3C trace context.
//!
//! ```sh
//! cargo run --example trace_context
//! ```
//!
//! The other service runs in this program, on a port of its own; only HTTP is between the two.

use std::io::Write as _;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::json;
use tidegate::Connection;
use tidegate::client::{Client, Destination, Event, RemoteParent, SpanOptions};
use tidegate_testkit::{Answer, ScriptedServer};

/// The other service: goes on with the trace that a request names, at the place that it names.
fn service(client: Client, fallback: Destination) -> ScriptedServer {
    ScriptedServer::start(move |_, request| {
        let mut options = SpanOptions::new("reserve").span_type("function");
        let mut destination = fallback.clone();
        let headers = request.headers.iter().filter_map(|line| line.split_once(": "));
        if let Some(remote) = RemoteParent::extract(headers) {
            destination = remote.destination().unwrap_or(destination);
            options = options.remote_parent(remote);
        }
        let span = client.start_span(destination, options);
        span.log(Event::new().input(&request.body).output(&"reserved"));
        Answer::json(&json!({"trace": span.trace_id().map(|id| id.to_string())}))
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let connection = Connection::open()?;
    let client = connection.client().clone();
    let project = Destination::ProjectLogs(client.register_project("ways-in").await?.id);
    let server = service(client.clone(), project.clone());

    let span = client.start_span(project, "order");
    let mut headers = HeaderMap::new();
    span.inject(|name, value| {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    });
    let request = reqwest::Client::new().post(server.url()).headers(headers);
    let reply: serde_json::Value = request.json(&json!({"seats": 2})).send().await?.json().await?;
    span.end();

    let mut out = std::io::stdout();
    let same = reply["trace"].as_str() == span.trace_id().map(|id| id.to_string()).as_deref();
    writeln!(out, "one trace: {same}")?;
    let receipt = client.flush(Duration::from_secs(30)).await?;
    writeln!(out, "{} rows recorded, nothing lost", receipt.rows)?;
    // The service has a clone of the client until the process ends, so there is no close here.
    Ok(())
}
