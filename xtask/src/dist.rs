//! `cargo xtask dist`: a tarball of the stripped release binary, with what belongs beside it.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::step::{self, Steps, cargo, output, root};

/// Files of the repository that go into the archive.
const FILES: [&str; 5] =
    ["README.md", "LICENSE", "CHANGELOG.md", "docs/deploy.md", "deploy/systemd/tidegate.service"];

pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::default();
    let name = format!("tidegate-{}-{}", version()?, target()?);
    let folder = root().join("target/dist");
    steps.run("build", build)?;
    steps.run("pack", || pack(&folder, &name))?;
    steps.run("check", || check(&folder, &name))?;
    steps.summary();
    report(&folder, &name)
}

/// Only the last link differs from `cargo build --release`, whose packages are used as they are.
fn build() -> Result<()> {
    let mut rustc = cargo(&["rustc", "--locked", "--release", "--package", "tidegate-cli"]);
    step::run(rustc.args(["--bin", "tidegate", "--", "-C", "strip=symbols"]))
}

fn pack(folder: &Path, name: &str) -> Result<()> {
    let inside = folder.join(name);
    if inside.exists() {
        fs::remove_dir_all(&inside).context("cannot remove an old archive's files")?;
    }
    fs::create_dir_all(&inside)?;
    let binary = root().join("target/release/tidegate");
    fs::copy(&binary, inside.join("tidegate"))
        .with_context(|| format!("cannot copy {}", binary.display()))?;
    for file in FILES {
        let base = Path::new(file).file_name().context("a file name")?;
        fs::copy(root().join(file), inside.join(base))
            .with_context(|| format!("cannot copy {file}"))?;
    }
    let mut tar = Command::new("tar");
    tar.args(["-czf", &archive(name), name]).current_dir(folder);
    step::run(&mut tar)?;
    fs::remove_dir_all(&inside).context("cannot remove the archive's files")
}

/// Unpacks it as a user would, and asks the binary what it is.
fn check(folder: &Path, name: &str) -> Result<()> {
    let place = folder.join("check");
    fs::create_dir_all(&place)?;
    let mut tar = Command::new("tar");
    tar.args(["-xzf", &format!("../{}", archive(name))]).current_dir(&place);
    step::run(&mut tar)?;
    let said = output(Command::new(place.join(name).join("tidegate")).arg("--version"));
    fs::remove_dir_all(&place)?;
    let expected = format!("tidegate {}", version()?);
    match said {
        Some(said) if said.trim() == expected => Ok(()),
        said => bail!("the packed binary says {said:?}, not {expected:?}"),
    }
}

/// Prints path and size of the archive, and the size of the binary.
fn report(folder: &Path, name: &str) -> Result<()> {
    let mebibytes = |path: &Path| -> Result<String> {
        let bytes = fs::metadata(path)?.len();
        // One digit after the point is all that is shown.
        Ok(format!("{}.{} MiB", bytes >> 20, ((bytes % (1 << 20)) * 10) >> 20))
    };
    let binary = mebibytes(&root().join("target/release/tidegate"))?;
    let packed = mebibytes(&folder.join(archive(name)))?;
    let path = format!("target/dist/{}", archive(name));
    writeln!(std::io::stdout(), "{path}: {packed}, the binary alone {binary}")
        .context("cannot write to stdout")
}

fn archive(name: &str) -> String {
    format!("{name}.tar.gz")
}

/// The version of the workspace.
fn version() -> Result<String> {
    let id = output(&mut cargo(&["pkgid", "--package", "tidegate-cli"]));
    let id = id.context("`cargo pkgid` failed")?;
    let version = id.trim().rsplit(['#', '@']).next().context("a version")?;
    Ok(version.to_owned())
}

/// The target that cargo builds for, such as `x86_64-unknown-linux-gnu`.
fn target() -> Result<String> {
    let text = output(Command::new("rustc").arg("-vV").current_dir(root()));
    let text = text.context("`rustc -vV` failed")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}
