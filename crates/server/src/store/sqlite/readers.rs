//! A few read-only connections, used from blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::open;
use crate::store::StoreError;

/// Reads at once: more only compete for the same disk and cache.
const READERS: u32 = 4;

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    permits: Arc<Semaphore>,
    /// Connections nobody uses just now; made on demand.
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        let permits = Arc::new(Semaphore::new(READERS as usize));
        Self { path, permits, idle: Arc::default() }
    }

    /// Runs `read` in one snapshot of the database, off the async threads.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit =
            Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let task = tokio::task::spawn_blocking(move || {
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
            answer
        });
        task.await.unwrap_or(Err(StoreError::Panicked))
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
