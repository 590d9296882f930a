//! Projects, experiments, keys and the organisation, as a store hands them out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The organisation of a store.
#[derive(Debug, Clone)]
pub(crate) struct Org {
    /// UUID.
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// UUID.
    pub(crate) id: String,
    pub(crate) name: String,
    /// ISO 8601.
    pub(crate) created: String,
    /// What else was set.
    pub(crate) details: Map<String, Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Experiment {
    /// UUID.
    pub(crate) id: String,
    pub(crate) name: String,
    /// UUID.
    pub(crate) project_id: String,
    pub(crate) project_name: String,
    /// ISO 8601.
    pub(crate) created: String,
    pub(crate) commit: Option<String>,
    /// Chosen at registration; it may have been deleted since.
    pub(crate) base_id: Option<String>,
    /// Everything else that registration sent.
    pub(crate) details: Map<String, Value>,
}

/// An object and whether it was there before.
#[derive(Debug, Clone)]
pub(crate) struct Registered<T> {
    pub(crate) object: T,
    pub(crate) existing: bool,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) limit: u32,
    /// Only objects after (older than) the one of this id.
    pub(crate) after: Option<String>,
}

impl Page {
    /// Just the newest.
    pub(crate) fn first() -> Self {
        Self { limit: 1, after: None }
    }
}

/// Conditions that all must hold.
#[derive(Debug, Clone)]
pub(crate) struct ProjectFilter {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) page: Page,
}

/// Conditions that all must hold.
#[derive(Debug, Clone)]
pub(crate) struct ExperimentFilter {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) project_id: Option<String>,
    pub(crate) project_name: Option<String>,
    pub(crate) page: Page,
}

impl ExperimentFilter {
    /// All experiments; narrow it with struct update syntax.
    pub(crate) fn all(page: Page) -> Self {
        Self { id: None, name: None, project_id: None, project_name: None, page }
    }
}

/// An experiment to register.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewExperiment {
    /// One of id and name is set; a name is registered if unknown.
    pub(crate) project_id: Option<String>,
    pub(crate) project_name: Option<String>,
    /// Invented if absent.
    pub(crate) name: Option<String>,
    /// Whether an experiment of that name is continued; otherwise a new one gets another name.
    pub(crate) continue_existing: bool,
    /// What the client calls this registration; a second one of that name finds the first.
    pub(crate) registration: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) branch: Option<String>,
    /// The wanted base, before any choice of the store's own.
    pub(crate) base_id: Option<String>,
    pub(crate) base_name: Option<String>,
    /// Commits among whose experiments the newest becomes the base.
    pub(crate) ancestor_commits: Vec<String>,
    /// Stored and returned.
    pub(crate) details: Map<String, Value>,
}

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Reading.
    Read,
    /// Reading and writing.
    Write,
}

/// A key as it is stored: by its hash.
#[derive(Debug, Clone)]
pub(crate) struct StoredKey {
    /// UUID.
    pub(crate) id: String,
    pub(crate) sha256: [u8; 32],
    pub(crate) name: Option<String>,
    pub(crate) scope: Scope,
    /// Id of the only project it opens; `None` for all of them.
    pub(crate) project: Option<String>,
    /// ISO 8601.
    pub(crate) created: String,
    /// ISO 8601; `None` while it is valid.
    pub(crate) revoked: Option<String>,
    /// ISO 8601, behind by up to a minute.
    pub(crate) last_used: Option<String>,
}
