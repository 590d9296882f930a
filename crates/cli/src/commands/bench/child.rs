//! Processes that a benchmark starts: this very program, with other arguments.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::model::Report;
use crate::args::bench::Latency;
use crate::exit::Failure;

const START: Duration = Duration::from_secs(10);
const STOP: Duration = Duration::from_secs(5);

/// The built-in server, in a process of its own, so that CPU and memory are the client's.
#[derive(Debug)]
pub(super) struct ModelServer {
    child: Child,
    pub(super) url: String,
}

impl ModelServer {
    pub(super) async fn start(latency: &Latency) -> Result<Self, Failure> {
        let started = async {
            let mut child = command()?
                .args(["bench", "model"])
                .args(arguments(latency))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            let stdout = child.stdout.take().ok_or_else(|| anyhow!("no output"))?;
            let mut line = String::new();
            timeout(START, BufReader::new(stdout).read_line(&mut line)).await??;
            let url = line.trim().to_owned();
            anyhow::ensure!(url.starts_with("http"), "it said {url:?}");
            Ok(Self { child, url })
        };
        let started: anyhow::Result<Self> = started.await;
        started.context("cannot start the built-in server").map_err(failed)
    }

    pub(super) async fn report(&self) -> Result<Report, Failure> {
        let get = async {
            let client = reqwest::Client::builder().timeout(START).build()?;
            let url = format!("{}/bench/report", self.url);
            let text = client.get(url).send().await?.error_for_status()?.bytes().await?;
            Ok(serde_json::from_slice(&text)?)
        };
        let report: anyhow::Result<Report> = get.await;
        report.context("the built-in server does not report").map_err(failed)
    }

    /// Ends it by ending its input.
    pub(super) async fn stop(mut self) {
        drop(self.child.stdin.take());
        if timeout(STOP, self.child.wait()).await.is_err() {
            // Killed by the drop; there is nobody to tell.
            self.child.start_kill().ok();
        }
    }
}

/// This program.
pub(super) fn command() -> io::Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}

pub(super) fn failed(error: anyhow::Error) -> Failure {
    Failure::failed(error, "run it again with --log-level debug, or see `tidegate bench --help`")
}

/// The latency model as it is typed.
pub(super) fn arguments(latency: &Latency) -> Vec<String> {
    let Latency { base, per_row, jitter, error_rate, drop_rate, throttle_rate, seed, .. } = latency;
    let mut arguments = vec![
        format!("--base={}us", base.as_secs_f64() * 1e6),
        format!("--per-row={}us", per_row.as_secs_f64() * 1e6),
        format!("--jitter={}us", jitter.as_secs_f64() * 1e6),
        format!("--error-rate={error_rate}"),
        format!("--drop-rate={drop_rate}"),
        format!("--throttle-rate={throttle_rate}"),
        format!("--seed={seed}"),
    ];
    arguments.extend(latency.bandwidth.map(|bytes| format!("--bandwidth={bytes}")));
    arguments.extend(latency.limit_bytes.map(|bytes| format!("--limit-bytes={bytes}")));
    arguments
}
