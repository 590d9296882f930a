//! Calls of a model by a client that accepts middleware: a streamed chat completion with the time
//! of its first token, its tokens and its cost.
//!
//! ```sh
//! cargo run --example llm_middleware
//! ```
//!
//! A stand-in of the service answers, so neither a network nor a key is needed. `OPENAI_BASE_URL`
//! is where the real one would be.

use std::io::Write as _;
use std::time::Duration;

use reqwest_middleware::ClientBuilder;
use serde_json::json;
use tidegate::Connection;
use tidegate::client::{Destination, TraceBuffer};
use tidegate::llm::{Price, Prices, Recorder};
use tidegate_testkit::{Answer, ScriptedServer};

/// Answers as the service does, word by word.
fn stand_in() -> ScriptedServer {
    ScriptedServer::start(|_, _| {
        let words = ["It", " is", " Lima", "."].map(|word| {
            json!({"id": "c-1", "model": "stand-in",
                "choices": [{"index": 0, "delta": {"content": word}}]})
        });
        let usage = json!({"id": "c-1", "model": "stand-in", "choices": [],
            "usage": {"prompt_tokens": 14, "completion_tokens": 4, "total_tokens": 18}});
        let events = words.iter().chain([&usage]).map(|event| format!("data: {event}\n\n"));
        let body = events.collect::<String>() + "data: [DONE]\n\n";
        Answer::Text(200, "content-type: text/event-stream\r\n".into(), body)
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let connection = Connection::open()?;
    let client = connection.client().clone();
    let project = Destination::ProjectLogs(client.register_project("ways-in").await?.id);

    // Prices are yours to say: these are made up.
    let prices = Prices::new().price("stand-in", Price::new(0.5, 2.0));
    let recorder = Recorder::new().prices(prices);
    let http = ClientBuilder::new(reqwest::Client::new()).with(recorder.middleware()).build();

    let server = stand_in();
    let question = json!({"model": "stand-in", "stream": true,
        "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "What is the capital of Peru?"}]});
    let root = client.start_span(project, "question");
    // Kept in memory too, to show what was recorded.
    let buffer = TraceBuffer::new(1 << 20);
    let span = root.child_kept("ask", &buffer);
    let ask = async {
        let url = format!("{}/v1/chat/completions", server.url());
        http.post(url)
            .json(&question)
            .send()
            .await?
            .text()
            .await
            .map_err(reqwest_middleware::Error::from)
    };
    span.scope(ask).await?;
    span.end();
    root.end();

    let mut out = std::io::stdout();
    for call in buffer.take().spans_of_type("llm") {
        let output = call.output().unwrap_or_default();
        writeln!(out, "{}: {}", call.name(), output[0]["message"]["content"])?;
        for metric in
            ["prompt_tokens", "completion_tokens", "time_to_first_token", "estimated_cost"]
        {
            writeln!(out, "{metric}: {:.6}", call.metric(metric).unwrap_or(f64::NAN))?;
        }
    }
    let receipt = client.flush(Duration::from_secs(30)).await?;
    writeln!(out, "{} rows recorded, nothing lost", receipt.rows)?;
    drop((root, span, client));
    connection.close().await;
    Ok(())
}
