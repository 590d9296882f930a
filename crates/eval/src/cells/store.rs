//! Directories of runs: their names, their locks, and which there are.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::manifest::Manifest;
use super::{CellsError, Shard};
use crate::clock;

pub(super) const RECORDS: &str = "records.log";
pub(super) const LOCK: &str = "lock";
const LOCK_TRIES: u32 = 50;
const LOCK_WAIT: Duration = Duration::from_millis(10);
const MOST_NAME: usize = 100;

/// The part of a run that this process writes. The lock is held as long as this lives.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) directory: PathBuf,
    _lock: File,
}

impl Part {
    /// Takes a part, made if it is missing.
    pub(super) fn take(dir: &Path, run: &str, shard: Shard) -> Result<Self, CellsError> {
        let directory = directory_of(dir, run, shard);
        private_directory(&directory).map_err(CellsError::file(&directory))?;
        let path = directory.join(LOCK);
        let lock = private(File::options().append(true).create(true)).open(&path);
        let lock = lock.map_err(CellsError::file(&path))?;
        // A process that was killed while it started a child leaves its lock to that child until
        // this becomes the program that it starts; whoever lists runs tries locks, too.
        for _ in 0..LOCK_TRIES {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { directory, _lock: lock }),
                Err(TryLockError::WouldBlock) => std::thread::park_timeout(LOCK_WAIT),
                Err(TryLockError::Error(error)) => return Err(CellsError::file(path)(error)),
            }
        }
        Err(CellsError::Busy { run: run.to_owned(), shard })
    }

    pub(super) fn records(&self) -> PathBuf {
        self.directory.join(RECORDS)
    }

    /// Removes a part in which nothing was begun; the directory of the run too if it is empty.
    pub(super) fn remove_unused(&self) {
        fs::remove_file(self.records()).ok();
        fs::remove_file(self.directory.join(LOCK)).ok();
        // Fails, as it should, if there is anything else in it.
        if fs::remove_dir(&self.directory).is_ok()
            && let Some(run) = self.directory.parent()
        {
            fs::remove_dir(run).ok();
        }
    }
}

pub(super) fn runs_directory(dir: &Path) -> PathBuf {
    dir.join("cells")
}

pub(super) fn directory_of(dir: &Path, run: &str, shard: Shard) -> PathBuf {
    let Shard { number, count } = shard;
    runs_directory(dir).join(run).join(format!("{number}-of-{count}"))
}

/// Directories of parts in one of a run, sorted by name; a directory that is missing has none.
pub(super) fn parts_of(run: &Path) -> Result<Vec<PathBuf>, CellsError> {
    let mut parts = subdirectories(run)?;
    parts.retain(|part| part.join(super::manifest::FILE).exists());
    Ok(parts)
}

/// All parts of all runs.
pub(super) fn parts(dir: &Path) -> Result<Vec<PathBuf>, CellsError> {
    let mut parts = Vec::new();
    for run in subdirectories(&runs_directory(dir))? {
        // Not a run: no name of one begins like this.
        if run.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        parts.extend(parts_of(&run)?);
    }
    Ok(parts)
}

fn subdirectories(path: &Path) -> Result<Vec<PathBuf>, CellsError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CellsError::file(path)(error)),
    };
    let mut directories = Vec::new();
    for entry in entries {
        let entry = entry.map_err(CellsError::file(path))?;
        if entry.file_type().map_err(CellsError::file(entry.path()))?.is_dir() {
            directories.push(entry.path());
        }
    }
    directories.sort_unstable();
    Ok(directories)
}

/// The newest run of a project that has this part.
pub(super) fn last_run(dir: &Path, project: &str, shard: Shard) -> Result<String, CellsError> {
    let mut last: Option<Manifest> = None;
    for part in parts(dir)? {
        let Some(manifest) = Manifest::read(&part)? else { continue };
        let newer = last.as_ref().is_none_or(|last| last.created < manifest.created);
        if manifest.project == project && manifest.shard == shard && newer {
            last = Some(manifest);
        }
    }
    let unknown = || CellsError::UnknownRun {
        run: format!("of the project {project:?}"),
        shard,
        dir: runs_directory(dir),
    };
    last.map(|manifest| manifest.run).ok_or_else(unknown)
}

/// A name that sorts by time.
pub(super) fn new_run_id() -> Result<String, CellsError> {
    let mut chance = [0; 4];
    getrandom::fill(&mut chance)
        .map_err(|error| CellsError::Setting(format!("no random name for the run: {error}")))?;
    let now = clock::wall();
    Ok(format!("{}-{:08x}", now.strftime("%Y%m%d-%H%M%S"), u32::from_be_bytes(chance)))
}

/// Names become directories.
pub(super) fn check_name(run: &str) -> Result<(), CellsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_good = run.starts_with(|c: char| c.is_ascii_alphanumeric())
        && run.len() <= MOST_NAME
        && run.chars().all(allowed);
    if is_good {
        return Ok(());
    }
    Err(CellsError::Setting(format!(
        "{run:?} is no name of a run: 1 to {MOST_NAME} letters, digits, `.`, `_` and `-`, the \
         first one a letter or digit"
    )))
}

/// Outputs of models may be confidential: files are for their owner alone.
pub(super) fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

fn private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Makes names of files in a directory durable, where the system can.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_directory() {
        for good in ["a", "20260101-000000-0a1b2c3d", "nightly_2.1"] {
            check_name(good).expect(good);
        }
        for bad in ["", ".", "..", "../x", "a/b", "-x", ".x", "a b", "ä", &"x".repeat(101)] {
            check_name(bad).expect_err(bad);
        }
        check_name(&new_run_id().expect("random")).expect("good");
    }

    #[test]
    fn a_part_has_one_writer() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = Part::take(directory.path(), "r", Shard::WHOLE).expect("free");
        let second = Part::take(directory.path(), "r", Shard::WHOLE);
        assert!(matches!(second, Err(CellsError::Busy { .. })), "{second:?}");
        Part::take(directory.path(), "r", Shard { number: 2, count: 2 }).expect("another part");
        drop(first);
        let part = Part::take(directory.path(), "r", Shard::WHOLE).expect("free again");
        part.remove_unused();
        assert!(!part.directory.exists());
        assert!(directory.path().join("cells/r/2-of-2").exists());
    }
}
