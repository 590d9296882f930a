//! One upload, piece by piece.

use std::fmt::Write as _;
use std::fs::{self, File};
#[cfg(feature = "s3")]
use std::io::Read as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::claims::Claim;
use super::{Blobs, Place, blocking};

/// Bytes of a file hashed at a time.
#[cfg(feature = "s3")]
const HASHED_BYTES: usize = 256 << 10;

/// A file being written. Dropping it unfinished removes it. All methods block that are not async.
#[derive(Debug)]
pub(crate) struct Upload {
    blobs: Blobs,
    file: File,
    path: PathBuf,
    hash: Sha256,
    bytes: u64,
}

impl Upload {
    /// Starts an empty file.
    pub(crate) fn start(blobs: &Blobs) -> io::Result<Self> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        let path = blobs.unfinished.join(name);
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options.open(&path)?;
        // Tells others of this machine that somebody is writing it; where that cannot be, age does.
        file.try_lock().ok();
        Ok(Self { blobs: blobs.clone(), file, path, hash: Sha256::new(), bytes: 0 })
    }

    /// Adds a piece.
    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)?;
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Bytes written so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the bytes durable under a name, by default one of their hash, and returns that name,
    /// claimed until the answer is dropped. What has the same name is replaced at once. Dropped in
    /// between, it leaves nothing, or bytes of nobody.
    pub(crate) async fn finish(self, name: Option<String>) -> io::Result<Claim> {
        match self.blobs.place.clone() {
            Place::Directory(directory) => {
                let (upload, name) = blocking(move || {
                    self.file.sync_all()?;
                    let name = name.unwrap_or_else(|| self.hash());
                    Ok((self, name))
                })
                .await?;
                let claim = Claim::of(&upload.blobs.claims, name).await;
                blocking(move || directory.place(&upload.path, claim.name()).map(|()| claim)).await
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => {
                let is_new = name.is_some();
                let name = name.unwrap_or_else(|| bucket.name(&self.hash()));
                let claim = Claim::of(&self.blobs.claims, name).await;
                if is_new || !bucket.has(claim.name(), self.bytes).await? {
                    let (path, bytes) = (self.path.clone(), self.bytes);
                    bucket.put(claim.name(), &path, bytes, Box::new(self)).await?;
                }
                Ok(claim)
            }
        }
    }

    fn hash(&self) -> String {
        hex(&self.hash.clone().finalize())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // After a rename nothing is there any more.
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(target: "server::blobs", error = ?error, "an unfinished upload stays");
        }
    }
}

/// The hash of a file, as it is named; reads it whole. Blocks.
#[cfg(feature = "s3")]
pub(super) fn hash_of(path: &std::path::Path) -> io::Result<(String, u64)> {
    let (mut file, mut hash, mut length) = (File::open(path)?, Sha256::new(), 0);
    let mut piece = vec![0; HASHED_BYTES];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((hex(&hash.finalize()), length)),
            bytes => {
                hash.update(&piece[..bytes]);
                length += bytes as u64;
            }
        }
    }
}
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &tempfile::TempDir) -> Vec<String> {
        let mut names = Vec::new();
        for group in fs::read_dir(dir.path().join("blobs")).expect("directory") {
            for entry in fs::read_dir(group.expect("entry").path()).expect("directory") {
                names.push(entry.expect("entry").file_name().to_string_lossy().into_owned());
            }
        }
        names
    }

    #[tokio::test]
    async fn an_upload_is_there_under_its_hash_only_when_finished() {
        let dir = tempfile::tempdir().expect("directory");
        let blobs = Blobs::open(dir.path()).expect("open");
        let mut upload = Upload::start(&blobs).expect("start");
        upload.write(b"ab").expect("write");
        upload.write(b"c").expect("write");
        assert_eq!(upload.bytes(), 3);
        let claim = upload.finish(None).await.expect("finish");
        let name = claim.name().to_owned();
        // The hash of "abc" in FIPS 180-2.
        assert_eq!(name, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(files(&dir), std::slice::from_ref(&name));
        let content = blobs.content(&name).await.expect("there");
        assert_eq!((content.length(), content.bytes(2).await.expect("read")), (3, b"ab".to_vec()));
        blobs.remove(&name).await.expect("removed");
        blobs.remove(&name).await.expect("removed before");
        assert!(blobs.content(&name).await.is_err() && files(&dir).is_empty());
    }

    #[test]
    fn unfinished_uploads_go_at_a_drop_and_at_the_next_start() {
        let dir = tempfile::tempdir().expect("directory");
        let blobs = Blobs::open(dir.path()).expect("open");
        let mut upload = Upload::start(&blobs).expect("start");
        upload.write(b"half").expect("write");
        assert_eq!(files(&dir).len(), 1);
        drop(upload);
        assert!(files(&dir).is_empty());
        std::mem::forget(Upload::start(&blobs).expect("start"));
        assert_eq!(files(&dir).len(), 1);
        Blobs::open(dir.path()).expect("open again");
        assert!(files(&dir).is_empty());
    }
}
