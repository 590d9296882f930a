//! Calls by `genai`, recorded by the layer for `tracing`: with its feature `otel` the client makes
//! spans of its calls, by the GenAI conventions of OpenTelemetry.
//!
//! ```sh
//! export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true
//! cargo run --manifest-path examples/clients/Cargo.toml --example genai
//! ```
//!
//! Without that variable `genai` keeps to itself what was asked and answered. A stand-in of the
//! service answers; leave the resolver out for the real ones.

use std::error::Error;
use std::io::Write as _;
use std::time::Duration;

use futures_util::StreamExt as _;
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent};
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{Client, ModelIden, ServiceTarget};
use tidegate::Connection;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

const MODEL: &str = "stand-in";

/// A client of the stand-in.
fn client(url: &str) -> genai::Result<Client> {
    let endpoint = Endpoint::from_owned(format!("{url}/v1/"));
    let resolver = ServiceTargetResolver::from_resolver_fn(move |target: ServiceTarget| {
        let model = ModelIden::new(AdapterKind::OpenAI, target.model.model_name);
        let auth = AuthData::from_single("none");
        Ok(ServiceTarget { endpoint: endpoint.clone(), auth, model })
    });
    Client::builder()
        .with_reqwest(reqwest::Client::new())
        .with_service_target_resolver(resolver)
        .build()
}

async fn ask(client: &Client, question: ChatRequest) -> genai::Result<String> {
    let answer = client.exec_chat(MODEL, question, None).await?;
    Ok(answer.content.into_first_text().unwrap_or_default())
}

async fn ask_streamed(client: &Client, question: ChatRequest) -> genai::Result<String> {
    // What it does not capture it cannot tell.
    let options = ChatOptions::default().with_capture_usage(true).with_capture_content(true);
    let mut stream = client.exec_chat_stream(MODEL, question, Some(&options)).await?.stream;
    let mut text = String::new();
    while let Some(event) = stream.next().await {
        if let ChatStreamEvent::Chunk(chunk) = event? {
            text.push_str(&chunk.content);
        }
    }
    Ok(text)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let connection = Connection::open()?;
    let logger = connection.client().init_logger("ways-in").await?;
    let only_genai = Targets::new().with_target("genai", LevelFilter::INFO);
    tracing_subscriber::registry().with(tidegate::tracing::layer().with_filter(only_genai)).init();
    let server = clients::stand_in();
    let client = client(server.url())?;

    let mut out = std::io::stdout();
    let question = ChatRequest::new(vec![ChatMessage::user("What is the capital of Peru?")]);
    let (whole, streamed) = logger
        .traced("questions", async {
            let whole = ask(&client, question.clone()).await?;
            Ok::<_, genai::Error>((whole, ask_streamed(&client, question).await?))
        })
        .await?;
    writeln!(out, "{whole}\n{streamed}")?;
    let receipt = logger.flush(Duration::from_secs(30)).await?;
    writeln!(out, "{} rows recorded, nothing lost", receipt.rows)?;
    drop(logger);
    connection.close().await;
    Ok(())
}
