//! Making, listing and revoking keys, for whoever can read the data directory.

use serde::{Deserialize, Serialize};

use super::{Keys, Wanted};
use crate::store::{Page, Project, ProjectFilter, Scope, Store, StoreError, StoredKey};

/// Longest name of a key, in bytes.
const NAME_LIMIT_BYTES: usize = 200;
/// Longest name of a project, in bytes.
const PROJECT_LIMIT_BYTES: usize = 1_024;

/// A key to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewKey {
    /// What lists show; at most 200 bytes.
    pub name: Option<String>,
    /// Id or name of the only project the key opens; a name that does not exist becomes a project.
    /// `None` for all projects.
    pub project: Option<String>,
    /// What the key allows.
    pub scope: Scope,
}

/// A key that was made.
#[derive(Clone, Serialize, Deserialize)]
pub struct CreatedKey {
    /// The secret text, known only here: the store keeps its hash.
    pub key: String,
    /// UUID, which is no secret.
    pub id: String,
    /// Whether its project was made with it.
    pub project_made: bool,
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What is known of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeyInfo {
    /// UUID.
    pub id: String,
    /// As given when it was made.
    pub name: Option<String>,
    /// What it allows.
    pub scope: Scope,
    /// Id of the only project it opens; `None` for all.
    pub project_id: Option<String>,
    /// Name of that project; `None` also if the project was deleted.
    pub project: Option<String>,
    /// ISO 8601.
    pub created: String,
    /// ISO 8601; `None` while it is valid.
    pub revoked: Option<String>,
    /// ISO 8601. A collector that was killed may have forgotten the last minute.
    pub last_used: Option<String>,
}

/// What is to be done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Command {
    Create(NewKey),
    List,
    Revoke { id: String },
}

/// What was done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Created(CreatedKey),
    Listed(Vec<KeyInfo>),
    Revoked(KeyInfo),
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// The command makes no sense; says why.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) async fn run(
    store: &dyn Store,
    keys: &Keys,
    command: Command,
) -> Result<Outcome, AdminError> {
    match command {
        Command::Create(new) => create(store, keys, new).await.map(Outcome::Created),
        Command::List => {
            let mut listed = Vec::new();
            for key in keys.list() {
                listed.push(describe(store, key).await?);
            }
            Ok(Outcome::Listed(listed))
        }
        Command::Revoke { id } => match keys.revoke(store, id.clone()).await? {
            Some(key) => Ok(Outcome::Revoked(describe(store, key).await?)),
            None => Err(AdminError::Refused(format!("no key has the id {id:?}"))),
        },
    }
}

async fn create(store: &dyn Store, keys: &Keys, new: NewKey) -> Result<CreatedKey, AdminError> {
    let name = new.name.filter(|name| !name.trim().is_empty());
    if let Some(name) = &name {
        check("the name of a key", name, NAME_LIMIT_BYTES)?;
    }
    let (project, project_made) = match &new.project {
        None => (None, false),
        Some(project) => find_or_create(store, project).await?,
    };
    let wanted = Wanted { name, scope: new.scope, project };
    let (key, text) = keys.create(store, wanted).await?;
    Ok(CreatedKey { key: text, id: key.id, project_made })
}

async fn find_or_create(
    store: &dyn Store,
    project: &str,
) -> Result<(Option<String>, bool), AdminError> {
    if project.trim().is_empty() {
        return Err(AdminError::Refused("the name of the project is empty".into()));
    }
    check("the name of a project", project, PROJECT_LIMIT_BYTES)?;
    if let Some(found) = by_id(store, project).await? {
        return Ok((Some(found.id), false));
    }
    if uuid::Uuid::parse_str(project).is_ok() {
        // Nobody calls a project so; it is a mistyped id, or that of a deleted project.
        return Err(AdminError::Refused(format!("no project has the id {project:?}")));
    }
    let registered = store.register_project(project.into()).await?;
    Ok((Some(registered.object.id), !registered.existing))
}

async fn by_id(store: &dyn Store, id: &str) -> Result<Option<Project>, StoreError> {
    let filter = ProjectFilter { id: Some(id.into()), name: None, page: Page::first() };
    Ok(store.projects(filter).await?.pop())
}

async fn describe(store: &dyn Store, key: StoredKey) -> Result<KeyInfo, StoreError> {
    let project = match &key.project {
        Some(id) => by_id(store, id).await?.map(|project| project.name),
        None => None,
    };
    let StoredKey { id, sha256: _, name, scope, project: project_id, created, revoked, last_used } =
        key;
    Ok(KeyInfo { id, name, scope, project_id, project, created, revoked, last_used })
}

/// Refuses what is too long, or could do something to a terminal.
fn check(what: &str, text: &str, limit: usize) -> Result<(), AdminError> {
    let message = if text.len() > limit {
        format!("{what} may have at most {limit} bytes")
    } else if text.chars().any(char::is_control) {
        format!("{what} must not contain control characters")
    } else {
        return Ok(());
    };
    Err(AdminError::Refused(message))
}
