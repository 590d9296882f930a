//! A service in production: each request is a trace that nobody waits for, and what a user thinks of
//! the answer is added to it later.
//!
//! ```sh
//! cargo run --example logger
//! ```

use std::io::Write as _;
use std::time::Duration;

use tidegate::client::{Event, Feedback, FeedbackSource, Span, SpanOptions};
use tidegate::{LoggerOptions, ProjectLogger};

async fn capital(country: &str) -> Option<&'static str> {
    // A child of whatever span is the current one.
    let span = Span::start("lookup");
    let found = match country {
        "Peru" => Some("Lima"),
        "France" => Some("Paris"),
        _ => None,
    };
    span.log(Event::new().input(country).output(&found));
    found
}

/// Answers a question. What comes back besides is the name of the row, which the page keeps for a
/// thumb up or down.
async fn handle(logger: &ProjectLogger, country: &str) -> (String, Option<String>) {
    let asked = Event::new().input(country).tags(["web"]);
    let span = logger.start_span(SpanOptions::new("question").event(asked));
    let answer = span.scope(capital(country)).await.unwrap_or("I do not know").to_owned();
    span.log(Event::new().output(&answer));
    span.end();
    (answer, span.row_id())
}

/// The user has clicked, maybe hours later: only the name of the row is needed.
fn rate(logger: &ProjectLogger, row: &str, is_helpful: bool) {
    let score = if is_helpful { 1.0 } else { 0.0 };
    let feedback = Feedback::new().score("helpful", score).source(FeedbackSource::App);
    logger.log_feedback(row, if is_helpful { feedback } else { feedback.comment("useless") });
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // With much traffic a part of it is enough: `.sample_ratio(0.1)` records a tenth of all traces.
    let logger = tidegate::init_logger(LoggerOptions::new("ways-in")).await?;

    let mut out = std::io::stdout();
    for country in ["Peru", "Atlantis"] {
        let (answer, row) = handle(&logger, country).await;
        writeln!(out, "{country}: {answer}")?;
        if let Some(row) = row {
            rate(&logger, &row, country == "Peru");
        }
    }
    // Rows are sent beside the work; this is for the end, and to know that nothing was lost.
    let receipt = logger.flush(Duration::from_secs(30)).await?;
    writeln!(out, "{} rows recorded, nothing lost", receipt.rows)?;
    logger.close().await;
    Ok(())
}
