//! The version of a program that names none: what it consists of.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};

use super::{CellsError, hash, store};

/// The hash of the running executable, such as `program 6f1e...`.
///
/// Reading and hashing a large executable takes a while (about 0.1 s per 100 MB with the processor's
/// instructions for it, seconds in a debug build without), so the result is kept in
/// `<dir>/cells/.programs/`, under what the file system says of the file: any new build changes it.
pub(super) fn of_this_program(dir: &Path) -> Result<String, CellsError> {
    let path = program().map_err(CellsError::file("the running program"))?;
    let failed = CellsError::file(path.clone());
    let read = || {
        let mut file = File::open(&path)?;
        let known = known_as(dir, &file.metadata()?);
        if let Some(version) = known.as_ref().and_then(|known| fs::read_to_string(known).ok())
            && version.parse::<hash::Key>().is_ok()
        {
            return Ok(version);
        }
        let version = hash_of(&mut file)?;
        if let Some(known) = known {
            // Without it the next run takes its time again, no more.
            keep(&known, &version).ok();
        }
        Ok(version)
    };
    read().map(|version| format!("program {version}")).map_err(failed)
}

/// On Linux the running file itself, even if a build has replaced it since.
fn program() -> io::Result<PathBuf> {
    let itself = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && itself.exists() {
        return Ok(itself.to_owned());
    }
    std::env::current_exe()
}

fn known_as(dir: &Path, metadata: &fs::Metadata) -> Option<PathBuf> {
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    #[cfg(unix)]
    let (device, inode, changed) = {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.dev(), metadata.ino(), format!("{}.{}", metadata.ctime(), metadata.ctime_nsec()))
    };
    #[cfg(not(unix))]
    let (device, inode, changed) = (0, 0, metadata.created().ok()?);
    let what = format!("{device} {inode} {changed:?} {} {modified:?}", metadata.len());
    let name = hash::of_parts("program", &[&what]).to_string();
    Some(store::runs_directory(dir).join(".programs").join(name))
}

fn keep(path: &Path, version: &str) -> io::Result<()> {
    let directory = path.parent().expect("a name in a directory");
    fs::create_dir_all(directory)?;
    // Whole or not at all: another run may read it at the same time.
    let fresh = directory.join(format!("{}.new", std::process::id()));
    fs::write(&fresh, version)?;
    fs::rename(fresh, path)
}

fn hash_of(file: &mut File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash::cut(hash).to_string()),
            count => hash.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_kept_and_the_same_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = of_this_program(directory.path()).expect("readable");
        let kept = fs::read_dir(directory.path().join("cells/.programs")).expect("there");
        assert_eq!(kept.count(), 1);
        assert_eq!(of_this_program(directory.path()).expect("readable"), first);
    }
}
