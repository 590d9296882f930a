//! The writer thread: all writes in one order, many requests per commit.
//!
//! While one commit syncs, requests queue up; the next commit takes them all. Each has a savepoint,
//! so that one that fails takes no other with it, and each is answered after the commit.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tidegate_model::{Destination, XactId};
use tokio::sync::{mpsc, oneshot};

use super::changes::{JOURNAL_BYTES, Journal};
use super::checkpoint::Checkpoints;
use crate::clock;
use crate::store::{StoreError, Watch};

/// Requests waiting for the writer; their bytes are bounded where bodies are read.
const QUEUE_REQUESTS: usize = 1_024;
/// A commit takes no more than this, so that its first request is not kept waiting.
const GROUP_REQUESTS: usize = 256;
/// See [`GROUP_REQUESTS`].
const GROUP_BYTES: usize = 16 << 20;
/// How long a request waits for a place in the queue.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(30);
/// Objects whose number is remembered.
const CACHED_OBJECTS: usize = 10_000;

/// What a job works with. Inside a job every statement is part of its savepoint.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: Connection,
    /// Numbers of interned objects; forgotten after a rollback, which may have undone them.
    pub(super) objects: HashMap<Destination, i64>,
    pub(super) journal: Journal,
    last_xact: XactId,
}

impl Session {
    /// Starts on a migrated database, with a journal of at most so many bytes.
    pub(super) fn new(connection: Connection, journal_bytes: i64) -> Result<Self, StoreError> {
        let last: i64 =
            connection.query_row("SELECT last_xact FROM store", [], |row| row.get(0))?;
        let last_xact = XactId::from_u64(u64::try_from(last).unwrap_or_default());
        let journal = Journal::new(journal_bytes);
        Ok(Self { connection, objects: HashMap::new(), journal, last_xact })
    }

    /// Takes the next transaction id; ids of rolled-back jobs are never used again.
    pub(super) fn next_xact(&mut self) -> XactId {
        self.last_xact = self.last_xact.next(clock::unix_seconds());
        self.last_xact
    }

    /// Forgets what may have been undone by a rollback.
    pub(super) fn rolled_back(&mut self) {
        self.objects.clear();
        self.journal.forget();
    }
}

type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A job that ran: why not to keep what it did, and how to answer once the rest is committed.
struct Ran {
    failed: Option<StoreError>,
    answer: Answer,
}

/// Gets the error instead of a session if the job could not be started.
type Work = Box<dyn FnOnce(Result<&mut Session, StoreError>) -> Ran + Send>;

struct Job {
    bytes: usize,
    run: Work,
}

pub(super) struct Writer {
    /// `None` once closed.
    sender: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
    watch: Watch,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the thread on a migrated database.
    pub(super) fn start(
        connection: Connection,
        checkpoints: Checkpoints,
        watch: Watch,
    ) -> Result<Self, StoreError> {
        let session = Session::new(connection, JOURNAL_BYTES)?;
        let (sender, receiver) = mpsc::channel(QUEUE_REQUESTS);
        let watching = watch.clone();
        let thread = thread::Builder::new()
            .name("tidegate-writer".into())
            .spawn(move || run(session, checkpoints, receiver, &watching))?;
        Ok(Self { sender: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), watch })
    }

    /// Runs `work` on the writer thread and returns its answer once it is durable.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Session) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let sender = lock(&self.sender).clone().ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let run = move |session: Result<&mut Session, StoreError>| {
            let result = session.and_then(|session| {
                catch_unwind(AssertUnwindSafe(|| work(session)))
                    .unwrap_or(Err(StoreError::Panicked))
            });
            let failed = result.as_ref().err().cloned();
            let answer = move |committed: Result<(), StoreError>| {
                // Nobody waiting is fine: the client went away, the work is done all the same.
                drop(reply.send(committed.and(result)));
            };
            Ran { failed, answer: Box::new(answer) }
        };
        let job = Job { bytes, run: Box::new(run) };
        match tokio::time::timeout(QUEUE_TIMEOUT, sender.reserve()).await {
            Ok(Ok(place)) => {
                self.watch.metrics.queued();
                place.send(job);
                answer.await.unwrap_or(Err(StoreError::Closed))
            }
            Ok(Err(_)) => Err(StoreError::Closed),
            Err(_) => {
                self.watch.metrics.shed("queue");
                Err(StoreError::Overloaded)
            }
        }
    }

    /// Has `work` done as soon as there is time, for those who do not wait for it; `false` if the
    /// queue is full or closed.
    pub(super) fn offer(
        &self,
        work: impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static,
    ) -> bool {
        let run = move |session: Result<&mut Session, StoreError>| {
            let result = session.and_then(|session| {
                catch_unwind(AssertUnwindSafe(|| work(&session.connection)))
                    .unwrap_or(Err(StoreError::Panicked))
            });
            if let Err(error) = &result {
                tracing::warn!(target: "server::store", error = ?error, "upkeep failed");
            }
            Ran { failed: result.err(), answer: Box::new(|_| ()) }
        };
        let Some(sender) = lock(&self.sender).clone() else { return false };
        let Ok(place) = sender.try_reserve() else { return false };
        self.watch.metrics.queued();
        place.send(Job { bytes: 0, run: Box::new(run) });
        true
    }

    /// Finishes the queue, closes the database and ends the thread. Blocks.
    pub(super) fn close(&self) {
        drop(lock(&self.sender).take());
        let thread = lock(&self.thread).take();
        if let Some(Err(_)) = thread.map(thread::JoinHandle::join) {
            tracing::error!(target: "server::store", "the writer thread panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(
    mut session: Session,
    mut checkpoints: Checkpoints,
    mut receiver: mpsc::Receiver<Job>,
    watch: &Watch,
) {
    while let Some(first) = receiver.blocking_recv() {
        let began = clock::monotonic();
        let mut answers = Vec::new();
        let before = session.last_xact;
        let result = group(&mut session, first, &mut receiver, &mut answers);
        let result = match result {
            // Nothing was written, so nothing is known about the disk.
            Ok(()) if session.last_xact == before => Ok(()),
            result => watch.space.note(result),
        };
        watch.metrics.taken(answers.len());
        watch.metrics.committed(answers.len(), began.elapsed());
        if let Err(error) = &result {
            let is_full = matches!(error, StoreError::DiskFull);
            watch.metrics.commit_failed(if is_full { "disk_full" } else { "error" });
            tracing::error!(target: "server::store", error = ?error, "commit failed");
            session.rolled_back();
            if !session.connection.is_autocommit()
                && let Err(error) = session.connection.execute_batch("ROLLBACK")
            {
                tracing::error!(target: "server::store", error = ?error, "rollback failed");
            }
        }
        for answer in answers {
            answer(result.clone());
        }
        checkpoints.after_commit(&session.connection);
    }
    // First, so that the last connection is the one that closes the log.
    checkpoints.close();
    if let Err((_, error)) = session.connection.close() {
        tracing::error!(target: "server::store", error = ?error, "closing the database failed");
    }
}

/// Runs one job and those that wait behind it in one transaction.
fn group(
    session: &mut Session,
    first: Job,
    receiver: &mut mpsc::Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), StoreError> {
    let before = session.last_xact;
    if let Err(error) = execute(&session.connection, "BEGIN IMMEDIATE") {
        answers.push((first.run)(Err(error.clone())).answer);
        return Err(error);
    }
    let mut bytes = 0;
    let mut next = Some(first);
    while let Some(job) = next.take() {
        bytes += job.bytes;
        let started = execute(&session.connection, "SAVEPOINT job");
        let ran = (job.run)(started.clone().map(|()| &mut *session));
        answers.push(ran.answer);
        started?;
        if let Some(error) = ran.failed {
            session.rolled_back();
            // SQLite has undone the whole transaction by itself, as it does when the disk is full:
            // what the jobs before had written is gone too.
            if session.connection.is_autocommit() {
                return Err(error);
            }
            execute(&session.connection, "ROLLBACK TO job")?;
        }
        execute(&session.connection, "RELEASE job")?;
        if answers.len() < GROUP_REQUESTS && bytes < GROUP_BYTES {
            next = receiver.try_recv().ok();
        }
    }
    if session.last_xact != before {
        let last = i64::try_from(session.last_xact.as_u64()).unwrap_or(i64::MAX);
        session.connection.prepare_cached("UPDATE store SET last_xact = ?1")?.execute([last])?;
    }
    session.journal.trim(&session.connection)?;
    if session.objects.len() > CACHED_OBJECTS {
        session.objects.clear();
    }
    execute(&session.connection, "COMMIT")
}

fn execute(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
