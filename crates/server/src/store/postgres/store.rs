//! [`Store`] over the pool, the writer and the index.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tidegate_analysis::comparison::Trial;
use tidegate_model::{Destination, XactId};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::database::Database;
use super::index::Index;
use super::migrate::{OpenError, migrate};
use super::notices::Notices;
use super::writer::Writer;
use super::{experiments, keys, objects, read};
use crate::clock;
use crate::store::{
    Answer, Case, CaseQuery, Experiment, ExperimentFilter, ExperimentOverview, ExperimentQuery,
    Hits, IndexLag, Listed, NewExperiment, Org, Portion, Project, ProjectFilter, ProjectOverview,
    ProjectQuery, Reading, Registered, RowWrite, SearchQuery, Store, StoreError, StoredKey,
    Touched, TracePage, TraceQuery, Watch,
};

/// Rows and objects in one PostgreSQL database.
pub(crate) struct PostgresStore {
    pub(super) database: Database,
    pub(super) writer: Writer,
    pub(super) index: Index,
    pub(super) touched: Arc<Touched>,
    /// Writes that end whether or not anybody waits for them.
    pub(super) tasks: TaskTracker,
    pub(super) notices: Notices,
    watch: Watch,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("database", &self.database).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects, and brings the schema up to date. Needs a runtime.
    pub(crate) async fn open(url: &str, watch: Watch) -> Result<Self, OpenError> {
        let database = Database::new(url)?;
        migrate(&database).await?;
        objects::initialise(&database).await?;
        let touched = Arc::new(Touched::default());
        let notices = Notices::listen(database.clone(), Arc::clone(&touched));
        let index = Index::start(database.clone(), &watch);
        let writer = Writer::start(database.clone(), index.bell(), watch.clone());
        let pool = database.clone();
        watch.metrics.gauge(
            "tidegate_database_connections",
            "Connections to the database in use.",
            move || Some(pool.in_use() as f64),
        );
        let tasks = TaskTracker::new();
        Ok(Self { database, writer, index, touched, tasks, notices, watch })
    }

    /// Runs what reads, and counts it.
    pub(super) async fn counted<R, T>(
        &self,
        object: Option<&Destination>,
        work: R,
    ) -> Result<T, StoreError>
    where
        R: Future<Output = Result<T, StoreError>>,
    {
        let began = clock::monotonic();
        let result = work.await;
        self.watch.read::<R>(object, std::time::Duration::ZERO, began.elapsed());
        result
    }
}

impl Store for PostgresStore {
    fn write(&self, rows: Vec<RowWrite>, bytes: usize) -> Answer<'_, XactId> {
        self.writer.write(rows, bytes).boxed()
    }

    fn read(&self, object: Destination, deadline: Instant, reading: Reading) -> Answer<'_, ()> {
        async move {
            let client = self.database.client().await?;
            let handle = Handle::current();
            let work =
                tokio::task::spawn_blocking(move || read::read(&handle, client, deadline, reading));
            let done = async { work.await.unwrap_or(Err(StoreError::Panicked)) };
            self.counted(Some(&object), done).await
        }
        .boxed()
    }

    fn trials(&self, destination: Destination) -> Answer<'_, Vec<Trial>> {
        async move {
            self.counted(Some(&destination), read::trials(&self.database, &destination)).await
        }
        .boxed()
    }

    fn case_trials(&self, destination: Destination) -> Answer<'_, Vec<Trial>> {
        async move {
            let listed = self.index.trials(destination.clone()).await?;
            if listed.exact {
                return Ok(listed.value);
            }
            // The index cannot keep up: the rows themselves can tell.
            let trials = self.trials(destination).await?;
            Ok(trials.into_iter().map(crate::store::index::with_hashed_key).collect())
        }
        .boxed()
    }

    fn project_overviews(
        &self,
        query: ProjectQuery,
    ) -> Answer<'_, Listed<Portion<ProjectOverview>>> {
        async move { self.counted(None, self.index.projects(query)).await }.boxed()
    }

    fn experiment_overviews(
        &self,
        query: ExperimentQuery,
    ) -> Answer<'_, Listed<Portion<ExperimentOverview>>> {
        async move { self.counted(None, self.index.experiments(query)).await }.boxed()
    }

    fn cases(
        &self,
        destination: Destination,
        query: CaseQuery,
    ) -> Answer<'_, Listed<Portion<Case>>> {
        async move {
            let object = destination.clone();
            self.counted(Some(&object), self.index.cases(destination, query)).await
        }
        .boxed()
    }

    fn trace(&self, query: TraceQuery) -> Answer<'_, TracePage> {
        async move { self.counted(None, self.index.trace_page(query)).await }.boxed()
    }

    fn search(&self, query: SearchQuery) -> Answer<'_, Listed<Hits>> {
        async move { self.counted(None, self.index.search(query)).await }.boxed()
    }

    fn index_lag(&self) -> IndexLag {
        self.index.lag()
    }

    fn register_project(&self, name: String) -> Answer<'_, Registered<Project>> {
        async move { objects::register_project(&self.database, &name).await }.boxed()
    }

    fn projects(&self, filter: ProjectFilter) -> Answer<'_, Vec<Project>> {
        async move { self.counted(None, objects::projects(&self.database, &filter)).await }.boxed()
    }

    fn register_experiment(&self, new: NewExperiment) -> Answer<'_, Registered<Experiment>> {
        async move { experiments::register(&self.database, new).await }.boxed()
    }

    fn experiments(&self, filter: ExperimentFilter) -> Answer<'_, Vec<Experiment>> {
        async move { self.counted(None, experiments::list(&self.database, &filter)).await }.boxed()
    }

    fn org(&self, rename: Option<String>) -> Answer<'_, Org> {
        async move { objects::org(&self.database, rename.as_deref()).await }.boxed()
    }

    fn keys(&self) -> Answer<'_, Vec<StoredKey>> {
        async move { keys::all(&self.database).await }.boxed()
    }

    fn add_key(&self, key: StoredKey, only_first: bool) -> Answer<'_, bool> {
        async move { keys::add(&self.database, &key, only_first).await }.boxed()
    }

    fn revoke_key(&self, id: String) -> Answer<'_, Option<StoredKey>> {
        async move { keys::revoke(&self.database, &id).await }.boxed()
    }

    fn touch_keys(&self, used: Vec<(String, String)>) -> Answer<'_, ()> {
        async move { keys::touch(&self.database, &used).await }.boxed()
    }

    fn project_of(&self, destination: Destination) -> Answer<'_, Option<String>> {
        async move { self.counted(None, objects::project_of(&self.database, &destination)).await }
            .boxed()
    }

    fn close(&self, held: Box<dyn Send>) -> BoxFuture<'_, ()> {
        async move {
            self.writer.close().await;
            self.tasks.close();
            self.tasks.wait().await;
            self.index.close().await;
            self.notices.close().await;
            self.database.close();
            drop(held);
        }
        .boxed()
    }
}
