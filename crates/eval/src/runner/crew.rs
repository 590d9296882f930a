//! What the workers of a run share: the trials to come, the limits, and what has come of it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Serialize;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::worker::{Scoring, Wish};
use super::{Limits, MAX_UNSCORED, Slot};
use crate::case::Case;
use crate::cells::{Cell, Counter};
use crate::data::{Cases, DataError};
use crate::outcome::CaseResult;
use crate::report::Progress;
use crate::trial::{Prepared, Shared};

/// A trial that may start.
pub(super) struct Unit<I, E> {
    pub(super) case: Arc<Prepared<I, E>>,
    pub(super) trial: u32,
    /// Only if results are kept.
    pub(super) cell: Option<Cell>,
    /// For the task.
    pub(super) slot: Slot,
    /// For the trial as a whole, so that what waits for scorers is bounded too.
    pub(super) room: OwnedSemaphorePermit,
}

/// Why no further trial starts.
pub(super) enum Closed {
    AllOut,
    DataError(DataError),
    TooManyErrors,
    TimedOut,
    Stopped,
}

/// Less than a semaphore can count: there may be a wish more than trials.
const MOST_PERMITS: usize = Semaphore::MAX_PERMITS - 1;

/// Results, in the order in which they came.
pub(super) struct Finished<I, O, E> {
    pub(super) results: Vec<CaseResult<I, O, E>>,
    /// Of the results, the keys of their cases.
    pub(super) keys: Vec<String>,
    /// Of the results, their positions in the data; empty unless results are kept.
    pub(super) order: Vec<u64>,
}

/// What comes next: a case that nobody has looked at, a trial of one of several, or the reason why
/// nothing does.
enum Next<I, E> {
    Case(Case<I, E>),
    Trial(Arc<Prepared<I, E>>, u32, Option<Cell>),
    Error(DataError),
}

/// A case, which of its trials, and its cell if results are kept.
type Taken<I, E> = (Arc<Prepared<I, E>>, u32, Option<Cell>);

pub(super) struct Crew<I, O, E> {
    pub(super) shared: Arc<Shared<I, O, E>>,
    pub(super) scoring: Scoring,
    limits: Limits,
    slots: Arc<Semaphore>,
    rooms: Arc<Semaphore>,
    queue: Mutex<VecDeque<Next<I, E>>>,
    /// Locked by the one worker that waits for data.
    cases: tokio::sync::Mutex<Cases<I, E>>,
    /// If results are kept. Used by the one that has `cases`, so that cells count off in order.
    counter: Option<Mutex<Counter>>,
    closed: OnceLock<Closed>,
    closing: CancellationToken,
    /// Trials that have entered the queue.
    queued: AtomicU64,
    /// Those of them that were to have no result.
    skipped: AtomicU64,
    finished: Mutex<Finished<I, O, E>>,
    errors: AtomicU64,
    /// All workers, those that have been asked for included.
    workers: AtomicUsize,
    /// Whether more of them have been asked for.
    asked: AtomicBool,
    /// Those of them that look for a trial.
    idle: AtomicUsize,
    wishes: mpsc::Sender<Wish>,
    progress: Arc<Progress>,
}

impl<I, O, E> Crew<I, O, E>
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    /// The crew without any worker, and what its workers will wish for.
    pub(super) fn new(
        shared: Arc<Shared<I, O, E>>,
        cases: Cases<I, E>,
        limits: Limits,
        progress: Arc<Progress>,
    ) -> (Arc<Self>, mpsc::Receiver<Wish>) {
        let most = limits.max_concurrency.saturating_add(MAX_UNSCORED).min(MOST_PERMITS);
        // One wish of each trial under way, and one for workers: there can be no more.
        let (wishes, wished) = mpsc::channel(most + 1);
        let counter = shared.cells.as_ref().map(|(session, _)| Mutex::new(session.counter()));
        let crew = Self {
            shared,
            counter,
            scoring: Scoring::default(),
            limits,
            slots: Arc::new(Semaphore::new(limits.max_concurrency)),
            rooms: Arc::new(Semaphore::new(most)),
            queue: Mutex::default(),
            cases: tokio::sync::Mutex::new(cases),
            closed: OnceLock::new(),
            closing: CancellationToken::new(),
            queued: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            finished: Mutex::new(Finished {
                results: Vec::new(),
                keys: Vec::new(),
                order: Vec::new(),
            }),
            errors: AtomicU64::new(0),
            workers: AtomicUsize::new(0),
            asked: AtomicBool::new(false),
            idle: AtomicUsize::new(0),
            wishes,
            progress,
        };
        (Arc::new(crew), wished)
    }

    /// How many workers to add: as many as there are, so that a few steps reach any limit, and
    /// none that the first cases do not need.
    pub(super) fn more_workers(&self) -> usize {
        let now = self.workers.load(Ordering::Relaxed);
        let more = now.max(1).min(self.limits.max_concurrency - now);
        self.workers.store(now + more, Ordering::Relaxed);
        self.asked.store(false, Ordering::Release);
        more
    }

    pub(super) fn wish(&self, wish: Wish) {
        match self.wishes.try_send(wish) {
            // Whoever runs the workers has gone away, and they are about to be aborted.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => unreachable!("there is room for all wishes"),
        }
    }

    /// The next trial, once a slot is free and the byte gate is open: back-pressure at the door of
    /// a case, never a flush inside of it. `None` when no further trial may start.
    pub(super) async fn next(&self) -> Option<Unit<I, E>> {
        if self.closing.is_cancelled() {
            return None;
        }
        self.idle.fetch_add(1, Ordering::Relaxed);
        let unit = match self.at_hand() {
            Some(unit) => Some(unit),
            None => self.awaited().await,
        };
        // If the last one that looked for a trial has found one, there may be trials for others.
        let was_last = self.idle.fetch_sub(1, Ordering::Relaxed) == 1;
        if was_last && unit.is_some() && self.may_grow() {
            self.wish(Wish::Workers);
        }
        unit
    }

    fn may_grow(&self) -> bool {
        self.workers.load(Ordering::Relaxed) < self.limits.max_concurrency
            && !self.asked.swap(true, Ordering::AcqRel)
    }

    /// A trial without any waiting.
    fn at_hand(&self) -> Option<Unit<I, E>> {
        if self.shared.record.is_some() || self.shared.adaptive.is_some() {
            return None;
        }
        let room = Arc::clone(&self.rooms).try_acquire_owned().ok()?;
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        let (case, trial, cell) = self.taken()?;
        Some(Unit { case, trial, cell, slot: Slot::new(slot, None), room })
    }

    async fn awaited(&self) -> Option<Unit<I, E>> {
        let unit = async {
            let room = acquired(&self.rooms).await;
            let slot = acquired(&self.slots).await;
            if let Some((client, _)) = &self.shared.record {
                client.admitted().await;
            }
            loop {
                let ticket = match &self.shared.adaptive {
                    // Who waits for data must not seem to be running, nor to be held up.
                    Some(_) if lock(&self.queue).is_empty() => None,
                    Some(adaptive) => Some(adaptive.admitted().await),
                    None => None,
                };
                let is_admitted = ticket.is_some() || self.shared.adaptive.is_none();
                if is_admitted && let Some((case, trial, cell)) = self.taken() {
                    return Some(Unit { case, trial, cell, slot: Slot::new(slot, ticket), room });
                }
                drop(ticket);
                self.refill().await?;
            }
        };
        // Cancel safety: permits come back by themselves, and a trial leaves the queue only
        // together with the return.
        tokio::select! {
            biased;
            () = self.closing.cancelled() => None,
            unit = unit => unit,
        }
    }

    /// Takes from the queue. An error there ends the run, after the cases before it.
    fn taken(&self) -> Option<Taken<I, E>> {
        let next = lock(&self.queue).pop_front();
        match next? {
            Next::Trial(case, trial, cell) => Some((case, trial, cell)),
            Next::Case(case) => Some((self.prepared(case), 0, None)),
            Next::Error(error) => {
                self.close(Closed::DataError(error));
                None
            }
        }
    }

    /// A case of which this is the only trial.
    fn prepared(&self, case: Case<I, E>) -> Arc<Prepared<I, E>> {
        Arc::new(Prepared::new(case, self.shared.record.is_some()))
    }

    /// What a case puts into the queue: itself, or all of its trials at once. None of them may come
    /// later: who finds the queue empty and the data at its end lets nothing start any more.
    fn queued(&self, case: Case<I, E>) -> Vec<Next<I, E>> {
        let trials = case.trials.unwrap_or(self.limits.trials);
        if trials <= 1 {
            return vec![Next::Case(case)];
        }
        let case = self.prepared(case);
        (0..trials).map(|trial| Next::Trial(Arc::clone(&case), trial, None)).collect()
    }

    /// Waits for cases if there are none; `None` when no more will come.
    async fn refill(&self) -> Option<()> {
        // Cancel safety: there is no await between the receiving and the queue.
        let mut cases = self.cases.lock().await;
        if self.closing.is_cancelled() {
            return None;
        }
        if !lock(&self.queue).is_empty() {
            return Some(());
        }
        let Some(chunk) = cases.next().await else {
            if let Some(counter) = &self.counter {
                lock(counter).ended();
            }
            self.close(Closed::AllOut);
            return None;
        };
        let mut all = VecDeque::with_capacity(chunk.len());
        for case in chunk {
            match (case, &self.counter) {
                (Ok(case), None) => all.extend(self.queued(case)),
                (Ok(case), Some(counter)) => all.extend(self.counted(case, &mut lock(counter))),
                (Err(error), _) => {
                    all.push_back(Next::Error(error));
                    // What comes after it never starts.
                    break;
                }
            }
        }
        self.queued.fetch_add(all.len() as u64, Ordering::Relaxed);
        lock(&self.queue).append(&mut all);
        Some(())
    }

    /// The trials of a case that belong to this part of the run.
    fn counted(&self, case: Case<I, E>, counter: &mut Counter) -> Vec<Next<I, E>> {
        let trials = case.trials.unwrap_or(self.limits.trials);
        let case = Arc::new(Prepared::new(case, true));
        let cells = counter.next(case.hash(), trials).into_iter();
        cells.map(|(trial, cell)| Next::Trial(Arc::clone(&case), trial, Some(cell))).collect()
    }

    /// Lets no further trial start; the first reason counts.
    pub(super) fn close(&self, why: Closed) {
        self.closed.set(why).ok();
        self.closing.cancel();
    }

    pub(super) fn is_open(&self) -> bool {
        !self.closing.is_cancelled()
    }

    pub(super) fn finish(&self, result: CaseResult<I, O, E>, key: String, cell: Option<Cell>) {
        self.progress.finished(&result.scores, &result.metrics, result.error.is_some());
        if result.error.is_some() {
            let errors = self.errors.fetch_add(1, Ordering::Relaxed) + 1;
            if self.limits.max_errors.is_some_and(|most| errors >= most) {
                self.close(Closed::TooManyErrors);
            }
        }
        let mut finished = lock(&self.finished);
        finished.results.push(result);
        finished.keys.push(key);
        finished.order.extend(cell.map(|cell| cell.index));
    }

    /// A trial has ended that was to have no result.
    pub(super) fn skip(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// What has come of the run, when all workers are done.
    pub(super) fn done(self: Arc<Self>) -> (Finished<I, O, E>, Option<Closed>) {
        let crew = Arc::into_inner(self).expect("workers are done and hold it no longer");
        let finished = crew.finished.into_inner().unwrap_or_else(PoisonError::into_inner);
        let closed = crew.closed.into_inner();
        if matches!(closed, Some(Closed::AllOut)) {
            // A result that is missing would look like one that has passed.
            let ended = crew.skipped.into_inner() + finished.results.len() as u64;
            assert_eq!(crew.queued.into_inner(), ended, "no trial has gone missing");
        }
        (finished, closed)
    }
}

async fn acquired(permits: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(permits).acquire_owned().await.expect("nobody closes the semaphore")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
