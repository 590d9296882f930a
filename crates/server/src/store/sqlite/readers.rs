//! A few read-only connections, used from blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tidegate_model::Destination;
use tokio::sync::Semaphore;

use super::open;
use crate::clock;
use crate::store::{StoreError, Watch};

/// Reads at once: more only compete for the same disk and cache.
const READERS: u32 = 4;

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    permits: Arc<Semaphore>,
    /// Connections nobody uses just now; made on demand.
    idle: Arc<Mutex<Vec<Connection>>>,
    watch: Watch,
}

impl Readers {
    pub(super) fn new(path: PathBuf, watch: Watch) -> Self {
        let permits = Arc::new(Semaphore::new(READERS as usize));
        Self { path, permits, idle: Arc::default(), watch }
    }

    /// Runs `read` in one snapshot of the database, off the async threads.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.watched(None, read).await
    }

    /// As [`Readers::run`], for a read about one object, which the log of slow reads names.
    pub(super) async fn run_for<T: Send + 'static>(
        &self,
        object: Destination,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.watched(Some(object), read).await
    }

    async fn watched<T, R>(&self, object: Option<Destination>, read: R) -> Result<T, StoreError>
    where
        T: Send + 'static,
        R: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let queued = clock::monotonic();
        let permit =
            Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let waited = queued.elapsed();
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let task = tokio::task::spawn_blocking(move || {
            let began = clock::monotonic();
            let reused = lock(&idle).pop();
            let mut connection = match reused {
                Some(connection) => connection,
                None => open::for_reading(&path)?,
            };
            let answer = {
                let transaction = connection.transaction()?;
                read(&transaction)
            };
            lock(&idle).push(connection);
            // After the connection is back, so that closing finds it.
            drop(permit);
            answer.map(|answer| (answer, began.elapsed()))
        });
        let (answer, took) = task.await.unwrap_or(Err(StoreError::Panicked))?;
        // Here and not on the blocking thread: the log line belongs to the request.
        self.watch.read::<R>(object.as_ref(), waited, took);
        Ok(answer)
    }

    /// Waits for running reads and closes all connections; later reads fail.
    pub(super) async fn close(&self) {
        // An error means that somebody closed already, and waited.
        if let Ok(all) = self.permits.acquire_many(READERS).await {
            self.permits.close();
            lock(&self.idle).clear();
            drop(all);
        }
    }
}

fn lock(idle: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
