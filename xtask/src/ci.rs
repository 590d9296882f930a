//! `cargo xtask ci`.

use std::process::Command;

use anyhow::Result;

use crate::step::{self, Steps, cargo, root};
use crate::{clients, deploy, run_tests, tidy, tools, ui};

const DENY_VERSION: &str = "0.20.2";

fn deny() -> Result<()> {
    let deny = tools::install("cargo-deny", DENY_VERSION)?;
    for manifest in ["Cargo.toml", clients::MANIFEST] {
        let mut check = Command::new(&deny);
        // Named, or it would be looked for beside the manifest.
        check.args(["--workspace", "--config", "deny.toml", "--manifest-path", manifest]);
        check.args(["check", "bans", "licenses", "sources"]).current_dir(root());
        step::run(&mut check)?;
    }
    Ok(())
}

pub(crate) fn run(yes: bool) -> Result<()> {
    let mut steps = Steps::default();
    steps.run("fmt", || {
        step::run(&mut cargo(&["fmt", "--all", "--check"]))?;
        step::run(&mut cargo(&["fmt", "--manifest-path", clients::MANIFEST, "--check"]))
    })?;
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
    steps.run("deploy", || deploy::run(yes))?;
    steps.run("ui", || ui::current(yes))?;
    let count = run_tests::steps(yes, &mut steps)?;
    steps.summary();
    count.print()
}
