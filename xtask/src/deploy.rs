//! `cargo xtask deploy`: what `deploy/` holds, checked by the tools that know its formats. They come
//! from PyPI by a lock file, two of them as whole programs, and from the system's systemd.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::print;
use crate::setup::{self, Need, PYTHON, VENV};
use crate::step::root;

const NEEDS: [Need; 4] = [
    PYTHON,
    VENV,
    Need {
        what: "systemd-analyze",
        program: "systemd-analyze",
        arguments: &["--version"],
        // `--recursive-errors` of `verify`.
        least: None,
        package: "systemd",
    },
    Need {
        what: "systemd-sysusers",
        program: "systemd-sysusers",
        arguments: &["--version"],
        least: None,
        package: "systemd",
    },
];

/// The oldest Kubernetes that knows all that the manifests use, and the newest that the tool knows.
const KUBERNETES: [&str; 2] = ["1.30", "1.37"];
/// Exposure that `systemd-analyze security` may find in a unit, of 100.
const EXPOSURE: &str = "20";
/// An instance of units that are templates.
const INSTANCE: &str = "8787";

/// What a file is, and so who checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Caddyfile,
    Compose,
    Dockerfile,
    /// What may be added to a unit.
    DropIn,
    Kubernetes,
    Sysusers,
    Unit,
    /// Settings of other files' tools, and examples of `NAME=value`.
    Other,
}

/// By the path below `deploy/`; `None` for what nobody here would check.
fn kind(path: &str) -> Option<Kind> {
    let name = path.rsplit('/').next().unwrap_or(path);
    Some(match name {
        "Caddyfile" => Kind::Caddyfile,
        "Dockerfile" => Kind::Dockerfile,
        "Dockerfile.dockerignore" | ".gitignore" | "yamllint.yaml" => Kind::Other,
        _ if name.ends_with("env.example") => Kind::Other,
        _ if name.ends_with(".service") => Kind::Unit,
        _ if name.ends_with(".conf") && path.contains(".service.d/") => Kind::DropIn,
        _ if name.ends_with(".sysusers") => Kind::Sysusers,
        _ if path.starts_with("compose/") && name.ends_with(".yaml") => Kind::Compose,
        _ if path.starts_with("kubernetes/") && name.ends_with(".yaml") => Kind::Kubernetes,
        _ => return None,
    })
}

pub(crate) fn run(yes: bool) -> Result<()> {
    setup::ensure(&NEEDS, yes)?;
    let tools = root().join("target/tools/deploy");
    fs::create_dir_all(root().join("target/tools"))?;
    setup::python(&tools, "deploy.lock")?;
    let files = Files::find()?;
    yaml(&tools)?;
    compose(&tools, &files)?;
    kubernetes(&tools, &files)?;
    dockerfiles(&tools, &files)?;
    proxies(&tools, &files)?;
    systemd(&files)
}

/// Paths below `deploy/`.
struct Files(Vec<(Kind, String)>);

impl Files {
    fn find() -> Result<Self> {
        let mut paths = Vec::new();
        walk(&root().join("deploy"), "", &mut paths)?;
        paths.sort();
        let known = paths.into_iter().map(|path| {
            let kind = kind(&path).with_context(|| format!("nothing checks deploy/{path}"))?;
            Ok((kind, path))
        });
        Ok(Self(known.collect::<Result<_>>()?))
    }

    /// Relative to the root of the repository. None at all is an error: it moved away unchecked.
    fn of(&self, wanted: Kind) -> Result<Vec<String>> {
        let found = self.0.iter().filter(|(kind, _)| *kind == wanted);
        let found: Vec<String> = found.map(|(_, path)| format!("deploy/{path}")).collect();
        if found.is_empty() {
            bail!("there is no {wanted:?} in deploy/");
        }
        Ok(found)
    }
}

fn walk(directory: &Path, prefix: &str, paths: &mut Vec<String>) -> Result<()> {
    let entries = fs::read_dir(directory);
    for entry in entries.with_context(|| format!("cannot read {}", directory.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // What a user of the compose file keeps there is nobody's business here.
        if name == ".env" {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => walk(&entry.path(), &format!("{prefix}{name}/"), paths)?,
            false => paths.push(format!("{prefix}{name}")),
        }
    }
    Ok(())
}

fn yaml(tools: &Path) -> Result<()> {
    quiet(tool(tools, "yamllint").args(["--strict", "-c", "deploy/yamllint.yaml", "deploy"]))
}

fn compose(tools: &Path, files: &Files) -> Result<()> {
    let mut check = tool(tools, "check-jsonschema");
    check.args(["--builtin-schema", "vendor.compose-spec"]);
    quiet(check.args(files.of(Kind::Compose)?))
}

fn kubernetes(tools: &Path, files: &Files) -> Result<()> {
    let manifests = files.of(Kind::Kubernetes)?;
    for version in KUBERNETES {
        let mut validate = tool(tools, "kubernetes-validate");
        validate.args(["--strict", "--kubernetes-version", version]);
        quiet(validate.args(&manifests))?;
    }
    Ok(())
}

fn dockerfiles(tools: &Path, files: &Files) -> Result<()> {
    let mut lint = tool(tools, "hadolint");
    quiet(lint.args(["--failure-threshold", "style"]).args(files.of(Kind::Dockerfile)?))
}

fn proxies(tools: &Path, files: &Files) -> Result<()> {
    for file in files.of(Kind::Caddyfile)? {
        let mut validate = tool(tools, "caddy");
        // It prepares the site as for a start, storage included, without listening.
        validate.env("TIDEGATE_SITE", "tidegate.example.com").env("XDG_DATA_HOME", tools);
        validate.args(["validate", "--adapter", "caddyfile", "--config"]);
        quiet(validate.arg(&file))?;
        quiet(tool(tools, "caddy").args(["fmt", "--diff"]).arg(&file))?;
    }
    Ok(())
}

/// Checks units in a root of their own, in which the binary is there and so are systemd's own units.
fn systemd(files: &Files) -> Result<()> {
    let place = root().join("target/tools/units");
    if place.exists() {
        fs::remove_dir_all(&place).context("cannot remove the last root of units")?;
    }
    let (units, binary) = (place.join("etc/systemd/system"), place.join("usr/local/bin/tidegate"));
    for directory in [&units, &place.join("usr/local/bin"), &place.join("usr/lib")] {
        fs::create_dir_all(directory)?;
    }
    symlink("usr/lib", place.join("lib"))?;
    quiet(Command::new("cp").args(["-r", "/lib/systemd"]).arg(place.join("usr/lib")))?;
    fs::write(&binary, "#!/bin/sh\n")?;
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;

    let sources = files.of(Kind::Unit)?;
    for source in &sources {
        fs::copy(root().join(source), units.join(name(source)))?;
    }
    let at = format!("--root={}", place.display());
    verify_units(&sources, &at)?;
    for source in files.of(Kind::DropIn)? {
        let target = units.join(source.strip_prefix("deploy/systemd/").unwrap_or(&source));
        fs::create_dir_all(target.parent().context("a drop-in belongs into a directory")?)?;
        fs::copy(root().join(&source), target)?;
    }
    verify_units(&sources, &at)?;
    for file in files.of(Kind::Sysusers)? {
        quiet(Command::new("systemd-sysusers").args(["--dry-run", &at]).arg(root().join(file)))?;
    }
    Ok(())
}

fn verify_units(sources: &[String], at: &str) -> Result<()> {
    for unit in sources.iter().map(|source| name(source).replace("@.", &format!("@{INSTANCE}."))) {
        let mut verify = Command::new("systemd-analyze");
        verify.args(["verify", "--man=no", "--recursive-errors=one", at, &unit]);
        quiet(&mut verify)?;
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE]);
        quiet(security.args([at, &unit]))?;
    }
    Ok(())
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn tool(tools: &Path, name: &str) -> Command {
    let program: PathBuf = tools.join("bin").join(name);
    Command::new(program)
}

/// Runs a command in the root of the repository, and shows what it says only if it fails.
fn quiet(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let program = name(&program);
    let output = command.current_dir(root()).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot start {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    for said in [output.stdout, output.stderr] {
        print(&String::from_utf8_lossy(&said));
    }
    bail!("{program} failed ({})", output.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_somebody_who_checks_it() {
        for (path, expected) in [
            ("Dockerfile", Some(Kind::Dockerfile)),
            ("compose/compose.yaml", Some(Kind::Compose)),
            ("compose/Caddyfile", Some(Kind::Caddyfile)),
            ("compose/env.example", Some(Kind::Other)),
            ("kubernetes/examples/secret.yaml", Some(Kind::Kubernetes)),
            ("systemd/tidegate@.service", Some(Kind::Unit)),
            ("systemd/tidegate@.service.d/bucket.conf", Some(Kind::DropIn)),
            ("systemd/tidegate.sysusers", Some(Kind::Sysusers)),
            ("kubernetes/notes.txt", None),
            ("collector.yaml", None),
            ("systemd/bucket.conf", None),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }

    /// It is a whole file, since tools that know manifests cannot check a patch of one.
    #[test]
    fn collectors_with_a_bucket_are_the_others_but_for_their_files() {
        let read = |name: &str| fs::read_to_string(root().join("deploy/kubernetes").join(name));
        let (plain, bucket) = (read("collector.yaml"), read("examples/bucket.yaml"));
        let bucket = bucket.expect("there");
        let mut lines = bucket.lines();
        let mut missing = Vec::new();
        for line in plain.expect("there").lines() {
            let rest = lines.clone();
            if !lines.any(|other| other == line) {
                lines = rest;
                missing.push(line.trim().to_owned());
            }
        }
        let files = [
            "- {name: files, mountPath: /data}",
            "- name: files",
            "persistentVolumeClaim: {claimName: tidegate-files}",
        ];
        assert_eq!(missing, files);
    }
}
