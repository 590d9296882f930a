//! The process: its start, its log and its end.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::watchdog::Watchdog;
use crate::{random, wait};

/// For an interpreter that loads its packages on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often another port is tried.
const PORTS: u32 = 5;
/// Ends the server and removes its folder. The server may be about to start, so this looks twice.
const LEFT_BEHIND: &str = r#"
for again in 1 2; do
    if [ -d "$1" ]; then
        [ -f "$1/pid" ] && kill -9 "$(cat "$1/pid")"
        sleep 1
    fi
done
rm -rf "$1"
"#;
/// Notes the process before it is the server.
const START: &str = r#"echo $$ >pid; exec "$@""#;

/// A running server in a temporary folder. It ends when this is dropped, or when this process ends
/// in any way.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    folder: Folder,
    pub(super) port: u16,
    // Last: it ends once the folder is gone.
    _watchdog: Watchdog,
}

impl Process {
    pub(super) fn start() -> io::Result<Self> {
        let python = python()?;
        let folder = Folder::make()?;
        let watchdog =
            Watchdog::start(shell(Path::new("/")), LEFT_BEHIND, &[folder.0.as_os_str()])?;
        let mut tries = 0;
        loop {
            let port = random::fixed_port();
            tries += 1;
            match start_once(&python, &folder.0, port) {
                Ok(child) => return Ok(Self { child, folder, port, _watchdog: watchdog }),
                // Somebody was faster.
                Err(error) if tries < PORTS && error.to_string().contains("in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn log(&self) -> String {
        log(&self.folder.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("tidegate-s3-{}", random::hex()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn start_once(python: &Path, folder: &Path, port: u16) -> io::Result<Child> {
    let mut server = shell(folder);
    server.args(["-c", START, "sh"]).arg(python);
    // Isolated: nothing of the user's own packages.
    server.args(["-I", "-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
    let log_file = File::create(folder.join("log"))?;
    let mut child = server.stdout(Stdio::null()).stderr(log_file).spawn()?;
    let started = wait::until(DEADLINE, || match child.try_wait() {
        // Said once it listens. Whether the port answers would not do: it could be another's.
        Ok(None) => log(folder).contains("Running on http://").then_some(Ok(None)),
        ended => Some(ended),
    });
    match started {
        Some(Ok(None)) => Ok(child),
        Some(Ok(Some(status))) => {
            let said = log(folder);
            Err(io::Error::other(format!("the S3 server ended ({status}): {}", said.trim())))
        }
        Some(Err(error)) => Err(error),
        None => {
            child.kill().ok();
            child.wait()?;
            let said = log(folder);
            Err(io::Error::other(format!("the S3 server does not come up: {}", said.trim())))
        }
    }
}

/// A shell that sees nothing of this environment, and whose signals do not come from the terminal.
fn shell(folder: &Path) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    shell.current_dir(folder).stdin(Stdio::null()).process_group(0);
    shell
}

fn log(folder: &Path) -> String {
    let bytes = fs::read(folder.join("log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The interpreter that has moto.
fn python() -> io::Result<PathBuf> {
    let test = std::env::current_exe()?;
    // target/<profile>/deps/<test>
    let target = test.ancestors().nth(3).unwrap_or(Path::new("target"));
    let python = target.join("e2e/venv-s3/bin/python");
    if python.exists() {
        return Ok(python);
    }
    Err(io::Error::other(format!("{} is not installed: run `cargo xtask setup`", python.display())))
}
