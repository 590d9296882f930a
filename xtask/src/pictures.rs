//! `cargo xtask pictures`: the pictures of docs/reading-a-timeline.md and docs/web.md, recorded and
//! drawn anew.
//!
//! They are of one run each, so the machine should have nothing else to do.

mod web;

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::step::{self, Steps, cargo, root};

/// Name of the picture, and how `bench upload` runs what it shows.
const RUNS: [(&str, &[&str]); 3] = [
    ("serial-chunks", &["--strategy=serial-chunks", "--flush-every-task"]),
    ("fixed-batches", &["--strategy=fixed-batches"]),
    ("adaptive", &["--strategy=adaptive"]),
];

pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::default();
    steps.run("build", || {
        step::run(&mut cargo(&["build", "--release", "--package", "tidegate-cli"]))
    })?;
    let profiles = root().join("target/pictures");
    let pictures = root().join("docs/img");
    for directory in [&profiles, &pictures] {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let tidegate = || Command::new(root().join("target/release/tidegate"));
    for (name, strategy) in RUNS {
        steps.run(name, || {
            let profile = profiles.join(format!("{name}.jsonl"));
            let picture = pictures.join(format!("timeline-{name}.svg"));
            let mut bench = tidegate();
            bench.args(["bench", "upload"]).args(strategy).arg("--profile").arg(&profile);
            step::run(&mut bench)?;
            let mut timeline = tidegate();
            timeline.arg("timeline").arg(&profile).args(["--format", "svg", "--output"]);
            step::run(timeline.arg(&picture))
        })?;
    }
    steps.run("web", || web::run(&pictures))?;
    steps.summary();
    Ok(())
}
