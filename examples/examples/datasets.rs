//! A dataset as the data of evaluations: it grows, and a version of it stays what it was.
//!
//! ```sh
//! cargo run --example datasets
//! ```

use std::io::Write as _;
use std::time::Duration;

use tidegate::Connection;
use tidegate::client::{Client, Dataset, DatasetOptions, DatasetRecord};
use tidegate::prelude::*;
use tidegate::scorers::exact_match;

const DEADLINE: Duration = Duration::from_secs(30);

fn capital(country: &str) -> &'static str {
    match country {
        "Peru" => "Lima",
        "France" => "Paris",
        _ => "I do not know",
    }
}

/// Evaluates at the version that is set, or else at the latest.
async fn evaluate(
    client: &Client,
    dataset: &Dataset,
) -> Result<String, Box<dyn std::error::Error>> {
    let outcome = Eval::new("ways-in")
        .data_from_dataset::<String, String>(dataset)
        .task(async |country, _cx| capital(&country).to_owned())
        .scorer("exact_match", |args| exact_match(args.output, args.expected))
        .report(Report::Silent)
        .run_with(client)
        .await?
        .to_json();
    let score = outcome["scores"]["exact_match"]["score"].as_f64().unwrap_or(f64::NAN);
    Ok(format!("{} cases, {:.0} % right", outcome["trials"], 100.0 * score))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connection = Connection::open()?;
    let client = connection.client().clone();
    let dataset = Dataset::init(&client, DatasetOptions::new("ways-in", "capitals")).await?;

    // Ids of your own make it the same two rows however often this runs.
    for (country, capital) in [("Peru", "Lima"), ("France", "Paris")] {
        let row = DatasetRecord::new().id(country).input(country).expected(capital);
        dataset.insert(row).await;
    }
    client.flush(DEADLINE).await?;
    let version = dataset.version().await?.ok_or("the dataset has no version")?;

    // A question that came up in production, say.
    let row = DatasetRecord::new().id("Chile").input("Chile").expected("Santiago");
    dataset.insert(row.tags(["production"])).await;
    client.flush(DEADLINE).await?;

    let mut out = std::io::stdout();
    writeln!(out, "latest: {}", evaluate(&client, &dataset).await?)?;
    writeln!(out, "pinned: {}", evaluate(&client, &dataset.clone().at(version)).await?)?;
    let mut rows = dataset.fetch();
    while let Some(page) = rows.next(DEADLINE).await? {
        for row in page {
            writeln!(out, "{} -> {} {:?}", row.input, row.expected, row.tags)?;
        }
    }
    // Without it, the next run would find three rows at its first version.
    dataset.delete("Chile").await;
    client.flush(DEADLINE).await?;
    drop((dataset, rows, client));
    connection.close().await;
    Ok(())
}
