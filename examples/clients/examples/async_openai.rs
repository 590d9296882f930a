//! Calls by `async-openai`, recorded by middleware: each becomes a span with its messages, tokens and
//! times, whole or streamed, wherever in the program it is made.
//!
//! ```sh
//! cargo run --manifest-path examples/clients/Cargo.toml --example async_openai
//! ```
//!
//! A stand-in of the service answers; leave `with_api_base` out for the real one.

use std::error::Error;
use std::io::Write as _;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessage, ChatCompletionStreamOptions, CreateChatCompletionRequest,
};
use futures_util::StreamExt as _;
use tidegate::Connection;
use tidegate::llm::Recorder;

/// The client, with the recorder between it and the network.
fn recorded(config: OpenAIConfig) -> Client<OpenAIConfig> {
    let http = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(Recorder::new().middleware())
        .build();
    // `OpenAIRetryLayer` around this service would record each try as a call.
    let service = tower::service_fn(move |request: HttpRequestFactory| {
        let http = http.clone();
        async move {
            let answer = http.execute(request.build().await?).await;
            answer.map_err(|error| OpenAIError::Boxed(error.into()))
        }
    });
    Client::with_config(config).with_http_service(service)
}

fn question() -> CreateChatCompletionRequest {
    let message = ChatCompletionRequestUserMessage::from("What is the capital of Peru?");
    CreateChatCompletionRequest {
        model: "stand-in".into(),
        messages: vec![message.into()],
        ..CreateChatCompletionRequest::default()
    }
}

async fn ask(openai: &Client<OpenAIConfig>) -> Result<Option<String>, OpenAIError> {
    let answer = openai.chat().create(question()).await?;
    Ok(answer.choices.into_iter().next().and_then(|choice| choice.message.content))
}

async fn ask_streamed(openai: &Client<OpenAIConfig>) -> Result<String, OpenAIError> {
    let mut request = question();
    // Without it OpenAI does not count the tokens of a stream.
    let counted =
        ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None };
    request.stream_options = Some(counted);
    let mut stream = openai.chat().create_stream(request).await?;
    let mut text = String::new();
    while let Some(chunk) = stream.next().await {
        for choice in chunk?.choices {
            text.push_str(choice.delta.content.as_deref().unwrap_or_default());
        }
    }
    Ok(text)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let connection = Connection::open()?;
    let logger = connection.client().init_logger("ways-in").await?;
    let server = clients::stand_in();
    let openai = recorded(OpenAIConfig::new().with_api_base(server.url()).with_api_key("none"));

    let mut out = std::io::stdout();
    let (whole, streamed) = logger
        .traced("questions", async {
            Ok::<_, OpenAIError>((ask(&openai).await?, ask_streamed(&openai).await?))
        })
        .await?;
    writeln!(out, "{}\n{streamed}", whole.unwrap_or_default())?;
    let receipt = logger.flush(Duration::from_secs(30)).await?;
    writeln!(out, "{} rows recorded, nothing lost", receipt.rows)?;
    drop(logger);
    connection.close().await;
    Ok(())
}
