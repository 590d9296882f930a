//! The thin async edge: a named thread that feeds the pipeline and carries out its actions.

mod attaching;

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
use tracing::subscriber::{NoSubscriber, set_default};

use crate::attachment::{Step, Verdict};
use crate::budget::Budget;
use crate::clock;
use crate::dump::Dumps;
use crate::inbox::{DropReason, Inbox, Outcome};
use crate::notice::Notices;
use crate::pipeline::{Action, Core, Options, Pressure, Reply, Settled, Spooled, Stage};
use crate::profile::{Control, Side};
use crate::requests::{Requests, Trace};
use crate::spool::Journal;

use attaching::Attaching;

/// While records keep coming they are collected this often; nobody wakes the thread for each.
/// Each wake-up takes a core from somebody. What it costs producers is within the noise: p99 of
/// recording was 17.0 µs at 4 ms and 18.3 at 1 ms, in turns, with spreads of 4.
pub(crate) const POLL: Duration = Duration::from_millis(4);
/// Without a record for this long the thread sleeps until the next one wakes it.
pub(crate) const ACTIVE: Duration = Duration::from_millis(20);

/// The vector that collects records is kept for the next turn up to this capacity.
const KEEP_RECORDS: usize = 4096;

/// A little longer than the deadline, by which the thread itself gives up.
const LEEWAY: Duration = Duration::from_millis(100);
/// Stands for time-outs that no clock can reach, such as `Duration::MAX`.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// How batches reach a server.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Takes one step of the delivery of a body. Must end by itself: it owns the request's
    /// time-out.
    fn send(&self, body: Bytes, stage: Stage) -> impl Future<Output = (Reply, Trace)> + Send;

    /// Takes one step for an attachment. Must end by itself, too.
    fn attach(&self, step: Step, budget: &Arc<Budget>) -> impl Future<Output = Verdict> + Send;

    /// The limit of one body, as far as it is known by now.
    fn max_request_bytes(&self) -> u64;

    /// Whether the server takes rows beyond the limit in another way.
    fn has_overflow(&self) -> bool {
        false
    }
}

impl Transport for crate::session::Session {
    async fn send(&self, body: Bytes, stage: Stage) -> (Reply, Trace) {
        self.deliver(body, stage).await
    }

    async fn attach(&self, step: Step, budget: &Arc<Budget>) -> Verdict {
        Self::attach(self, step, budget).await
    }

    fn max_request_bytes(&self) -> u64 {
        Self::max_request_bytes(self)
    }

    fn has_overflow(&self) -> bool {
        Self::has_overflow(self)
    }
}

/// What the driver shares with the client's handles.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) notices: Arc<Notices>,
    pub(crate) requests: Requests,
    /// Where rows go that cannot be delivered, if anywhere.
    pub(crate) journal: Option<Arc<Journal>>,
    pub(crate) dumps: Dumps,
    pub(crate) profile: Control,
    /// Set once: how long a stop may take. The thread turns it into a deadline on its own
    /// clock, since the caller's may be paused by a test.
    stop: Mutex<Option<Duration>>,
}

impl Shared {
    pub(crate) fn new(inbox: Arc<Inbox>, budget: Arc<Budget>, notices: Arc<Notices>) -> Self {
        Self {
            inbox,
            budget,
            notices,
            requests: Requests::new(),
            journal: None,
            dumps: Dumps::default(),
            profile: Control::default(),
            stop: Mutex::new(None),
        }
    }

    pub(crate) fn journal(mut self, journal: Option<Arc<Journal>>) -> Self {
        self.journal = journal;
        self
    }

    pub(crate) fn dumps(mut self, dumps: Dumps) -> Self {
        self.dumps = dumps;
        self
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
        // The threads of this runtime that block, such as those which resolve names, are quiet as
        // well: forgetting the guard leaves it that way for all of their life.
        let quiet = || std::mem::forget(set_default(NoSubscriber::default()));
        let runtime = Builder::new_current_thread().enable_all().on_thread_start(quiet).build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = sync_channel(1);
        let driven = Arc::clone(&shared);
        thread::Builder::new().name("tidegate-upload".to_owned()).spawn(move || {
            let end: SyncSender<()> = end;
            // The HTTP stack traces too, and a host that sends its traces through this client
            // would send those of sending them, for ever.
            let _quiet = set_default(NoSubscriber::default());
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
        self.shared.inbox.bell.call();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        ended.is_none_or(|ended| ended.recv_timeout(timeout.saturating_add(LEEWAY)).is_ok())
    }
}

async fn run<T: Transport>(options: Options, shared: &Shared, transport: &Arc<T>) {
    let mut attaching = Attaching::new(options.seed);
    let mut core = Core::new(options);
    let mut uploads = Uploads { tasks: JoinSet::new(), batches: HashMap::new() };
    let limits = || (transport.max_request_bytes(), transport.has_overflow());
    let mut limit = limits();
    core.limit_request_bytes(limit.0, limit.1);
    let mut last_record = clock::now();
    let mut spare = Vec::new();
    let mut stop = None;
    let mut profile = Side::default();
    loop {
        let now = clock::now();
        // Before the records are taken: the inbox is closed before a stop can be seen, so none
        // can come after those that are taken now.
        if stop.is_none() {
            stop = shared
                .stop_within()
                .map(|timeout| now.checked_add(timeout).unwrap_or(now + FOR_EVER));
        }
        // Before the records are taken, too: a flush that is seen covers records that are taken
        // now, so that they are cut over the lanes together and not in two rounds.
        let pressure = Pressure {
            flush_watermark: shared.inbox.flush_watermark(),
            gate_waiting: shared.budget.has_waiters(),
            used_bytes: shared.budget.used_bytes(),
        };
        profile.begin(shared, &mut core);
        let active = now.saturating_duration_since(last_record) < ACTIVE;
        let mut records = shared.inbox.take(std::mem::take(&mut spare), !active);
        let idle = !active && records.is_empty();
        if !records.is_empty() {
            last_record = now;
            profile.records(&records, clock::now());
            core.records(records.drain(..), now);
        }
        spare = records;
        if spare.capacity() > KEEP_RECORDS {
            spare = Vec::new();
        }
        if limits() != limit {
            limit = limits();
            core.limit_request_bytes(limit.0, limit.1);
        }
        let mut sent = false;
        for action in core.poll(pressure, now) {
            sent |= matches!(action, Action::Send { .. });
            carry_out(action, shared, transport, &mut uploads);
        }
        if sent {
            // Lets the request go out before the next one is put together.
            tokio::task::yield_now().await;
        }
        attaching.turn(shared, transport, now);
        let is_idle = core.oldest_pending().is_none() && attaching.is_idle();
        if stop.is_some_and(|deadline| is_idle || now >= deadline) {
            break;
        }
        profile.turn(shared, &mut core, uploads.batches.len());
        shared.inbox.complete_flushes(core.oldest_pending());

        let poll = (!idle).then_some(now + POLL);
        // A stopping client sends at once instead of lingering.
        let wake = [core.next_wake(pressure, now), attaching.wake(), poll, stop, profile.wake()];
        let wake = wake.into_iter().flatten().min();
        // Cancel safety: all five arms only wait; what they announce stays where it is.
        tokio::select! {
            (number, reply, trace) = uploads.next() => {
                let now = clock::now();
                // The reply makes room, and who waited for it may be gone at the next look.
                if shared.budget.has_waiters() {
                    core.gate_is_closed(now);
                }
                let request = match reply {
                    Reply::OverLimit => shared.requests.withdraw(number),
                    _ => shared.requests.finished(number, trace, now),
                };
                core.finished(number, reply, now);
                profile.finished(request, uploads.batches.len(), shared);
            }
            (number, verdict) = attaching.next() => {
                attaching.finished(number, verdict, shared);
            }
            () = sleep(wake) => {}
            () = shared.inbox.bell.wake.notified() => {}
            () = shared.budget.gate_closed() => {}
        }
    }
    let now = clock::now();
    let records = shared.inbox.take(Vec::new(), false);
    profile.records(&records, now);
    core.records(records, now);
    core.abandon(DropReason::Shutdown);
    attaching.abandon(DropReason::Shutdown, shared);
    for action in core.poll(Pressure::default(), now) {
        carry_out(action, shared, transport, &mut uploads);
    }
    if let Some(journal) = &shared.journal {
        journal.close();
    }
    shared.notices.finish();
    shared.inbox.complete_flushes(None);
    profile.close(shared, &mut core);
}

fn carry_out<T: Transport>(
    action: Action,
    shared: &Shared,
    transport: &Arc<T>,
    uploads: &mut Uploads,
) {
    match action {
        Action::Send { load, body, stage } => {
            shared.requests.started(&load, clock::now());
            if load.attempt == 0 && matches!(stage, Stage::Rows | Stage::Announce) {
                shared.dumps.sent(&body);
            }
            let transport = Arc::clone(transport);
            let task = uploads.tasks.spawn(async move { transport.send(body, stage).await });
            uploads.batches.insert(task.id(), load.number);
        }
        Action::Settle { rows, outcome } => settle(rows, outcome, shared),
        Action::Spool { rows, reason, detail } => keep(rows, reason, detail, shared),
        Action::Notice { records, reason, detail } => {
            shared.notices.lost(records, reason, detail.as_deref());
        }
        Action::Failed { body } => shared.dumps.failed(&body),
    }
}

/// Notes in the spool first: once the ledger says so, a row may be followed by the next one of
/// its key, and what is noted of a row must always be its beginning.
fn settle(mut rows: Vec<Settled>, outcome: Outcome, shared: &Shared) {
    if let Some(journal) = &shared.journal {
        journal.done(rows.iter_mut().flat_map(|row| std::mem::take(&mut row.journal)));
    }
    shared.inbox.settle(rows.iter().map(|row| (&*row.sequences, row.delivered)), outcome);
}

/// Writes rows to the spool. On this thread: the pipeline hands over a megabyte at most per
/// turn, which the page cache takes in under a millisecond.
fn keep(rows: Vec<Spooled>, reason: DropReason, mut detail: Option<String>, shared: &Shared) {
    let (mut kept, mut lost) = (0, 0);
    for Spooled { sequences, journal, json, _lease } in rows {
        let records = sequences.len() as u64;
        let written = match &shared.journal {
            _ if !journal.is_empty() => Ok(()),
            Some(spool) => {
                let count = u32::try_from(records).unwrap_or(u32::MAX);
                spool.append(count, |frame| frame.extend_from_slice(&json)).map(drop)
            }
            None => Err(io::ErrorKind::NotFound.into()),
        };
        let outcome = match written {
            Ok(()) => {
                kept += records;
                Outcome::Spooled
            }
            Err(error) => {
                lost += records;
                detail = Some(format!("{reason:?}, and the spool failed: {error}"));
                Outcome::Dropped(reason)
            }
        };
        shared.inbox.settle([(&*sequences, false)], outcome);
    }
    if kept > 0 {
        shared.notices.spooled(kept, reason, detail.as_deref());
    }
    if lost > 0 {
        shared.notices.lost(lost, reason, detail.as_deref());
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
    tasks: JoinSet<(Reply, Trace)>,
    batches: HashMap<Id, u64>,
}

impl Uploads {
    async fn next(&mut self) -> (u64, Reply, Trace) {
        loop {
            let (id, (reply, trace)) = match self.tasks.join_next_with_id().await {
                Some(Ok(ended)) => ended,
                // A bug in the transport must not strand the batch.
                Some(Err(error)) => {
                    let reply = Reply::Retry { after: None, detail: error.to_string() };
                    (error.id(), (reply, Trace::default()))
                }
                None => future::pending().await,
            };
            if let Some(number) = self.batches.remove(&id) {
                return (number, reply, trace);
            }
        }
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
