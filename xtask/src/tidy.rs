//! `cargo xtask tidy`: rules that no compiler checks. Each is a pure function with a test that
//! shows a violation.

mod arrows;
mod files;
mod named;

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::print;
use crate::step::{cargo, output, root};

pub(crate) fn run() -> Result<()> {
    let metadata = output(&mut cargo(&["metadata", "--format-version=1", "--no-deps"]))
        .context("`cargo metadata` failed")?;
    let metadata = serde_json::from_str(&metadata).context("`cargo metadata` is not JSON")?;
    let mut problems = arrows::check(&metadata);
    for path in tracked()? {
        // A file that git tracks may be deleted in the work tree.
        if let Ok(bytes) = fs::read(root().join(&path))
            && let Ok(text) = std::str::from_utf8(&bytes)
        {
            problems.extend(files::check(&path, text));
            let read = |file: &str| fs::read_to_string(root().join(file)).ok();
            problems.extend(named::check(&path, text, read));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    for problem in &problems {
        print(&format!("tidy: {problem}\n"));
    }
    bail!("{} problem(s)", problems.len())
}

/// Files that git knows or would add.
fn tracked() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let list = output(&mut git).context("`git ls-files` failed")?;
    Ok(list.lines().map(str::to_owned).collect())
}
