//! `tidegate eval`: evaluations described in TOML files.
//!
//! ```text
//! files -> file (checked TOML) -> plan (matrix) -> cases, task, score (made ready) -> run -> report
//! ```

mod again;
mod cases;
mod file;
mod gates;
mod interrupt;
mod kept;
mod look;
mod outputs;
mod paths;
mod plan;
mod report;
mod run;
mod score;
mod shard;
mod task;
mod version;
mod watch;

use std::process::ExitCode;

use crate::args::eval::Eval as Arguments;
use crate::env::Environment;
use crate::exit::Failure;
use crate::printer::Printer;

use again::Again;
use interrupt::Interrupt;
pub(crate) use kept::failure as cells_failure;
pub(crate) use task::find_program;

/// The format of the files, as JSON Schema.
const SCHEMA: &str = include_str!("eval/schema.json");

/// Runs the command; the code is that of the worst evaluation.
pub(crate) async fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitCode, Failure> {
    if arguments.show.schema {
        printer.data(SCHEMA.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.files.is_empty() {
        return Err(paths::none_named());
    }
    let interrupt = Interrupt::listen(printer)?;
    let again = Again::default();
    // Cancel safety: a second interrupt drops the run on purpose, which ends its processes.
    tokio::select! {
        biased;
        () = interrupt.second() => {
            again.say(printer);
            Ok(ExitCode::from(crate::exit::INTERRUPTED))
        }
        code = Box::pin(until_done(arguments, printer, &interrupt, &again)) => {
            Ok(ExitCode::from(code?))
        }
    }
}

async fn until_done(
    arguments: &Arguments,
    printer: &Printer,
    interrupt: &Interrupt,
    again: &Again,
) -> Result<u8, Failure> {
    if !arguments.run.watch {
        return once(arguments, printer, interrupt, again).await;
    }
    loop {
        // Before the run: what changes meanwhile is seen after it.
        let files = watch::Files::of(arguments);
        let code = match once(arguments, printer, interrupt, again).await {
            Ok(code) => code,
            Err(failure) => {
                printer.failure(&failure);
                crate::exit::FAILED
            }
        };
        if interrupt.is_set() {
            return Ok(code);
        }
        printer.say(format_args!("watching {} files; Ctrl-C ends", files.len()));
        tokio::select! {
            () = files.changed() => {}
            () = interrupt.first() => return Ok(crate::exit::INTERRUPTED),
        }
    }
}

async fn once(
    arguments: &Arguments,
    printer: &Printer,
    interrupt: &Interrupt,
    again: &Again,
) -> Result<u8, Failure> {
    let environment = Environment::with_file(arguments.run.env_file.as_deref())?;
    let filters = cases::filters(&arguments.choice.filter)?;
    let files = read(&arguments.files, printer)?;
    let evaluations = plan::evaluations(files, arguments)?;
    let stop = interrupt.stop();
    if arguments.show.list {
        return look::list(&evaluations, arguments, &filters, &stop, printer).map(|()| 0);
    }
    let runs = kept::runs(&evaluations, arguments, &environment)?;
    let ready = run::ready(evaluations, arguments, &environment)?;
    if arguments.show.dry_run {
        return look::dry_run(&ready, arguments, &filters, &stop, printer).map(|()| 0);
    }
    let surroundings = run::Surroundings { arguments, environment: &environment, again, printer };
    run::all(ready, runs, surroundings, &filters, &stop).await
}

/// Reads all files, so that the faults of all of them are said at once.
fn read(patterns: &[String], printer: &Printer) -> Result<Vec<file::EvalFile>, Failure> {
    let (mut files, mut failures) = (Vec::new(), Vec::new());
    for path in paths::expand(patterns)? {
        match file::read(&path) {
            Ok(file) => files.push(file),
            Err(failure) => failures.push(failure),
        }
    }
    match failures.pop() {
        None => Ok(files),
        Some(last) => {
            failures.iter().for_each(|failure| printer.failure(failure));
            Err(last)
        }
    }
}
