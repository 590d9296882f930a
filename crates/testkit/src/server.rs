//! `tidegate serve` as a child process.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::{postgres, s3};

/// Longest wait for a server to come up or to go.
const DEADLINE: Duration = Duration::from_secs(30);
const LISTENING: &str = "listening on ";
const DATABASE: &str = "--database";

/// The binary `tidegate`, for tests of other packages than its own.
///
/// # Panics
/// If it is not built; `cargo xtask test` builds it first.
#[must_use]
pub fn built_binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test executable");
    // target/<profile>/deps/<test>
    let profile = test.parent().and_then(Path::parent).expect("a cargo target directory");
    let binary = profile.join(format!("tidegate{}", std::env::consts::EXE_SUFFIX));
    assert!(
        binary.exists(),
        "{} is not built: run `cargo xtask test`, or `cargo build -p tidegate-cli` first",
        binary.display()
    );
    binary
}

/// A running server; dropping it kills it.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    url: String,
    /// What it said on stderr before and with the address.
    pub first_lines: Vec<String>,
    lines: Receiver<String>,
}

impl ServerProcess {
    /// Starts `tidegate serve` on a data directory and a free port, and waits until it listens. Its
    /// rows are where `TIDEGATE_TEST_STORE` says, unless `extra` names a database.
    ///
    /// # Panics
    /// If it ends instead, or takes too long; with what it said.
    #[must_use]
    pub fn start(binary: &Path, data_dir: &Path, extra: &[&str]) -> Self {
        let database = postgres::database_of(data_dir).filter(|_| !extra.contains(&DATABASE));
        let database = database.iter().flat_map(|url| [DATABASE, url]);
        let extra: Vec<&str> = extra.iter().copied().chain(database).collect();
        Self::start_at("127.0.0.1:0", binary, data_dir, &extra)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts it on an address, with nothing but these arguments.
    ///
    /// # Errors
    /// It ends instead of listening, or takes too long: what it said.
    ///
    /// # Panics
    /// If the program cannot be run at all.
    pub fn start_at(
        address: &str,
        binary: &Path,
        data_dir: &Path,
        extra: &[&str],
    ) -> Result<Self, String> {
        Self::start_with(address, binary, data_dir, extra, &[])
    }

    /// As [`ServerProcess::start_at`], with variables in its environment, and none `AWS_…` but
    /// those.
    ///
    /// # Errors
    /// See [`ServerProcess::start_at`].
    ///
    /// # Panics
    /// If the program cannot be run at all.
    pub fn start_with(
        address: &str,
        binary: &Path,
        data_dir: &Path,
        extra: &[&str],
        environment: &[(&str, String)],
    ) -> Result<Self, String> {
        let mut command = Command::new(binary);
        s3::configure(&mut command, environment);
        let mut child = command
            .args(["serve", "--listen", address, "--data-dir"])
            .arg(data_dir)
            .args(extra)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        // Bounded: what a test does not read beyond this is dropped.
        let (send, lines) = sync_channel(10_000);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // Read on even when nobody wants the lines: a full pipe would stop the server.
                send.try_send(line).ok();
            }
        });
        let mut first_lines = Vec::new();
        loop {
            match lines.recv_timeout(DEADLINE) {
                Ok(line) => {
                    let url = line.strip_prefix(LISTENING).map(str::to_owned);
                    first_lines.push(line);
                    if let Some(url) = url {
                        return Ok(Self { child, url, first_lines, lines });
                    }
                }
                Err(error) => {
                    child.kill().ok();
                    child.wait().ok();
                    let ended = matches!(error, RecvTimeoutError::Disconnected);
                    let what = if ended { "ended" } else { "does not come up" };
                    return Err(format!("the server {what}; it said {first_lines:#?}"));
                }
            }
        }
    }

    /// Base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended, and how.
    ///
    /// # Panics
    /// If the operating system does not say.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of a child")
    }

    /// Lines on stderr that nobody has read yet.
    #[must_use]
    pub fn unread_lines(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// Waits for a line on stderr that contains a text.
    ///
    /// # Panics
    /// If none comes in time.
    #[must_use]
    pub fn line_with(&self, part: &str) -> String {
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) if line.contains(part) => return line,
                Ok(_) => {}
                Err(_) => panic!("the server never said {part:?}"),
            }
        }
    }

    /// Kills it without warning (SIGKILL) and waits for its end.
    pub fn kill(mut self) {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("its end");
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    #[must_use]
    pub fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
        assert!(sent.success(), "no such process");
        // Its stderr ends with the process, so this waits with a deadline.
        while !matches!(self.lines.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected)) {}
        self.child.wait().expect("its end")
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Fails if it has ended already, which is fine.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
