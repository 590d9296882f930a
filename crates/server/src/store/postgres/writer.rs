//! Takes requests that write rows, and commits those together that arrive together.
//!
//! While one group is on its way, requests queue up; the next group takes them all. Each request is
//! applied whole or not at all: one that cannot be applied leaves its group, which is tried again.

use std::collections::HashSet;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tidegate_model::{Destination, RowId, XactId};
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::database::Database;
use super::write::{self, Failure};
use crate::clock;
use crate::store::{RowWrite, StoreError, Watch};

/// Groups under way at once: while one waits for the disk of the database, the next is sent.
const GROUPS: usize = 3;
/// Requests waiting for a group; their bytes are bounded where bodies are read.
const QUEUE_REQUESTS: usize = 1_024;
/// A group takes no more than this, so that its first request is not kept waiting.
const GROUP_REQUESTS: usize = 256;
/// See [`GROUP_REQUESTS`].
const GROUP_BYTES: usize = 8 << 20;
/// How long a request waits for a place in the queue.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(30);
/// For all statements of a group and its commit; each has a limit of its own in the database.
const GROUP_TIMEOUT: Duration = Duration::from_secs(120);
/// How often a group is tried that others of its kind got in the way of.
const TRIES: u32 = 8;

struct Job {
    rows: Vec<RowWrite>,
    bytes: usize,
    reply: oneshot::Sender<Result<XactId, StoreError>>,
}

pub(super) struct Writer {
    /// `None` once closed.
    sender: Mutex<Option<mpsc::Sender<Job>>>,
    tasks: TaskTracker,
    watch: Watch,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts on a migrated database; `bell` is rung after each commit. Needs a runtime.
    pub(super) fn start(database: Database, bell: Arc<Notify>, watch: Watch) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_REQUESTS);
        let receiver = Arc::new(AsyncMutex::new(receiver));
        let groups = Arc::new(Groups { database, bell, watch: watch.clone() });
        let tasks = TaskTracker::new();
        for _ in 0..GROUPS {
            tasks.spawn(run(Arc::clone(&groups), Arc::clone(&receiver)));
        }
        tasks.close();
        Self { sender: Mutex::new(Some(sender)), tasks, watch }
    }

    /// Applies the rows of a request, in order, under one new transaction id; returns once they
    /// are durable.
    ///
    /// # Cancel safety
    /// The rows are applied all the same once the request has its place in the queue.
    pub(super) async fn write(
        &self,
        rows: Vec<RowWrite>,
        bytes: usize,
    ) -> Result<XactId, StoreError> {
        let sender = lock(&self.sender).clone().ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        match tokio::time::timeout(QUEUE_TIMEOUT, sender.reserve()).await {
            Ok(Ok(place)) => {
                self.watch.metrics.queued();
                place.send(Job { rows, bytes, reply });
                answer.await.unwrap_or(Err(StoreError::Closed))
            }
            Ok(Err(_)) => Err(StoreError::Closed),
            Err(_) => {
                self.watch.metrics.shed("queue");
                Err(StoreError::Overloaded)
            }
        }
    }

    /// Finishes the queue and ends.
    pub(super) async fn close(&self) {
        drop(lock(&self.sender).take());
        self.tasks.wait().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Groups {
    database: Database,
    bell: Arc<Notify>,
    watch: Watch,
}

async fn run(groups: Arc<Groups>, receiver: Arc<AsyncMutex<mpsc::Receiver<Job>>>) {
    loop {
        let mut jobs = {
            let mut receiver = receiver.lock().await;
            let Some(first) = receiver.recv().await else { return };
            let mut bytes = first.bytes;
            let mut jobs = vec![first];
            while jobs.len() < GROUP_REQUESTS && bytes < GROUP_BYTES {
                let Ok(job) = receiver.try_recv() else { break };
                bytes += job.bytes;
                jobs.push(job);
            }
            jobs
        };
        groups.watch.metrics.taken(jobs.len());
        while !jobs.is_empty() {
            let later = split_off_repeated(&mut jobs);
            groups.commit(jobs).await;
            jobs = later;
        }
    }
}

impl Groups {
    /// Commits a group, less those that cannot be applied, and answers all of them.
    async fn commit(&self, mut jobs: Vec<Job>) {
        let mut tries = 0;
        while !jobs.is_empty() {
            tries += 1;
            let began = clock::monotonic();
            let attempt = AssertUnwindSafe(self.attempt(&jobs)).catch_unwind();
            let result = match tokio::time::timeout(GROUP_TIMEOUT, attempt).await {
                Ok(result) => result.unwrap_or(Err(Failure::All(StoreError::Panicked))),
                // The transaction is rolled back, or was committed: the rows may come again.
                Err(_) => Err(Failure::All(StoreError::Overloaded)),
            };
            match result {
                Ok(xacts) => {
                    self.watch.space.note(Ok(())).ok();
                    self.watch.metrics.committed(jobs.len(), began.elapsed());
                    self.bell.notify_one();
                    for (job, xact) in jobs.drain(..).zip(xacts) {
                        // Nobody waiting is fine: the client went away, the rows are stored.
                        job.reply.send(Ok(xact)).ok();
                    }
                }
                Err(Failure::Request(index, error)) => {
                    jobs.remove(index).reply.send(Err(error)).ok();
                }
                // Deadlocks end by themselves; nothing was written.
                Err(Failure::All(StoreError::Overloaded))
                    if tries < TRIES && began.elapsed() < GROUP_TIMEOUT =>
                {
                    tokio::time::sleep(Duration::from_millis(u64::from(5 * tries))).await;
                }
                // Something in one of them that the database does not take: the others go alone.
                Err(Failure::All(StoreError::Engine(_))) if jobs.len() > 1 => {
                    for job in jobs.drain(..) {
                        Box::pin(self.commit(vec![job])).await;
                    }
                }
                Err(Failure::All(error)) => {
                    let error = match self.watch.space.note(Err::<(), _>(error)) {
                        Ok(()) => StoreError::Panicked,
                        Err(error) => error,
                    };
                    let is_full = matches!(error, StoreError::DiskFull);
                    self.watch.metrics.commit_failed(if is_full { "disk_full" } else { "error" });
                    tracing::error!(target: "server::store", error = ?error, "commit failed");
                    for job in jobs.drain(..) {
                        job.reply.send(Err(error.clone())).ok();
                    }
                }
            }
        }
    }

    async fn attempt(&self, jobs: &[Job]) -> Result<Vec<XactId>, Failure> {
        let mut client = self.database.client().await?;
        let transaction = client.transaction().await.map_err(StoreError::from)?;
        let requests: Vec<&[RowWrite]> = jobs.iter().map(|job| &*job.rows).collect();
        let xacts = write::apply(&transaction, &requests).await.map_err(in_time)?;
        transaction
            .commit()
            .await
            .map_err(StoreError::from)
            .map_err(Failure::All)
            .map_err(in_time)?;
        Ok(xacts)
    }
}

/// A write that had to wait too long is as good later, where a read would take as long again.
fn in_time(failure: Failure) -> Failure {
    match failure {
        Failure::All(StoreError::Interrupted) => Failure::All(StoreError::Overloaded),
        other => other,
    }
}

/// Takes requests out that change a row of a dataset which one before them changes: each state of
/// such a row is kept, so each needs a transaction of its own.
fn split_off_repeated(jobs: &mut Vec<Job>) -> Vec<Job> {
    let mut seen: HashSet<(String, RowId)> = HashSet::new();
    let mut first = None;
    'jobs: for (index, job) in jobs.iter().enumerate() {
        let mut own = HashSet::new();
        for row in &job.rows {
            let Destination::Dataset(dataset) = &row.destination else { continue };
            let key = (dataset.clone(), row.id.clone());
            if seen.contains(&key) {
                first = Some(index);
                break 'jobs;
            }
            own.insert(key);
        }
        seen.extend(own);
    }
    first.map_or_else(Vec::new, |first| jobs.split_off(first))
}
