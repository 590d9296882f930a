//! `tidegate export`: all trials of a run, as JSON Lines or CSV.
//!
//! Two passes over the run: the first keeps of each trace what its other spans say about it (scores
//! and metrics, about a kilobyte), the second streams the roots with their payloads, a page at a
//! time. So memory does not depend on how large inputs and outputs are.

mod index;
mod write;

use std::time::Duration;

use serde_json::Value;
use tidegate_client::{Client, Select};

use crate::args::compare::{Export, Format};
use crate::exit::Failure;
use crate::printer::Printer;
use crate::runs::{Run, Runs, lines, trace, unreachable};
use index::{Index, Names, recorded_result};
use write::Output;

/// For one page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) async fn run(export: &Export, printer: &Printer) -> Result<(), Failure> {
    let mut runs = Runs::new(&export.place.data_dir, export.place.project.as_deref());
    let exported = exported(export, &mut runs).await;
    runs.close().await;
    let (count, name) = exported?;
    if let Some(output) = &export.output {
        printer.say(format_args!("{count} trials of {name} written to {}", output.display()));
    }
    Ok(())
}

async fn exported(export: &Export, runs: &mut Runs<'_>) -> Result<(u64, String), Failure> {
    let run = runs.find(&export.run).await?;
    let client = runs.client_of(&run)?;
    let count = match (&run, client) {
        (Run::Recorded(experiment), Some(client)) => {
            recorded(&client, &experiment.id, export).await?
        }
        (Run::File(path), _) => from_file(path, export)?,
        (Run::Recorded(_), None) => unreachable!("an experiment is read with a client"),
    };
    Ok((count, run.name()))
}

async fn recorded(client: &Client, id: &str, export: &Export) -> Result<u64, Failure> {
    let mut index = Index::default();
    let mut pages = client.experiment_pages(id, Select::Outlines);
    while let Some(rows) = pages.next(PAGE_TIMEOUT).await.map_err(unreachable)? {
        index.add(rows);
    }
    let names = match export.format {
        Format::Jsonl => Names::default(),
        Format::Csv => index.names(),
    };
    let mut output = Output::open(export, names)?;
    let mut count = 0;
    let mut pages = client.experiment_pages(id, Select::Roots);
    while let Some(rows) = pages.next(PAGE_TIMEOUT).await.map_err(unreachable)? {
        for row in rows {
            let Some(trial) = index.take(trace(&row)) else { continue };
            let repetition = index.repetition(row.get("input").unwrap_or(&Value::Null));
            output.result(&recorded_result(row, trial, repetition, id))?;
            count += 1;
        }
    }
    // A root that the first pass has seen and the second has not would be missing without a word.
    let missing = index.left();
    if missing > 0 {
        let error = anyhow::anyhow!("{missing} of {} trials were not returned", missing + count);
        return Err(Failure::failed(error, "run it again; rows may have changed meanwhile"));
    }
    output.finish()?;
    Ok(count)
}

/// Results that are in a file already: for a change of the format.
fn from_file(path: &std::path::Path, export: &Export) -> Result<u64, Failure> {
    let mut names = Names::default();
    if export.format == Format::Csv {
        for line in lines(path)? {
            names.add(&line?.1);
        }
    }
    let mut output = Output::open(export, names)?;
    let mut count = 0;
    for line in lines(path)? {
        output.result(&line?.1)?;
        count += 1;
    }
    output.finish()?;
    Ok(count)
}
