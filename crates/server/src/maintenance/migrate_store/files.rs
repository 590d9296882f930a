//! Copying uploaded files from a data directory into a bucket, under the names they have.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{MigrationError, MigrationReport, MigrationStep};
use crate::blobs::{Bucket, Copied};
use crate::maintenance::blobs::{Named, named_files, place};
use crate::options::BucketSettings;
use crate::store::StoreError;
use crate::store::sqlite::offline::Offline;

/// Files copied at once.
const AT_ONCE: usize = 4;

/// What is to be copied, and where to.
pub(super) struct Files {
    bucket: Bucket,
    data_dir: PathBuf,
    named: Vec<Named>,
}

impl Files {
    /// Finds the files that the store names, and marks the bucket as the store's.
    pub(super) async fn open(
        data_dir: &Path,
        settings: &BucketSettings,
    ) -> Result<Self, MigrationError> {
        let read = || {
            let offline = Offline::open(data_dir)
                .map_err(|error| MigrationError::Source(format!("no store to move: {error}")))?;
            let sql = "SELECT org_id FROM store";
            let id: String = offline.connection.query_row(sql, [], |row| row.get(0))?;
            Ok::<_, MigrationError>((id, named_files(&offline.connection)?))
        };
        let (id, named) = read()?;
        let BucketSettings { url, settings } = settings;
        let opened = Bucket::open(url, settings, &id, Duration::MAX).await;
        let bucket =
            opened.map_err(|source| MigrationError::Bucket { url: url.clone(), source })?;
        Ok(Self { bucket, data_dir: data_dir.to_owned(), named })
    }

    /// Copies what is not there yet, and counts.
    pub(super) async fn copy(
        &self,
        report: &mut MigrationReport,
        watch: &mut (impl FnMut(MigrationStep) + Send),
    ) -> Result<(), MigrationError> {
        let all = self.named.len() as u64;
        let copies = stream::iter(&self.named).map(|file| self.copy_one(file));
        let mut copies = copies.buffer_unordered(AT_ONCE);
        let failed = |error: io::Error| MigrationError::Store {
            side: "copying uploaded files",
            source: StoreError::from(error),
        };
        let mut done = 0;
        while let Some(copied) = copies.try_next().await.map_err(failed)? {
            match copied {
                Copied::There(bytes) => {
                    report.files += 1;
                    report.file_bytes += bytes;
                }
                Copied::Missing => report.missing_files += 1,
                Copied::Damaged => report.damaged_files += 1,
            }
            done += 1;
            watch(MigrationStep::Copied(done, all));
        }
        Ok(())
    }

    async fn copy_one(&self, file: &Named) -> io::Result<Copied> {
        let path = self.data_dir.join(place(&file.name));
        self.bucket.copy(&file.name, path, file.is_hash).await
    }
}
