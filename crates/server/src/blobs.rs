//! Uploaded bytes as files under `<data directory>/blobs`.
//!
//! A file is written under a temporary name, synced, and renamed, so that a name always stands for
//! all of its bytes, a loss of power included. What the files are is in the store: a file is made
//! before the store names it, and removed after the store has forgotten it. In between, uploads of
//! the same bytes share a name, so whoever makes a file claims its name until the store has it, and
//! nothing is removed that is claimed (see [`claims`]). Collectors that share a directory do not see
//! each other's claims; there, nothing is removed that is new (see [`shared`]).

mod claims;
mod hold;
mod shared;
mod signature;
mod upload;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use claims::Claims;
pub(crate) use claims::{Claim, Condemned};
use hold::Removals;
pub(crate) use hold::hold;
pub(crate) use signature::{Refused, Signer};
pub(crate) use upload::Upload;

/// Directory of the files, in the data directory.
const DIRECTORY: &str = "blobs";
/// Directory of files being written, inside [`DIRECTORY`], so that a rename can move them.
const UNFINISHED: &str = "unfinished";
/// Files are spread over directories that are named after as many of their first digits.
const GROUP_LENGTH: usize = 2;

/// The directory of uploaded bytes. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct BlobFiles {
    directory: Arc<Path>,
    claims: Arc<Claims>,
    removals: Arc<Removals>,
    /// Where other collectors make and remove files too, the age below which none is removed; see
    /// [`shared`].
    shared: Option<Duration>,
}

/// What became of files that were to be removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl BlobFiles {
    /// Makes the directory and removes what an earlier process left unfinished. Blocks. Only the
    /// holder of the data directory may call this.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let files = Self::made(data_dir, None)?;
        for left in fs::read_dir(files.directory.join(UNFINISHED))? {
            fs::remove_file(left?.path())?;
        }
        Ok(files)
    }

    /// As [`BlobFiles::open`], of a directory that other collectors use as well, where a file that
    /// no upload has may be removed at that age. Blocks.
    pub(crate) fn open_shared(data_dir: &Path, age: Duration) -> io::Result<Self> {
        let files = Self::made(data_dir, Some(age.min(shared::YOUNG)))?;
        shared::clear(&files.directory.join(UNFINISHED))?;
        Ok(files)
    }

    fn made(data_dir: &Path, shared: Option<Duration>) -> io::Result<Self> {
        let directory = data_dir.join(DIRECTORY);
        make_directory(&directory.join(UNFINISHED))?;
        let removals = Removals::open(data_dir)?;
        let (claims, removals) = (Arc::default(), Arc::new(removals));
        Ok(Self { directory: directory.into(), claims, removals, shared })
    }

    /// Opens a file of a name that an upload returned. Blocks.
    pub(crate) fn read(&self, name: &str) -> io::Result<File> {
        File::open(self.path(name)?)
    }

    /// Removes a file that no other upload can share; one that is not there is fine. While a backup
    /// is made the file stays, and is nobody's. Blocks.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path(name)?;
        match self.removals.begin()? {
            Some(_begun) => remove(&path).map(drop),
            None => Ok(()),
        }
    }

    /// Takes the names that nobody claims, so that nobody can until the answer is dropped.
    pub(crate) fn condemn(&self, names: Vec<String>) -> Condemned {
        Condemned::of(&self.claims, names)
    }

    /// Removes condemned files. While a backup is made they stay, and are nobody's. Blocks.
    pub(crate) fn remove_all(&self, condemned: &Condemned) -> io::Result<Removed> {
        let mut removed = Removed::default();
        let Some(_begun) = self.removals.begin()? else { return Ok(removed) };
        for name in condemned.names() {
            let path = self.path(name)?;
            let bytes = match self.shared {
                Some(young) => shared::remove(&path, &self.directory.join(UNFINISHED), young)?,
                None => remove(&path)?,
            };
            if let Some(bytes) = bytes {
                removed.files += 1;
                removed.bytes += bytes;
            }
        }
        Ok(removed)
    }

    /// Waits for removals under way and lets no other begin: for the end, before somebody else may
    /// make files here. Blocks.
    pub(crate) fn stop_removing(&self) {
        self.removals.stop();
    }

    /// Names of the directories that files are spread over. Blocks.
    pub(crate) fn groups(&self) -> io::Result<Vec<String>> {
        let mut groups = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name().into_string().unwrap_or_default();
            if name.len() == GROUP_LENGTH && entry.file_type()?.is_dir() {
                groups.push(name);
            }
        }
        Ok(groups)
    }

    /// Names of the files in a group that have been as they are for at least `age`. Blocks.
    pub(crate) fn older(&self, group: &str, age: Duration) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.directory.join(group))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let changed = match entry.metadata() {
                // Removed since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?.modified()?,
            };
            let is_old = changed.elapsed().is_ok_and(|unchanged| unchanged >= age);
            if is_old && self.path(&name).is_ok() {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Where a file lies: spread over 256 directories by the first two digits of its name.
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let is_name = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_name {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a blob"));
        }
        Ok(self.directory.join(&name[..GROUP_LENGTH]).join(name))
    }
}

/// Removes a file and returns its length; `None` if it is not there.
fn remove(path: &Path) -> io::Result<Option<u64>> {
    let removed = fs::metadata(path).and_then(|file| fs::remove_file(path).map(|()| file.len()));
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
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
