//! A child process with all that it starts: one process group, which ends as a whole.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

/// How much of stderr is kept for messages: the end, where errors stand.
const TAIL_BYTES: usize = 64 << 10;
const MOST_LINES: usize = 20;
const MOST_CHARS: usize = 2_000;
/// How long pipes may stay open when their group is gone; only a process that has left the group
/// holds them.
const DRAIN: Duration = Duration::from_secs(1);

/// A running group. Dropping it kills all of it.
#[derive(Debug)]
pub(super) struct Group {
    child: Child,
    leader: Pid,
    stderr: Tail,
    readers: JoinSet<()>,
}

/// The end of what a program has said on stderr.
#[derive(Debug, Clone, Default)]
struct Tail(Arc<Mutex<Vec<u8>>>);

impl Group {
    /// Starts a command in a group of its own, with pipes to all three streams.
    pub(super) fn start(mut command: Command) -> io::Result<(Self, ChildStdin, ChildStdout)> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn()?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let gone = || io::Error::other("the process has no id");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (stdin, stdout) = stdin.zip(stdout).ok_or_else(gone)?;
        let stderr = Tail::default();
        let mut readers = JoinSet::new();
        if let Some(pipe) = child.stderr.take() {
            readers.spawn(stderr.clone().fill(pipe));
        }
        let leader = leader.ok_or_else(gone)?;
        Ok((Self { child, leader, stderr, readers }, stdin, stdout))
    }

    /// Whether the leader has ended; it is not reaped by this.
    pub(super) fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // An error means that there is no such child any more.
        !matches!(waitid(WaitId::Pid(self.leader), options), Ok(None))
    }

    /// Waits for the end of the leader, and ends what it left behind while its id still names the
    /// group.
    ///
    /// # Cancel safety
    /// Dropping it changes nothing.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        // Listening before looking, or an end in between would be missed.
        let mut children = signal(SignalKind::child())?;
        while !self.has_ended() {
            children.recv().await;
        }
        self.kill();
        self.child.wait().await
    }

    /// Kills the group, unless its leader is reaped and the id may be another's.
    pub(super) fn kill(&self) {
        if self.child.id().is_some() {
            // Fails if all of it is gone already.
            kill_process_group(self.leader, Signal::KILL).ok();
        }
    }

    /// The last lines on stderr, as a clause for a message; empty if there are none. Waits a moment
    /// for what is still in the pipe.
    pub(super) async fn last_words(&mut self) -> String {
        let drained = async { while self.readers.join_next().await.is_some() {} };
        tokio::time::timeout(DRAIN, drained).await.ok();
        self.stderr.text()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The runtime reaps the leader.
        self.kill();
    }
}

impl Tail {
    async fn fill(self, mut pipe: ChildStderr) {
        let mut buffer = vec![0; 8 << 10];
        while let Ok(read) = pipe.read(&mut buffer).await {
            if read == 0 {
                return;
            }
            let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            tail.extend_from_slice(&buffer[..read]);
            let excess = tail.len().saturating_sub(TAIL_BYTES);
            tail.drain(..excess);
        }
    }

    fn text(&self) -> String {
        let tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&tail);
        let lines: Vec<&str> =
            text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let last = lines[lines.len().saturating_sub(MOST_LINES)..].join("\n");
        let excess = last.chars().count().saturating_sub(MOST_CHARS);
        match last.is_empty() {
            true => String::new(),
            false => format!(": {}", last.chars().skip(excess).collect::<String>()),
        }
    }
}

/// Reads to the end, at most `limit` bytes; `None` if there are more.
pub(super) async fn read_capped(
    pipe: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    pipe.take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

/// How a program ended, in words.
pub(super) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
