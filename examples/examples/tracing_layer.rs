//! What is instrumented with `tracing` is recorded, beside what is logged already.
//!
//! ```sh
//! cargo run --example tracing_layer
//! ```

use std::io::Write as _;
use std::time::Duration;

use tidegate::Connection;
use tidegate::client::{Destination, Event, Span};
use tracing::{info, instrument, warn};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

/// The arguments become metadata, what comes back the output, what fails the error.
#[instrument(ret, err)]
async fn look_up(country: &str) -> Result<&'static str, String> {
    match country {
        "Peru" => Ok("Lima"),
        "France" => Ok("Paris"),
        _ => Err(format!("no capital of {country} is known")),
    }
}

/// Names of the GenAI conventions have places of their own in a row.
#[instrument(skip_all, fields(
    input = question,
    gen_ai.operation.name = "chat",
    gen_ai.request.model = "stand-in",
    gen_ai.usage.input_tokens = question.split(' ').count(),
    gen_ai.usage.output_tokens,
    output,
))]
async fn ask(question: &str) -> String {
    let country = question.rsplit(' ').next().unwrap_or_default().trim_end_matches('?');
    info!(country, "looking it up");
    let answer = match look_up(country).await {
        Ok(capital) => format!("It is {capital}."),
        Err(error) => {
            warn!(error, "answering without it");
            "I do not know.".to_owned()
        }
    };
    // The SDK's own spans and those of `tracing` are in one tree.
    if let Some(span) = Span::current() {
        span.log(Event::new().score("is_known", if answer.contains("know") { 0.0 } else { 1.0 }));
    }
    let span = tracing::Span::current();
    span.record("gen_ai.usage.output_tokens", answer.split(' ').count());
    span.record("output", &answer);
    answer
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connection = Connection::open()?;
    let client = connection.client().clone();
    let project = client.register_project("ways-in").await?;
    let traces = client.tracer(Destination::ProjectLogs(project.id));
    tracing_subscriber::registry()
        .with(tidegate::tracing::layer().roots(traces).with_filter(LevelFilter::INFO))
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
        .init();

    let mut out = std::io::stdout();
    for country in ["Peru", "Atlantis"] {
        let answer = ask(&format!("What is the capital of {country}?")).await;
        writeln!(out, "{answer}")?;
    }
    let receipt = client.flush(Duration::from_secs(30)).await?;
    writeln!(out, "{} rows recorded, nothing lost", receipt.rows)?;
    drop(client);
    connection.close().await;
    Ok(())
}
