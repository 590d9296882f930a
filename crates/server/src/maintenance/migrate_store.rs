//! Moving a store from a data directory into PostgreSQL.

#[cfg(feature = "s3")]
mod files;

use std::path::{Path, PathBuf};

use tokio::runtime::Handle;

use crate::data_dir::DirectoryLock;
#[cfg(feature = "s3")]
use crate::options::BucketSettings;
use crate::options::Role;
use crate::store::postgres::import;
pub use crate::store::postgres::import::{MigrationError, MigrationReport, MigrationStep};

/// A data directory that is to be moved into a PostgreSQL database that holds nothing else. The
/// directory is left as it is. Its files are those of collectors on the database from then on, unless
/// they are copied into a bucket.
///
/// ```no_run
/// use tidegate_server::maintenance::{Migration, MigrationError};
/// # async fn example() -> Result<(), MigrationError> {
/// let report = Migration::new(".tidegate", "postgres://tidegate@db/tidegate").run(|_| {}).await?;
/// println!("{} rows", report.rows);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Migration {
    data_dir: PathBuf,
    database: String,
    #[cfg(feature = "s3")]
    bucket: Option<BucketSettings>,
}

impl Migration {
    /// Everything but uploaded files, from a directory into the database of a `postgres://` URL.
    pub fn new(data_dir: impl AsRef<Path>, database: impl Into<String>) -> Self {
        Self {
            data_dir: data_dir.as_ref().to_owned(),
            database: database.into(),
            #[cfg(feature = "s3")]
            bucket: None,
        }
    }

    /// Copies uploaded files as well, into a bucket; see
    /// [`Options::blobs`](crate::Options::blobs).
    #[cfg(feature = "s3")]
    pub fn blobs(
        mut self,
        url: impl Into<String>,
        settings: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let (url, settings) = (url.into(), settings.into_iter().collect());
        self.bucket = Some(BucketSettings { url, settings });
        self
    }

    /// Moves it, and compares both sides at the end. What was interrupted goes on where it was.
    ///
    /// # Errors
    /// See [`MigrationError`]; a directory that is in use is one.
    ///
    /// # Cancel safety
    /// A dropped future leaves the work on the database running until it ends; a killed process
    /// leaves what can be resumed.
    pub async fn run(
        self,
        mut watch: impl FnMut(MigrationStep) + Send + 'static,
    ) -> Result<MigrationReport, MigrationError> {
        let source = |error: &dyn std::fmt::Display| MigrationError::Source(error.to_string());
        let lock = DirectoryLock::acquire(&self.data_dir, Role::Embedded)
            .await
            .map_err(|error| source(&error))?;
        // Before the rows, which take longer to move than a wrong name takes to be found.
        #[cfg(feature = "s3")]
        let files = match &self.bucket {
            Some(bucket) => Some(files::Files::open(&self.data_dir, bucket).await?),
            None => None,
        };
        let (handle, owned, url) =
            (Handle::current(), self.data_dir.clone(), self.database.clone());
        let work = tokio::task::spawn_blocking(move || {
            let report = import::import(&handle, &owned, &url, &mut watch)?;
            Ok::<_, MigrationError>((report, watch))
        });
        let moved = work.await.map_err(|error| source(&error))?;
        #[cfg(feature = "s3")]
        let moved = match (moved, files) {
            (Ok((mut report, mut watch)), Some(files)) => {
                let copied = files.copy(&mut report, &mut watch).await;
                copied.map(|()| (report, watch))
            }
            (moved, _) => moved,
        };
        drop(lock);
        moved.map(|(report, _)| report)
    }
}
