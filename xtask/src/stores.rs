//! The PostgreSQL of a run, and the suites that run on it as they do on SQLite.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tidegate_testkit::postgres::Cluster;
use tidegate_testkit::{POSTGRES, STORE};

use crate::print;
use crate::step::{cargo, output, root};

/// One for all test programs of a run. Many of them at once keep a connection or more to each of
/// their databases.
const CONNECTIONS: &str = "500";

/// Packages whose tests at collectors run on both stores: the HTTP suite, and published clients
/// against the real binary.
const SUITES: [&str; 2] = ["tidegate-server", "tidegate-e2e"];

/// A PostgreSQL in a temporary directory, stopped and removed when this is dropped or when this
/// process ends in any way.
#[derive(Debug)]
pub(crate) struct Postgres(Cluster);

impl Postgres {
    pub(crate) fn start() -> Result<Self> {
        let cluster = Cluster::quick_with(&[("max_connections", CONNECTIONS)]);
        Ok(Self(cluster.context("the tests need a PostgreSQL of their own")?))
    }

    /// Lets the tests of a command use it.
    pub(crate) fn offer<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(POSTGRES, self.0.url("postgres"))
    }

    /// Passes an outcome on, and shows the end of the log with a failure.
    pub(crate) fn explain<T>(&self, outcome: Result<T>) -> Result<T> {
        if outcome.is_err() {
            print(&format!("== the end of PostgreSQL's log\n{}\n", self.0.log()));
        }
        outcome
    }

    /// The suites once more, with collectors that keep their rows here.
    pub(crate) fn suites(&self) -> Result<Vec<Command>> {
        let programs = test_programs()?;
        let mut suites = Vec::new();
        for package in SUITES {
            let found = programs.iter().find(|program| program.package == package);
            let Some(Program { file, folder, .. }) = found else {
                bail!("{package} has no test program `it`");
            };
            let mut suite = Command::new(file);
            self.offer(suite.current_dir(folder)).env(STORE, "postgres");
            suites.push(suite);
        }
        Ok(suites)
    }
}

/// A built test program, and the folder that cargo would run it in.
struct Program {
    package: &'static str,
    file: PathBuf,
    folder: PathBuf,
}

/// The test programs `it` of the suites, as the run on SQLite has built them. Cargo itself would
/// build them and most of what they need anew, for the features of these packages alone.
fn test_programs() -> Result<Vec<Program>> {
    let build = ["test", "--workspace", "--all-features", "--no-run", "--message-format=json"];
    let messages = output(&mut cargo(&build)).context("cannot build the tests")?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    Ok(messages.filter_map(|message: Value| program(&message)).collect())
}

fn program(message: &Value) -> Option<Program> {
    let target = &message["target"];
    let is_suite = target["name"] == "it" && target["kind"][0] == "test";
    let file = message["executable"].as_str().filter(|_| is_suite)?;
    let manifest = PathBuf::from(message["manifest_path"].as_str()?);
    let folder = manifest.parent()?.to_owned();
    let package = match folder.strip_prefix(root()).ok()?.to_str()? {
        "crates/server" => SUITES[0],
        "e2e" => SUITES[1],
        _ => return None,
    };
    Some(Program { package, file: file.into(), folder })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn suites_are_found_in_what_cargo_says() {
        let message = |folder: &str, name: &str, kind: &str| {
            let manifest = root().join(folder).join("Cargo.toml");
            json!({"manifest_path": manifest, "executable": "target/debug/deps/it-1",
                "target": {"name": name, "kind": [kind]}})
        };
        let found = program(&message("e2e", "it", "test")).expect("a suite");
        assert_eq!((found.package, found.folder), ("tidegate-e2e", root().join("e2e")));
        assert!(program(&message("crates/server", "it", "test")).is_some());
        for (folder, name, kind) in
            [("crates/cli", "it", "test"), ("e2e", "soak", "test"), ("e2e", "it", "bin")]
        {
            assert!(program(&message(folder, name, kind)).is_none(), "{folder} {name}");
        }
        assert!(program(&json!({"reason": "build-finished"})).is_none());
    }
}
