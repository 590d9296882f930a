//! `cargo xtask test` and `cargo xtask soak`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::step::{self, Steps, cargo};
use crate::{clients, fuzz, setup};

/// Kill points of a soak; the tests themselves use few.
const SOAK_KILL_POINTS: &str = "200";

/// Tests over all binaries of one or more runs of cargo, which itself only counts each alone.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    /// Adds what a line such as `test result: ok. 3 passed; 0 failed; …` says.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = result.split([' ', ';']).filter(|word| !word.is_empty()).collect();
        let before = |name| {
            let at = words.iter().position(|word| *word == name)?;
            words[at.checked_sub(1)?].parse::<u64>().ok()
        };
        self.passed += before("passed").unwrap_or(0);
        self.failed += before("failed").unwrap_or(0);
    }

    /// Says on stdout how many tests ran; a run without any is an error.
    pub(crate) fn print(self) -> Result<()> {
        if self.passed + self.failed == 0 {
            bail!("no test ran");
        }
        writeln!(std::io::stdout(), "{} passed, {} failed", self.passed, self.failed)
            .context("cannot write to stdout")
    }
}

/// Runs cargo's tests, passing on what they print.
fn counted(command: &mut Command, count: &mut Count) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start `cargo test`")?;
    let stdout = child.stdout.take().context("no stdout of `cargo test`")?;
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.context("cannot read what `cargo test` prints")?;
        count.add(&String::from_utf8_lossy(&line));
        out.write_all(&line)?;
        out.write_all(b"\n")?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`cargo test` failed ({status})");
    }
    Ok(())
}

pub(crate) fn run(yes: bool) -> Result<()> {
    let mut all = Steps::default();
    let count = steps(yes, &mut all)?;
    all.summary();
    count.print()
}

/// Set-up, build and tests, as steps of a longer list or alone.
pub(crate) fn steps(yes: bool, steps: &mut Steps) -> Result<Count> {
    let mut count = Count::default();
    steps.run("setup", || setup::run(yes))?;
    // Tests of other packages start the binary, which cargo builds only for its own package.
    steps.run("build", || step::run(&mut cargo(&["build", "--package", "tidegate-cli"])))?;
    // A plain SDK user's build: no feature, and so neither axum nor SQLite.
    steps.run("plain", || {
        let mut test = cargo(&["test", "--package", "tidegate", "--no-default-features"]);
        counted(&mut test, &mut count)
    })?;
    steps.run("test", || {
        counted(&mut cargo(&["test", "--workspace", "--all-features"]), &mut count)
    })?;
    steps.run("clients", || counted(&mut clients::test(), &mut count))?;
    Ok(count)
}

pub(crate) fn soak(yes: bool) -> Result<()> {
    let mut all = Steps::default();
    all.run("setup", || setup::run(yes))?;
    for (name, package) in
        [("kill -9 of the collector", "tidegate-cli"), ("kill -9 of the SDK", "tidegate-client")]
    {
        all.run(name, || {
            // Without `--test`, so that the example that is killed is built too.
            let mut test = cargo(&["test", "--package", package, "kill"]);
            step::run(test.env("TIDEGATE_KILL_POINTS", SOAK_KILL_POINTS))
        })?;
    }
    fuzz::all(fuzz::SOAK_SECONDS, &mut all)?;
    all.summary();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_binaries_are_counted() {
        let mut count = Count::default();
        for line in [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            "test result: FAILED. 20 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out",
            "test result: ok. 0 passed; 0 failed; 0 ignored",
            "error: test failed, 7 passed",
        ] {
            count.add(line);
        }
        assert_eq!(count, Count { passed: 23, failed: 2 });
        assert!(Count::default().print().is_err());
    }
}
