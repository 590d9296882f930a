//! Cargo tools of a fixed version, in `target/tools`, so that nothing else on a machine changes.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::step::{self, cargo, output, root};

/// Installs a tool unless it is there in this version, and returns the path of its program.
pub(crate) fn install(name: &str, version: &str) -> Result<PathBuf> {
    let tools = root().join("target/tools");
    let program = tools.join("bin").join(name);
    let found = output(Command::new(&program).arg("--version"));
    if !found.is_some_and(|text| text.contains(version)) {
        // A debug build: it takes a quarter of the time, and what these tools do takes a second.
        let mut install = cargo(&["install", "--debug", "--locked", "--force", name]);
        install.args(["--version", version, "--root"]).arg(&tools);
        // Its own folder: the profile of this workspace's target directory does not fit.
        install.arg("--target-dir").arg(tools.join("build"));
        step::run(&mut install)?;
    }
    Ok(program)
}
