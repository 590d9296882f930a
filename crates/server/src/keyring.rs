//! The keys of a data directory, from outside a collector: through the running one if there is
//! one, else in its database.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;

use crate::data_dir::{DirectoryLock, Holder, KEYS_PATH, call};
use crate::error::StartError;
use crate::keys::Keys;
use crate::keys::admin::{self, AdminError, Command, CreatedKey, KeyInfo, NewKey, Outcome};
use crate::options::Role;
use crate::start;
use crate::store::sqlite::DATABASE_FILE;
use crate::store::{Store, StoreError, Watch};

/// For the answer of a running collector.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Access to the keys of a data directory.
#[derive(Debug)]
pub struct Keyring(Inner);

#[derive(Debug)]
enum Inner {
    /// A collector runs and does it.
    Running(Holder),
    /// Nobody else has the directory; without a lock, it is a database for many.
    Own { store: Box<dyn Store>, keys: Box<Keys>, lock: Option<DirectoryLock> },
}

/// Why keys cannot be made, listed or revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Directory(#[from] StartError),
    /// The directory has no database.
    #[error("{} holds no data of a collector", path.display())]
    Empty {
        /// The data directory.
        path: PathBuf,
    },
    /// What was asked for makes no sense: an unknown id, a name that is too long.
    #[error("{0}")]
    Refused(String),
    /// The running collector did not do it.
    #[error("the collector at {url} did not answer as expected")]
    Unreachable {
        /// Where it listens.
        url: String,
        /// The cause.
        source: io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] StoreError),
}

impl From<AdminError> for KeyringError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Refused(message) => Self::Refused(message),
            AdminError::Store(error) => Self::Database(error),
        }
    }
}

impl Keyring {
    /// Opens the keys of a data directory, which is not made if missing.
    ///
    /// # Errors
    /// [`KeyringError::Empty`] without a database, [`KeyringError::Directory`] if the directory
    /// cannot be used. Waits up to 10 s for one that is changing hands.
    ///
    /// # Cancel safety
    /// A dropped future releases whatever it had taken.
    pub async fn open(data_dir: &Path) -> Result<Self, KeyringError> {
        if !data_dir.join(DATABASE_FILE).is_file() {
            return Err(KeyringError::Empty { path: data_dir.into() });
        }
        Self::open_or_create(data_dir).await
    }

    /// Opens the keys of a data directory, which is made if missing: the first key may come before
    /// the first start.
    ///
    /// # Errors
    /// See [`Keyring::open`].
    ///
    /// # Cancel safety
    /// See [`Keyring::open`].
    pub async fn open_or_create(data_dir: &Path) -> Result<Self, KeyringError> {
        let lock = match DirectoryLock::acquire(data_dir, Role::Embedded).await {
            Ok(lock) => lock,
            Err(StartError::Locked { holder: Some(holder), .. }) => {
                return Ok(Self(Inner::Running(holder)));
            }
            Err(error) => return Err(error.into()),
        };
        let store = start::open(data_dir, Watch::unread(data_dir)).await?;
        let (keys, _) = Keys::load(&store, false).await?;
        Ok(Self(Inner::Own { store: Box::new(store), keys: Box::new(keys), lock: Some(lock) }))
    }

    /// Opens the keys of a PostgreSQL database, by its URL. Collectors that use it follow what is
    /// done here within a second.
    ///
    /// # Errors
    /// [`KeyringError::Directory`] if it cannot be reached, or is not as it must be.
    ///
    /// # Cancel safety
    /// See [`Keyring::open`].
    #[cfg(feature = "postgres")]
    pub async fn connect(url: &str) -> Result<Self, KeyringError> {
        let store = start::open_database(url, Watch::unread(Path::new(""))).await?;
        let (keys, _) = Keys::load(&store, false).await?;
        Ok(Self(Inner::Own { store: Box::new(store), keys: Box::new(keys), lock: None }))
    }

    /// Makes a key, valid from now on.
    ///
    /// # Errors
    /// [`KeyringError::Refused`] for a name that is too long or a project id that does not exist.
    pub async fn create(&self, new: NewKey) -> Result<CreatedKey, KeyringError> {
        match self.run(Command::Create(new)).await? {
            Outcome::Created(key) => Ok(key),
            other => Err(self.unexpected(&other)),
        }
    }

    /// All keys, revoked ones included, oldest first.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub async fn list(&self) -> Result<Vec<KeyInfo>, KeyringError> {
        match self.run(Command::List).await? {
            Outcome::Listed(keys) => Ok(keys),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Revokes a key for good. When this returns, a running collector refuses it.
    ///
    /// # Errors
    /// [`KeyringError::Refused`] if no key has that id.
    pub async fn revoke(&self, id: &str) -> Result<KeyInfo, KeyringError> {
        match self.run(Command::Revoke { id: id.into() }).await? {
            Outcome::Revoked(key) => Ok(key),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Closes the database and releases the directory.
    pub async fn close(self) {
        if let Inner::Own { store, lock, .. } = self.0 {
            store.close(Box::new(lock)).await;
        }
    }

    async fn run(&self, command: Command) -> Result<Outcome, KeyringError> {
        match &self.0 {
            Inner::Own { store, keys, .. } => Ok(admin::run(store.as_ref(), keys, command).await?),
            Inner::Running(holder) => ask(holder, &command).await,
        }
    }

    fn unexpected(&self, outcome: &Outcome) -> KeyringError {
        let Inner::Running(holder) = &self.0 else {
            return KeyringError::Database(StoreError::Damaged(format!("{outcome:?}")));
        };
        let source = io::Error::other("it answered another question");
        KeyringError::Unreachable { url: holder.url.clone(), source }
    }
}

async fn ask(holder: &Holder, command: &Command) -> Result<Outcome, KeyringError> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let failed = |source| KeyringError::Unreachable { url: holder.url.clone(), source };
    let body = serde_json::to_vec(command).map_err(|error| failed(error.into()))?;
    let (status, body) = call(holder, KEYS_PATH, body, CALL_TIMEOUT).await.map_err(failed)?;
    if status == StatusCode::OK {
        return serde_json::from_slice(&body).map_err(|error| failed(error.into()));
    }
    let refusal = serde_json::from_slice(&body).map(|Refusal { error }| error);
    match refusal {
        Ok(message) if status == StatusCode::UNPROCESSABLE_ENTITY => {
            Err(KeyringError::Refused(message))
        }
        Ok(message) => Err(failed(io::Error::other(message))),
        Err(_) => Err(failed(io::Error::other(format!("status {status}")))),
    }
}
