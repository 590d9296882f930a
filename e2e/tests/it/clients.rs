//! Running the programs with the installed clients.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tidegate_testkit::{Finished, ServerProcess, built_binary, run};

pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A server on a fresh data directory.
pub(crate) struct World {
    pub(crate) server: ServerProcess,
    _data: TempDir,
}

impl World {
    pub(crate) fn start() -> Self {
        let data = TempDir::new().expect("a temporary directory");
        let server = ServerProcess::start(&built_binary(), data.path(), &[]);
        Self { server, _data: data }
    }

    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    pub(crate) fn javascript(&self, program: &str, variant: &str) -> Finished {
        // Node resolves packages from where the program lies, so it runs from a copy.
        let installed = target().join("js");
        let copy = installed.join(program);
        assert!(
            installed.join("node_modules/braintrust").exists(),
            "the npm client is missing: run `cargo xtask test`"
        );
        // Written only if it differs: tests that run at once copy the same programs.
        let source = std::fs::read(sources().join("js").join(program)).expect("the program");
        if std::fs::read(&copy).ok().as_ref() != Some(&source) {
            std::fs::write(&copy, source).expect("a copy of the program");
        }
        self.run(Command::new("node").arg(copy), variant)
    }

    pub(crate) fn python(&self, program: &str, variant: &str) -> Finished {
        self.run(&mut python("venv", program), variant)
    }

    fn run(&self, command: &mut Command, variant: &str) -> Finished {
        // Nothing of the developer's own settings may reach the clients.
        for name in ["BRAINTRUST_API_URL", "BRAINTRUST_PROXY_URL", "BRAINTRUST_ORG_NAME"] {
            command.env_remove(name);
        }
        command
            .env("BRAINTRUST_APP_URL", self.url())
            .env("BRAINTRUST_API_KEY", "any")
            .env("NO_COLOR", "1")
            .env("VARIANT", variant);
        run(command, DEADLINE)
    }
}

/// A program of ours with what one of the lock files installs.
pub(crate) fn python(venv: &str, program: &str) -> Command {
    let python = target().join(venv).join("bin/python");
    assert!(python.exists(), "{venv} is missing: run `cargo xtask test`");
    let mut command = Command::new(python);
    command.arg(sources().join("python").join(program));
    command
}

fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test executable");
    // target/<profile>/deps/<test>
    test.ancestors().nth(3).expect("a cargo target directory").join("e2e")
}
