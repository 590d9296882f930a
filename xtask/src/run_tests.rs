//! `cargo xtask test` and `cargo xtask soak`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::step::{self, Steps, cargo};
use crate::stores::Postgres;
use crate::{clients, fuzz, setup};

/// Kill points of a soak; the tests themselves use few.
const SOAK_KILL_POINTS: &str = "200";
/// How long a soak of collectors that are killed all the time takes; the test itself takes 60.
const SOAK_SECONDS: &str = "300";

/// How a test says on stdout that it is about SQLite's file alone, while PostgreSQL's turn is.
const SQLITE_ONLY: &str = "sqlite only: ";

/// Tests over all binaries of one or more runs of cargo, which itself only counts each alone.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    passed: u64,
    failed: u64,
    /// Tests that have nothing to do on PostgreSQL, and so count as neither.
    sqlite_only: u64,
}

impl Count {
    /// Adds what a line such as `test result: ok. 3 passed; 0 failed; …` says.
    fn add(&mut self, line: &str) {
        if line.contains(SQLITE_ONLY) {
            // It is among those that passed as well.
            self.sqlite_only += 1;
        }
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
        let Some(passed) = self.passed.checked_sub(self.sqlite_only) else {
            bail!("more tests say that they are about SQLite than have passed");
        };
        if passed + self.failed == 0 {
            bail!("no test ran");
        }
        let mut out = std::io::stdout();
        if self.sqlite_only > 0 {
            let count = self.sqlite_only;
            writeln!(out, "{count} tests are about SQLite's file and were not run on PostgreSQL")?;
        }
        writeln!(out, "{passed} passed, {} failed", self.failed).context("cannot write to stdout")
    }
}

/// Runs tests, passing on what they print.
fn counted(command: &mut Command, count: &mut Count) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the tests")?;
    let stdout = child.stdout.take().context("the tests have no stdout")?;
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.context("cannot read what the tests print")?;
        count.add(&String::from_utf8_lossy(&line));
        out.write_all(&line)?;
        out.write_all(b"\n")?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` failed ({status})", step::describe(command));
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
    let mut postgres = None;
    steps.run("postgres", || {
        postgres = Some(Postgres::start()?);
        Ok(())
    })?;
    let postgres = postgres.context("no PostgreSQL")?;
    steps.run("test", || {
        let mut test = cargo(&["test", "--workspace", "--all-features"]);
        postgres.explain(counted(postgres.offer(&mut test), &mut count))
    })?;
    steps.run("on postgres", || {
        postgres
            .suites()?
            .iter_mut()
            .try_for_each(|suite| postgres.explain(counted(suite, &mut count)))
    })?;
    drop(postgres);
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
    all.run("build", || step::run(&mut cargo(&["build", "--package", "tidegate-cli"])))?;
    all.run("kill -9 of collectors and PostgreSQL", || {
        let mut test = cargo(&["test", "--package", "tidegate-e2e", "--test", "soak"]);
        test.args(["--", "--nocapture"]);
        step::run(test.env("TIDEGATE_SOAK_SECONDS", SOAK_SECONDS))
    })?;
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
            "sqlite only: keys::a_test: looks into the file",
            "test a::b ... sqlite only: a::b: looks into the file",
        ] {
            count.add(line);
        }
        assert_eq!(count, Count { passed: 23, failed: 2, sqlite_only: 2 });
        assert!(Count { passed: 1, failed: 0, sqlite_only: 2 }.print().is_err());
        assert!(Count::default().print().is_err());
    }
}
