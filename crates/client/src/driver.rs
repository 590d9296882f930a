//! The thin async edge: a named thread that feeds the pipeline and carries out its actions.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::{future, io};

use bytes::Bytes;
use tokio::runtime::{Builder, Handle};
use tokio::task::{Id, JoinSet};
use tokio::time::sleep_until;

use crate::budget::Budget;
use crate::clock;
use crate::inbox::{DropReason, Inbox};
use crate::notice::Notices;
use crate::pipeline::{Action, Core, Options, Pressure, Reply};

/// While records keep coming they are collected this often; nobody wakes the thread for each.
const POLL: Duration = Duration::from_millis(1);
/// Without a record for this long the thread sleeps until the next one wakes it.
const ACTIVE: Duration = Duration::from_millis(20);

/// A little longer than the deadline, by which the thread itself gives up.
const LEEWAY: Duration = Duration::from_millis(100);
/// Stands for time-outs that no clock can reach, such as `Duration::MAX`.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// How batches reach a server.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Sends one body. Must end by itself: it owns the request's time-out.
    fn send(&self, body: Bytes) -> impl Future<Output = Reply> + Send;

    /// The limit of one body, as far as it is known by now.
    fn max_request_bytes(&self) -> u64;
}

impl Transport for crate::session::Session {
    async fn send(&self, body: Bytes) -> Reply {
        self.upload(body).await
    }

    fn max_request_bytes(&self) -> u64 {
        Self::max_request_bytes(self)
    }
}

/// What the driver shares with the client's handles.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) notices: Arc<Notices>,
    /// Set once: how long a stop may take. The thread turns it into a deadline on its own
    /// clock, since the caller's may be paused by a test.
    stop: Mutex<Option<Duration>>,
}

impl Shared {
    pub(crate) fn new(inbox: Arc<Inbox>, budget: Arc<Budget>, notices: Arc<Notices>) -> Self {
        Self { inbox, budget, notices, stop: Mutex::new(None) }
    }

    fn stop_within(&self) -> Option<Duration> {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The upload thread.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) runtime: Handle,
    shared: Arc<Shared>,
    ended: Mutex<Option<Receiver<()>>>,
}

impl Driver {
    /// Starts the thread.
    ///
    /// # Errors
    /// The operating system refused a thread or a runtime.
    pub(crate) fn start<T: Transport>(
        options: Options,
        shared: Arc<Shared>,
        transport: Arc<T>,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = sync_channel(1);
        let driven = Arc::clone(&shared);
        thread::Builder::new().name("tidegate-upload".to_owned()).spawn(move || {
            let end: SyncSender<()> = end;
            runtime.block_on(run(options, &driven, &transport));
            // Waiting for stuck API calls would let them outlive the shutdown's deadline.
            runtime.shutdown_background();
            // Nobody may be waiting for the end.
            end.try_send(()).ok();
        })?;
        Ok(Self { runtime: handle, shared, ended: Mutex::new(Some(ended)) })
    }

    /// Stops taking records, delivers what is pending until the deadline, and drops the rest.
    /// Returns whether the thread has ended in time.
    pub(crate) fn stop(&self, timeout: Duration) -> bool {
        self.shared.inbox.close();
        self.shared.stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(timeout);
        self.shared.inbox.wake.notify_one();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        ended.is_none_or(|ended| ended.recv_timeout(timeout.saturating_add(LEEWAY)).is_ok())
    }
}

async fn run<T: Transport>(options: Options, shared: &Shared, transport: &Arc<T>) {
    let mut core = Core::new(options);
    let mut uploads = Uploads { tasks: JoinSet::new(), batches: HashMap::new() };
    let mut limit = transport.max_request_bytes();
    let mut last_record = clock::now();
    let mut stop = None;
    loop {
        let now = clock::now();
        let active = now.saturating_duration_since(last_record) < ACTIVE;
        let records = shared.inbox.take(!active);
        let idle = !active && records.is_empty();
        if !records.is_empty() {
            last_record = now;
            core.records(records, now);
        }
        if transport.max_request_bytes() != limit {
            limit = transport.max_request_bytes();
            core.limit_request_bytes(limit);
        }
        let pressure = Pressure {
            flush_watermark: shared.inbox.flush_watermark(),
            gate_waiting: shared.budget.has_waiters(),
        };
        for action in core.poll(pressure, now) {
            carry_out(action, shared, transport, &mut uploads);
        }
        if stop.is_none() {
            stop = shared
                .stop_within()
                .map(|timeout| now.checked_add(timeout).unwrap_or(now + FOR_EVER));
        }
        if stop.is_some_and(|deadline| core.oldest_pending().is_none() || now >= deadline) {
            break;
        }
        shared.inbox.complete_flushes(core.oldest_pending());

        let poll = (!idle).then_some(now + POLL);
        // A stopping client sends at once instead of lingering.
        let wake = [core.next_wake(), poll, stop].into_iter().flatten().min();
        // Cancel safety: all four arms only wait; what they announce stays where it is.
        tokio::select! {
            (batch, reply) = uploads.next() => core.finished(batch, reply, clock::now()),
            () = sleep(wake) => {}
            () = shared.inbox.wake.notified() => {}
            () = shared.budget.gate_closed() => {}
        }
    }
    let now = clock::now();
    core.records(shared.inbox.take(false), now);
    core.abandon(DropReason::Shutdown);
    for action in core.poll(Pressure::default(), now) {
        carry_out(action, shared, transport, &mut uploads);
    }
    shared.notices.finish();
    shared.inbox.complete_flushes(None);
}

fn carry_out<T: Transport>(
    action: Action,
    shared: &Shared,
    transport: &Arc<T>,
    uploads: &mut Uploads,
) {
    match action {
        Action::Send { batch, body } => {
            let transport = Arc::clone(transport);
            let task = uploads.tasks.spawn(async move { transport.send(body).await });
            uploads.batches.insert(task.id(), batch);
        }
        Action::Settle { sequences, outcome, delivered } => {
            shared.inbox.settle(&sequences, outcome, delivered);
        }
        Action::Notice { records, reason, detail } => {
            shared.notices.lost(records, reason, detail.as_deref());
        }
    }
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until.into()).await,
        None => future::pending().await,
    }
}

/// Requests under way, and which batch each one carries.
struct Uploads {
    tasks: JoinSet<Reply>,
    batches: HashMap<Id, u64>,
}

impl Uploads {
    async fn next(&mut self) -> (u64, Reply) {
        loop {
            let (id, reply) = match self.tasks.join_next_with_id().await {
                Some(Ok((id, reply))) => (id, reply),
                // A bug in the transport must not strand the batch.
                Some(Err(error)) => {
                    (error.id(), Reply::Retry { after: None, detail: error.to_string() })
                }
                None => future::pending().await,
            };
            if let Some(batch) = self.batches.remove(&id) {
                return (batch, reply);
            }
        }
    }
}

#[cfg(test)]
mod tests;
