//! Uploaded bytes as files under `<data directory>/blobs`.
//!
//! A file is written under a temporary name, synced, and renamed, so that a name always stands for
//! all of its bytes, a loss of power included. What the files are is in the store.

mod signature;
mod upload;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use signature::{Refused, Signer};
pub(crate) use upload::Upload;

/// Directory of the files, in the data directory.
const DIRECTORY: &str = "blobs";
/// Directory of files being written, inside [`DIRECTORY`], so that a rename can move them.
const UNFINISHED: &str = "unfinished";

/// The directory of uploaded bytes. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct BlobFiles {
    directory: Arc<Path>,
}

impl BlobFiles {
    /// Makes the directory and removes what an earlier process left unfinished. Blocks. Only the
    /// holder of the data directory may call this.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let directory = data_dir.join(DIRECTORY);
        make_directory(&directory.join(UNFINISHED))?;
        for left in fs::read_dir(directory.join(UNFINISHED))? {
            fs::remove_file(left?.path())?;
        }
        Ok(Self { directory: directory.into() })
    }

    /// Opens a file of a name that an upload returned. Blocks.
    pub(crate) fn read(&self, name: &str) -> io::Result<File> {
        File::open(self.path(name)?)
    }

    /// Removes a file; one that is not there is fine. Blocks.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path(name)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Where a file lies: spread over 256 directories by the first two digits of its name.
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let is_name = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_name {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a blob"));
        }
        Ok(self.directory.join(&name[..2]).join(name))
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}
