//! A program without an async runtime: traces, a dataset, an experiment and an evaluation, by calls
//! that block.
//!
//! ```sh
//! cargo run --example blocking
//! ```

use std::io::Write as _;
use std::time::Duration;

use tidegate::blocking::{self, Client};
use tidegate::client::{DatasetOptions, DatasetRecord, Event, ExperimentOptions, Span};
use tidegate::prelude::*;

const DEADLINE: Duration = Duration::from_secs(30);

fn word_count(text: &str) -> usize {
    let span = Span::start("count");
    let count = text.split_whitespace().count();
    span.log(Event::new().input(text).output(&count));
    count
}

/// Cases from a dataset, judged by hand.
fn experiment(client: &Client) -> Result<f64, Error> {
    let dataset = client.init_dataset(DatasetOptions::new("ways-in", "texts"))?;
    for (text, words) in [("one", 1), ("two words", 2), ("three of them", 4)] {
        dataset.insert(DatasetRecord::new().id(text).input(text).expected(&words))?;
    }
    client.flush(DEADLINE)?;
    let experiment = client.init_experiment(ExperimentOptions::new("ways-in"))?;
    for row in dataset.fetch() {
        let row = row?;
        experiment.traced("case", || {
            let words = word_count(row.input.as_str().unwrap_or_default());
            let score = if row.expected == words { 1.0 } else { 0.0 };
            if let Some(span) = Span::current() {
                let event = Event::new().input(&row.input).expected(&row.expected);
                span.log(event.output(&words).score("exact", score));
            }
        });
    }
    let summary = experiment.summarize(DEADLINE)?;
    Ok(summary.comparison.scores.get("exact").map_or(f64::NAN, |exact| exact.score))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let logger = blocking::init_logger("ways-in")?;
    let client = logger.client();

    let mut out = std::io::stdout();
    let words = logger.traced("request", || word_count("What is the capital of Peru?"));
    writeln!(out, "{words} words")?;
    writeln!(out, "experiment: {:.2}", experiment(&client)?)?;
    let outcome = client.run(
        Eval::new("ways-in")
            .data([
                Case::new("one".to_owned()).expected(1),
                Case::new("two words".to_owned()).expected(2),
            ])
            .task(async |text, _cx| word_count(&text))
            .scorer("exact", |args| args.expected == Some(args.output))
            .report(Report::Silent),
    )?;
    writeln!(out, "evaluation: {}", outcome.to_json()["scores"]["exact"]["score"])?;
    // What has no blocking form of its own.
    let organisation = client.wait(client.login())?;
    writeln!(out, "recorded for {}", organisation.name)?;
    client.flush(DEADLINE)?;
    drop(client);
    logger.close()?;
    Ok(())
}
