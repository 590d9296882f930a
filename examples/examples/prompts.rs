//! A prompt that lives on the server: it changes without a release, and each answer says which
//! version of it was asked.
//!
//! ```sh
//! cargo run --example prompts
//! ```

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate::LoggerOptions;
use tidegate::client::{Event, LoadPrompt, SpanOptions};

/// What somebody does on a page, or CI with `braintrust push`: it becomes the next version.
async fn publish(api: &str, text: &str) -> Result<(), reqwest::Error> {
    let prompt = json!({
        "project_name": "ways-in", "slug": "capital", "name": "Capital",
        "prompt_data": {
            "prompt": {"type": "chat", "messages": [{"role": "user", "content": text}]},
            "options": {"model": "gpt-4o", "params": {"temperature": 0}}}});
    let request = reqwest::Client::new().put(format!("{api}/v1/prompt")).json(&prompt);
    request.send().await?.error_for_status().map(drop)
}

/// Stands for the model.
fn ask(request: &Value) -> String {
    format!("{} was asked: {}", request["model"], request["messages"][0]["content"])
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let logger = tidegate::init_logger(LoggerOptions::new("ways-in")).await?;
    let client = logger.client().clone();
    let api = client.login().await?.api_url.ok_or("the server does not say where its API is")?;

    let mut out = std::io::stdout();
    for text in ["What is the capital of {{country}}?", "Name the capital of {{country}}."] {
        publish(&api, text).await?;
        // With the server away, this is the copy of the last load.
        let prompt = client.load_prompt(LoadPrompt::new("ways-in", "capital")).await?;
        let built = prompt.build(&json!({"country": "Peru"}))?;
        let request = Value::from(built.request());
        let span = logger.start_span(SpanOptions::new("ask"));
        let answer = ask(&request);
        span.log(built.event().input(&request["messages"]));
        span.log(Event::new().output(&answer));
        span.end();
        writeln!(out, "{answer}")?;
    }
    let receipt = logger.flush(Duration::from_secs(30)).await?;
    writeln!(out, "{} rows recorded, nothing lost", receipt.rows)?;
    drop(client);
    logger.close().await;
    Ok(())
}
