//! The binary `tidegate`.

mod args;
mod atomic;
mod clock;
mod commands;
mod destination;
mod env;
mod exit;
mod printer;
mod profiles;
mod runs;
mod terminal;
mod units;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use crate::args::{Arguments, Command, LogFormat};
use crate::exit::Failure;
use crate::printer::Printer;

/// Longest wait for threads that are still busy when a command has ended.
const SHUTDOWN: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let printer = Printer;
    let result = start_logging(&arguments).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        match arguments.command {
            Command::Serve(serve) => runtime.block_on(commands::serve::run(&serve, &printer))?,
            Command::Key(key) => runtime.block_on(commands::key::run(&key, &printer))?,
            Command::Health(health) => commands::health::run(&health, &printer)?,
            Command::Backup(backup) => commands::backup::run(&backup, &printer)?,
            Command::Doctor(doctor) => {
                return Ok(ExitCode::from(commands::doctor::run(&doctor, &printer)?));
            }
            Command::Eval(eval) => {
                let code = runtime.block_on(commands::eval::run(&eval, &printer));
                // What an interrupt has cut off may still hold threads; nobody waits for them.
                runtime.shutdown_timeout(SHUTDOWN);
                return code;
            }
            Command::Spool(spool) => runtime.block_on(commands::spool::run(&spool, &printer))?,
            Command::Bench(bench) => commands::bench::run(&bench, &printer, &runtime)?,
            Command::Compare(compare) => {
                let code = runtime.block_on(commands::compare::run(&compare, &printer))?;
                return Ok(ExitCode::from(code));
            }
            Command::Export(export) => {
                runtime.block_on(commands::export::run(&export, &printer))?;
            }
            Command::MigrateStore(arguments) => {
                runtime.block_on(commands::migrate_store::run(&arguments, &printer))?;
            }
            Command::Merge(merge) => {
                let code = runtime.block_on(commands::merge::run(&merge, &printer))?;
                return Ok(ExitCode::from(code));
            }
            Command::Cells(cells) => commands::cells::run(&cells, &printer)?,
            Command::Plan(plan) => runtime.block_on(commands::plan::run(&plan, &printer))?,
            Command::Timeline(timeline) => {
                let code = runtime.block_on(commands::timeline::run(&timeline))?;
                return Ok(ExitCode::from(code));
            }
            Command::Profile(profile) => {
                let code = runtime.block_on(commands::profile::run(&profile, &printer))?;
                return Ok(ExitCode::from(code));
            }
        }
        Ok(ExitCode::SUCCESS)
    });
    match result {
        Ok(code) => code,
        Err(failure) => {
            printer.failure(&failure);
            exit::code(&failure)
        }
    }
}

fn start_logging(arguments: &Arguments) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(&arguments.log_level).map_err(|error| {
        Failure::usage(error.into(), "write it like `warn` or `info,server=debug`")
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match arguments.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}
