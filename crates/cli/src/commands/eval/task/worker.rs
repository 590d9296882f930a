//! Programs that live on: one line in, one line out.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tidegate_eval::TaskError;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, ChildStdout};

use super::group::{Group, ending};
use super::program::{Caller, MAX_ANSWER_BYTES};

/// How long a worker may take to end once its input has.
const CLOSE: Duration = Duration::from_secs(2);

/// Workers that wait for a case. There are never more than cases at once.
#[derive(Debug, Default)]
pub(super) struct Workers {
    idle: Mutex<Vec<Worker>>,
}

#[derive(Debug)]
struct Worker {
    group: Group,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Cases that it has answered.
    answered: u64,
}

impl Workers {
    /// Asks a waiting worker, or a new one. A worker goes back only after exactly one answer.
    ///
    /// # Cancel safety
    /// Dropping it ends the worker, whose answer would be taken for that of another case.
    pub(super) async fn ask(&self, caller: &Caller, line: &[u8]) -> Result<Vec<u8>, TaskError> {
        let mut worker = loop {
            match self.with(Vec::pop) {
                Some(worker) if worker.said_more() => {
                    let shown = &caller.shown;
                    return Err(TaskError::new(format!(
                        "{shown} printed a line that no case had asked for, so its answers may \
                         belong to other cases; print one line per case, and the rest on stderr"
                    )));
                }
                // One that has ended since its last case, perhaps on purpose.
                Some(worker) if worker.group.has_ended() => {}
                Some(worker) => break worker,
                None => break Worker::start(caller)?,
            }
        };
        let answer = worker.ask(caller, line).await?;
        if worker.said_more() {
            let shown = &caller.shown;
            return Err(TaskError::new(format!(
                "{shown} printed more than one line for a case; print one, and the rest on stderr"
            )));
        }
        self.with(|idle| idle.push(worker));
        Ok(answer)
    }

    /// Closes the input of all workers, and ends those that do not end by themselves.
    pub(super) async fn close(&self) {
        let workers = self.with(std::mem::take);
        let closing = workers.into_iter().map(|worker| async move {
            let Worker { mut group, stdin, stdout, .. } = worker;
            drop((stdin, stdout));
            tokio::time::timeout(CLOSE, group.ended()).await.ok();
        });
        join_all(closing).await;
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<Worker>) -> T) -> T {
        work(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Worker {
    fn start(caller: &Caller) -> Result<Self, TaskError> {
        let started = Group::start(caller.command());
        let (group, stdin, stdout) = started
            .map_err(|error| TaskError::new(format!("cannot start {}: {error}", caller.shown)))?;
        Ok(Self { group, stdin, stdout: BufReader::new(stdout), answered: 0 })
    }

    /// Whether there is output beyond the last answer.
    fn said_more(&self) -> bool {
        if !self.stdout.buffer().is_empty() {
            return true;
        }
        let mut pipe = [PollFd::new(self.stdout.get_ref(), PollFlags::IN)];
        let ready = poll(&mut pipe, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        // At its end a pipe is ready without data, and says so by another flag.
        ready.is_ok_and(|ready| ready > 0) && pipe[0].revents().contains(PollFlags::IN)
    }

    async fn ask(&mut self, caller: &Caller, line: &[u8]) -> Result<Vec<u8>, TaskError> {
        let mut bytes = exchange(&mut self.stdin, &mut self.stdout, line).await?;
        let shown = &caller.shown;
        match bytes.pop() {
            Some(b'\n') => {
                self.answered += 1;
                Ok(bytes)
            }
            Some(_) if bytes.len() >= MAX_ANSWER_BYTES => {
                let most = MAX_ANSWER_BYTES;
                Err(TaskError::new(format!("{shown} printed a line of more than {most} bytes")))
            }
            _ => Err(TaskError::new(self.died(shown).await)),
        }
    }

    /// Its output has ended: either it has, or it will not answer any more.
    async fn died(&mut self, shown: &str) -> String {
        let ended = tokio::time::timeout(CLOSE, self.group.ended()).await;
        let how = match ended {
            Ok(Ok(status)) => ending(status),
            Ok(Err(error)) => format!("is gone ({error})"),
            Err(_) => {
                self.group.kill();
                "closed its output".to_owned()
            }
        };
        let said = self.group.last_words().await;
        let before = self.answered;
        format!("{shown} {how} before it answered, after {before} answers{said}")
    }
}

/// Writes a line and reads one.
async fn exchange(
    stdin: &mut ChildStdin,
    stdout: &mut BufReader<ChildStdout>,
    line: &[u8],
) -> Result<Vec<u8>, TaskError> {
    let write = async {
        stdin.write_all(line).await?;
        stdin.flush().await
    };
    let read = async {
        let mut bytes = Vec::new();
        let mut capped = stdout.take(MAX_ANSWER_BYTES as u64 + 1);
        capped.read_until(b'\n', &mut bytes).await.map(|_| bytes)
    };
    // Together: both pipes could be full at once otherwise. What went wrong with writing shows in
    // what is read.
    let (mut write, mut read) = (pin!(write), pin!(read));
    let mut written = false;
    let bytes = loop {
        tokio::select! {
            bytes = &mut read => break bytes,
            _ = &mut write, if !written => written = true,
        }
    };
    let bytes = bytes.map_err(TaskError::new)?;
    if !written && bytes.ends_with(b"\n") {
        // An answer before the question was read; the rest of it must not reach the next one.
        write.await.map_err(TaskError::new)?;
    }
    Ok(bytes)
}
