//! `cargo xtask ui`: types, bundle and checks of the web page in `ui/`.
//!
//! The bundle is committed, so that building the server needs no Node.js; CI proves that it is what
//! the sources make.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::setup::{self, Need};
use crate::step::{cargo, root, run as run_command};

const NEEDS: [Need; 2] = [
    Need {
        what: "Node.js 20.19 or later",
        program: "node",
        arguments: &["--version"],
        least: Some((20, 19)),
        package: "nodejs",
    },
    Need { what: "npm", program: "npm", arguments: &["--version"], least: None, package: "npm" },
];

/// Writes the types, builds the bundle and checks both.
pub(crate) fn run(yes: bool) -> Result<()> {
    setup::ensure(&NEEDS, yes)?;
    install()?;
    let mut types = cargo(&["test", "--package", "tidegate-server", "--lib", "typescript"]);
    run_command(types.env("TIDEGATE_WRITE_TYPES", "1"))?;
    build(&folder().join("dist"))?;
    check()
}

/// Fails unless the committed bundle is what the sources make. That the types are current is a
/// test of the server.
pub(crate) fn current(yes: bool) -> Result<()> {
    setup::ensure(&NEEDS, yes)?;
    install()?;
    let fresh = root().join("target/ui");
    build(&fresh)?;
    let (fresh, committed) = (files(&fresh)?, files(&folder().join("dist"))?);
    let differing = differing(&fresh, &committed);
    if let Some(file) = differing.first() {
        bail!(
            "ui/dist is not what its sources make ({} of {} files differ, {file} first): run `cargo \
             xtask ui` and commit it",
            differing.len(),
            committed.len()
        );
    }
    check()
}

fn folder() -> PathBuf {
    root().join("ui")
}

/// Exactly what is locked, unless it is there.
fn install() -> Result<()> {
    let ui = folder();
    setup::up_to_date(&ui.join("node_modules"), &ui.join("package-lock.json"), || {
        run_command(&mut npm(&["ci", "--no-audit", "--no-fund", "--loglevel=error"]))
    })
}

fn build(target: &Path) -> Result<()> {
    run_command(&mut npm(&["exec", "--no", "--", "tsc"]))?;
    let mut vite =
        npm(&["exec", "--no", "--", "vite", "build", "--emptyOutDir", "--logLevel=warn"]);
    run_command(vite.arg("--outDir").arg(target))
}

/// Lints, tests, and the size of the bundle.
fn check() -> Result<()> {
    run_command(&mut npm(&["run", "--silent", "lint"]))?;
    run_command(&mut npm(&["test", "--silent"]))?;
    run_command(Command::new("node").arg("scripts/budget.mjs").current_dir(folder()))
}

fn npm(arguments: &[&str]) -> Command {
    let mut npm = Command::new("npm");
    npm.args(arguments).current_dir(folder());
    npm
}

/// All files below a folder, by their path in it.
fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        let entries =
            fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).context("a path outside")?;
                found.insert(name.to_string_lossy().into_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// Paths that only one side has, or that differ.
fn differing<'a>(
    one: &'a BTreeMap<String, Vec<u8>>,
    other: &'a BTreeMap<String, Vec<u8>>,
) -> Vec<&'a str> {
    let mut paths: Vec<&str> = one.keys().chain(other.keys()).map(String::as_str).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.retain(|path| one.get(*path) != other.get(*path));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_of_two_bundles_is_found() {
        let of = |files: &[(&str, &str)]| -> BTreeMap<String, Vec<u8>> {
            files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect()
        };
        let one = of(&[("a", "1"), ("b", "1"), ("c", "1")]);
        assert!(differing(&one, &one).is_empty());
        let other = of(&[("a", "1"), ("b", "2"), ("d", "1")]);
        assert_eq!(differing(&one, &other), ["b", "c", "d"]);
    }
}
