//! Uploaded bytes: as files in a directory, or as objects in a bucket.
//!
//! A name always stands for all of its bytes. What they are is in the store: bytes are placed
//! before the store names them, and removed after the store has forgotten them. In between, uploads
//! of the same bytes share a name, so whoever places some claims their name until the store has it,
//! and nothing is removed that is claimed (see [`claims`]). Collectors on other machines do not see
//! those claims: what keeps them apart is told in [`directory`] and in [`names`].

#[cfg(feature = "s3")]
mod bucket;
mod claims;
mod content;
mod directory;
mod names;
mod signature;
mod upload;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "s3")]
pub(crate) use bucket::Bucket;
#[cfg(feature = "s3")]
pub use bucket::BucketError;
#[cfg(feature = "s3")]
pub(crate) use bucket::Copied;
use claims::Claims;
pub(crate) use claims::{Claim, Condemned};
pub(crate) use content::Content;
use content::Source;
use directory::Directory;
pub(crate) use directory::hold;
pub(crate) use signature::{Refused, Signer};
pub(crate) use upload::Upload;

/// Uploads are spread over groups that are named after as many of their first digits.
const GROUP_LENGTH: usize = 2;

/// The place of uploaded bytes. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    place: Place,
    claims: Arc<Claims>,
    /// Where bytes lie while they are received.
    unfinished: Arc<Path>,
}

#[derive(Debug, Clone)]
enum Place {
    Directory(Directory),
    #[cfg(feature = "s3")]
    Bucket(Bucket),
}

/// What became of bytes that were to be removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl Removed {
    /// Counts what was removed, unless it was not there.
    fn count(&mut self, bytes: Option<u64>) {
        if let Some(bytes) = bytes {
            self.files += 1;
            self.bytes += bytes;
        }
    }
}

impl Blobs {
    /// Keeps them in the data directory, and removes what an earlier process left unfinished.
    /// Blocks. Only the holder of the data directory may call this.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        Ok(Self::of(Directory::open(data_dir)?))
    }

    /// As [`Blobs::open`], in a directory that other collectors use as well, where a file that no
    /// upload has may be removed at that age. Blocks.
    pub(crate) fn open_shared(data_dir: &Path, age: Duration) -> io::Result<Self> {
        Ok(Self::of(Directory::open_shared(data_dir, age)?))
    }

    fn of(directory: Directory) -> Self {
        let unfinished = directory.unfinished().into();
        Self { place: Place::Directory(directory), claims: Arc::default(), unfinished }
    }

    /// Keeps them in a bucket. The data directory has those that are being received; it may be
    /// another collector's as well, on this machine. Blocks.
    #[cfg(feature = "s3")]
    pub(crate) fn in_bucket(bucket: Bucket, data_dir: &Path) -> io::Result<Self> {
        let received = Self::of(Directory::open_to_receive(data_dir)?);
        Ok(Self { place: Place::Bucket(bucket), ..received })
    }

    /// Finds the bytes of a name that an upload returned.
    pub(crate) async fn content(&self, name: &str) -> io::Result<Content> {
        match &self.place {
            Place::Directory(directory) => {
                let (directory, name) = (directory.clone(), name.to_owned());
                blocking(move || {
                    let file = directory.open_file(&name)?;
                    Ok(Content { length: file.metadata()?.len(), source: Source::File(file) })
                })
                .await
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => {
                let (object, length) = bucket.object(name).await?;
                Ok(Content { length, source: Source::Object(object) })
            }
        }
    }

    /// Removes bytes that no other upload can share; it is fine if there are none. While a backup
    /// is made a file stays, and is nobody's.
    pub(crate) async fn remove(&self, name: &str) -> io::Result<()> {
        match &self.place {
            Place::Directory(directory) => {
                let (directory, name) = (directory.clone(), name.to_owned());
                blocking(move || directory.remove(&name)).await
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => bucket.remove(name).await,
        }
    }

    /// Takes the names that nobody claims, so that nobody can until the answer is dropped.
    pub(crate) fn condemn(&self, names: Vec<String>) -> Condemned {
        Condemned::of(&self.claims, names)
    }

    /// Removes what is condemned. While a backup is made files stay, and are nobody's; so does what
    /// another collector may be placing.
    pub(crate) async fn remove_all(&self, condemned: Condemned) -> io::Result<Removed> {
        match &self.place {
            Place::Directory(directory) => {
                let directory = directory.clone();
                blocking(move || directory.remove_all(&condemned)).await
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => bucket.remove_all(condemned).await,
        }
    }

    /// Waits for what is under way and lets no removal of files begin: for the end, before somebody
    /// else may make some here. What is removed from a bucket is made by nobody.
    pub(crate) async fn close(&self) -> io::Result<()> {
        match &self.place {
            Place::Directory(directory) => {
                let directory = directory.clone();
                blocking(move || {
                    directory.stop_removing();
                    Ok(())
                })
                .await
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => bucket.close().await,
        }
    }

    /// Names of the groups that bytes are spread over.
    pub(crate) async fn groups(&self) -> io::Result<Vec<String>> {
        match &self.place {
            Place::Directory(directory) => {
                let directory = directory.clone();
                blocking(move || directory.groups()).await
            }
            #[cfg(feature = "s3")]
            Place::Bucket(_) => Ok(Bucket::groups()),
        }
    }

    /// Names in a group that have been there for at least `age`.
    pub(crate) async fn older(&self, group: &str, age: Duration) -> io::Result<Vec<String>> {
        match &self.place {
            Place::Directory(directory) => {
                let (directory, group) = (directory.clone(), group.to_owned());
                blocking(move || directory.older(&group, age)).await
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => bucket.older(group, age).await,
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
