//! Programs with a deadline.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a program said and how it ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
}

impl Finished {
    /// Asserts success.
    ///
    /// # Panics
    /// With everything the program said, if it failed.
    #[must_use]
    pub fn success(self) -> Self {
        assert!(
            self.status.success(),
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// Runs a command to its end.
///
/// # Panics
/// If it cannot be started, or is still running at the deadline (it is killed then).
#[must_use]
pub fn run(command: &mut Command, deadline: Duration) -> Finished {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let stdout = collect(child.stdout.take().expect("piped"));
    let stderr = collect(child.stderr.take().expect("piped"));
    let (ended, end) = std::sync::mpsc::sync_channel(1);
    let pid = child.id();
    let waiter = thread::spawn(move || {
        let status = child.wait();
        ended.send(()).ok();
        status
    });
    if end.recv_timeout(deadline).is_err() {
        // By id, since the handle is with the waiting thread.
        Command::new("kill").args(["-9", &pid.to_string()]).status().ok();
        let (stdout, stderr) = (text(stdout), text(stderr));
        panic!("{command:?} ran beyond {deadline:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
    }
    let status = waiter.join().expect("waiting does not panic").expect("a child to wait for");
    Finished { status, stdout: text(stdout), stderr: text(stderr) }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).ok();
        bytes
    })
}

fn text(bytes: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.join().expect("reading does not panic")).into_owned()
}
