//! Uploaded bytes as objects in a bucket of an S3-compatible store, for collectors that share no
//! directory.
//!
//! An object is `PREFIX/ab/NAME`, like a file's place in a directory, with a name as [`names`]
//! describes. A bucket shows an object when all of it is there, and never a part.

mod object;
mod open;
mod settings;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path as FilePath;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, WriteMultipart};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::claims::Condemned;
use super::upload::hash_of;
use super::{Removed, names};
use crate::clock;
pub(super) use object::Object;
use object::WIDE_READERS;
pub use open::BucketError;

/// Largest object that is put with one request, and size of the parts of larger ones.
const PART_BYTES: u64 = 8 << 20;
/// What an upload in parts holds in memory: one that is sent and one that is read.
const PARTS_BYTES: u64 = 2 * PART_BYTES;
/// Uploads in parts at once, so that they leave room for small ones.
const LARGE_UPLOADS: usize = 3;
/// Memory for uploads, in units of [`MEMORY_UNIT`]: 64 MiB.
const MEMORY_UNITS: usize = (4 * PARTS_BYTES / MEMORY_UNIT) as usize;
const MEMORY_UNIT: u64 = 1 << 10;
/// Requests at once where many small ones are sent.
const SMALL_REQUESTS: usize = 8;
/// For one request, its repeats included. The library gives each try 30 s.
const REQUEST_DEADLINE: Duration = Duration::from_secs(60);
/// For giving up an upload in parts, for which whoever uploads waits as well.
const ABORT_DEADLINE: Duration = Duration::from_secs(10);
/// For a whole upload, waiting for others included.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(30 * 60);
/// For uploads under way at the end.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// For a list of objects.
const LIST_DEADLINE: Duration = Duration::from_secs(300);
/// How long uploads of the same bytes share an object.
const PERIOD: Duration = Duration::from_secs(24 * 3_600);
/// Between a name and the commit that names it lies less than this, clocks that differ included.
const MARGIN: Duration = Duration::from_secs(3_600);

/// What became of a file that was to be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    /// It is there, with so many bytes.
    There(u64),
    /// There is no file.
    Missing,
    /// Its bytes are others than those that were uploaded.
    Damaged,
}

/// A place in a bucket. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// In seconds.
    period: i64,
    /// In seconds.
    margin: i64,
    large: Arc<Semaphore>,
    wide: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    /// Those under way.
    uploads: TaskTracker,
}

impl Bucket {
    /// Objects that no upload has may be removed at `age`, which shortens how long they are shared.
    fn of(store: Arc<dyn ObjectStore>, prefix: Path, age: Duration) -> Self {
        let seconds = |longest: Duration| {
            i64::try_from(age.min(longest).as_secs()).expect("at most a day, in seconds")
        };
        Self {
            store,
            prefix,
            period: seconds(PERIOD).max(1),
            margin: seconds(MARGIN),
            large: Arc::new(Semaphore::new(LARGE_UPLOADS)),
            wide: Arc::new(Semaphore::new(WIDE_READERS)),
            memory: Arc::new(Semaphore::new(MEMORY_UNITS)),
            uploads: TaskTracker::new(),
        }
    }

    /// The name that bytes of a hash get now.
    pub(super) fn name(&self, hash: &str) -> String {
        names::until(hash, clock::now().as_second(), self.period)
    }

    fn place(&self, name: &str) -> io::Result<Path> {
        let group = names::group(name)?;
        Ok(self.prefix.clone().join(group).join(name))
    }

    /// Whether an object is there already, of that length.
    pub(super) async fn has(&self, name: &str, bytes: u64) -> io::Result<bool> {
        match self.object(name).await {
            Ok((_, length)) => Ok(length == bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts a file's bytes under a name. `held` is dropped when that has been done or has failed,
    /// which goes on when the future is dropped: an upload in parts that nobody ends would stay in
    /// the bucket, unseen and paid for.
    pub(super) async fn put(
        &self,
        name: &str,
        file: &FilePath,
        bytes: u64,
        held: Box<dyn Send>,
    ) -> io::Result<()> {
        let (place, path, bucket) = (self.place(name)?, file.to_owned(), self.clone());
        let begun = clock::monotonic();
        let (in_parts, memory) = if bytes <= PART_BYTES { (0, bytes) } else { (1, PARTS_BYTES) };
        let units = u32::try_from(memory.div_ceil(MEMORY_UNIT)).map_err(io::Error::other)?;
        let turn = async {
            let large = Arc::clone(&bucket.large).acquire_many_owned(in_parts).await;
            let memory = Arc::clone(&bucket.memory).acquire_many_owned(units).await;
            Ok::<_, io::Error>((
                large.map_err(io::Error::other)?,
                memory.map_err(io::Error::other)?,
            ))
        };
        let turn = in_time(UPLOAD_DEADLINE, turn).await?;
        let left = UPLOAD_DEADLINE.saturating_sub(begun.elapsed());
        let work = self.uploads.spawn(async move {
            let _until_the_end = (turn, held);
            let file = File::open(path)?;
            match in_parts {
                0 => in_time(left.min(REQUEST_DEADLINE), bucket.put_whole(&place, file)).await,
                _ => bucket.put_parts(&place, file, left).await,
            }
        });
        work.await.map_err(io::Error::other)?
    }

    /// Copies a file under the name it has, unless it is there. With `is_hash` only if the name is
    /// the hash of its bytes.
    pub(crate) async fn copy(
        &self,
        name: &str,
        path: PathBuf,
        is_hash: bool,
    ) -> io::Result<Copied> {
        let hashed = path.clone();
        let read = tokio::task::spawn_blocking(move || hash_of(&hashed)).await;
        let (hash, bytes) = match read.map_err(io::Error::other)? {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Copied::Missing),
            other => other?,
        };
        if is_hash && hash != name {
            return Ok(Copied::Damaged);
        }
        if !self.has(name, bytes).await? {
            self.put(name, &path, bytes, Box::new(())).await?;
        }
        Ok(Copied::There(bytes))
    }

    /// Waits for uploads that nobody waits for any more, a while.
    pub(super) async fn close(&self) -> io::Result<()> {
        self.uploads.close();
        let ended = async {
            self.uploads.wait().await;
            Ok(())
        };
        in_time(CLOSE_DEADLINE, ended).await
    }

    async fn put_whole(&self, place: &Path, file: File) -> io::Result<()> {
        let (bytes, _) = read_part(file).await?;
        self.store.put(place, bytes.into()).await.map(drop).map_err(away)
    }

    async fn put_parts(&self, place: &Path, file: File, left: Duration) -> io::Result<()> {
        let begun = in_time(REQUEST_DEADLINE, async {
            self.store.put_multipart(place).await.map_err(away)
        });
        let chunk = usize::try_from(PART_BYTES).map_err(io::Error::other)?;
        let mut parts = WriteMultipart::new_with_chunk_size(begun.await?, chunk);
        match in_time(left, send_parts(&mut parts, file)).await {
            Ok(()) => {
                in_time(REQUEST_DEADLINE, async { parts.finish().await.map(drop).map_err(away) })
                    .await
            }
            Err(error) => {
                let given_up =
                    in_time(ABORT_DEADLINE, async { parts.abort().await.map_err(fault) });
                // If there are none any more, that is fine.
                if let Err(error) = given_up.await
                    && error.kind() != io::ErrorKind::NotFound
                {
                    tracing::warn!(target: "server::blobs", error = ?error, "parts stay in the bucket");
                }
                Err(error)
            }
        }
    }

    /// Finds an object, and its length.
    pub(super) async fn object(&self, name: &str) -> io::Result<(Object, u64)> {
        let place = self.place(name)?;
        let found =
            in_time(REQUEST_DEADLINE, async { self.store.head(&place).await.map_err(fault) });
        let length = found.await?.size;
        let (store, wide) = (Arc::clone(&self.store), Arc::clone(&self.wide));
        Ok((Object { store, place, wide }, length))
    }

    /// Removes an object that no other upload can share; one that is not there is fine.
    pub(super) async fn remove(&self, name: &str) -> io::Result<()> {
        let place = self.place(name)?;
        in_time(REQUEST_DEADLINE, self.delete(&place)).await
    }

    async fn delete(&self, place: &Path) -> io::Result<()> {
        match self.store.delete(place).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(fault(error)),
        }
    }

    /// Removes those of the condemned objects that nobody can be putting there: the others are
    /// nobody's until they are found again, and free at once, so that no upload waits for the bucket.
    pub(super) async fn remove_all(&self, mut condemned: Condemned) -> io::Result<Removed> {
        let now = clock::now().as_second();
        let over = condemned.names().iter().filter(|name| names::is_over(name, now, self.margin));
        let over: Vec<String> = over.cloned().collect();
        condemned.keep_only(&over);
        let removals = over.iter().map(|name| async {
            let (object, length) = match self.object(name).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                other => other?,
            };
            in_time(REQUEST_DEADLINE, self.delete(&object.place)).await.map(|()| Some(length))
        });
        let removals: Vec<_> = removals.collect();
        let removed = stream::iter(removals).buffer_unordered(SMALL_REQUESTS);
        removed
            .try_fold(Removed::default(), |mut removed, bytes: Option<u64>| async move {
                removed.count(bytes);
                Ok::<_, io::Error>(removed)
            })
            .await
    }

    /// What objects are spread over: all that there can be.
    pub(super) fn groups() -> Vec<String> {
        (0..=u8::MAX).map(|group| format!("{group:02x}")).collect()
    }

    /// Names of the objects in a group that are at least `age` old.
    pub(super) async fn older(&self, group: &str, age: Duration) -> io::Result<Vec<String>> {
        let place = self.prefix.clone().join(group);
        let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        let before = clock::now().as_second().saturating_sub(age);
        let listed = self.store.list(Some(&place)).map_err(away);
        let old = listed.try_filter_map(|object| async move {
            let name = object.location.filename().unwrap_or_default();
            let is_old = object.last_modified.timestamp() <= before;
            Ok((is_old && names::group(name).is_ok()).then(|| name.to_owned()))
        });
        in_time(LIST_DEADLINE, old.try_collect()).await
    }
}

/// Sends a file in parts, one at a time beside the one that is read.
async fn send_parts(parts: &mut WriteMultipart, mut file: File) -> io::Result<()> {
    loop {
        let (part, rest) = read_part(file).await?;
        if part.is_empty() {
            return Ok(());
        }
        file = rest;
        parts.wait_for_capacity(1).await.map_err(away)?;
        parts.put(part);
    }
}

/// Reads the next part of a file; it is empty at the end.
async fn read_part(mut file: File) -> io::Result<(Bytes, File)> {
    let read = tokio::task::spawn_blocking(move || {
        let mut part = Vec::new();
        (&mut file).take(PART_BYTES).read_to_end(&mut part)?;
        Ok::<_, io::Error>((Bytes::from(part), file))
    });
    read.await.map_err(io::Error::other)?
}

async fn in_time<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = || io::Error::new(AWAY, "the bucket did not answer in time");
    timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}

/// What says that a bucket cannot be used just now, or not by us.
const AWAY: io::ErrorKind = io::ErrorKind::HostUnreachable;

/// Of a request for an object.
fn fault(error: object_store::Error) -> io::Error {
    match error {
        object_store::Error::NotFound { .. } => io::Error::new(io::ErrorKind::NotFound, error),
        other => away(other),
    }
}

/// Of any other request. What is not found then is the bucket itself, or an upload in parts of which
/// only the answer to its end was lost.
fn away(error: object_store::Error) -> io::Error {
    io::Error::new(AWAY, error)
}

#[cfg(test)]
mod tests;
