//! Which trial runs when: cases are read as slots free, each trial is a task of its own.

use std::collections::{BTreeMap, VecDeque};
use std::future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tidegate_analysis::comparison::{Metric, Trial, case_key};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::clock;
use crate::data::{Cases, DataError};
use crate::outcome::CaseResult;
use crate::report::Progress;
use crate::stop::Stop;
use crate::trial::{Prepared, Shared};

/// What limits a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
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
    /// The same results as the analysis sees them.
    pub(crate) trials: Vec<Trial>,
    pub(crate) data_error: Option<DataError>,
    pub(crate) timed_out: bool,
    pub(crate) too_many_errors: bool,
    pub(crate) stopped: bool,
    pub(crate) run_scores: BTreeMap<String, Option<f64>>,
    pub(crate) run_scorer_errors: Vec<String>,
    pub(crate) duration: Duration,
}

type Unit<I, E> = (Arc<Prepared<I, E>>, u32);

/// Hands out trials one by one, reading the next case only when all of the last one are out.
struct Units<I, E> {
    cases: Cases<I, E>,
    queue: VecDeque<Unit<I, E>>,
    trials: u32,
}

impl<I: Serialize, E: Serialize> Units<I, E> {
    /// # Cancel safety
    /// A trial leaves the queue only together with the return, so dropping the future loses none.
    async fn next(&mut self) -> Option<Result<Unit<I, E>, DataError>> {
        while self.queue.is_empty() {
            match self.cases.next().await? {
                Ok(case) => {
                    let trials = case.trials.unwrap_or(self.trials);
                    let case = Arc::new(Prepared::new(case));
                    self.queue.extend((0..trials).map(|trial| (Arc::clone(&case), trial)));
                }
                Err(error) => return Some(Err(error)),
            }
        }
        self.queue.pop_front().map(Ok)
    }
}

pub(crate) async fn run<I, O, E>(
    shared: Arc<Shared<I, O, E>>,
    cases: Cases<I, E>,
    limits: Limits,
    mut stop: Stop,
    progress: &Progress,
) -> Ran<I, O, E>
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    let started = clock::now();
    let deadline = limits.timeout.and_then(|timeout| started.checked_add(timeout));
    let mut units = Units { cases, queue: VecDeque::new(), trials: limits.trials };
    let mut running = JoinSet::new();
    let mut ran = Ran {
        results: Vec::new(),
        trials: Vec::new(),
        data_error: None,
        timed_out: false,
        too_many_errors: false,
        stopped: false,
        run_scores: BTreeMap::new(),
        run_scorer_errors: Vec::new(),
        duration: Duration::ZERO,
    };
    // A slot is taken before a case is read and given back when its task has ended.
    let slots = Arc::new(Semaphore::new(limits.max_concurrency));
    let most_running = limits.max_concurrency.saturating_add(MAX_UNSCORED);
    let mut task_errors = 0;
    let mut open = true;
    while open || !running.is_empty() {
        // Cancel safety: join_next, the wish, the gate and Units::next lose nothing when dropped.
        tokio::select! {
            biased;
            Some(finished) = running.join_next(), if !running.is_empty() => {
                // Trials catch panics of user code; one of our own must not pass as a result.
                let (result, trial): (CaseResult<I, O, E>, Trial) =
                    finished.expect("a trial catches panics and is never aborted");
                progress.finished(&result.scores, result.error.is_some());
                task_errors += u64::from(result.error.is_some());
                if open && limits.max_errors.is_some_and(|most| task_errors >= most) {
                    open = false;
                    ran.too_many_errors = true;
                }
                ran.results.push(result);
                ran.trials.push(trial);
            }
            () = until(deadline), if !ran.timed_out => {
                open = false;
                ran.timed_out = true;
                shared.cancel.cancel();
            }
            () = stop.wished(), if open => {
                open = false;
                ran.stopped = true;
            }
            next = admitted(&shared, &slots, &mut units), if open && running.len() < most_running => {
                match next {
                    Some(Ok((slot, (case, trial)))) => {
                        let shared = Arc::clone(&shared);
                        running.spawn(async move { trial_of(&shared, case, trial, slot).await });
                    }
                    Some(Err(error)) => {
                        open = false;
                        ran.data_error = Some(error);
                    }
                    None => open = false,
                }
            }
        }
    }
    ran.duration = clock::now().saturating_duration_since(started);
    ran
}

/// The next trial, once a slot is free and the byte gate is open: back-pressure at the door of a
/// case, never a flush inside of it.
///
/// # Cancel safety
/// Dropping the future gives the slot back; see [`Units::next`].
async fn admitted<I, O, E>(
    shared: &Shared<I, O, E>,
    slots: &Arc<Semaphore>,
    units: &mut Units<I, E>,
) -> Option<Result<(OwnedSemaphorePermit, Unit<I, E>), DataError>>
where
    I: Serialize,
    E: Serialize,
{
    let slot = Arc::clone(slots).acquire_owned().await.expect("nobody closes the semaphore");
    if let Some((client, _)) = &shared.record {
        client.admitted().await;
    }
    Some(units.next().await?.map(|unit| (slot, unit)))
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => future::pending().await,
    }
}

async fn trial_of<I, O, E>(
    shared: &Shared<I, O, E>,
    case: Arc<Prepared<I, E>>,
    trial: u32,
    slot: OwnedSemaphorePermit,
) -> (CaseResult<I, O, E>, Trial)
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    let case_key = case_key(&case.input_json());
    let result = shared.run(case, trial, slot).await;
    let scores = result.scores.iter().filter_map(|(name, score)| Some((name.clone(), (*score)?)));
    let scores = scores.collect();
    let duration = Metric { value: result.duration.as_secs_f64(), unit: "s".to_owned() };
    let metrics = [("duration".to_owned(), duration)].into();
    (result, Trial { case_key, scores, metrics })
}

impl<I, O, E> Ran<I, O, E> {
    /// A run that ended before its first case.
    pub(crate) fn failed(error: DataError) -> Self {
        Self {
            results: Vec::new(),
            trials: Vec::new(),
            data_error: Some(error),
            timed_out: false,
            too_many_errors: false,
            stopped: false,
            run_scores: BTreeMap::new(),
            run_scorer_errors: Vec::new(),
            duration: Duration::ZERO,
        }
    }
}
