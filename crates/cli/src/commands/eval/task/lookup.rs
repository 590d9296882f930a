//! Which program a command means.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::env::Environment;

/// Finds a program: relative to `directory` if its name has a slash, else in `PATH`.
///
/// # Errors
/// What is missing, in words.
pub(crate) fn program(
    name: &str,
    directory: &Path,
    path: Option<&str>,
    environment: &Environment,
) -> Result<PathBuf, String> {
    if name.contains('/') {
        let file = directory.join(name);
        let shown = file.display();
        return match std::fs::metadata(&file) {
            Err(error) => Err(format!("cannot run {shown}: {error}")),
            Ok(found) if found.is_dir() => Err(format!("cannot run {shown}: it is a directory")),
            Ok(found) if found.permissions().mode() & 0o111 == 0 => {
                Err(format!("cannot run {shown}: it is not executable (chmod +x)"))
            }
            // The child starts in another directory, where a relative path means another file.
            Ok(_) => {
                std::path::absolute(&file).map_err(|error| format!("cannot run {shown}: {error}"))
            }
        };
    }
    let own = environment.get("PATH");
    let list = path.or(own.as_deref()).unwrap_or_default();
    for folder in std::env::split_paths(list) {
        let file = folder.join(name);
        let runs =
            |found: std::fs::Metadata| found.is_file() && found.permissions().mode() & 0o111 != 0;
        if std::fs::metadata(&file).is_ok_and(runs) {
            return std::path::absolute(&file).map_err(|error| error.to_string());
        }
    }
    Err(format!("cannot find the program {name:?} in PATH"))
}
