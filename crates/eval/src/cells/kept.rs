//! What is kept of all runs, for whoever lists them, resumes them or removes them.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::manifest::Manifest;
use super::{Cells, CellsError, Shard, store};

/// Where parts go that are being removed; no run has such a name.
const REMOVED: &str = ".removed";

/// A part of a run, as it is kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeptPart {
    /// The run, as [`Cells::resume`] takes it.
    pub run: String,
    /// Which part of it this is.
    pub shard: Shard,
    /// Its project.
    pub project: String,
    /// When the run began, ISO 8601 in UTC.
    pub created: String,
    /// Name of the experiment that its rows went to; `None` if they went nowhere.
    pub experiment: Option<String>,
    /// Whether every cell of the part has a record.
    pub complete: bool,
    /// Where it is.
    pub directory: PathBuf,
}

/// What can be done with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartState {
    /// Every cell of it has a record.
    Finished,
    /// It can be resumed.
    Interrupted,
    /// A process writes it.
    Locked,
}

/// All parts of all runs below a data directory.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct KeptParts {
    /// Sorted by run and part.
    pub parts: Vec<KeptPart>,
    /// Parts that cannot be read, one error each.
    pub unreadable: Vec<CellsError>,
}

impl Cells {
    /// What is kept below a data directory; nothing if there is no such directory. Blocks.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub fn kept(dir: &Path) -> Result<KeptParts, CellsError> {
        let mut kept = KeptParts::default();
        for directory in store::parts(dir)? {
            match Manifest::read(&directory) {
                // Removed meanwhile.
                Ok(None) => {}
                Ok(Some(manifest)) => kept.parts.push(KeptPart {
                    run: manifest.run,
                    shard: manifest.shard,
                    project: manifest.project,
                    created: manifest.created,
                    experiment: manifest.experiment.map(|experiment| experiment.name),
                    complete: manifest.end.is_some_and(|end| end.complete),
                    directory,
                }),
                Err(error) => kept.unreadable.push(error),
            }
        }
        Ok(kept)
    }

    /// A name for a new run of a project that sorts by time, such as
    /// `my-app-20260101-120000-0a1b2c3d`.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new_run_id(project: &str) -> Result<String, CellsError> {
        let id = store::new_run_id()?;
        let name = Self::name_from(project);
        Ok(if name.is_empty() { id } else { format!("{name}-{id}") })
    }

    /// What of a text can stand in a run's name: at most 24 letters, digits and `-`.
    #[must_use]
    pub fn name_from(text: &str) -> String {
        const MOST: usize = 24;
        let mut name = String::new();
        for c in text.chars().flat_map(char::to_lowercase) {
            match c {
                c if c.is_ascii_alphanumeric() => name.push(c),
                _ if name.is_empty() || name.ends_with('-') => {}
                _ => name.push('-'),
            }
            if name.len() == MOST {
                break;
            }
        }
        name.trim_end_matches('-').to_owned()
    }

    /// Whether a run may have this name; see [`Cells::run_id`].
    ///
    /// # Errors
    /// It may not.
    pub fn check_run_id(run: &str) -> Result<(), CellsError> {
        store::check_name(run)
    }

    /// Removes what an earlier [`KeptPart::remove`] was cut off from removing. Blocks.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn remove_leftovers(dir: &Path) -> Result<(), CellsError> {
        let removed = store::runs_directory(dir).join(REMOVED);
        match fs::remove_dir_all(&removed) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(CellsError::file(removed)(error))
            }
            _ => Ok(()),
        }
    }
}

impl KeptPart {
    /// What can be done with it now. Blocks.
    ///
    /// # Errors
    /// Its lock cannot be looked at.
    pub fn state(&self) -> Result<PartState, CellsError> {
        Ok(match (self.lock()?, self.complete) {
            (None, _) => PartState::Locked,
            (Some(_), true) => PartState::Finished,
            (Some(_), false) => PartState::Interrupted,
        })
    }

    /// Bytes of its files. Blocks.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files().map(|file| file.len()).sum()
    }

    /// When one of its files was changed last. Blocks.
    #[must_use]
    pub fn changed(&self) -> Option<SystemTime> {
        self.files().filter_map(|file| file.modified().ok()).max()
    }

    fn files(&self) -> impl Iterator<Item = fs::Metadata> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok())
    }

    /// Removes it, unless a process writes it; says whether it did. It is gone as a whole: a
    /// process that is killed meanwhile leaves no half of it behind as a run. Blocks.
    ///
    /// # Errors
    /// A file cannot be moved or removed.
    pub fn remove(&self) -> Result<bool, CellsError> {
        let Some(lock) = self.lock()? else { return Ok(false) };
        let run = self.directory.parent().unwrap_or(&self.directory);
        let removed = run.parent().unwrap_or(run).join(REMOVED);
        let name = self.directory.file_name().unwrap_or_default().to_string_lossy();
        let to = removed.join(format!("{}.{name}", self.run));
        let moved = fs::create_dir_all(&removed).and_then(|()| {
            // Left behind by one that was cut off.
            fs::remove_dir_all(&to).ok();
            fs::rename(&self.directory, &to)
        });
        moved.map_err(CellsError::file(&self.directory))?;
        fs::remove_dir_all(&to).map_err(CellsError::file(&to))?;
        drop(lock);
        // Both fail, as they should, if there is anything else in them.
        fs::remove_dir(run).ok();
        fs::remove_dir(&removed).ok();
        Ok(true)
    }

    /// `None` while another process holds it.
    fn lock(&self) -> Result<Option<File>, CellsError> {
        let path = self.directory.join(store::LOCK);
        let mut options = File::options();
        let file = store::private(options.append(true).create(true)).open(&path);
        let file = file.map_err(CellsError::file(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(CellsError::file(path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::manifest::Head;
    use crate::cells::store::Part;

    fn part(dir: &Path, run: &str) -> Part {
        let shard = Shard::WHOLE;
        let part = Part::take(dir, run, shard).expect("free");
        let head = Head {
            run,
            shard,
            project: "p",
            created: "2026-01-01T00:00:00Z".to_owned(),
            task_version: "v".to_owned(),
            scorers: std::collections::BTreeMap::new(),
            run_scorers: Vec::new(),
            trials: 1,
            error_score: None,
        };
        let manifest = Manifest::new(head, &[], &tidegate_analysis::statistics::Options::default());
        manifest.write(&part.directory).expect("written");
        part
    }

    #[test]
    fn a_part_is_removed_as_a_whole_unless_it_is_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let dir = directory.path();
        assert!(Cells::kept(dir).expect("none").parts.is_empty());
        let (one, other) = (part(dir, "one"), part(dir, "other"));
        drop(one);
        let kept = Cells::kept(dir).expect("readable").parts;
        assert_eq!(kept.iter().map(|part| &*part.run).collect::<Vec<_>>(), ["one", "other"]);
        assert_eq!(kept[0].state().expect("a lock"), PartState::Interrupted);
        assert_eq!(kept[1].state().expect("a lock"), PartState::Locked);
        assert!(kept[0].bytes() > 0 && kept[0].changed().is_some());
        assert!(kept[0].remove().expect("removed"));
        assert!(!kept[1].remove().expect("left alone"));
        assert!(!dir.join("cells/one").exists());
        // As if a removal had been cut off.
        drop(other);
        fs::create_dir_all(dir.join("cells/.removed")).expect("a directory");
        fs::rename(dir.join("cells/other/1-of-1"), dir.join("cells/.removed/x")).expect("moved");
        assert!(Cells::kept(dir).expect("readable").parts.is_empty());
        Cells::remove_leftovers(dir).expect("removed");
        assert!(!dir.join("cells/.removed").exists());
    }

    #[test]
    fn names_of_runs_come_from_any_text() {
        assert_eq!(Cells::name_from(" Language ID / täst! "), "language-id-t-st");
        assert_eq!(Cells::name_from("日本"), "");
        assert_eq!(Cells::name_from(&"x".repeat(100)).len(), 24);
        for project in ["My app", "日本", ""] {
            let name = Cells::new_run_id(project).expect("random");
            Cells::check_run_id(&name).expect(&name);
        }
    }
}
