//! What the tests need from outside: the published clients and viewers, from lock files, into
//! `target/e2e`.
//!
//! Nothing is skipped: what is missing and cannot be installed is listed, and the run fails.

use std::fs;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::print;
use crate::step::{output, root, run as run_command};

/// A program the tests need, how to see that it is there, and the Debian package that has it.
pub(crate) struct Need {
    pub(crate) what: &'static str,
    pub(crate) program: &'static str,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) least: Option<(u32, u32)>,
    pub(crate) package: &'static str,
}

/// What the tests need and cannot get here.
#[derive(Debug)]
pub(crate) struct Missing(String);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the tests need {}: install it and run this again", self.0)
    }
}

impl std::error::Error for Missing {}

pub(crate) const PYTHON: Need = Need {
    what: "Python 3.11 or later",
    program: "python3",
    arguments: &["--version"],
    least: Some((3, 11)),
    package: "python3",
};

pub(crate) const VENV: Need = Need {
    what: "Python's venv with pip",
    program: "python3",
    arguments: &["-c", "import venv, ensurepip"],
    least: None,
    package: "python3-venv",
};

const NEEDS: [Need; 8] = [
    Need {
        what: "Node.js 18 or later",
        program: "node",
        arguments: &["--version"],
        least: Some((18, 0)),
        package: "nodejs",
    },
    Need { what: "npm", program: "npm", arguments: &["--version"], least: None, package: "npm" },
    Need {
        what: "Chromium",
        program: "chromium",
        arguments: &["--version"],
        least: None,
        package: "chromium",
    },
    PYTHON,
    VENV,
    Need {
        what: "OpenSSL, for certificates",
        program: "openssl",
        arguments: &["version"],
        least: None,
        package: "openssl",
    },
    Need {
        what: "a C compiler",
        program: "cc",
        arguments: &["--version"],
        least: None,
        package: "gcc",
    },
    // Debian's package starts a cluster when it is installed. That is none of ours: the tests
    // start their own in a temporary directory, on a port that they look for.
    Need {
        what: "PostgreSQL 15",
        program: "sh",
        arguments: &["-c", POSTGRES_VERSION],
        least: Some((15, 0)),
        package: "postgresql-15",
    },
];

/// Where the tests look for it, in this order; Debian has it in no `PATH`.
const POSTGRES_VERSION: &str =
    "\"${PG_BIN:-/usr/lib/postgresql/15/bin}/postgres\" --version || postgres --version";

/// Versions of the npm client, and other programs of npm, each with its lock file in `e2e/js/<name>`.
const NPM: [&str; 6] = ["3.35.0", "3.3.0", "3.1.0", "otlp", "speedscope", "web"];

/// Python environments in `target/e2e` and the lock files in `e2e/python` they are made from; one
/// for each set of packages, so that they cannot constrain each other's versions.
const VENVS: [(&str, &str); 6] = [
    ("venv", "requirements.lock"),
    ("venv-schemathesis", "schemathesis.lock"),
    ("venv-otlp", "otlp.lock"),
    ("venv-scorers", "scorers.lock"),
    ("venv-statistics", "statistics.lock"),
    ("venv-s3", "s3.lock"),
];

pub(crate) fn run(yes: bool) -> Result<()> {
    ensure(&NEEDS, yes)?;
    let e2e = root().join("target/e2e");
    for name in NPM {
        javascript(&e2e.join(format!("js-{name}")), name)?;
    }
    for (venv, lock) in VENVS {
        python(&e2e.join(venv), lock)?;
    }
    Ok(())
}

/// Installs what is missing, or says what is.
pub(crate) fn ensure(needs: &[Need], yes: bool) -> Result<()> {
    let missing = || needs.iter().filter(|need| !is_there(need)).collect::<Vec<_>>();
    if !missing().is_empty() {
        install(&missing(), yes)?;
    }
    match missing().first() {
        None => Ok(()),
        Some(need) => Err(Missing(need.what.to_owned()).into()),
    }
}

fn is_there(need: &Need) -> bool {
    match (output(Command::new(need.program).args(need.arguments)), need.least) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(text), Some(least)) => version(&text).is_some_and(|version| version >= least),
    }
}

/// The first `major.minor` in a text such as `v20.1.0` or `Python 3.11.7`.
fn version(text: &str) -> Option<(u32, u32)> {
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = text[digits..].split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn install(missing: &[&Need], yes: bool) -> Result<()> {
    let list: Vec<&str> = missing.iter().map(|need| need.what).collect();
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let is_root = output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    let has_apt = output(Command::new("apt-get").arg("--version")).is_some();
    if !(is_root && has_apt) {
        return Err(Missing(list.join(", ")).into());
    }
    if !yes && !confirmed(&packages)? {
        return Err(Missing(list.join(", ")).into());
    }
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    run_command(apt().arg("update"))?;
    run_command(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

fn confirmed(packages: &[&str]) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    print(&format!("apt-get install {}? [y/N] ", packages.join(" ")));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}

/// Installs packages of npm exactly as locked.
fn javascript(target: &Path, name: &str) -> Result<()> {
    let source = root().join("e2e/js").join(name);
    up_to_date(target, &source.join("package-lock.json"), || {
        fs::create_dir_all(target)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(source.join(file), target.join(file))
                .with_context(|| format!("cannot copy e2e/js/{name}/{file}"))?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(target);
        run_command(&mut npm)
    })
}

/// Installs PyPI packages exactly as locked, hashes checked.
pub(crate) fn python(target: &Path, lock: &str) -> Result<()> {
    let lock = root().join("e2e/python").join(lock);
    up_to_date(target, &lock, || {
        if target.exists() {
            fs::remove_dir_all(target).context("cannot remove the old venv")?;
        }
        run_command(Command::new("python3").args(["-m", "venv"]).arg(target))?;
        let mut pip = Command::new(target.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        run_command(pip.args(["--require-hashes", "--requirement"]).arg(&lock))
    })
}

/// Runs an installation unless it was done with the very same lock file. The copy of the lock
/// that says so is written last, so that an interrupted installation starts over.
pub(crate) fn up_to_date(
    target: &Path,
    lock: &Path,
    install: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let wanted = fs::read(lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let stamp = target.join(".installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_print() {
        assert_eq!(version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(version("Python 3.11.7"), Some((3, 11)));
        assert!(version("Python 3.8.1").is_some_and(|version| version < (3, 11)));
        assert_eq!(version("none"), None);
    }
}
