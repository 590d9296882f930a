//! `cargo xtask`: the one task runner. `.ci/run` calls `cargo xtask ci`.

mod bench;
mod ci;
mod clients;
mod deploy;
mod dist;
mod env;
mod fuzz;
mod pictures;
mod run_tests;
mod setup;
mod step;
mod stores;
mod tidy;
mod tools;
mod ui;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

const HELP: &str = "\
usage: cargo xtask COMMAND [--yes]

  ci      formatting, lints, docs, dependencies, tidy, then `test`: what CI runs
  test    sets up what the tests need, then builds and runs all of them
  setup   only the set-up: packages from npm and PyPI into target/e2e
  ui      the web page: types of the server's replies, bundle, checks
  deploy  what deploy/ holds, by the linters of its formats
  tidy    dependency arrows, file lengths, machine paths, tests that documents name
  soak    the long runs: many kill points, collectors and PostgreSQL killed for 5 minutes, the
          fuzz targets for 10 minutes each
  fuzz    the fuzz targets alone, for so many SECONDS each (600)
  dist    a tarball of the stripped release binary, in target/dist
  pictures  the pictures of docs/reading-a-timeline.md, on a machine that has nothing else to do
  bench   wall time (criterion) and instructions (Valgrind) of recording and batching

  --yes   install missing Debian packages without asking (so does CI=true)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let yes = arguments.iter().any(|argument| argument == "--yes") || env::is_set("CI");
    let words: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| *word != "--yes").collect();
    let result = match words.as_slice() {
        ["ci"] => ci::run(yes),
        ["test"] => run_tests::run(yes),
        ["setup"] => setup::run(yes),
        ["ui"] => ui::run(yes),
        ["deploy"] => deploy::run(yes),
        ["tidy"] => tidy::run(),
        ["soak"] => run_tests::soak(yes),
        ["fuzz", rest @ ..] => fuzz_for(rest),
        ["dist"] => dist::run(),
        ["bench"] => bench::run(yes),
        ["pictures"] => pictures::run(),
        ["help" | "--help" | "-h"] => {
            print(HELP);
            Ok(())
        }
        _ => {
            print(HELP);
            return ExitCode::from(2);
        }
    };
    exit(result)
}

fn fuzz_for(words: &[&str]) -> Result<()> {
    match words {
        [] => fuzz::run(fuzz::SOAK_SECONDS),
        [seconds] => fuzz::run(seconds.parse().with_context(|| format!("{seconds:?} seconds"))?),
        _ => anyhow::bail!("`cargo xtask fuzz` takes one number of seconds"),
    }
}

fn exit(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print(&format!("error: {error:#}\n"));
            // 3: something is missing on this machine; 1: a check or a test failed.
            let missing = error.downcast_ref::<setup::Missing>().is_some();
            ExitCode::from(if missing { 3 } else { 1 })
        }
    }
}

/// Prints to stderr, so that stdout keeps what the commands themselves say.
pub(crate) fn print(text: &str) {
    write!(std::io::stderr(), "{text}").ok();
}
