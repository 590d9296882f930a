//! [`Store`] over the writer and the readers.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tidegate_analysis::comparison::Trial;
use tidegate_model::{Destination, XactId};

use super::checkpoint::{self, Checkpoints};
use super::index::{self, Index};
use super::readers::Readers;
use super::scan::Snapshot;
use super::writer::Writer;
use super::{DATABASE_FILE, OpenError, experiments, keys, objects, open, row_tables};
use crate::store::{
    Answer, Case, CaseQuery, Experiment, ExperimentFilter, ExperimentOverview, ExperimentQuery,
    Hits, IndexLag, Listed, NewExperiment, Org, Portion, Project, ProjectFilter, ProjectOverview,
    ProjectQuery, Reading, Registered, RowWrite, SearchQuery, Store, StoreError, StoredKey,
    TracePage, TraceQuery, Watch,
};

/// Rows and objects in one SQLite file. Lists and registrations go through the writer where they
/// write, through readers otherwise; both see what was acknowledged before.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    pub(super) writer: Arc<Writer>,
    pub(super) readers: Readers,
    index: Index,
}

impl SqliteStore {
    /// Opens it with figures that nobody reads.
    #[cfg(test)]
    pub(crate) fn open(data_dir: &Path) -> Result<Self, OpenFailure> {
        Self::open_watched(data_dir, Watch::unread(data_dir))
    }

    /// Opens or makes the database in a data directory. Blocks.
    pub(crate) fn open_watched(data_dir: &Path, watch: Watch) -> Result<Self, OpenFailure> {
        let path = data_dir.join(DATABASE_FILE);
        let mut connection = open::for_writing(&path).map_err(OpenFailure::Open)?;
        objects::initialise(&connection).map_err(OpenFailure::Store)?;
        let other = open::for_writing(&path).map_err(OpenFailure::Open)?;
        let readers = Readers::new(path.clone(), watch.clone());
        let writer =
            Checkpoints::start(&mut connection, other, readers.running(), checkpoint::LIMITS)
                .and_then(|checkpoints| Writer::start(connection, checkpoints, watch.clone()))
                .map_err(OpenFailure::Store)?;
        let writer = Arc::new(writer);
        let index = Index::start(data_dir, &path, &writer, watch).map_err(OpenFailure::Store)?;
        Ok(Self { writer, readers, index })
    }
}

impl SqliteStore {
    pub(super) fn index(&self) -> &Index {
        &self.index
    }
}

#[cfg(test)]
impl SqliteStore {
    /// Where the index is, once it has all that is stored by now.
    pub(crate) async fn indexed(&self) -> crate::store::IndexPlace {
        let deadline = crate::clock::monotonic() + std::time::Duration::from_secs(60);
        loop {
            let found = self.index.unnamed(String::new(), 0, 1).await.expect("read");
            let all = move |connection: &rusqlite::Connection| {
                let Some(place) = found.place else { return Ok(None) };
                let earlier = index::earlier_after(connection, place)?;
                let left = "SELECT count(*) FROM row_versions WHERE number > ?1";
                let left: i64 = connection.query_row(left, [earlier], |row| row.get(0))?;
                let newest = super::changes::newest(connection)?;
                Ok((left == 0 && place.journal == newest).then_some(place))
            };
            if let Some(place) = self.readers.run(all).await.expect("read") {
                return place;
            }
            assert!(crate::clock::monotonic() < deadline, "the index does not follow");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Keeps the writer busy from when it says so until it is told to go on.
    pub(crate) async fn occupy(
        &self,
        begun: tokio::sync::oneshot::Sender<()>,
        go_on: std::sync::mpsc::Receiver<()>,
    ) {
        let wait = move |_: &mut super::writer::Session| {
            begun.send(()).expect("somebody waits");
            go_on.recv().expect("told");
            Ok(())
        };
        self.writer.submit(0, wait).await.expect("done");
    }
}

/// Why [`SqliteStore::open`] failed.
#[derive(Debug)]
pub(crate) enum OpenFailure {
    /// The file could not be opened or is not ours.
    Open(OpenError),
    /// The store could not start on it.
    Store(StoreError),
}

/// A registration takes little; it only has to count.
pub(super) const SMALL_BYTES: usize = 1_024;

impl Store for SqliteStore {
    fn write(&self, rows: Vec<RowWrite>, bytes: usize) -> Answer<'_, XactId> {
        self.writer.submit(bytes, move |session| row_tables::write(session, rows)).boxed()
    }

    fn read(&self, object: Destination, deadline: Instant, reading: Reading) -> Answer<'_, ()> {
        self.readers
            .run_until(deadline, object, move |connection| {
                reading(&mut Snapshot { connection, deadline })
            })
            .boxed()
    }

    fn trials(&self, destination: Destination) -> Answer<'_, Vec<Trial>> {
        self.readers
            .run_for(destination.clone(), move |connection| {
                row_tables::trials(connection, &destination)
            })
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
        self.index.projects(query).boxed()
    }

    fn experiment_overviews(
        &self,
        query: ExperimentQuery,
    ) -> Answer<'_, Listed<Portion<ExperimentOverview>>> {
        self.index.experiments(query).boxed()
    }

    fn cases(
        &self,
        destination: Destination,
        query: CaseQuery,
    ) -> Answer<'_, Listed<Portion<Case>>> {
        self.index.cases(destination, query).boxed()
    }

    fn trace(&self, query: TraceQuery) -> Answer<'_, TracePage> {
        self.readers.run(move |connection| index::trace_page(connection, &query)).boxed()
    }

    fn search(&self, query: SearchQuery) -> Answer<'_, Listed<Hits>> {
        self.index.search(query).boxed()
    }

    fn index_lag(&self) -> IndexLag {
        self.index.lag()
    }

    fn register_project(&self, name: String) -> Answer<'_, Registered<Project>> {
        self.writer
            .submit(SMALL_BYTES, move |session| {
                objects::register_project(&session.connection, &name)
            })
            .boxed()
    }

    fn projects(&self, filter: ProjectFilter) -> Answer<'_, Vec<Project>> {
        self.readers.run(move |connection| objects::projects(connection, &filter)).boxed()
    }

    fn register_experiment(&self, new: NewExperiment) -> Answer<'_, Registered<Experiment>> {
        self.writer
            .submit(SMALL_BYTES, move |session| experiments::register(&session.connection, new))
            .boxed()
    }

    fn experiments(&self, filter: ExperimentFilter) -> Answer<'_, Vec<Experiment>> {
        self.readers.run(move |connection| experiments::list(connection, &filter)).boxed()
    }

    fn org(&self, rename: Option<String>) -> Answer<'_, Org> {
        self.writer
            .submit(SMALL_BYTES, move |session| {
                objects::org(&session.connection, rename.as_deref())
            })
            .boxed()
    }

    fn keys(&self) -> Answer<'_, Vec<StoredKey>> {
        self.readers.run(keys::all).boxed()
    }

    fn add_key(&self, key: StoredKey, only_first: bool) -> Answer<'_, bool> {
        self.writer
            .submit(SMALL_BYTES, move |session| keys::add(&session.connection, &key, only_first))
            .boxed()
    }

    fn revoke_key(&self, id: String) -> Answer<'_, Option<StoredKey>> {
        self.writer
            .submit(SMALL_BYTES, move |session| keys::revoke(&session.connection, &id))
            .boxed()
    }

    fn touch_keys(&self, used: Vec<(String, String)>) -> Answer<'_, ()> {
        self.writer
            .submit(SMALL_BYTES, move |session| keys::touch(&session.connection, &used))
            .boxed()
    }

    fn project_of(&self, destination: Destination) -> Answer<'_, Option<String>> {
        self.readers.run(move |connection| objects::project_of(connection, &destination)).boxed()
    }

    fn close(&self, held: Box<dyn Send>) -> BoxFuture<'_, ()> {
        let writer = Arc::clone(&self.writer);
        async move {
            self.index.close().await;
            self.readers.close().await;
            let closed = tokio::task::spawn_blocking(move || {
                writer.close();
                drop(held);
            });
            if closed.await.is_err() {
                tracing::error!(target: "server::store", "closing the store panicked");
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_live_store_syncs_every_commit() {
        let dir = tempfile::tempdir().expect("directory");
        let store = SqliteStore::open(dir.path()).expect("open");
        let (journal, synchronous) = store
            .writer
            .submit(0, |session| {
                let pragma = |name| session.connection.query_row(name, [], |row| row.get(0));
                let journal: String = pragma("PRAGMA journal_mode")?;
                let synchronous: u8 =
                    session.connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
                Ok((journal, synchronous))
            })
            .await
            .expect("pragmas");
        // 2 is FULL.
        assert_eq!((journal.as_str(), synchronous), ("wal", 2));
        store.close(Box::new(())).await;
    }

    #[tokio::test]
    async fn a_failed_job_takes_no_other_with_it() {
        let dir = tempfile::tempdir().expect("directory");
        let store = SqliteStore::open(dir.path()).expect("open");
        let insert = |session: &mut crate::store::sqlite::writer::Session, name: &str| {
            objects::register_project(&session.connection, name).map(drop)
        };
        let (good, failed, panicked, other) = tokio::join!(
            store.writer.submit(0, move |session| insert(session, "good")),
            store.writer.submit(0, move |session| {
                insert(session, "bad")?;
                Err::<(), _>(StoreError::Overloaded)
            }),
            store.writer.submit(0, move |session| -> Result<(), StoreError> {
                insert(session, "worse")?;
                panic!("on purpose")
            }),
            store.writer.submit(0, move |session| insert(session, "other")),
        );
        good.expect("kept");
        other.expect("kept");
        assert!(matches!(failed, Err(StoreError::Overloaded)), "{failed:?}");
        assert!(matches!(panicked, Err(StoreError::Panicked)), "{panicked:?}");
        let page = crate::store::Page { limit: 10, after: None };
        let filter = ProjectFilter { id: None, name: None, page };
        let names: Vec<_> =
            store.projects(filter).await.expect("list").into_iter().map(|p| p.name).collect();
        assert_eq!(names, ["other", "good"]);
        store.close(Box::new(())).await;
        assert!(matches!(store.org(None).await, Err(StoreError::Closed)));
    }
}
