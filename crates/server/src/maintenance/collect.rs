//! Removing uploads that no row and no function names any more, and files that belong to no upload.
//!
//! A file goes in three steps, each of which may be the last before a crash: the store forgets the
//! upload, which it only does for one that no row names; then the file's name is condemned, if
//! nobody is about to give it to an upload of the same bytes; then it is removed, if the store still
//! knows no upload that has it. What a crash leaves is a file of nobody, as an upload does that
//! ended between its file and its commit, and all of those are looked for once in a while.

use std::sync::Arc;
use std::time::Duration;

use super::Pace;
use crate::app::App;
use crate::blobs::{Blobs, Removed};
use crate::clock;
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};

/// Uploads looked at in one read.
const LOOK: u32 = 1_000;
/// Attachments forgotten in one commit, and files removed at once.
const BATCH: usize = 100;
/// How often a piece is tried again, because too many rows came meanwhile, before the round ends.
const TRIES: u32 = 20;
/// Between two tries.
const TRY_REST: Duration = Duration::from_millis(500);
/// Before the first round: who starts a collector for a moment should not wait for this.
const FIRST_ROUND: Duration = Duration::from_secs(60);
/// Before another round where one could not be finished.
const RETRY: Duration = Duration::from_secs(300);

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Everything was looked at, or the collector stops.
    Complete,
    /// The index is behind the rows.
    Behind,
}

/// Between two rounds, while uploads must be a day old.
const PAUSE: Duration = Duration::from_secs(3_600);

/// When uploads go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct When {
    /// How old they must be, and files of nobody as well: clients log a row and upload what it
    /// names in any order, and may take their time.
    pub(crate) age: Duration,
    /// Between two rounds.
    pub(crate) pause: Duration,
}

impl Default for When {
    fn default() -> Self {
        Self { age: Duration::from_secs(24 * 3_600), pause: PAUSE }
    }
}

/// Works until the stop.
pub(crate) async fn collect_blobs(app: Arc<App>, when: When) {
    let When { age, pause } = when;
    let pace = Pace { lifecycle: app.lifecycle.clone(), metrics: Arc::clone(&app.metrics) };
    let collection = Collection::of(&app);
    drop(app);
    let (mut rest, mut orphans_at) = (pause.min(FIRST_ROUND), clock::monotonic());
    while pace.rest(rest).await {
        rest = match collection.attachments(&pace, age).await {
            Ok(Ended::Complete) => pause,
            Ok(Ended::Behind) => pause.min(RETRY),
            Err(StoreError::Closed) => return,
            Err(error) => later(&error, pause),
        };
        match collection.bundles(&pace, age).await {
            Ok(()) => {}
            Err(StoreError::Closed) => return,
            Err(error) => rest = later(&error, pause),
        }
        if clock::monotonic() >= orphans_at {
            match collection.orphans(&pace, age).await {
                Ok(()) => orphans_at = clock::monotonic() + age,
                Err(StoreError::Closed) => return,
                Err(error) => rest = later(&error, pause),
            }
        }
    }
}

fn later(error: &StoreError, pause: Duration) -> Duration {
    tracing::warn!(target: "server::maintenance", error = ?error, "uploads are looked at again later");
    pause.min(RETRY)
}

/// What is collected from.
#[derive(Debug, Clone)]
pub(crate) struct Collection {
    store: Arc<dyn Store>,
    files: Blobs,
    metrics: Arc<Metrics>,
}

impl Collection {
    pub(crate) fn of(app: &App) -> Self {
        let (store, metrics) = (Arc::clone(&app.store), Arc::clone(&app.metrics));
        Self { store, files: app.blobs.clone(), metrics }
    }

    /// Looks at all attachments once.
    async fn attachments(&self, pace: &Pace, age: Duration) -> Result<Ended, StoreError> {
        let before_us = before_us(age);
        let (mut after, mut tries) = (String::new(), 0);
        loop {
            let found = self.store.unnamed_blobs(after.clone(), before_us, LOOK).await?;
            let Some(place) = found.place else { return Ok(Ended::Behind) };
            let mut late = false;
            for keys in found.keys.chunks(BATCH) {
                let began = clock::monotonic();
                let forgotten = self.store.forget_blobs(keys.to_vec(), before_us, place).await?;
                let Some(files) = forgotten else {
                    late = true;
                    break;
                };
                self.metrics.blobs_forgotten(files.len());
                self.remove(files.into_iter().flatten().collect()).await?;
                if !pace.after(began.elapsed()).await {
                    return Ok(Ended::Complete);
                }
            }
            if late {
                // The same piece again, with what the index has by now.
                tries += 1;
                if tries == TRIES {
                    return Ok(Ended::Behind);
                }
                if !pace.rest(TRY_REST).await {
                    return Ok(Ended::Complete);
                }
                continue;
            }
            tries = 0;
            let Some(last) = found.last else { return Ok(Ended::Complete) };
            after = last;
            if !pace.between_reads().await {
                return Ok(Ended::Complete);
            }
        }
    }

    /// Removes code that no version of a function names: what a push left that failed half-way,
    /// and that of deleted functions.
    async fn bundles(&self, pace: &Pace, age: Duration) -> Result<(), StoreError> {
        loop {
            let began = clock::monotonic();
            let files = self.store.expire_bundles(before_us(age), BATCH as u32).await?;
            let last = files.len() < BATCH;
            self.metrics.blobs_forgotten(files.len());
            self.remove(files.into_iter().flatten().collect()).await?;
            if last || !pace.after(began.elapsed()).await {
                return Ok(());
            }
        }
    }

    /// Looks at all files once.
    async fn orphans(&self, pace: &Pace, age: Duration) -> Result<(), StoreError> {
        for group in self.files.groups().await? {
            let old = self.files.older(&group, age).await?;
            for names in old.chunks(BATCH) {
                // Most are somebody's, and stay free to be claimed.
                let unnamed = self.store.unnamed_files(names.to_vec()).await?;
                self.remove(unnamed).await?;
                if !pace.between_reads().await {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Removes files if no upload has them, or is about to.
    pub(crate) async fn remove(&self, names: Vec<String>) -> Result<(), StoreError> {
        if names.is_empty() {
            return Ok(());
        }
        let mut condemned = self.files.condemn(names);
        // Only now, when none of them can be claimed: a claim before ended with its commit.
        let unnamed = self.store.unnamed_files(condemned.names().to_vec()).await?;
        condemned.keep_only(&unnamed);
        let removed = self.files.remove_all(condemned).await?;
        self.metrics.blob_files_removed(removed);
        if removed.files > 0 {
            let Removed { files, bytes } = removed;
            tracing::info!(target: "server::maintenance", files, bytes, "files of nobody removed");
        }
        Ok(())
    }
}

/// The latest time, in microseconds, at which something of that age was made.
fn before_us(age: Duration) -> i64 {
    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    clock::now().as_microsecond().saturating_sub(age)
}

#[cfg(test)]
mod tests;
