//! Datasets, their named versions, and changes to any object, as a store hands them out.

use serde_json::{Map, Value};
use tidegate_model::{Destination, RowId, XactId};

use super::{Answer, Page, Registered, Trace};

#[derive(Debug, Clone)]
pub(crate) struct Dataset {
    /// UUID.
    pub(crate) id: String,
    pub(crate) name: String,
    /// UUID.
    pub(crate) project_id: String,
    pub(crate) project_name: String,
    /// ISO 8601.
    pub(crate) created: String,
    /// Everything else that registration sent.
    pub(crate) details: Map<String, Value>,
}

/// A dataset to register.
#[derive(Debug, Clone)]
pub(crate) struct NewDataset {
    /// One of id and name is set; a name is registered if unknown.
    pub(crate) project_id: Option<String>,
    pub(crate) project_name: Option<String>,
    pub(crate) name: String,
    /// Stored and returned.
    pub(crate) details: Map<String, Value>,
}

/// Conditions that all must hold.
#[derive(Debug, Clone)]
pub(crate) struct DatasetFilter {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) project_id: Option<String>,
    pub(crate) project_name: Option<String>,
    pub(crate) page: Page,
}

impl DatasetFilter {
    /// All datasets; narrow it with struct update syntax.
    pub(crate) fn all(page: Page) -> Self {
        Self { id: None, name: None, project_id: None, project_name: None, page }
    }

    /// The dataset of an id.
    pub(crate) fn id(id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..Self::all(Page::first()) }
    }
}

/// A name for a version of a dataset.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// UUID.
    pub(crate) id: String,
    pub(crate) dataset_id: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) xact: XactId,
    /// ISO 8601.
    pub(crate) created: String,
}

/// A snapshot to register.
#[derive(Debug, Clone)]
pub(crate) struct NewSnapshot {
    pub(crate) dataset_id: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) xact: XactId,
    /// Whether a snapshot of that name is changed to this version; otherwise it stays as it is.
    pub(crate) update: bool,
}

/// Conditions that all must hold; without any, nothing is found.
#[derive(Debug, Clone, Default)]
pub(crate) struct SnapshotFilter {
    pub(crate) id: Option<String>,
    pub(crate) dataset_id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) xact: Option<XactId>,
}

/// The version of a dataset that an environment uses.
#[derive(Debug, Clone)]
pub(crate) struct Tag {
    /// UUID.
    pub(crate) id: String,
    pub(crate) dataset_id: String,
    pub(crate) environment: String,
    pub(crate) xact: XactId,
    /// ISO 8601.
    pub(crate) created: String,
}

/// What can be renamed and deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    Project,
    Experiment,
    Dataset,
}

/// Changes to an object; what is absent stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patch {
    pub(crate) name: Option<String>,
    /// Experiments only; it must exist.
    pub(crate) base_id: Option<String>,
    /// Experiments only.
    pub(crate) commit: Option<String>,
    /// Merged into the details: objects into objects, anything else replaces.
    pub(crate) details: Map<String, Value>,
}

/// The part of a store that keeps datasets and changes objects of all kinds.
pub(crate) trait DatasetStore {
    /// Returns the dataset of that name in its project, made if it does not exist.
    fn register_dataset(&self, new: NewDataset) -> Answer<'_, Registered<Dataset>>;

    /// Lists datasets, newest first.
    fn datasets(&self, filter: DatasetFilter) -> Answer<'_, Vec<Dataset>>;

    /// Counts the rows of an object that stand for themselves: records of a dataset, traces.
    fn count_roots(&self, destination: Destination) -> Answer<'_, u64>;

    /// Returns a transaction id that is not before any finished write and before every later one.
    fn last_xact(&self) -> Answer<'_, XactId>;

    /// Makes a snapshot, or finds the one of that name; `None` if there is no such dataset.
    fn register_snapshot(&self, new: NewSnapshot) -> Answer<'_, Option<Registered<Snapshot>>>;

    /// Lists at most `limit` snapshots, newest first.
    fn snapshots(&self, filter: SnapshotFilter, limit: u32) -> Answer<'_, Vec<Snapshot>>;

    /// Changes name or description of a snapshot; `None` if it does not exist.
    fn patch_snapshot(
        &self,
        id: String,
        name: Option<String>,
        description: Option<Option<String>>,
    ) -> Answer<'_, Option<Snapshot>>;

    /// Removes a snapshot; `None` if it does not exist.
    fn delete_snapshot(&self, id: String) -> Answer<'_, Option<Snapshot>>;

    /// Lists the tags of a dataset, or the one of an environment.
    fn tags(&self, dataset_id: String, environment: Option<String>) -> Answer<'_, Vec<Tag>>;

    /// Says which version an environment uses; `None` if there is no such dataset.
    fn set_tag(
        &self,
        dataset_id: String,
        environment: String,
        xact: XactId,
    ) -> Answer<'_, Option<Tag>>;

    /// Removes a tag; `None` if it does not exist.
    fn delete_tag(&self, dataset_id: String, environment: String) -> Answer<'_, Option<Tag>>;

    /// Finds the trace of a row; `None` if there is no such row.
    fn trace_of_row(&self, destination: Destination, id: RowId) -> Answer<'_, Option<Trace>>;

    /// Deletes an object with everything in it; `false` if it does not exist. It is gone at once,
    /// its name is free again, and its rows follow with [`DatasetStore::sweep`].
    fn delete(&self, kind: ObjectKind, id: String) -> Answer<'_, bool>;

    /// Removes some rows of deleted objects; `false` once there are none.
    fn sweep(&self) -> Answer<'_, bool>;

    /// Changes an object; `false` if it does not exist.
    fn patch(&self, kind: ObjectKind, id: String, patch: Patch) -> Answer<'_, bool>;
}

/// Objects are merged into objects, as deep as the decoder lets them be; anything else replaces.
pub(crate) fn merge_members(into: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (name, value) in changes {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge_members(old, new),
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}
