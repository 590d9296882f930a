//! `cargo xtask fuzz`: the targets of `fuzz/`, for a time each.
//!
//! Without a sanitizer, so that the stable toolchain does: the code under test has no unsafe block,
//! so what there is to find are panics, overflows, hangs and memory, which libFuzzer sees itself.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::step::{self, Steps, root};
use crate::tools;

const TOOL: (&str, &str) = ("cargo-fuzz", "0.13.2");

/// Targets, and the words that their inputs are made of.
const TARGETS: [(&str, &str); 5] = [
    ("logs3", "logs3.dict"),
    ("btql_json", "btql.dict"),
    ("btql_sql", "btql.dict"),
    ("slug", "slug.dict"),
    ("otlp", "otlp.dict"),
];

/// What a soak gives each target, in seconds.
pub(crate) const SOAK_SECONDS: u64 = 600;

/// Longest input in bytes: faults that need more are about size, which the limits of the server
/// are for. One input may take 10 s (it takes a millisecond) and all of them 1 GiB.
const LIMITS: [&str; 3] = ["-max_len=16384", "-timeout=10", "-rss_limit_mb=1024"];

pub(crate) fn run(seconds: u64) -> Result<()> {
    let mut steps = Steps::default();
    all(seconds, &mut steps)?;
    steps.summary();
    Ok(())
}

pub(crate) fn all(seconds: u64, steps: &mut Steps) -> Result<()> {
    for (target, words) in TARGETS {
        steps.run(target, || fuzz(target, words, seconds))?;
    }
    Ok(())
}

/// Inputs that reach something new are kept in `target/fuzz-corpus`, for the next run; what is in
/// `fuzz/corpus` is only read. A finding is written to `fuzz/artifacts`: once it is fixed, its
/// place is the corpus, which the tests replay.
fn fuzz(target: &str, words: &str, seconds: u64) -> Result<()> {
    let found = root().join("target/fuzz-corpus").join(target);
    fs::create_dir_all(&found).with_context(|| format!("cannot create {}", found.display()))?;
    let fuzz = root().join("fuzz");
    let mut run = Command::new(tools::install(TOOL.0, TOOL.1)?);
    run.args(["run", "--sanitizer", "none", "--fuzz-dir"]).arg(&fuzz);
    run.arg("--target-dir").arg(root().join("target/fuzz"));
    run.arg(target).arg(found).arg(fuzz.join("corpus").join(target));
    run.arg("--").args(LIMITS).arg(format!("-max_total_time={seconds}"));
    run.arg(format!("-dict={}", fuzz.join(words).display())).arg("-print_final_stats=1");
    step::run(run.current_dir(root()))
}
