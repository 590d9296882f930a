//! Evaluates a language-identification library on real labelled sentences.
//!
//! ```sh
//! cargo run --release --example language_id
//! cargo run --release --example language_id -- --detector whichlang
//! ```
//!
//! Without any setting the run is recorded in `.tidegate/`; with `BRAINTRUST_APP_URL` it goes to
//! that server.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use examples::{Detector, sentences};
use tidegate::prelude::*;
use tidegate::scorers::exact_match;

/// Evaluates a language-identification library on sentences in 50 languages.
#[derive(Parser)]
struct Arguments {
    /// Which detector to evaluate; --list-detectors names them.
    #[arg(long, value_parser = detector, default_value = Detector::ALL[0].name())]
    detector: Detector,
    /// Prints the names of the detectors, one per line, and ends.
    #[arg(long)]
    list_detectors: bool,
    /// Prints the result as JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Sentences to use, one JSON object with `input` and `expected` per line.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
}

fn detector(name: &str) -> Result<Detector, String> {
    let found = Detector::ALL.into_iter().find(|detector| detector.name() == name);
    found
        .ok_or_else(|| format!("known detectors: {}", Detector::ALL.map(Detector::name).join(", ")))
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout();
    if arguments.list_detectors {
        let names = Detector::ALL.map(Detector::name).join("\n");
        return exit(writeln!(out, "{names}").is_ok());
    }
    match run(&arguments).await {
        Ok(outcome) => {
            let printed = !arguments.json || writeln!(out, "{:#}", outcome.to_json()).is_ok();
            exit(printed)
        }
        Err(error) => {
            // Without stderr nobody can be told; the exit code still says it.
            writeln!(std::io::stderr(), "{}", error.report()).ok();
            ExitCode::from(3)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Outcome<String, &'static str, String>, Error> {
    let detector = arguments.detector;
    let report = if arguments.json { Report::Silent } else { Report::Terminal };
    let data = arguments.data.clone().unwrap_or_else(sentences);

    Eval::new("language-id")
        .experiment_name(detector.name())
        .data(data::jsonl::<String, String>(data))
        .task(async move |input, _cx| detector.detect(&input))
        .scorer("exact_match", |args| exact_match(args.output, args.expected))
        .max_concurrency(16)
        .report(report)
        .run()
        .await
}

fn exit(ok: bool) -> ExitCode {
    if ok { ExitCode::SUCCESS } else { ExitCode::from(3) }
}
