//! The derived index: a database of its own, fed from the journal of changes by a thread of low
//! priority, for lists, comparisons and full-text search.
//!
//! The file may be deleted at any time while the collector is stopped; it is built again in the
//! background. Reads are exact all the same: [`Index::read`] first has the thread bring the
//! objects in question up to date, and only if that takes too long answers with what there is.

mod apply;
mod cases;
mod extract;
mod figures;
mod follower;
mod fresh;
mod groups;
mod histogram;
mod key;
mod lag;
mod named;
mod overview;
mod schema;
mod search;
mod summaries;
#[cfg(test)]
mod tests;
mod trace_rows;

use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tidegate_analysis::comparison::Trial;
use tidegate_model::Destination;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::open;
use super::readers::Readers;
use super::row_tables::object_number;
use super::writer::Writer;
use crate::store::index::{LIST_PATIENCE, OBJECT_PATIENCE};
use crate::store::{
    Case, CaseQuery, Changed, ExperimentOverview, ExperimentQuery, GroupQuery, Groups, Histogram,
    HistogramQuery, Hits, IndexLag, Listed, Portion, ProjectOverview, ProjectQuery, SearchQuery,
    StoreError, Touched, Unnamed, Watch,
};
use follower::{Demand, Follower};
use fresh::Freshness;
use key::TraceKey;
use lag::Shared;
pub(super) use named::earlier_after;
pub(super) use trace_rows::page as trace_page;

/// Name of the file in the data directory.
pub(crate) const INDEX_FILE: &str = "tidegate-index.db";

/// Reads that wait for the thread at once; those beyond are answered with what there is.
const DEMANDS: usize = 64;

/// The index of a running store.
#[derive(Debug)]
pub(super) struct Index {
    readers: Readers,
    shared: Arc<Shared>,
    /// `None` once closed.
    demands: Mutex<Option<SyncSender<Demand>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Index {
    /// Opens or makes the index beside the database `main` and starts its thread. Blocks.
    pub(super) fn start(
        data_dir: &Path,
        main: &Path,
        writer: &Arc<Writer>,
        watch: Watch,
    ) -> Result<Self, StoreError> {
        let path = data_dir.join(INDEX_FILE);
        let main = main.to_owned();
        let reader = open::for_reading(&main)?;
        let index = schema::open(&path, &reader)?;
        let shared = Arc::new(Shared::default());
        let follower = Follower {
            main: reader,
            unsummarized: summaries::outdated(&index)?
                .into_iter()
                .map(|object| (object, Instant::now()))
                .collect(),
            index,
            names: figures::Interned::default(),
            writer: Arc::downgrade(writer),
            shared: Arc::clone(&shared),
            trimmed: 0,
            trimmed_at: Instant::now(),
        };
        let lag = Arc::clone(&shared);
        watch.metrics.gauge(
            "tidegate_search_lag_seconds",
            "Age of the oldest change that lists and searches do not show yet.",
            move || Some(lag.lag().seconds as f64),
        );
        let lag = Arc::clone(&shared);
        watch.metrics.gauge(
            "tidegate_search_lag_rows",
            "Changed rows that lists and searches do not show yet.",
            move || Some(lag.lag().rows as f64),
        );
        let (sender, receiver) = sync_channel(DEMANDS);
        let thread = thread::Builder::new()
            .name("tidegate-index".into())
            .spawn(move || follower.run(&receiver))?;
        let readers = Readers::over(
            move || {
                let connection = open::for_reading(&main)?;
                let path = path.to_string_lossy();
                connection.execute("ATTACH DATABASE ?1 AS derived", [path])?;
                Ok(connection)
            },
            watch,
        );
        let (demands, thread) = (Mutex::new(Some(sender)), Mutex::new(Some(thread)));
        Ok(Self { readers, shared, demands, thread })
    }

    /// How far the index is behind.
    pub(super) fn lag(&self) -> IndexLag {
        self.shared.lag()
    }

    /// Reads when the objects have all that was acknowledged before, or `patience` is over.
    async fn read<T: Send + 'static>(
        &self,
        objects: impl Fn(&Connection) -> Result<Vec<i64>, StoreError> + Send + 'static,
        patience: Duration,
        read: impl Fn(&Connection) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Listed<T>, StoreError> {
        let read = Arc::new(read);
        let first = Arc::clone(&read);
        let attempt = self.readers.run(move |connection| {
            let freshness = Freshness::of(connection)?;
            let behind = freshness.behind(connection, &objects(connection)?)?;
            if behind.is_empty() { Ok(Ok(first(connection)?)) } else { Ok(Err(behind)) }
        });
        let exact = match attempt.await? {
            Ok(value) => return Ok(Listed { value, exact: true }),
            Err(behind) => self.demand(behind, patience).await,
        };
        // The thread has done what was asked for, so there is nothing to check again: under load
        // there is always something newer.
        let value = self.readers.run(move |connection| read(connection)).await?;
        Ok(Listed { value, exact })
    }

    /// Has objects brought up to date; `false` if that could not be done in time.
    async fn demand(&self, objects: Vec<i64>, patience: Duration) -> bool {
        let (done, wait) = oneshot::channel();
        let sent = match &*lock(&self.demands) {
            Some(demands) => demands.try_send(Demand { objects, done }),
            None => return false,
        };
        match sent {
            Ok(()) => matches!(tokio::time::timeout(patience, wait).await, Ok(Ok(()))),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// An object's trials, as [`Store::trials`](crate::store::Store::trials) has them but for
    /// their case keys.
    pub(super) async fn trials(
        &self,
        destination: Destination,
    ) -> Result<Listed<Vec<Trial>>, StoreError> {
        self.of_object(destination, cases::trials).await.map(unwrap_known)
    }

    /// See [`Store::cases`](crate::store::Store::cases).
    pub(super) async fn cases(
        &self,
        destination: Destination,
        query: CaseQuery,
    ) -> Result<Listed<Portion<Case>>, StoreError> {
        let listed = self
            .of_object(destination, move |connection, object| {
                cases::list(connection, object, &query)
            })
            .await?;
        Ok(unwrap_known(listed))
    }

    /// See [`Store::project_overviews`](crate::store::Store::project_overviews).
    pub(super) async fn projects(
        &self,
        query: ProjectQuery,
    ) -> Result<Listed<Portion<ProjectOverview>>, StoreError> {
        self.read(fresh::all_objects, LIST_PATIENCE, move |connection| {
            overview::projects(connection, &query)
        })
        .await
    }

    /// See [`Store::experiment_overviews`](crate::store::Store::experiment_overviews).
    pub(super) async fn experiments(
        &self,
        query: ExperimentQuery,
    ) -> Result<Listed<Portion<ExperimentOverview>>, StoreError> {
        let project = query.project_id.clone();
        self.read(
            move |connection| overview::objects(connection, &project),
            LIST_PATIENCE,
            move |connection| overview::experiments(connection, &query),
        )
        .await
    }

    /// See [`Store::search`](crate::store::Store::search).
    pub(super) async fn search(&self, query: SearchQuery) -> Result<Listed<Hits>, StoreError> {
        let scope = query.scope.clone();
        let objects = move |connection: &Connection| match overview::scope(connection, &scope)? {
            None => Ok(Vec::new()),
            Some(None) => fresh::all_objects(connection),
            Some(Some(objects)) => Ok(objects),
        };
        self.read(objects, LIST_PATIENCE, move |connection| search::page(connection, &query)).await
    }

    /// See [`BlobStore::unnamed_blobs`](crate::store::BlobStore::unnamed_blobs).
    pub(super) async fn unnamed(
        &self,
        after: String,
        before_us: i64,
        limit: u32,
    ) -> Result<Unnamed, StoreError> {
        self.readers
            .run(move |connection| named::unnamed(connection, &after, before_us, limit))
            .await
    }

    /// See [`FigureStore::histogram`](crate::store::FigureStore::histogram).
    pub(super) async fn histogram(
        &self,
        destination: Destination,
        query: HistogramQuery,
    ) -> Result<Listed<Histogram>, StoreError> {
        let listed = self
            .of_object(destination, move |connection, object| {
                histogram::histogram(connection, object, &query)
            })
            .await?;
        Ok(unwrap_known(listed))
    }

    /// See [`FigureStore::groups`](crate::store::FigureStore::groups).
    pub(super) async fn groups(
        &self,
        destination: Destination,
        query: GroupQuery,
    ) -> Result<Listed<Groups>, StoreError> {
        let listed = self
            .of_object(destination, move |connection, object| {
                groups::groups(connection, object, &query)
            })
            .await?;
        Ok(unwrap_known(listed))
    }

    /// See [`LiveStore::touched`](crate::store::LiveStore::touched).
    pub(super) fn touched(&self) -> Arc<Touched> {
        Arc::clone(&self.shared.touched)
    }

    /// See [`LiveStore::tallied`](crate::store::LiveStore::tallied).
    pub(super) async fn tallied(&self, objects: Vec<i64>) -> Result<Vec<Changed>, StoreError> {
        self.readers.run(move |connection| overview::tallied(connection, &objects)).await
    }

    async fn of_object<T: Send + 'static>(
        &self,
        destination: Destination,
        read: impl Fn(&Connection, i64) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Listed<Option<T>>, StoreError> {
        let named = destination.clone();
        self.read(
            move |connection| Ok(object_number(connection, &named)?.into_iter().collect()),
            OBJECT_PATIENCE,
            move |connection| match object_number(connection, &destination)? {
                Some(object) => read(connection, object).map(Some),
                None => Ok(None),
            },
        )
        .await
    }

    /// Ends the thread, once it has finished its present step, and closes all connections.
    pub(super) async fn close(&self) {
        drop(lock(&self.demands).take());
        self.readers.close().await;
        let thread = lock(&self.thread).take();
        let ended = tokio::task::spawn_blocking(move || thread.map(thread::JoinHandle::join));
        if !matches!(ended.await, Ok(None | Some(Ok(())))) {
            tracing::error!(target: "server::index", "the index thread panicked");
        }
    }
}

/// An object without rows has nothing.
fn unwrap_known<T: Default>(listed: Listed<Option<T>>) -> Listed<T> {
    Listed { value: listed.value.unwrap_or_default(), exact: listed.exact }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
