//! Moving a store from a data directory into PostgreSQL.

use std::path::Path;

use tokio::runtime::Handle;

use crate::data_dir::DirectoryLock;
use crate::options::Role;
use crate::store::postgres::import;
pub use crate::store::postgres::import::{MigrationError, MigrationReport, MigrationStep};

/// Moves everything but uploaded files from a data directory into a PostgreSQL database that holds
/// nothing else, and compares both at the end. The directory is left as it is, and its files are
/// those of collectors on the database from then on. What was interrupted goes on where it was.
///
/// # Errors
/// See [`MigrationError`]; a directory that is in use is one.
///
/// # Cancel safety
/// A dropped future leaves the work running until it ends; a killed process leaves what can be
/// resumed.
pub async fn migrate_store(
    data_dir: &Path,
    url: &str,
    mut watch: impl FnMut(MigrationStep) + Send + 'static,
) -> Result<MigrationReport, MigrationError> {
    let source = |error: &dyn std::fmt::Display| MigrationError::Source(error.to_string());
    let lock =
        DirectoryLock::acquire(data_dir, Role::Embedded).await.map_err(|error| source(&error))?;
    let (handle, owned, url) = (Handle::current(), data_dir.to_owned(), url.to_owned());
    let work =
        tokio::task::spawn_blocking(move || import::import(&handle, &owned, &url, &mut watch));
    let moved = work.await.map_err(|error| source(&error))?;
    drop(lock);
    moved
}
