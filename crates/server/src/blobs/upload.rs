//! One upload, piece by piece.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::claims::Claim;
use super::{BlobFiles, UNFINISHED, make_directory};

/// A file being written. Dropping it unfinished removes it. All methods block that are not async.
#[derive(Debug)]
pub(crate) struct Upload {
    files: BlobFiles,
    file: File,
    path: PathBuf,
    hash: Sha256,
    bytes: u64,
}

impl Upload {
    /// Starts an empty file.
    pub(crate) fn start(files: &BlobFiles) -> io::Result<Self> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        let path = files.directory.join(UNFINISHED).join(name);
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options.open(&path)?;
        Ok(Self { files: files.clone(), file, path, hash: Sha256::new(), bytes: 0 })
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

    /// Makes the file durable under a name, by default its hash, and returns that name, claimed
    /// until the answer is dropped. A file of the same name is replaced at once. Dropped in
    /// between, it leaves nothing, or a file of nobody.
    pub(crate) async fn finish(self, name: Option<String>) -> io::Result<Claim> {
        let (upload, name) = blocking(move || {
            self.file.sync_all()?;
            let name = name.unwrap_or_else(|| hex(&self.hash.clone().finalize()));
            Ok((self, name))
        })
        .await?;
        let claim = Claim::of(&upload.files.claims, name).await;
        blocking(move || upload.place(claim.name()).map(|()| claim)).await
    }

    /// Gives the file its name, durably.
    fn place(&self, name: &str) -> io::Result<()> {
        let target = self.files.path(name)?;
        let parent = target.parent().unwrap_or(&self.files.directory);
        if !parent.exists() {
            make_directory(parent)?;
            sync_directory(&self.files.directory)?;
        }
        fs::rename(&self.path, &target)?;
        sync_directory(parent)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
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

/// Makes a rename or a new entry survive loss of power.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _: &Path = path;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

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
        let blobs = BlobFiles::open(dir.path()).expect("open");
        let mut upload = Upload::start(&blobs).expect("start");
        upload.write(b"ab").expect("write");
        upload.write(b"c").expect("write");
        assert_eq!(upload.bytes(), 3);
        let claim = upload.finish(None).await.expect("finish");
        let name = claim.name().to_owned();
        // The hash of "abc" in FIPS 180-2.
        assert_eq!(name, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(files(&dir), std::slice::from_ref(&name));
        let mut text = String::new();
        blobs.read(&name).expect("there").read_to_string(&mut text).expect("read");
        assert_eq!(text, "abc");
        blobs.remove(&name).expect("removed");
        blobs.remove(&name).expect("removed before");
        assert!(blobs.read(&name).is_err() && files(&dir).is_empty());
    }

    #[test]
    fn unfinished_uploads_go_at_a_drop_and_at_the_next_start() {
        let dir = tempfile::tempdir().expect("directory");
        let blobs = BlobFiles::open(dir.path()).expect("open");
        let mut upload = Upload::start(&blobs).expect("start");
        upload.write(b"half").expect("write");
        assert_eq!(files(&dir).len(), 1);
        drop(upload);
        assert!(files(&dir).is_empty());
        std::mem::forget(Upload::start(&blobs).expect("start"));
        assert_eq!(files(&dir).len(), 1);
        BlobFiles::open(dir.path()).expect("open again");
        assert!(files(&dir).is_empty());
    }

    #[test]
    fn names_cannot_lead_elsewhere() {
        let dir = tempfile::tempdir().expect("directory");
        let blobs = BlobFiles::open(dir.path()).expect("open");
        let dots = "../".repeat(21) + "x";
        for bad in ["", "../tidegate.db", "ab", "é", dots.as_str()] {
            assert!(blobs.read(bad).is_err() && blobs.remove(bad).is_err(), "{bad}");
        }
    }
}
