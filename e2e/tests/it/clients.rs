//! Running the programs with the installed clients.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tidegate_testkit::{Finished, ServerProcess, built_binary, get, run};

pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A server on a fresh data directory.
pub(crate) struct World {
    pub(crate) server: ServerProcess,
    _data: TempDir,
}

impl World {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts it with more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let data = TempDir::new().expect("a temporary directory");
        let server = ServerProcess::start(&built_binary(), data.path(), arguments);
        Self { server, _data: data }
    }

    /// Asks the server to stop, and waits until it has.
    pub(crate) fn stop(self) {
        assert!(self.server.terminate().success());
    }

    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    /// Runs the program of a flow, which reads `VARIANT` from its environment.
    pub(crate) fn run(&self, client: Client, flow: &str, variant: &str) -> Finished {
        run(&mut command(self.url(), client, flow, variant), DEADLINE)
    }

    /// Opens an address of this server as a browser does, and returns where it led.
    ///
    /// # Panics
    /// If it leads nowhere.
    pub(crate) fn open(&self, address: &str) -> String {
        let mut address = address.to_owned();
        for _ in 0..5 {
            let path = address.strip_prefix(self.url()).unwrap_or(&address).to_owned();
            assert!(path.starts_with('/'), "{address} is not of {}", self.url());
            let reply = get(self.url(), &path);
            let location = reply.headers.iter().find_map(|line| line.strip_prefix("location: "));
            match (reply.status, location) {
                (300..400, Some(location)) => location.clone_into(&mut address),
                (200, _) => return path,
                (status, _) => panic!("{address} answers {status}: {}", reply.text),
            }
        }
        panic!("{address} leads in circles");
    }

    /// What the program of a flow prints as JSON in its last line on stdout.
    pub(crate) fn report(&self, client: Client, flow: &str, variant: &str) -> Value {
        reported(self.run(client, flow, variant))
    }
}

/// What a program prints as JSON in its last line on stdout.
pub(crate) fn reported(finished: Finished) -> Value {
    let finished = finished.success();
    let json = serde_json::from_str(finished.stdout.lines().last().unwrap_or_default());
    json.unwrap_or_else(|error| panic!("{error}: {}", finished.stdout))
}

/// The program of a flow with a client, for a server that need not run.
pub(crate) fn command(url: &str, client: Client, flow: &str, variant: &str) -> Command {
    let mut command = match client {
        Client::Npm(version) => javascript(version, &format!("{flow}.mjs")),
        Client::PyPi => python("venv", &format!("{flow}_program.py")),
        Client::OtelJs => javascript("otlp", &format!("{flow}.mjs")),
        Client::OtelPython => python("venv-otlp", &format!("{flow}_program.py")),
    };
    configure(&mut command, url);
    command.env("VARIANT", variant);
    command
}

/// Sets what the clients need, and lets nothing of the developer's own settings reach them.
pub(crate) fn configure(command: &mut Command, url: &str) {
    let exporters = ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME"];
    let clients = ["BRAINTRUST_API_URL", "BRAINTRUST_PROXY_URL", "BRAINTRUST_ORG_NAME"];
    for name in clients.into_iter().chain(exporters) {
        command.env_remove(name);
    }
    command.env("BRAINTRUST_APP_URL", url).env("BRAINTRUST_API_KEY", "any").env("NO_COLOR", "1");
}

/// A published package, as the lock files have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// `braintrust` from npm, by version.
    Npm(&'static str),
    /// `braintrust` from PyPI.
    PyPi,
    /// OpenTelemetry's SDK and exporters from npm.
    OtelJs,
    /// OpenTelemetry's SDK and exporter from PyPI.
    OtelPython,
}

impl Client {
    /// The newest one.
    pub(crate) const NPM: Self = Self::Npm("3.35.0");
    /// The last but one generation: spans have UUIDs.
    pub(crate) const NPM_3_3: Self = Self::Npm("3.3.0");
    /// From before the upload regression was fixed.
    pub(crate) const NPM_3_1: Self = Self::Npm("3.1.0");
}

/// A program of ours with the packages of one of the lock files.
pub(crate) fn javascript(packages: &str, program: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(beside(packages, program));
    command
}

/// A program of `e2e/js/web`, with the modules beside it.
pub(crate) fn web(program: &str) -> Command {
    let folder = sources().join("js/web");
    for entry in std::fs::read_dir(&folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "mjs") {
            drop(copied("web", &path));
        }
    }
    let mut command = Command::new("node");
    command.arg(copied("web", &folder.join(program)));
    command
}

/// A copy of a program where Node, which resolves packages from there, finds those of a lock file.
pub(crate) fn beside(packages: &str, program: &str) -> PathBuf {
    copied(packages, &sources().join("js").join(program))
}

fn copied(packages: &str, program: &Path) -> PathBuf {
    let installed = target().join(format!("js-{packages}"));
    let copy = installed.join(program.file_name().expect("a name"));
    assert!(
        installed.join("node_modules").exists(),
        "e2e/js/{packages} is not installed: run `cargo xtask test`"
    );
    let source = std::fs::read(program).expect("the program");
    if std::fs::read(&copy).ok().as_ref() != Some(&source) {
        // Renamed into place: tests that run at once copy the same programs.
        let mut file = tempfile::NamedTempFile::new_in(&installed).expect("a temporary file");
        file.write_all(&source).expect("a copy of the program");
        file.persist(&copy).expect("a name for the copy");
    }
    copy
}

/// One browser at a time: two of them take each other's processor, and all tests wait longer.
pub(crate) fn browser() -> MutexGuard<'static, ()> {
    static BROWSER: Mutex<()> = Mutex::new(());
    BROWSER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program of ours with what one of the lock files installs.
pub(crate) fn python(venv: &str, program: &str) -> Command {
    let mut command = Command::new(self::venv(venv));
    command.arg(sources().join("python").join(program));
    command
}

/// The interpreter of an environment that a lock file makes.
pub(crate) fn venv(name: &str) -> PathBuf {
    let python = target().join(name).join("bin/python");
    assert!(python.exists(), "{name} is missing: run `cargo xtask test`");
    python
}

fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test executable");
    // target/<profile>/deps/<test>
    test.ancestors().nth(3).expect("a cargo target directory").join("e2e")
}
