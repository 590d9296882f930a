//! Calls of a model by any other client: `llm::record` around a request, `llm::record_stream`
//! around one whose answer is a stream.
//!
//! ```sh
//! cargo run --example llm_wrap
//! ```
//!
//! The client here is plain `reqwest`. One with types of its own for requests and answers, such as
//! `async-openai`, is wrapped the same way: they need only implement `Serialize`. A stand-in of the
//! service answers, so neither a network nor a key is needed.

use std::io::Write as _;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Value, json};
use tidegate::Connection;
use tidegate::client::Destination;
use tidegate::llm::{record, record_stream};
use tidegate_testkit::{Answer, ScriptedServer};

/// What a client library would offer: a request, and the answer whole or event by event.
struct ModelClient {
    http: reqwest::Client,
    url: String,
}

impl ModelClient {
    async fn create(&self, request: &Value) -> reqwest::Result<Value> {
        self.http.post(&self.url).json(request).send().await?.error_for_status()?.json().await
    }

    async fn create_stream(
        &self,
        request: &Value,
    ) -> reqwest::Result<impl Stream<Item = reqwest::Result<Value>>> {
        // A real one reads events as they come; this service has only whole answers.
        let answer = self.create(request).await?;
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default();
        let words: Vec<_> = text.split_inclusive(' ').map(str::to_owned).collect();
        let delta = |word| json!({"choices": [{"index": 0, "delta": {"content": word}}]});
        Ok(stream::iter(words).map(move |word| Ok(delta(word))))
    }
}

fn stand_in() -> ScriptedServer {
    ScriptedServer::start(|_, _| {
        let message = json!({"role": "assistant", "content": "It is Lima."});
        Answer::json(&json!({"id": "c-1", "model": "stand-in",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 14, "completion_tokens": 4, "total_tokens": 18}}))
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let connection = Connection::open()?;
    let client = connection.client().clone();
    let project = Destination::ProjectLogs(client.register_project("ways-in").await?.id);
    let server = stand_in();
    let url = format!("{}/v1/chat/completions", server.url());
    let model = ModelClient { http: reqwest::Client::new(), url };

    let mut out = std::io::stdout();
    let root = client.start_span(project, "question");
    let ask = async {
        let request = json!({"model": "stand-in",
            "messages": [{"role": "user", "content": "What is the capital of Peru?"}]});
        let answer = record("ask", &request, model.create(&request)).await?;
        let streamed = record_stream("ask, streamed", &request, model.create_stream(&request));
        let words = streamed.await?.count().await;
        Ok::<_, reqwest::Error>((answer, words))
    };
    let (answer, words) = root.scope(Box::pin(ask)).await?;
    root.end();
    writeln!(out, "{} ({words} words)", answer["choices"][0]["message"]["content"])?;
    let receipt = client.flush(Duration::from_secs(30)).await?;
    writeln!(out, "{} rows recorded, nothing lost", receipt.rows)?;
    drop((root, client));
    connection.close().await;
    Ok(())
}
