//! The derived index, in the same database, for lists, comparisons and full-text search.
//!
//! A commit leaves an entry in `changes` for each object it touched. Any collector works entries
//! off, under a lock of the object, so one that is killed loses nothing. Reads are exact all the
//! same: who asks about objects with entries first works them off, and only if that takes too long
//! answers with what there is.

mod apply;
mod cases;
mod documents;
mod figures;
mod follower;
mod groups;
mod histogram;
mod lag;
mod live;
mod named;
mod overview;
mod rebuild;
mod search;
mod statement;
mod step;
mod summaries;
#[cfg(test)]
mod tests;
mod trace_rows;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Transaction;
use tidegate_analysis::comparison::Trial;
use tidegate_model::Destination;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::database::{self, Database};
use super::read::{begin, object_number};
use crate::clock;
use crate::store::index::{LIST_PATIENCE, OBJECT_PATIENCE};
use crate::store::{
    Case, CaseQuery, Changed, ExperimentOverview, ExperimentQuery, GroupQuery, Groups, Histogram,
    HistogramQuery, Hits, IndexLag, IndexPlace, Listed, Portion, ProjectOverview, ProjectQuery,
    SearchQuery, SearchScope, StoreError, TracePage, TraceQuery, Unnamed, Watch,
};
use follower::{Follower, Unsummarized};
use lag::Lag;
use step::{Step, Wait};

/// Reads that bring objects up to date at once, each on a connection; others wait for their turn.
const DEMANDS: usize = 4;

/// Threads for work that takes the processor for a while, such as reading rows.
#[derive(Debug, Clone, Default)]
struct Threads(TaskTracker);

impl Threads {
    /// Runs work on a thread of its own. Dropped, it goes on to its end.
    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: AsyncFnOnce() -> Result<T, StoreError> + Send + 'static,
    {
        let handle = Handle::current();
        let done = self.0.spawn_blocking(move || handle.block_on(work()));
        done.await.unwrap_or(Err(StoreError::Panicked))
    }
}

/// What a question is about.
#[derive(Debug, Clone)]
enum About {
    Object(Destination),
    /// All objects of a project, by its id.
    Project(String),
    Everything,
}

impl About {
    /// The objects with entries, and the number of the last one of each.
    async fn behind(&self, on: &Transaction<'_>) -> Result<Vec<(i64, i64)>, StoreError> {
        let objects = match self {
            Self::Object(destination) => {
                Some(object_number(on, destination).await?.into_iter().collect())
            }
            Self::Project(id) => Some(overview::objects(on, id).await?),
            Self::Everything => None,
        };
        let sql = "SELECT object, max(number) FROM changes
            WHERE $1::bigint[] IS NULL OR object = ANY($1) GROUP BY object";
        let rows = database::rows(on, sql, &[&objects]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }
}

/// The index of a running store.
#[derive(Debug)]
pub(super) struct Index {
    follower: Arc<Follower>,
    demands: Semaphore,
    task: TaskTracker,
}

impl Drop for Index {
    /// Ends the task, which would go on with its connections: of a store that nobody closed.
    fn drop(&mut self) {
        self.follower.stop.cancel();
    }
}

impl Index {
    /// Starts the task that keeps the index. Needs a runtime.
    pub(super) fn start(database: Database, watch: &Watch) -> Self {
        let follower = Arc::new(Follower {
            database,
            threads: Threads::default(),
            bell: Arc::default(),
            lag: Lag::default(),
            unsummarized: Unsummarized::default(),
            stop: CancellationToken::new(),
        });
        let lag = Arc::clone(&follower);
        watch.metrics.gauge(
            "tidegate_search_lag_seconds",
            "Age of the oldest change that lists and searches do not show yet.",
            move || Some(lag.lag.get().seconds as f64),
        );
        let lag = Arc::clone(&follower);
        watch.metrics.gauge(
            "tidegate_search_lag_rows",
            "Changed rows that lists and searches do not show yet.",
            move || Some(lag.lag.get().rows as f64),
        );
        let task = TaskTracker::new();
        task.spawn(Arc::clone(&follower).run());
        task.close();
        Self { follower, demands: Semaphore::new(DEMANDS), task }
    }

    /// Tells the task that there is something to do.
    pub(super) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.follower.bell)
    }

    /// How far the index is behind.
    pub(super) fn lag(&self) -> IndexLag {
        self.follower.lag.get()
    }

    /// Ends the task, once it has finished its present step, and waits for reads under way.
    pub(super) async fn close(&self) {
        self.follower.stop.cancel();
        self.task.wait().await;
        let threads = &self.follower.threads.0;
        threads.close();
        threads.wait().await;
    }

    /// Runs work over one snapshot.
    async fn over<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let mut client = self.follower.database.client().await?;
        let run = async move || {
            let transaction = begin(&mut client).await?;
            let result = work(&transaction).await;
            // Nothing was written; an error here says nothing about what was read.
            transaction.rollback().await.ok();
            result
        };
        self.follower.threads.run(run).await
    }

    /// Reads when what is asked about has all that was acknowledged before, or `patience` is over.
    async fn read<T, F>(
        &self,
        about: About,
        patience: Duration,
        read: F,
    ) -> Result<Listed<T>, StoreError>
    where
        T: Send + 'static,
        F: AsyncFn(&Transaction<'_>) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        let read = Arc::new(read);
        let first = Arc::clone(&read);
        let attempt = self.over(async move |on| {
            let behind = about.behind(on).await?;
            if behind.is_empty() { Ok(Ok(first(on).await?)) } else { Ok(Err(behind)) }
        });
        let exact = match attempt.await? {
            Ok(value) => return Ok(Listed { value, exact: true }),
            Err(behind) => self.demand(behind, patience).await,
        };
        // What was there at the time of the question is indexed, so there is nothing to check
        // again: under load there is always something newer.
        let value = self.over(async move |on| read(on).await).await?;
        Ok(Listed { value, exact })
    }

    /// Works off the entries of objects up to a number; `false` if that could not be done in time.
    async fn demand(&self, objects: Vec<(i64, i64)>, patience: Duration) -> bool {
        let deadline = clock::monotonic() + patience;
        let Ok(Ok(_permit)) = tokio::time::timeout(patience, self.demands.acquire()).await else {
            return false;
        };
        for (object, newest) in objects {
            loop {
                if clock::monotonic() >= deadline {
                    return false;
                }
                match self.follower.step(object, newest, Wait::Until(deadline)).await {
                    Ok(Step::Worked) => {}
                    Ok(Step::Nothing) => break,
                    Ok(Step::Locked) => return false,
                    Err(error) => {
                        tracing::error!(
                            target: "server::index", object, error = ?error,
                            "indexing an object failed"
                        );
                        return false;
                    }
                }
            }
        }
        true
    }

    async fn of_object<T, F>(
        &self,
        destination: Destination,
        read: F,
    ) -> Result<Listed<T>, StoreError>
    where
        T: Default + Send + 'static,
        F: AsyncFn(&Transaction<'_>, i64) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        let about = About::Object(destination.clone());
        self.read(about, OBJECT_PATIENCE, async move |on| {
            match object_number(on, &destination).await? {
                Some(object) => read(on, object).await,
                // An object without rows has nothing.
                None => Ok(T::default()),
            }
        })
        .await
    }

    /// An object's trials, as [`Store::trials`](crate::store::Store::trials) has them but for
    /// their case keys.
    pub(super) async fn trials(
        &self,
        destination: Destination,
    ) -> Result<Listed<Vec<Trial>>, StoreError> {
        self.of_object(destination, async |on, object| cases::trials(on, object).await).await
    }

    /// See [`Store::cases`](crate::store::Store::cases).
    pub(super) async fn cases(
        &self,
        destination: Destination,
        query: CaseQuery,
    ) -> Result<Listed<Portion<Case>>, StoreError> {
        self.of_object(destination, async move |on, object| cases::list(on, object, &query).await)
            .await
    }

    /// See [`FigureStore::histogram`](crate::store::FigureStore::histogram).
    pub(super) async fn histogram(
        &self,
        destination: Destination,
        query: HistogramQuery,
    ) -> Result<Listed<Histogram>, StoreError> {
        self.of_object(destination, async move |on, object| {
            histogram::histogram(on, object, &query).await
        })
        .await
    }

    /// See [`FigureStore::groups`](crate::store::FigureStore::groups).
    pub(super) async fn groups(
        &self,
        destination: Destination,
        query: GroupQuery,
    ) -> Result<Listed<Groups>, StoreError> {
        self.of_object(destination, async move |on, object| {
            groups::groups(on, object, &query).await
        })
        .await
    }

    /// See [`Store::project_overviews`](crate::store::Store::project_overviews).
    pub(super) async fn projects(
        &self,
        query: ProjectQuery,
    ) -> Result<Listed<Portion<ProjectOverview>>, StoreError> {
        let read = async move |on: &Transaction<'_>| overview::projects(on, &query).await;
        self.read(About::Everything, LIST_PATIENCE, read).await
    }

    /// See [`Store::experiment_overviews`](crate::store::Store::experiment_overviews).
    pub(super) async fn experiments(
        &self,
        query: ExperimentQuery,
    ) -> Result<Listed<Portion<ExperimentOverview>>, StoreError> {
        let about = About::Project(query.project_id.clone());
        let follower = Arc::clone(&self.follower);
        self.read(about, LIST_PATIENCE, async move |on| {
            let mut behind = Vec::new();
            let page = overview::experiments(on, &query, &mut behind).await;
            // Whoever indexed them may be gone.
            follower.unsummarized.note(behind);
            page
        })
        .await
    }

    /// See [`Store::search`](crate::store::Store::search).
    pub(super) async fn search(&self, query: SearchQuery) -> Result<Listed<Hits>, StoreError> {
        let about = match &query.scope {
            SearchScope::Everything => About::Everything,
            SearchScope::Project(id) => About::Project(id.clone()),
            SearchScope::Object(destination) => About::Object(destination.clone()),
        };
        let read = async move |on: &Transaction<'_>| search::page(on, &query).await;
        self.read(about, LIST_PATIENCE, read).await
    }

    /// See [`Store::trace`](crate::store::Store::trace).
    pub(super) async fn trace_page(&self, query: TraceQuery) -> Result<TracePage, StoreError> {
        self.over(async move |on| trace_rows::page(on, &query).await).await
    }

    /// See [`LiveStore::tallied`](crate::store::LiveStore::tallied).
    pub(super) async fn tallied(&self, objects: Vec<i64>) -> Result<Vec<Changed>, StoreError> {
        self.over(async move |on| overview::tallied(on, &objects).await).await
    }

    /// See [`BlobStore::unnamed_blobs`](crate::store::BlobStore::unnamed_blobs).
    pub(super) async fn unnamed(
        &self,
        after: String,
        before_us: i64,
        limit: u32,
    ) -> Result<Unnamed, StoreError> {
        self.over(async move |on| named::unnamed(on, &after, before_us, limit).await).await
    }

    /// See [`BlobStore::forget_blobs`](crate::store::BlobStore::forget_blobs). A place is not
    /// needed: all that is written is looked at.
    pub(super) async fn forget_blobs(
        &self,
        keys: Vec<String>,
        before_us: i64,
        _: IndexPlace,
    ) -> Result<Option<Vec<Option<String>>>, StoreError> {
        let behind = self.over(async |on| About::Everything.behind(on).await).await?;
        // Whether or not it could all be done: what is left is counted.
        self.demand(behind, LIST_PATIENCE).await;
        let mut client = self.follower.database.client().await?;
        let forget = async move || named::forget(&mut client, &keys, before_us).await;
        self.follower.threads.run(forget).await
    }
}
