//! The binary `tidegate`.

mod args;
mod clock;
mod commands;
#[expect(dead_code, reason = "used by the first command that evaluates or compares")]
mod destination;
mod exit;
mod printer;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Arguments, Command};
use crate::exit::Failure;
use crate::printer::Printer;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let printer = Printer;
    let result = start_logging(&arguments).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        match arguments.command {
            Command::Serve(serve) => runtime.block_on(commands::serve::run(&serve, &printer)),
            Command::Spool(spool) => runtime.block_on(commands::spool::run(&spool, &printer)),
            Command::Bench(bench) => commands::bench::run(&bench, &printer, &runtime),
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
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
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    Ok(())
}
