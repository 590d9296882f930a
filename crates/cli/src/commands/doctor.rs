//! `tidegate doctor`.

use serde_json::json;
use tidegate_server::maintenance::{Check, Depth, Verdict, doctor};
use tidegate_server::read_holder;

use super::health;
use crate::args::doctor::DoctorArguments;
use crate::exit::Failure;
use crate::printer::Printer;

/// A check has failed.
const UNWELL: u8 = 1;

/// Looks and prints; returns the exit code.
pub(crate) fn run(arguments: &DoctorArguments, printer: &Printer) -> Result<u8, Failure> {
    let data_dir = arguments.data_dir.path();
    let depth = if arguments.full { Depth::Full } else { Depth::Quick };
    let mut checks = doctor(data_dir, depth);
    // Only of a live process; what a dead one left behind has its own line.
    if let Some(at) = checks.iter().position(|check| check.name == "holder")
        && checks[at].verdict == Verdict::Ok
        && checks[at].found.starts_with("served")
        && let Some(holder) = read_holder(data_dir)
    {
        checks.insert(at + 1, server(&holder.url));
    }
    let worst = checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Ok);
    if arguments.json {
        printer.data(json!({"data_dir": data_dir, "verdict": worst, "checks": checks}))?;
    } else {
        for check in &checks {
            let verdict = match check.verdict {
                Verdict::Ok => "ok  ",
                Verdict::Warn => "warn",
                Verdict::Fail => "fail",
            };
            printer.data(format_args!("{verdict}  {:<10} {}", check.name, check.found))?;
            if let Some(next_step) = check.next_step {
                printer.data(format_args!("      {:<10} next: {next_step}", ""))?;
            }
        }
    }
    Ok(if worst == Verdict::Fail { UNWELL } else { 0 })
}

/// Whether the process that has the directory answers and takes writes.
fn server(url: &str) -> Check {
    let (verdict, found, next_step) = match health::status(url) {
        Ok(200) => (Verdict::Ok, "ready".to_owned(), None),
        Ok(status) => {
            let next_step = "GET /health/ready says why, and so does its log";
            (Verdict::Fail, format!("not ready (HTTP {status})"), Some(next_step))
        }
        Err(error) => {
            let next_step = "look at its log; if it hangs, end it and start it again";
            (Verdict::Fail, format!("does not answer: {error}"), Some(next_step))
        }
    };
    Check::new("server", verdict, found, next_step)
}
