//! Keeping the profile of a run with its experiment.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::Client;
use crate::error::ApiError;
use crate::experiment::encode;
use crate::session::Origin;

/// What became of a profile that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileKept {
    /// The server has it, in place of the one before.
    Kept,
    /// The server keeps no profiles. Nothing was sent.
    NotOffered,
    /// It is longer than the server takes. Nothing was sent.
    TooLong {
        /// Length of the file.
        bytes: u64,
        /// The most that the server takes.
        limit_bytes: u64,
    },
}

/// Why a profile could not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepProfileError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server cannot be reached or refuses.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl Client {
    /// Keeps a finished profile with its experiment on the server, if the server says that it keeps
    /// profiles, as Tidegate's collector does. The file is in memory meanwhile, 64 MiB at most.
    ///
    /// # Errors
    /// The file cannot be read, or the server cannot be reached or refuses.
    ///
    /// # Cancel safety
    /// A profile is kept whole or not at all, also when the future is dropped.
    pub async fn upload_profile(
        &self,
        experiment_id: &str,
        path: impl Into<PathBuf>,
    ) -> Result<ProfileKept, KeepProfileError> {
        let target = format!("api/experiments/{}/profile", encode(experiment_id));
        let path = path.into();
        let session = Arc::clone(self.session());
        let kept = self.on_thread(async move {
            let Some(limit_bytes) = session.profile_limit().await? else {
                return Ok(Ok(ProfileKept::NotOffered));
            };
            let file = path.clone();
            let read = tokio::task::spawn_blocking(move || read(&file, limit_bytes)).await;
            let data = match read.map_err(io::Error::other).flatten() {
                Ok(Ok(data)) => data,
                Ok(Err(bytes)) => return Ok(Ok(ProfileKept::TooLong { bytes, limit_bytes })),
                Err(source) => return Ok(Err(KeepProfileError::Read { path, source })),
            };
            session.put(Origin::App, &target, data).await?;
            Ok(Ok(ProfileKept::Kept))
        });
        kept.await?
    }

    /// Reads the profile that a server keeps with an experiment; `None` if it keeps none. It is in
    /// memory as a whole, 64 MiB at most.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn download_profile(&self, experiment_id: &str) -> Result<Option<Bytes>, ApiError> {
        let target = format!("api/experiments/{}/profile", encode(experiment_id));
        let session = Arc::clone(self.session());
        self.on_thread(async move {
            match session.get(Origin::App, &target).await {
                Ok(profile) => Ok(Some(profile)),
                Err(ApiError::Status { status: 404, .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }
}

/// Reads a file, or its length if that is more than it may be.
fn read(path: &Path, limit_bytes: u64) -> io::Result<Result<Bytes, u64>> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes > limit_bytes {
        return Ok(Err(bytes));
    }
    let mut data = Vec::new();
    file.take(limit_bytes).read_to_end(&mut data)?;
    Ok(Ok(data.into()))
}
