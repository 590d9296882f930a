//! Answers in a directory.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::cache::Key;

/// One file per answer. All calls block: use them off the async threads.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    directory: PathBuf,
    limit_bytes: usize,
}

impl Disk {
    pub(super) fn new(directory: PathBuf, limit_bytes: usize) -> Self {
        Self { directory, limit_bytes }
    }

    /// `None` if there is no such answer, or it cannot be read: then it is asked for again.
    pub(super) fn get(&self, key: &Key) -> Option<Bytes> {
        let file = fs::File::open(self.path(key)).ok()?;
        let mut reply = Vec::new();
        // One byte more than allowed shows a file that is too long.
        file.take(self.limit_bytes as u64 + 1).read_to_end(&mut reply).ok()?;
        (reply.len() <= self.limit_bytes).then(|| reply.into())
    }

    /// Written beside its place and renamed, so that no reader sees half an answer.
    pub(super) fn insert(&self, key: &Key, reply: &[u8]) -> io::Result<()> {
        create_private(&self.directory)?;
        let path = self.path(key);
        let unique = format!("{}-{:x}.tmp", std::process::id(), super::backoff::random().to_bits());
        let temporary = path.with_extension(unique);
        let written = fs::File::create_new(&temporary)
            .and_then(|mut file| file.write_all(reply))
            .and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            // The first error is the one to report.
            fs::remove_file(&temporary).ok();
        }
        written
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.directory.join(name + ".json")
    }
}

fn create_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_again_and_nothing_else_stays() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let disk = Disk::new(root.path().join("a/b"), 5);
        assert!(disk.get(&[1; 32]).is_none());
        for reply in ["first", "again"] {
            disk.insert(&[1; 32], reply.as_bytes()).expect("written");
            assert_eq!(disk.get(&[1; 32]).as_deref(), Some(reply.as_bytes()));
        }
        disk.insert(&[2; 32], b"too long").expect("written");
        assert!(disk.get(&[2; 32]).is_none());
        assert_eq!(fs::read_dir(root.path().join("a/b")).expect("made").count(), 2);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let file = root.path().join("file");
        fs::write(&file, "").expect("a file");
        assert!(Disk::new(file, 5).insert(&[1; 32], b"x").is_err());
    }
}
