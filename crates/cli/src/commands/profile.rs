//! `tidegate profile`: on what a command spends its processor time, beside the timeline of its run.
//!
//! [`perf`] records the command, [`script`] reads what it prints, [`time`] adds it up, and
//! [`file`] writes it for speedscope ([`sampled`] for the threads).
//!
//! **One clock.** perf stamps samples with the monotonic clock (`CLOCK_MONOTONIC`), which is also
//! that of all times in the profile of a run. The zero of a run is known in wall time only; the
//! distance of both clocks is read before the command starts, and again at its end, to see
//! whether somebody has set the wall clock meanwhile.

mod file;
mod perf;
mod sampled;
mod script;
mod time;

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::anyhow;

use super::eval::find_program;
use super::timeline::output;
use crate::args::profile::Profile;
use crate::clock;
use crate::env::Environment;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::units;
use file::Recorded;
use perf::{Recording, Signals, Stopped};
use script::Samples;
use time::Times;

/// Exit codes of programs that run others, as in `env`, `nohup` and `timeout`.
const NOTHING_PROFILED: u8 = 125;
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;
/// Shells add it to the number of a signal.
const SIGNALLED: i32 = 128;
/// Functions that are printed.
const MOST_FUNCTIONS: usize = 12;
/// Columns of a function's name.
const NAME_COLUMNS: usize = 80;

/// A failure without which there would be a profile.
fn nothing(error: anyhow::Error, hint: impl Into<String>) -> Failure {
    Failure::with_code(error, hint, NOTHING_PROFILED)
}

/// Returns the exit code: that of the command.
pub(crate) async fn run(profile: &Profile, printer: &Printer) -> Result<u8, Failure> {
    let environment = Environment::default();
    let (program, arguments) = command(profile, &environment)?;
    let perf = find_program("perf", Path::new("."), None, &environment)
        .map_err(|_| nothing(anyhow!("there is no perf in PATH"), perf::ABSENT))?;
    output::check(&profile.output)?;
    let directory = tempfile::tempdir()?;

    let mut signals = Signals::listen()?;
    let stopped = Stopped::start(&program, arguments).await?;
    let attach = Recording::attach(&perf, stopped.pid(), profile, directory.path());
    // Cancel safety: dropping perf kills it.
    let attached = tokio::select! {
        attached = attach => attached,
        signal = signals.next() => {
            stopped.give_up().await;
            return Ok(signalled(signal.as_raw()));
        }
    };
    let recording = match attached {
        Ok(recording) => recording,
        Err(failure) => {
            stopped.give_up().await;
            return Err(failure);
        }
    };
    let (began_ns, wall_ahead_ns) = (clock::monotonic_ns(), clock::wall_ahead_ns());
    let status = stopped.run(&mut signals).await?;
    let ended_ns = clock::monotonic_ns();
    let samples = recording.finish().await?;

    let moved_ns = clock::wall_ahead_ns() - wall_ahead_ns;
    let recorded = Recorded { samples, began_ns, ended_ns, wall_ahead_ns };
    let run = profile.run_profile().and_then(|path| {
        let run = recorded.run(&path).map_err(|error| {
            printer.say(format_args!("warning: without the lanes of the run: {error:#}"));
        });
        run.ok()
    });
    if run.is_some() && moved_ns.abs() > 1_000_000 {
        let ms = sampled::us(moved_ns) / 1e3;
        printer.say(format_args!(
            "warning: the wall clock was set by {ms:.0} ms while the command ran; lanes and samples \
             may be as far apart"
        ));
    }
    output::write(&profile.output, |out| recorded.write(run.as_ref(), out))?;
    report(profile, &recorded.samples, ended_ns - began_ns, printer);
    Ok(code(status))
}

/// The program and its arguments, before anything has started.
fn command<'a>(
    profile: &'a Profile,
    environment: &Environment,
) -> Result<(PathBuf, &'a [std::ffi::OsString]), Failure> {
    let hint = "write the command after --, as in `tidegate profile -- ./my-eval --fast`";
    let Some((name, arguments)) = profile.command.split_first() else {
        return Err(Failure::usage(anyhow!("there is no command"), hint));
    };
    let shown = name.to_string_lossy();
    let found = find_program(&shown, Path::new("."), None, environment).map_err(|error| {
        let exists = shown.contains('/') && Path::new(name).exists();
        Failure::with_code(anyhow!(error), hint, if exists { CANNOT_RUN } else { NOT_FOUND })
    })?;
    Ok((found, arguments))
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.or(status.signal().map(signalled)).unwrap_or(NOTHING_PROFILED)
}

/// What shells report of a program that a signal has ended.
fn signalled(signal: i32) -> u8 {
    u8::try_from(SIGNALLED + signal).unwrap_or(NOTHING_PROFILED)
}

fn report(profile: &Profile, samples: &Samples, took_ns: u64, printer: &Printer) {
    let times = Times::of(samples);
    let time = |ns: u64| units::duration(ns / 1_000);
    printer.say(format_args!(
        "{} of processor time in {}: {} of {} at {} Hz",
        time(times.total_ns),
        time(took_ns),
        units::counted(times.samples as u64, "sample"),
        units::counted(samples.threads.len() as u64, "thread"),
        profile.frequency,
    ));
    if samples.left_out > 0 {
        printer.say(format_args!(
            "warning: {} had no room",
            units::counted(samples.left_out, "sample")
        ));
    }
    if times.upload_ns + times.record_ns > 0 {
        printer.say(format_args!(
            "{} of it in our own logger: {} on its upload thread, {} on threads that record",
            units::share(times.logger_ratio()),
            time(times.upload_ns),
            time(times.record_ns),
        ));
    } else if times.samples > 0 {
        printer.say("nothing of it in our own logger");
    }
    if times.samples > 0 {
        printer.say("   self            function");
    }
    for (name, ns) in times.own.iter().take(MOST_FUNCTIONS) {
        let share = units::share(*ns as f64 / times.total_ns.max(1) as f64);
        let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_COLUMNS).collect();
        printer.say(format_args!("{share:>7}  {:>8}  {name}", time(*ns)));
    }
    if profile.output != Path::new("-") {
        printer.say(format_args!(
            "{}: open it at speedscope.app, or with `npx speedscope {}`",
            profile.output.display(),
            profile.output.display()
        ));
    }
}
