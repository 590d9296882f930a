//! Recording with `perf` a command that it has not started.
//!
//! `perf record COMMAND` would be shorter, but ends the command with SIGTERM as soon as it is
//! interrupted itself, so that a command which stops politely at Ctrl-C could not. Here a shell
//! stops itself, perf attaches to it in a process group of its own, and the shell goes on as the
//! command.

use std::ffi::OsString;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::signal::unix::{self, SignalKind};

use super::script::{FIELDS, Samples};
use crate::args::profile::{CallGraph, Profile};
use crate::exit::Failure;

/// perf reads the symbols of what runs already before it begins.
const ATTACH: Duration = Duration::from_secs(60);
/// When the command has ended, perf writes what it still holds.
const FINISH: Duration = Duration::from_secs(60);
/// Answer of perf to a request on its control channel.
const ACK: &[u8] = b"ack";
const MAX_ERROR_BYTES: u64 = 16 << 10;
/// Bytes of the stack that are copied with each sample.
const STACK_BYTES: u32 = 8_192;

pub(super) const ABSENT: &str = "install it (Debian: apt-get install linux-perf; Ubuntu: \
     linux-tools-generic; Fedora: perf); Linux only";
const FORBIDDEN: &str = "allow it until the next boot with `sudo sysctl kernel.perf_event_paranoid=1`, \
     or run this as root; in a container it needs --cap-add PERFMON and a seccomp profile that has \
     perf_event_open";

/// The command, stopped before its first instruction.
pub(super) struct Stopped {
    child: Child,
    pid: Pid,
}

impl Stopped {
    pub(super) async fn start(program: &Path, arguments: &[OsString]) -> Result<Self, Failure> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", r#"kill -STOP $$; exec "$0" "$@""#]).arg(program).args(arguments);
        // Whatever keeps it from beginning, it does not stay behind.
        shell.kill_on_drop(true);
        let child = shell.spawn().context("cannot start /bin/sh");
        let mut child =
            child.map_err(|error| super::nothing(error, "see the limits of this system"))?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else {
            let ended = child.wait().await?;
            return Err(super::nothing(anyhow!("/bin/sh {ended}"), "see what it says"));
        };
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let stopped = tokio::task::spawn_blocking(move || waitid(WaitId::Pid(pid), options)).await;
        match stopped {
            Ok(Ok(Some(status))) if status.stopped() => Ok(Self { child, pid }),
            _ => {
                child.kill().await.ok();
                let error = anyhow!("/bin/sh did not wait to be profiled");
                Err(super::nothing(error, "see what it says"))
            }
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Ends it before it has begun.
    pub(super) async fn give_up(mut self) {
        self.child.kill().await.ok();
    }

    /// Lets it run to its end, with the signals that this process gets.
    pub(super) async fn run(mut self, signals: &mut Signals) -> io::Result<ExitStatus> {
        kill_process(self.pid, Signal::CONT)?;
        loop {
            let signal = tokio::select! {
                ended = self.child.wait() => return ended,
                signal = signals.next() => signal,
            };
            // Of a key of the terminal the command has got one of its own.
            let is_key = matches!(signal, Signal::INT | Signal::QUIT);
            if !(is_key && is_foreground()) {
                // It may have ended this very moment.
                kill_process(self.pid, signal).ok();
            }
        }
    }
}

/// Signals that end a program unless it does something about them.
pub(super) struct Signals {
    interrupt: unix::Signal,
    quit: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    /// From now on they end this process no more.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            quit: unix::signal(SignalKind::quit())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hang_up: unix::signal(SignalKind::hangup())?,
        })
    }

    /// The next one.
    ///
    /// # Cancel safety
    /// Dropping it has no effect.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv() => Signal::HUP,
        }
    }
}

/// Whether a key of the terminal reaches this process and its command both.
fn is_foreground() -> bool {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else { return false };
    rustix::termios::tcgetpgrp(&terminal).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// A running `perf record`.
pub(super) struct Recording {
    program: PathBuf,
    perf: Child,
    /// Its control channel, which it must not find closed.
    _control: (ChildStdin, ChildStdout),
    data: PathBuf,
}

impl Recording {
    /// Attaches perf to a process and waits until it records.
    ///
    /// # Errors
    /// perf is not allowed to, or does not know what is asked of it.
    pub(super) async fn attach(
        program: &Path,
        pid: Pid,
        profile: &Profile,
        directory: &Path,
    ) -> Result<Self, Failure> {
        let data = directory.join("perf.data");
        let call_graph = match profile.call_graph {
            CallGraph::Dwarf => format!("dwarf,{STACK_BYTES}"),
            CallGraph::Fp => "fp".to_owned(),
        };
        let mut command = Command::new(program);
        // The clock of the processor, which virtual machines have as well, on the clock of the run.
        command.args(["record", "--quiet", "--clockid=CLOCK_MONOTONIC", "--event=cpu-clock"]);
        command
            .args([format!("--freq={}", profile.frequency), format!("--call-graph={call_graph}")]);
        command.arg(format!("--pid={}", pid.as_raw_nonzero()));
        command.args(["--delay=-1", "--control=fd:0,1", "--output"]).arg(&data);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C is for the command; perf ends with it.
        command.process_group(0).kill_on_drop(true);
        let started = command.spawn().with_context(|| format!("cannot run {}", program.display()));
        let mut perf = started.map_err(|error| super::nothing(error, ABSENT))?;
        let (Some(mut input), Some(mut output)) = (perf.stdin.take(), perf.stdout.take()) else {
            return Err(super::nothing(anyhow!("perf has no pipes"), ABSENT));
        };
        let ready = async {
            input.write_all(b"enable\n").await?;
            let mut answer = [0; ACK.len()];
            output.read_exact(&mut answer).await?;
            io::Result::Ok(answer == ACK)
        };
        match tokio::time::timeout(ATTACH, ready).await {
            Ok(Ok(true)) => {
                Ok(Self { program: program.to_owned(), perf, _control: (input, output), data })
            }
            _ => Err(refused(perf).await),
        }
    }

    /// Waits for the end of perf, which comes with that of the command, and reads its samples.
    pub(super) async fn finish(mut self) -> Result<Samples, Failure> {
        let mut errors = self.perf.stderr.take();
        let ended = tokio::time::timeout(FINISH, self.perf.wait()).await;
        let said = words(&mut errors).await;
        match ended {
            Ok(Ok(status)) if status.success() => {}
            Ok(Ok(status)) => {
                let error = anyhow!("perf record failed ({status}){said}");
                return Err(super::nothing(error, "see whether the disk is full (TMPDIR)"));
            }
            _ => {
                let error = anyhow!("perf record did not end with the command{said}");
                return Err(super::nothing(error, "see whether a child of the command still runs"));
            }
        }
        let (program, data) = (self.program, self.data);
        let read = tokio::task::spawn_blocking(move || read(&program, &data)).await;
        read.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}

/// Why perf did not begin.
async fn refused(mut perf: Child) -> Failure {
    let mut errors = perf.stderr.take();
    if tokio::time::timeout(Duration::from_secs(1), perf.wait()).await.is_err() {
        perf.kill().await.ok();
    }
    let said = words(&mut errors).await;
    let signs =
        ["perf_event_paranoid", "ermission", "not permitted", "CAP_PERFMON", "CAP_SYS_ADMIN"];
    match signs.iter().any(|sign| said.contains(sign)) {
        true => super::nothing(anyhow!("perf is not allowed to record{said}"), FORBIDDEN),
        false => super::nothing(
            anyhow!("perf does not record{said}"),
            "it needs Linux and perf 5.10 or later; try another --call-graph",
        ),
    }
}

/// What perf has said, as a clause on one line; empty if it was silent.
async fn words(pipe: &mut Option<tokio::process::ChildStderr>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // A child of perf may hold the pipe open.
        let mut some = pipe.take(MAX_ERROR_BYTES);
        tokio::time::timeout(Duration::from_secs(1), some.read_to_end(&mut bytes)).await.ok();
    }
    let text = String::from_utf8_lossy(&bytes);
    let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "Error:").collect();
    // The first sentences say it; pages of manual follow.
    let short: String = words.join(" ").chars().take(160).collect();
    if short.is_empty() { short } else { format!(": {short}") }
}

/// Lets `perf script` print the samples, and reads along.
fn read(program: &Path, data: &Path) -> Result<Samples, Failure> {
    let mut command = std::process::Command::new(program);
    command.args(["script", "--ns", "--no-inline", "--fields", FIELDS, "--input"]).arg(data);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut samples = || -> anyhow::Result<Samples> {
        let mut perf = command.spawn()?;
        let output = perf.stdout.take().context("no pipe")?;
        let samples = Samples::read(BufReader::with_capacity(1 << 18, output))?;
        let status = perf.wait()?;
        anyhow::ensure!(status.success(), "it failed ({status})");
        Ok(samples)
    };
    samples().map_err(|error| {
        super::nothing(error.context("perf script"), "see `perf script --help` for what it misses")
    })
}
