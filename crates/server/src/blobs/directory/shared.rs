//! Removing files that another process may be putting there at the same moment.
//!
//! Whoever makes a file renames a new one to its name, even if there is one with the same bytes, so
//! that a file in use by an upload that the store does not know yet is always young. A file is taken
//! away before it is looked at: if it turns out to be young, it goes back.

use std::fs;
#[cfg(feature = "s3")]
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::remove as remove_file;
/// Between a file and the commit that names it lie seconds; clocks of machines differ by less.
pub(super) const YOUNG: Duration = Duration::from_secs(3_600);
/// What nobody has finished for so long, nobody will.
const ABANDONED: Duration = Duration::from_secs(24 * 3_600);
/// What is unlocked and has not been written to for so long is nobody's.
#[cfg(feature = "s3")]
const UNLOCKED: Duration = Duration::from_secs(60);

/// Removes a file unless it is young, and returns its size; `None` if it stays or is not there.
pub(super) fn remove(path: &Path, aside: &Path, young: Duration) -> io::Result<Option<u64>> {
    let name = uuid::Uuid::new_v4().simple().to_string();
    let taken = aside.join(format!("{name}.removed"));
    match fs::rename(path, &taken) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    }
    if age(&taken)? >= young {
        return remove_file(&taken);
    }
    // Not over another one that came in between: it has the same bytes.
    match fs::hard_link(&taken, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    fs::remove_file(&taken)?;
    Ok(None)
}

/// Removes what was left unfinished long ago. Locks would tell it sooner, but not through every file
/// system that machines share.
pub(super) fn clear(directory: &Path) -> io::Result<()> {
    clear_if(directory, |path| Ok(age(path)? >= ABANDONED))
}

/// Removes what nobody on this machine is writing any more.
#[cfg(feature = "s3")]
pub(super) fn clear_unlocked(directory: &Path) -> io::Result<()> {
    clear_if(directory, |path| {
        // Between making a file and locking it lies less.
        Ok(age(path)? >= UNLOCKED && File::open(path)?.try_lock().is_ok())
    })
}

fn clear_if(directory: &Path, is_left: impl Fn(&Path) -> io::Result<bool>) -> io::Result<()> {
    for left in fs::read_dir(directory)? {
        let path = left?.path();
        // Another collector may be faster.
        match is_left(&path) {
            Ok(true) => drop(remove_file(&path)?),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn age(path: &Path) -> io::Result<Duration> {
    // One from the future is young.
    Ok(fs::metadata(path)?.modified()?.elapsed().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_files_go() {
        let dir = tempfile::tempdir().expect("directory");
        let (path, aside) = (dir.path().join("file"), dir.path().join("aside"));
        fs::create_dir(&aside).expect("made");
        assert_eq!(remove(&path, &aside, YOUNG).expect("nothing there"), None);
        fs::write(&path, "new").expect("written");
        assert_eq!(remove(&path, &aside, YOUNG).expect("stays"), None);
        assert_eq!(fs::read(&path).expect("still there"), b"new");
        let age_by = |by: Duration| {
            let file = fs::File::options().write(true).open(&path).expect("open");
            let now = file.metadata().and_then(|file| file.modified()).expect("a time");
            file.set_modified(now - by).expect("set");
        };
        age_by(YOUNG * 2);
        assert_eq!(remove(&path, &aside, YOUNG).expect("goes"), Some(3));
        assert!(!path.exists() && fs::read_dir(&aside).expect("list").next().is_none());
    }

    #[test]
    fn what_others_are_writing_stays() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("file");
        fs::write(&path, "half").expect("written");
        clear(dir.path()).expect("cleared");
        assert!(path.exists());
        let file = fs::File::options().write(true).open(&path).expect("open");
        let now = file.metadata().and_then(|file| file.modified()).expect("a time");
        file.set_modified(now - ABANDONED * 2).expect("set");
        clear(dir.path()).expect("cleared");
        assert!(!path.exists());
    }

    #[cfg(feature = "s3")]
    #[test]
    fn what_a_killed_process_left_goes_and_what_is_written_slowly_stays() {
        let dir = tempfile::tempdir().expect("directory");
        let old = |name: &str| {
            let path = dir.path().join(name);
            let file = File::create_new(&path).expect("made");
            file.lock().expect("locked");
            let now = file.metadata().and_then(|file| file.modified()).expect("a time");
            file.set_modified(now - UNLOCKED).expect("set");
            (path, file)
        };
        let ((left, killed), (slow, writing)) = (old("left"), old("slow"));
        drop(killed);
        let fresh = dir.path().join("fresh");
        drop(File::create_new(&fresh).expect("made, and not locked yet"));
        clear_unlocked(dir.path()).expect("cleared");
        assert_eq!([&left, &slow, &fresh].map(|path| path.exists()), [false, true, true]);
        drop(writing);
    }
}
