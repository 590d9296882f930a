//! The task that keeps the index: it looks for entries of `changes`, of any object and by whichever
//! collector, and indexes them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::lag::Lag;
use super::step::{Step, Wait, step};
use super::{Threads, rebuild, summaries};
use crate::clock;
use crate::store::StoreError;
use crate::store::index::QUIET;
use crate::store::postgres::database::{self, Database};

/// How often entries are looked for while nothing happens here; others may have written some.
const POLL: Duration = Duration::from_millis(200);
/// How long to wait after an error, which is most often a database out of reach.
const RETRY: Duration = Duration::from_secs(5);
/// Objects of one round, those of the oldest entries.
const ROUND_OBJECTS: i64 = 64;

/// Objects whose summary is out of date, and when they changed.
#[derive(Debug, Default)]
pub(super) struct Unsummarized(Mutex<BTreeMap<i64, Instant>>);

/// Objects noted at most; those beyond are summed up by whoever lists them.
const MOST_NOTED: usize = 10_000;

impl Unsummarized {
    pub(super) fn note(&self, objects: impl IntoIterator<Item = i64>) {
        let now = clock::monotonic();
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for object in objects {
            if noted.len() < MOST_NOTED || noted.contains_key(&object) {
                noted.insert(object, now);
            }
        }
    }

    /// Takes one that has been quiet for a while.
    fn take(&self) -> Option<i64> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = |since: &Instant| since.elapsed() > QUIET;
        let object = noted.iter().find(|(_, since)| quiet(since)).map(|(object, _)| *object)?;
        noted.remove(&object);
        Some(object)
    }
}

/// What the task has, and shares with those who ask.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) database: Database,
    pub(super) threads: Threads,
    pub(super) bell: Arc<Notify>,
    pub(super) lag: Lag,
    pub(super) unsummarized: Unsummarized,
    pub(super) stop: CancellationToken,
}

impl Follower {
    /// Runs until it is told to stop.
    pub(super) async fn run(self: Arc<Self>) {
        // Objects that could not be indexed, and when that may be tried again.
        let mut failed = HashMap::new();
        let mut began = false;
        while !self.stop.is_cancelled() {
            let wait = match self.round(&mut began, &mut failed).await {
                Ok(true) => continue,
                Ok(false) => POLL,
                Err(error) => {
                    tracing::error!(target: "server::index", error = ?error, "indexing failed");
                    self.lag.failed();
                    RETRY
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.bell.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Does the next piece of work; `false` if there was none for this collector.
    async fn round(
        &self,
        began: &mut bool,
        failed: &mut HashMap<i64, Instant>,
    ) -> Result<bool, StoreError> {
        if !*began {
            let mut client = self.database.client().await?;
            rebuild::if_other_layout(&mut client).await?;
            self.unsummarized.note(summaries::outdated(&client).await?);
            *began = true;
        }
        let now = clock::monotonic();
        failed.retain(|_, until| *until > now);
        let mut worked = false;
        for object in self.waiting().await? {
            if self.stop.is_cancelled() {
                return Ok(false);
            }
            if failed.contains_key(&object) {
                continue;
            }
            match self.step(object, i64::MAX, Wait::Never).await {
                Ok(step) => worked |= step == Step::Worked,
                Err(error) => {
                    // The others go on.
                    tracing::error!(
                        target: "server::index", object, error = ?error, "indexing an object failed"
                    );
                    self.lag.failed();
                    failed.insert(object, clock::monotonic() + RETRY);
                }
            }
        }
        if worked {
            return Ok(true);
        }
        // Until then a list that shows it sums it up by itself.
        let Some(object) = self.unsummarized.take() else { return Ok(false) };
        let mut client = self.database.client().await?;
        self.threads.run(async move || summaries::refresh(&mut client, object).await).await?;
        Ok(true)
    }

    /// Objects with entries, those of the oldest first; measures the lag as well.
    async fn waiting(&self) -> Result<Vec<i64>, StoreError> {
        let sql = "SELECT object, sum(sum(rows)) OVER ()::bigint,
              extract(epoch FROM clock_timestamp() - min(min(at)) OVER ())::float8
            FROM changes GROUP BY object ORDER BY min(number) LIMIT $1";
        let client = self.database.client().await?;
        let rows = database::rows(&client, sql, &[&ROUND_OBJECTS]).await?;
        match rows.first() {
            Some(row) => {
                let age = Duration::try_from_secs_f64(row.get::<_, f64>(2)).unwrap_or_default();
                self.lag.note(row.get(1), Some(age));
            }
            None => self.lag.note(0, None),
        }
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Indexes some of an object's entries up to a number.
    pub(super) async fn step(
        &self,
        object: i64,
        newest: i64,
        wait: Wait,
    ) -> Result<Step, StoreError> {
        let mut client = self.database.client().await?;
        let done = self.threads.run(async move || step(&mut client, object, newest, wait).await);
        let done = done.await?;
        if done == Step::Worked {
            self.unsummarized.note([object]);
        }
        Ok(done)
    }
}
