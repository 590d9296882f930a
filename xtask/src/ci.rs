//! `cargo xtask ci`.

use std::process::Command;

use anyhow::Result;

use crate::step::{self, Steps, cargo, output, root};
use crate::{run_tests, tidy};

const DENY_VERSION: &str = "0.20.2";

fn deny() -> Result<()> {
    let tools = root().join("target/tools");
    let deny = tools.join("bin/cargo-deny");
    let found = output(Command::new(&deny).arg("--version"));
    if !found.is_some_and(|version| version.contains(DENY_VERSION)) {
        // A debug build: it takes a quarter of the time, and checking takes a second anyway.
        let mut install = cargo(&["install", "--debug", "--locked", "cargo-deny"]);
        install.args(["--version", DENY_VERSION, "--root"]).arg(&tools);
        // Its own folder: the profile of this workspace's target directory does not fit.
        install.arg("--target-dir").arg(root().join("target/tools/build"));
        step::run(&mut install)?;
    }
    let mut check = Command::new(deny);
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
    let count = run_tests::steps(yes, &mut steps)?;
    steps.summary();
    count.print()
}
