//! Running commands, with their time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::{env, print};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("xtask lies in the workspace").to_owned()
}

/// A cargo command in the root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::cargo());
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command to its end; anything but success is an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("cannot start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// Runs a command and returns what it prints on stdout; `None` if it cannot be started or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Named steps that run one after another and stop at the first failure.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        print(&format!("== {name}\n"));
        #[expect(clippy::disallowed_methods, reason = "the one stopwatch of this program")]
        let started = Instant::now();
        step().with_context(|| format!("step {name}"))?;
        self.done.push((name, started.elapsed()));
        Ok(())
    }

    /// Prints how long each step took.
    pub(crate) fn summary(&self) {
        let mut text = String::from("== all passed\n");
        let total: Duration = self.done.iter().map(|(_, took)| *took).sum();
        for (name, took) in self.done.iter().chain([&("total", total)]) {
            text.push_str(&format!("{name:>8} {:>7.1} s\n", took.as_secs_f64()));
        }
        print(&text);
    }
}
