//! Which trial runs when: workers take cases as they are read, at most as many as may run at once.

mod crew;
mod slot;
mod worker;

use std::collections::BTreeMap;
use std::future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tidegate_analysis::comparison::Trial;
use tidegate_client::process::CpuTime;
use tokio::task::JoinSet;

use self::crew::{Closed, Crew, Finished};
pub(crate) use self::slot::Slot;
use self::worker::Wish;
use crate::adaptive::Concurrency;
use crate::cells::{CellsError, CellsSummary};
use crate::clock;
use crate::data::{Cases, DataError};
use crate::outcome::CaseResult;
use crate::report::Progress;
use crate::stop::Stop;
use crate::trial::Shared;

/// What limits a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// At least one.
    pub(crate) max_concurrency: usize,
    pub(crate) trials: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_errors: Option<u64>,
}

/// Trials whose task has ended and whose scorers have not: enough to keep scorers busy through
/// bursts, few enough that a run of slow judges does not hold all its outputs in flight.
const MAX_UNSCORED: usize = 1_000;

/// What came of a run, before anything is summarized.
pub(crate) struct Ran<I, O, E> {
    pub(crate) results: Vec<CaseResult<I, O, E>>,
    /// Of the results, the keys of their cases, until [`Ran::analyse`] takes them.
    keys: Vec<String>,
    /// The same results as the analysis sees them, sorted by case: its passes over them are
    /// cheap then.
    pub(crate) trials: Vec<Trial>,
    pub(crate) data_error: Option<DataError>,
    pub(crate) timed_out: bool,
    pub(crate) too_many_errors: bool,
    pub(crate) stopped: bool,
    pub(crate) run_scores: BTreeMap<String, Option<f64>>,
    pub(crate) task_warning: Option<String>,
    pub(crate) run_scorer_errors: Vec<String>,
    /// Whether all records are kept, if any are.
    pub(crate) cells: Option<Result<CellsSummary, CellsError>>,
    pub(crate) cell_warnings: Vec<String>,
    /// What the limit came to, if it adapts.
    pub(crate) concurrency: Option<Concurrency>,
    pub(crate) duration: Duration,
    /// Processor time of the process meanwhile, if the system says.
    pub(crate) cpu: Option<Duration>,
}

pub(crate) async fn run<I, O, E>(
    shared: Arc<Shared<I, O, E>>,
    cases: Cases<I, E>,
    limits: Limits,
    mut stop: Stop,
    progress: Arc<Progress>,
) -> Ran<I, O, E>
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    let (started, cpu) = (clock::now(), CpuTime::of_this_process());
    let deadline = limits.timeout.and_then(|timeout| started.checked_add(timeout));
    let (cancel, adaptive) = (Arc::clone(&shared.cancel), shared.adaptive.clone());
    let (crew, mut wishes) = Crew::new(shared, cases, limits, progress);
    let mut running = JoinSet::new();
    let grant = |wish: Wish, running: &mut JoinSet<()>| match wish {
        Wish::Workers => {
            for _ in 0..crew.more_workers() {
                running.spawn(worker::work(Arc::clone(&crew)));
            }
        }
        Wish::Rest(rest) => {
            running.spawn(rest);
        }
    };
    grant(Wish::Workers, &mut running);
    let mut timed_out = false;
    while !running.is_empty() {
        // Cancel safety: recv, join_next, the deadline and the wish to stop lose nothing.
        tokio::select! {
            biased;
            Some(wish) = wishes.recv() => grant(wish, &mut running),
            Some(done) = running.join_next() => {
                // Trials catch panics of user code; one of our own must not pass as a result.
                done.expect("a worker catches panics and is never aborted");
            }
            () = until(deadline), if !timed_out => {
                timed_out = true;
                crew.close(Closed::TimedOut);
                cancel.cancel();
            }
            () = stop.wished(), if crew.is_open() => crew.close(Closed::Stopped),
        }
        // What the last one has wished for before it ended.
        while let Ok(wish) = wishes.try_recv() {
            grant(wish, &mut running);
        }
    }
    let duration = clock::now().saturating_duration_since(started);
    let used = CpuTime::of_this_process().zip(cpu).map(|(now, before)| now.since(before).total());
    let (finished, closed) = crew.done();
    let Finished { mut results, mut keys, order } = finished;
    if !order.is_empty() {
        (results, keys) = (in_order(results, &order), in_order(keys, &order));
    }
    let mut ran = Ran { results, keys, duration, cpu: used, timed_out, ..Ran::empty() };
    ran.concurrency = adaptive.map(|adaptive| adaptive.reached());
    match closed {
        Some(Closed::DataError(error)) => ran.data_error = Some(error),
        Some(Closed::TooManyErrors) => ran.too_many_errors = true,
        Some(Closed::Stopped) => ran.stopped = true,
        Some(Closed::TimedOut | Closed::AllOut) | None => {}
    }
    ran
}

/// Sorts by the position in the data, so that whoever computes over all of them gets the same in
/// every run.
fn in_order<T>(results: Vec<T>, order: &[u64]) -> Vec<T> {
    let mut all: Vec<_> = order.iter().copied().zip(results).collect();
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => future::pending().await,
    }
}

impl<I, O, E> Ran<I, O, E> {
    /// A run that ended before its first case.
    pub(crate) fn failed(error: DataError) -> Self {
        Self { data_error: Some(error), ..Self::empty() }
    }

    /// A run in which nothing has happened.
    pub(crate) fn empty() -> Self {
        Self {
            results: Vec::new(),
            keys: Vec::new(),
            trials: Vec::new(),
            data_error: None,
            timed_out: false,
            too_many_errors: false,
            stopped: false,
            run_scores: BTreeMap::new(),
            task_warning: None,
            run_scorer_errors: Vec::new(),
            cells: None,
            cell_warnings: Vec::new(),
            concurrency: None,
            duration: Duration::ZERO,
            cpu: None,
        }
    }
}

impl<I, O, E> Ran<I, O, E>
where
    I: Send + Sync + 'static,
    O: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Makes the trials of the results, when uploads no longer need the memory; on a thread of its
    /// own, since there may be many.
    pub(crate) async fn analyse(&mut self) {
        let (results, keys) = (std::mem::take(&mut self.results), std::mem::take(&mut self.keys));
        let analysing = tokio::task::spawn_blocking(move || {
            let duration: Arc<str> = "duration".into();
            let analysed = results.iter().zip(keys);
            let mut trials: Vec<_> =
                analysed.map(|(result, key)| result.trial(key, &duration)).collect();
            trials.sort_by(|one, other| one.case_key.cmp(&other.case_key));
            (results, trials)
        });
        (self.results, self.trials) = analysing.await.expect("nothing panics, nobody aborts it");
    }
}
