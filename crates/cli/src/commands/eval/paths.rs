//! Names of files, and patterns that no shell has expanded.

use std::path::Path;

use anyhow::anyhow;

use crate::exit::Failure;

const HINT: &str = "name TOML files, or quote a pattern such as 'evals/*.toml'";

/// Files in the order in which they were named, those of a pattern by name, each once.
pub(crate) fn expand(patterns: &[String]) -> Result<Vec<String>, Failure> {
    let mut files: Vec<String> = Vec::new();
    for pattern in patterns {
        let found = if pattern.contains(['*', '?', '[']) && !Path::new(pattern).exists() {
            let paths = glob::glob(pattern)
                .map_err(|error| Failure::usage(anyhow!("{pattern:?}: {error}"), HINT))?;
            let found: Vec<String> =
                paths.flatten().map(|path| path.to_string_lossy().into_owned()).collect();
            if found.is_empty() {
                return Err(Failure::usage(anyhow!("no file matches {pattern:?}"), HINT));
            }
            found
        } else {
            vec![pattern.clone()]
        };
        for file in found {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(files)
}
