//! `cargo xtask ci`.

use std::process::Command;

use anyhow::Result;

use crate::step::{self, Steps, cargo, root};
use crate::{run_tests, tidy, tools, ui};

const DENY_VERSION: &str = "0.20.2";

fn deny() -> Result<()> {
    let mut check = Command::new(tools::install("cargo-deny", DENY_VERSION)?);
    check.args(["--workspace", "check", "bans", "licenses", "sources"]).current_dir(root());
    step::run(&mut check)
}

pub(crate) fn run(yes: bool) -> Result<()> {
    let mut steps = Steps::default();
    steps.run("fmt", || step::run(&mut cargo(&["fmt", "--all", "--check"])))?;
    steps.run("tidy", tidy::run)?;
    steps.run("clippy", || {
        step::run(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    steps.run("docs", || {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
        step::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    steps.run("deny", deny)?;
    steps.run("ui", || ui::current(yes))?;
    let count = run_tests::steps(yes, &mut steps)?;
    steps.summary();
    count.print()
}
