//! Uploaded bytes as files under `<data directory>/blobs`.
//!
//! A file is written under a temporary name, synced, and renamed, so that a name always stands for
//! all of its bytes, a loss of power included. Collectors that share a directory do not see each
//! other's claims; there, nothing is removed that is new (see [`shared`]). All methods block.

mod hold;
mod shared;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::claims::Condemned;
use super::{GROUP_LENGTH, Removed, names};
use hold::Removals;
pub(crate) use hold::hold;

/// Directory of the files, in the data directory.
const DIRECTORY: &str = "blobs";
/// Directory of files being written, inside [`DIRECTORY`], so that a rename can move them.
const UNFINISHED: &str = "unfinished";

/// The directory of uploaded bytes. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    path: Arc<Path>,
    removals: Arc<Removals>,
    /// Where other collectors make and remove files too, the age below which none is removed; see
    /// [`shared`].
    shared: Option<Duration>,
}

impl Directory {
    /// Makes the directory and removes what an earlier process left unfinished. Only the holder of
    /// the data directory may call this.
    pub(super) fn open(data_dir: &Path) -> io::Result<Self> {
        let directory = Self::made(data_dir, None)?;
        for left in fs::read_dir(directory.unfinished())? {
            fs::remove_file(left?.path())?;
        }
        Ok(directory)
    }

    /// As [`Directory::open`], of one that other collectors use as well, where a file that no
    /// upload has may be removed at that age.
    pub(super) fn open_shared(data_dir: &Path, age: Duration) -> io::Result<Self> {
        let directory = Self::made(data_dir, Some(age.min(shared::YOUNG)))?;
        shared::clear(&directory.unfinished())?;
        Ok(directory)
    }

    /// As [`Directory::open`], of one on this machine in which files are received alone.
    #[cfg(feature = "s3")]
    pub(super) fn open_to_receive(data_dir: &Path) -> io::Result<Self> {
        let directory = Self::made(data_dir, None)?;
        shared::clear_unlocked(&directory.unfinished())?;
        Ok(directory)
    }

    fn made(data_dir: &Path, shared: Option<Duration>) -> io::Result<Self> {
        let path: Arc<Path> = data_dir.join(DIRECTORY).into();
        make_directory(&path.join(UNFINISHED))?;
        let removals = Arc::new(Removals::open(data_dir)?);
        Ok(Self { path, removals, shared })
    }

    /// Where files are written before they get their names.
    pub(super) fn unfinished(&self) -> PathBuf {
        self.path.join(UNFINISHED)
    }

    pub(super) fn open_file(&self, name: &str) -> io::Result<File> {
        File::open(self.path(name)?)
    }

    /// Gives a synced file its name, durably. One of the same name is replaced at once.
    pub(super) fn place(&self, file: &Path, name: &str) -> io::Result<()> {
        let target = self.path(name)?;
        let parent = target.parent().unwrap_or(&self.path);
        if !parent.exists() {
            make_directory(parent)?;
            sync_directory(&self.path)?;
        }
        fs::rename(file, &target)?;
        sync_directory(parent)
    }

    /// Removes a file that no other upload can share; one that is not there is fine. While a backup
    /// is made the file stays, and is nobody's.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path(name)?;
        match self.removals.begin()? {
            Some(_begun) => remove(&path).map(drop),
            None => Ok(()),
        }
    }

    /// Removes condemned files. While a backup is made they stay, and are nobody's.
    pub(super) fn remove_all(&self, condemned: &Condemned) -> io::Result<Removed> {
        let mut removed = Removed::default();
        let Some(_begun) = self.removals.begin()? else { return Ok(removed) };
        for name in condemned.names() {
            let path = self.path(name)?;
            let bytes = match self.shared {
                Some(young) => shared::remove(&path, &self.unfinished(), young)?,
                None => remove(&path)?,
            };
            removed.count(bytes);
        }
        Ok(removed)
    }

    /// Waits for removals under way and lets no other begin.
    pub(super) fn stop_removing(&self) {
        self.removals.stop();
    }

    /// Names of the directories that files are spread over.
    pub(super) fn groups(&self) -> io::Result<Vec<String>> {
        let mut groups = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().into_string().unwrap_or_default();
            if name.len() == GROUP_LENGTH && entry.file_type()?.is_dir() {
                groups.push(name);
            }
        }
        Ok(groups)
    }

    /// Names of the files in a group that have been as they are for at least `age`.
    pub(super) fn older(&self, group: &str, age: Duration) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path.join(group))? {
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
        Ok(self.path.join(names::group(name)?).join(name))
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

/// Makes a rename or a new entry survive loss of power.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _: &Path = path;
    Ok(())
}
