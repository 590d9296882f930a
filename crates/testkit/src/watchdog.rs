//! Ends what a test program has started and left behind when it died, even by `kill -9`.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A shell in a process group of its own. Its stdin is closed by the end of this process, however
/// that comes: not even the thread that started it must live on, as it would have to with
/// `PR_SET_PDEATHSIG`, and each test is a thread.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shell: Child,
    alive: Option<ChildStdin>,
}

impl Watchdog {
    /// Runs a script once nobody holds the other end of its stdin. `shell` is `/bin/sh` as the user
    /// who may clean up, in a process group of its own. The script must do nothing if this process
    /// has cleaned up itself.
    pub(crate) fn start(
        mut shell: Command,
        script: &str,
        arguments: &[&OsStr],
    ) -> io::Result<Self> {
        shell.args(["-c", &format!("read -r _\n{script}"), "sh"]).args(arguments);
        let mut shell =
            shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let alive = shell.stdin.take();
        Ok(Self { shell, alive })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // All is cleaned up by now, so there is nothing left for it to do.
        self.alive.take();
        self.shell.wait().ok();
    }
}
