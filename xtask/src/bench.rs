//! `cargo xtask bench`: wall time by criterion, instructions by Valgrind.

use anyhow::Result;

use crate::setup::{self, Need};
use crate::step::{self, Steps, cargo};
use crate::tools;

/// As `gungraun` in Cargo.toml: the two only work together.
const RUNNER: (&str, &str) = ("gungraun-runner", "0.20.0");

const NEEDS: [Need; 1] = [Need {
    what: "Valgrind",
    program: "valgrind",
    arguments: &["--version"],
    least: None,
    package: "valgrind",
}];

pub(crate) fn run(yes: bool) -> Result<()> {
    let mut steps = Steps::default();
    steps.run("setup", || setup::ensure(&NEEDS, yes))?;
    steps.run("wall time", || step::run(&mut bench("wall_time")))?;
    steps.run("instructions", || {
        let runner = tools::install(RUNNER.0, RUNNER.1)?;
        step::run(bench("instructions").env("GUNGRAUN_RUNNER", runner))
    })?;
    steps.summary();
    Ok(())
}

fn bench(name: &str) -> std::process::Command {
    cargo(&["bench", "--package", "tidegate-client", "--features", "__bench", "--bench", name])
}
