//! Ends a cluster whose test program has died, even by `kill -9`.

use std::io;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};

use super::programs::{User, command};

/// Waits until nobody holds the other end of its stdin, then stops the server and removes the
/// folder. Twice, since `initdb` may have been at work: without its folder it soon fails.
const SCRIPT: &str = r#"
read -r _
if [ -d "$2" ]; then
    "$1/pg_ctl" -D "$2/data" -m immediate stop
    rm -rf "$2"
    sleep 1
    rm -rf "$2"
fi
"#;

/// A shell in a process group of its own. Its stdin is closed by the end of this process, however
/// that comes: not even the thread that started it must live on, as it would have to with
/// `PR_SET_PDEATHSIG`, and each test is a thread.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    alive: Option<ChildStdin>,
}

impl Watchdog {
    pub(super) fn start(programs: &Path, folder: &Path, user: Option<User>) -> io::Result<Self> {
        let mut shell = command(Path::new("/bin/sh"), user, Path::new("/"));
        shell.args(["-c", SCRIPT, "sh"]).arg(programs).arg(folder);
        let mut shell =
            shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let alive = shell.stdin.take();
        Ok(Self { shell, alive })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The folder is gone by now, so there is nothing left for it to do.
        self.alive.take();
        self.shell.wait().ok();
    }
}
