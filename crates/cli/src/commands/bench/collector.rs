//! The real collector (`tidegate serve`) as a child process, so that its memory and CPU are its
//! own.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::child::{command, failed};
use super::process;
use crate::exit::Failure;
use crate::printer::Printer;

/// Opening a large database may take a while.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Collector {
    child: Child,
    pub(super) url: String,
    _talk: JoinSet<()>,
    /// Removed with everything in it at the end, unless a directory was given.
    _temporary: Option<TempDir>,
}

impl Collector {
    /// Starts one on a directory that is kept, or on a temporary one.
    pub(super) async fn start(data_dir: Option<&Path>) -> Result<Self, Failure> {
        let started: anyhow::Result<Self> = start(data_dir).await;
        started.context("cannot start the collector").map_err(failed)
    }

    /// Most memory that it ever had resident, and the CPU it used, so far.
    pub(super) fn usage(&self) -> (Option<u64>, Option<f64>) {
        let pid = self.child.id();
        (pid.and_then(process::peak_rss_bytes_of), pid.and_then(process::cpu_seconds_of))
    }

    /// Asks it to stop and waits.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        let stopped = async {
            let pid = self.child.id().context("it has ended by itself")?;
            let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
            let pid = pid.context("no process id")?;
            rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
            let status = timeout(STOP, self.child.wait()).await.context("it does not stop")??;
            anyhow::ensure!(status.success(), "it ended with {status}");
            Ok(())
        };
        let stopped: anyhow::Result<()> = stopped.await;
        stopped.context("the collector did not stop cleanly").map_err(failed)
    }
}

async fn start(data_dir: Option<&Path>) -> anyhow::Result<Collector> {
    let temporary = if data_dir.is_none() { Some(tempfile::tempdir()?) } else { None };
    let dir = data_dir.or(temporary.as_ref().map(TempDir::path)).context("no directory")?;
    let mut child = command()?
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let stderr = child.stderr.take().ok_or_else(|| anyhow!("no output"))?;
    let mut lines = BufReader::new(stderr).lines();
    let mut said = Vec::new();
    let url = timeout(START, async {
        while let Some(line) = lines.next_line().await? {
            if let Some(url) = line.strip_prefix("listening on ") {
                return anyhow::Ok(Some(url.to_owned()));
            }
            said.push(line);
        }
        Ok(None)
    })
    .await
    .context("it does not say where it listens")??;
    let url = url.ok_or_else(|| anyhow!("it said {:?}", said.join("; ")))?;
    // Read to the end, so that a full pipe never stops it; trouble is the user's to see.
    let mut talk = JoinSet::new();
    talk.spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains("WARN") || line.contains("ERROR") {
                Printer.say(format_args!("collector: {line}"));
            }
        }
    });
    Ok(Collector { child, url, _talk: talk, _temporary: temporary })
}
