//! Files that profiles of runs go to.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use crate::atomic::{AtomicFile, cannot_write};
use crate::exit::Failure;

/// Where the profile of one of several runs goes: with its number before the extension. That of
/// an only run goes where it was said.
pub(crate) fn numbered(path: &Path, number: usize, count: usize) -> PathBuf {
    if count < 2 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Whether the file can be written, which leaves an older profile in it alone.
///
/// # Errors
/// It cannot.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    match fs::metadata(path).is_ok_and(|found| found.is_file()) {
        true => cannot_write(OpenOptions::new().append(true).open(path).map(drop), path),
        false => AtomicFile::check(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stands_before_the_extension() {
        let numbered = |path: &str, count| numbered(Path::new(path), 2, count);
        assert_eq!(numbered("out/run.jsonl", 3), Path::new("out/run-2.jsonl"));
        assert_eq!(numbered("a.b/run", 3), Path::new("a.b/run-2"));
        assert_eq!(numbered("run.jsonl", 1), Path::new("run.jsonl"));
    }
}
