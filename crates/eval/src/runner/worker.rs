//! One of the workers of a run: takes a trial, runs its task, has it scored, takes the next.
//!
//! Workers fetch their trials themselves instead of being handed them, so that between two trials
//! no other thread has to be woken: for tasks of a few microseconds that would be most of the time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use serde::Serialize;

use super::crew::Crew;
use crate::clock;

/// A worker whose trials never wait lets others have its thread this often.
const YIELD_EVERY: Duration = Duration::from_millis(1);

/// Scoring that takes longer than this does not keep a worker from its next trial.
const SCORED_AT_ONCE: Duration = Duration::from_micros(200);

/// What a worker asks of whoever runs the workers.
pub(super) enum Wish {
    /// More workers: there are trials for them.
    Workers,
    /// The rest of a trial, which waits for its scorers.
    Rest(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// How long scoring has taken of late, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Scoring(AtomicU64);

impl Scoring {
    fn is_slow(&self) -> bool {
        self.0.load(Ordering::Relaxed) > SCORED_AT_ONCE.as_nanos() as u64
    }

    /// Keeps an average in which a few recent ones count; a lost update does not matter.
    fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before - before / 4 + time / 4, Ordering::Relaxed);
    }
}

/// Works until there is no trial left that may start.
pub(super) async fn work<I, O, E>(crew: Arc<Crew<I, O, E>>)
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    let mut resumed = clock::now();
    while let Some(unit) = crew.next().await {
        let (slot, room) = (unit.slot, unit.room);
        let cell = unit.cell;
        let ran = crew.shared.begin(unit.case, unit.trial, cell, slot).await;
        let ended = clock::now();
        let slow = crew.scoring.is_slow();
        let mut rest: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin({
            let crew = Arc::clone(&crew);
            async move {
                let begun = clock::now();
                let finished = crew.shared.complete(ran).await;
                // Of scorers that wait this is not the time they keep a thread busy; but those
                // are not waited for in any case.
                crew.scoring.took(clock::now().saturating_duration_since(begun));
                // None of a cell that only scorers were to run on, and that has no output.
                match finished {
                    Some((result, key)) => crew.finish(result, key, cell),
                    None => crew.skip(),
                }
                drop(room);
            }
        });
        if slow || !is_done(&mut rest).await {
            crew.wish(Wish::Rest(rest));
        }
        if ended.saturating_duration_since(resumed) >= YIELD_EVERY {
            tokio::task::yield_now().await;
            resumed = clock::now();
        }
    }
}

/// Polls once. Most scorers compute and are done then.
async fn is_done(rest: &mut Pin<Box<dyn Future<Output = ()> + Send>>) -> bool {
    poll_fn(|cx| Poll::Ready(rest.as_mut().poll(cx).is_ready())).await
}
