//! `cargo xtask test` and `cargo xtask soak`.

use anyhow::Result;

use crate::setup;
use crate::step::{self, Steps, cargo};

/// Kill points of a soak; the tests themselves use few.
const SOAK_KILL_POINTS: &str = "200";

pub(crate) fn run(yes: bool) -> Result<()> {
    let mut all = Steps::default();
    steps(yes, &mut all)?;
    all.summary();
    Ok(())
}

/// Set-up, build and tests, as steps of a longer list or alone.
pub(crate) fn steps(yes: bool, steps: &mut Steps) -> Result<()> {
    steps.run("setup", || setup::run(yes))?;
    // Tests of other packages start the binary, which cargo builds only for its own package.
    steps.run("build", || step::run(&mut cargo(&["build", "--package", "tidegate-cli"])))?;
    // A plain SDK user's build: no feature, and so neither axum nor SQLite.
    steps.run("plain", || {
        step::run(&mut cargo(&["test", "--package", "tidegate", "--no-default-features"]))
    })?;
    steps.run("test", || step::run(&mut cargo(&["test", "--workspace", "--all-features"])))
}

pub(crate) fn soak(yes: bool) -> Result<()> {
    let mut all = Steps::default();
    all.run("setup", || setup::run(yes))?;
    all.run("kill -9", || {
        let mut test = cargo(&["test", "--package", "tidegate-cli", "--test", "it", "kill"]);
        step::run(test.env("TIDEGATE_KILL_POINTS", SOAK_KILL_POINTS))
    })?;
    all.summary();
    Ok(())
}
