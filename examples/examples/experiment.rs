//! An experiment recorded by hand, for what runs already and is no `Eval`: a row per case, then the
//! figures, beside those of the run before.
//!
//! ```sh
//! cargo run --example experiment
//! ```

use std::io::Write as _;
use std::time::Duration;

use tidegate::Connection;
use tidegate::client::{Client, Event, ExperimentOptions, ExperimentSummary, SummaryError};

const CASES: [(&str, &str); 3] = [("Peru", "Lima"), ("France", "Paris"), ("Chile", "Santiago")];

/// One run of whatever it is that is tested.
async fn record(
    client: &Client,
    name: &str,
    capital: impl Fn(&str) -> &'static str,
) -> Result<ExperimentSummary, SummaryError> {
    let options = ExperimentOptions::new("ways-in").name(name);
    let experiment = client.init_experiment(options).await?;
    for (country, expected) in CASES {
        // The span has the time that the case took; spans that are started in it are its children.
        let span = experiment.start_span("case");
        let output = span.in_scope(|| capital(country));
        let score = if output == expected { 1.0 } else { 0.0 };
        span.log(
            Event::new().input(country).output(output).expected(expected).score("exact", score),
        );
        span.end();
    }
    experiment.summarize(Duration::from_secs(30)).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connection = Connection::open()?;
    let client = connection.client().clone();
    let first = |country: &str| if country == "Peru" { "Lima" } else { "Paris" };
    let second = |country: &str| match country {
        "Peru" => "Lima",
        "Chile" => "Santiago",
        _ => "Paris",
    };

    let mut out = std::io::stdout();
    let before = record(&client, "before", first).await?;
    let after = record(&client, "after", second).await?;
    for summary in [before, after] {
        let exact = summary.comparison.scores.get("exact").ok_or("nothing was scored")?;
        write!(out, "{}: {:.0} %", summary.experiment_name, 100.0 * exact.score)?;
        if let (Some(base), Some(diff)) = (summary.comparison_experiment_name, exact.diff) {
            write!(out, ", {:+.0} % against {base}", 100.0 * diff)?;
            write!(out, ", {} better, {} worse", exact.improvements, exact.regressions)?;
        }
        writeln!(out)?;
    }
    drop(client);
    connection.close().await;
    Ok(())
}
