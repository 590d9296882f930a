//! Where rows and objects are kept.
//!
//! [`Store`] is what the rest of the collector sees; `sqlite` and, with the feature of that name,
//! `postgres` implement it.
//! Every write is durable when its future resolves.

mod blobs;
mod datasets;
mod document;
mod figures;
mod functions;
pub(crate) mod index;
mod lists;
mod live;
mod objects;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod profiles;
mod rows;
mod scan;
mod space;
pub(crate) mod sqlite;
mod upkeep;
mod versions;
mod watch;

use std::fmt;
use std::time::Instant;

use futures_util::future::BoxFuture;
use tidegate_analysis::comparison::Trial;
use tidegate_model::{Destination, XactId};

pub(crate) use blobs::{Blob, BlobStore, IndexPlace, Progress, Purpose, Unnamed};
pub(crate) use datasets::{
    Dataset, DatasetFilter, DatasetStore, NewDataset, NewSnapshot, ObjectKind, Patch, Snapshot,
    SnapshotFilter, Tag, merge_members,
};
pub(crate) use document::{Body, Document, ROW_LIMIT_BYTES, Trace, created_us, unpack};
pub(crate) use figures::{
    Bucket, DatasetVersion, FigureStore, Group, GroupBy, GroupMean, GroupQuery, Groups, Histogram,
    HistogramBy, HistogramQuery,
};
pub(crate) use functions::{
    At, Function, FunctionFilter, FunctionPage, FunctionStore, FunctionTag, IfExists, NewFunction,
};
pub(crate) use lists::{
    Case, CaseFilter, CaseQuery, CaseSort, ExperimentOverview, ExperimentQuery, ExperimentSort,
    Figure, FigureRange, Hit, Hits, IndexLag, Kind, Listed, Order, Place, Portion, ProjectOverview,
    ProjectQuery, ProjectSort, SearchQuery, SearchScope, Snippet, SortKey, TracePage, TraceQuery,
};
pub(crate) use live::{Changed, Elsewhere, LiveStore, Noted, Touched};
pub use objects::Scope;
pub(crate) use objects::{
    Experiment, ExperimentFilter, NewExperiment, Org, Page, Project, ProjectFilter, Registered,
    StoredKey,
};
pub(crate) use profiles::{NewProfile, ProfileStore, Stored};
pub(crate) use rows::{Change, Cursor, RowWrite, SERVER_MEMBERS, StoredRow};
pub(crate) use scan::{Narrow, Range, Reading, RowPlace, RowSource, Scan, ScanEnd, ScannedRow};
pub(crate) use space::{Space, free_bytes};
pub(crate) use upkeep::UpkeepStore;
pub(crate) use versions::{Restoration, VersionStore};
pub(crate) use watch::Watch;

/// A store's answer in the making.
pub(crate) type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store is closing or closed.
    #[error("the store is closed")]
    Closed,
    /// The queue before the store stayed full until the deadline.
    #[error("the store is overloaded")]
    Overloaded,
    /// A named project does not exist.
    #[error("unknown project {0:?}")]
    UnknownProject(String),
    /// An object gets a name that another one has.
    #[error("the name {0:?} is taken")]
    NameTaken(String),
    /// A function of that slug exists, and the request wants it to be new.
    #[error(
        "a function of the slug {0:?} exists already; send \"if_exists\" as \"replace\" or \
         \"ignore\" (`braintrust push --if-exists`), or choose another slug"
    )]
    FunctionExists(String),
    /// A slug belongs to another function.
    #[error("the slug {slug:?} belongs to another function, of the type {kind}; choose another")]
    SlugTaken {
        /// The slug.
        slug: String,
        /// The type of the function that has it.
        kind: String,
    },
    /// A request has a slug twice.
    #[error("the slug {0:?} occurs twice in one request")]
    SlugRepeated(String),
    /// Changes to a function make something that is none.
    #[error("{0}")]
    BadFunction(String),
    /// A function grew beyond what is stored, by merging.
    #[error("the definition would have {bytes} bytes, more than the {limit} of one version")]
    FunctionTooLarge {
        /// Its size, had it been stored.
        bytes: usize,
        /// The most a version may have.
        limit: usize,
    },
    /// The base of a new experiment does not exist.
    #[error("base experiment {0:?} not found")]
    UnknownBase(String),
    /// A row grew beyond what is stored, by merging.
    #[error("row {id:?} would grow to {bytes} bytes, more than the {limit} a row may have")]
    RowTooLarge {
        /// Id of the row.
        id: String,
        /// Its size, had it been stored.
        bytes: usize,
        /// The most a row may have.
        limit: usize,
    },
    /// The disk, or the quota, is full. Nothing was written, and the same write may come again.
    #[error("the disk is full")]
    DiskFull,
    /// Going back to a version would write more than one transaction may.
    #[error("the rows to restore take {bytes} bytes, more than the {limit} of one restoration")]
    RestoreTooLarge {
        /// As they are stored.
        bytes: i64,
        /// The most that is restored at once.
        limit: i64,
    },
    /// A read went on beyond its deadline.
    #[error("the read took too long")]
    Interrupted,
    /// The database failed.
    #[error("database error")]
    Database(#[source] std::sync::Arc<rusqlite::Error>),
    /// A database server failed.
    #[error("database error")]
    Engine(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
    /// A database server cannot be reached, or does not take writes. Whether a write that was under
    /// way happened is not known; the same write may come again.
    #[error("the database cannot be reached")]
    Unreachable(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
    /// A text has a character that the database cannot keep.
    #[error("a text has the character U+0000, which this store cannot keep; leave it out")]
    NulCharacter,
    /// What the database holds does not make sense.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The place of uploaded files cannot be reached. The same request may come again.
    #[error("uploaded files cannot be reached")]
    FilesAway(#[source] std::sync::Arc<std::io::Error>),
    /// A file operation failed.
    #[error("file error")]
    Io(#[source] std::sync::Arc<std::io::Error>),
    /// The work panicked; the transaction was rolled back.
    #[error("internal error while using the database")]
    Panicked,
}

#[cfg(feature = "postgres")]
impl StoreError {
    /// The database server, or the way to it, failed.
    pub(crate) fn engine(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Engine(std::sync::Arc::new(error))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            _ => Self::Database(std::sync::Arc::new(error)),
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull,
            std::io::ErrorKind::HostUnreachable => Self::FilesAway(std::sync::Arc::new(error)),
            _ => Self::Io(std::sync::Arc::new(error)),
        }
    }
}

/// The interface of a store. All methods are cancel safe: a write whose future is dropped either
/// happens whole or not at all.
pub(crate) trait Store:
    DatasetStore
    + FunctionStore
    + BlobStore
    + FigureStore
    + LiveStore
    + ProfileStore
    + UpkeepStore
    + VersionStore
    + fmt::Debug
    + Send
    + Sync
{
    /// Applies rows in order, all or none, under one new transaction id. `bytes` is what the rows
    /// take in memory.
    fn write(&self, rows: Vec<RowWrite>, bytes: usize) -> Answer<'_, XactId>;

    /// Does work over one snapshot, about an object. What runs when the deadline has passed ends
    /// with [`StoreError::Interrupted`].
    fn read(&self, object: Destination, deadline: Instant, reading: Reading) -> Answer<'_, ()>;

    /// Reads an object's rows as trials.
    fn trials(&self, destination: Destination) -> Answer<'_, Vec<Trial>>;

    /// Returns an object's trials with case keys that are equal where those of
    /// [`Store::trials`] are, and may be shorter. Has all that was acknowledged before.
    fn case_trials(&self, destination: Destination) -> Answer<'_, Vec<Trial>>;

    /// Lists projects with sums.
    fn project_overviews(
        &self,
        query: ProjectQuery,
    ) -> Answer<'_, Listed<Portion<ProjectOverview>>>;

    /// Lists experiments with sums and summaries.
    fn experiment_overviews(
        &self,
        query: ExperimentQuery,
    ) -> Answer<'_, Listed<Portion<ExperimentOverview>>>;

    /// Lists an object's cases.
    fn cases(
        &self,
        destination: Destination,
        query: CaseQuery,
    ) -> Answer<'_, Listed<Portion<Case>>>;

    /// Reads the spans of one trace.
    fn trace(&self, query: TraceQuery) -> Answer<'_, TracePage>;

    /// Searches the text of rows.
    fn search(&self, query: SearchQuery) -> Answer<'_, Listed<Hits>>;

    /// How far lists and searches are behind the rows.
    fn index_lag(&self) -> IndexLag;

    /// Returns the project of that name, made if it does not exist.
    fn register_project(&self, name: String) -> Answer<'_, Registered<Project>>;

    /// Lists projects, newest first.
    fn projects(&self, filter: ProjectFilter) -> Answer<'_, Vec<Project>>;

    /// Makes an experiment, or finds the one to be continued, and fixes its base.
    fn register_experiment(&self, new: NewExperiment) -> Answer<'_, Registered<Experiment>>;

    /// Lists experiments, newest first.
    fn experiments(&self, filter: ExperimentFilter) -> Answer<'_, Vec<Experiment>>;

    /// Returns the organisation, renamed first if a name is given.
    fn org(&self, rename: Option<String>) -> Answer<'_, Org>;

    /// Returns all keys, revoked ones included.
    fn keys(&self) -> Answer<'_, Vec<StoredKey>>;

    /// Stores a new key; `false`, and nothing is stored, if only the first is wanted and there is a
    /// valid one.
    fn add_key(&self, key: StoredKey, only_first: bool) -> Answer<'_, bool>;

    /// Revokes a key for good and returns it; `None` if there is none of that id.
    fn revoke_key(&self, id: String) -> Answer<'_, Option<StoredKey>>;

    /// Notes when keys, by id, were last used (ISO 8601).
    fn touch_keys(&self, used: Vec<(String, String)>) -> Answer<'_, ()>;

    /// Returns the id of the project that a registered object belongs to.
    fn project_of(&self, destination: Destination) -> Answer<'_, Option<String>>;

    /// Finishes what was accepted, refuses everything else and closes; then drops `held`.
    fn close(&self, held: Box<dyn Send>) -> BoxFuture<'_, ()>;
}
