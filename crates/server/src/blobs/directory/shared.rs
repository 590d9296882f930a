//! Removing files that another process may be putting there at the same moment.
//!
//! Whoever makes a file renames a new one to its name, even if there is one with the same bytes, so
//! that a file in use by an upload that the store does not know yet is always young. A file is taken
//! away before it is looked at: if it turns out to be young, it goes back.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::remove as remove_file;
/// Between a file and the commit that names it lie seconds; clocks of machines differ by less.
pub(super) const YOUNG: Duration = Duration::from_secs(3_600);
/// What nobody has finished for so long, nobody will.
const ABANDONED: Duration = Duration::from_secs(24 * 3_600);

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

/// Removes what was left unfinished long ago.
pub(super) fn clear(directory: &Path) -> io::Result<()> {
    for left in fs::read_dir(directory)? {
        let path = left?.path();
        // Another collector may be faster.
        match age(&path) {
            Ok(age) if age >= ABANDONED => drop(remove_file(&path)?),
            Ok(_) => {}
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
}
