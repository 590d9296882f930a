//! Names of files, and patterns that no shell has expanded.

use std::path::Path;

use anyhow::anyhow;

use crate::exit::Failure;

const HINT: &str = "name TOML files, or quote a pattern such as 'evals/*.toml'";

/// How far nobody looks for files that nobody has named.
const MOST_LOOKED_AT: usize = 200;
const MOST_OFFERED: usize = 3;

/// What to say to somebody who names no file: which ones there are here.
pub(crate) fn none_named() -> Failure {
    let around = ["*.toml", "*/*.toml"].into_iter().filter_map(|pattern| glob::glob(pattern).ok());
    let paths = around.flatten().flatten().take(MOST_LOOKED_AT);
    let paths = paths.map(|path| path.to_string_lossy().into_owned());
    let found: Vec<String> =
        paths.filter(|path| super::file::read(path).is_ok()).take(MOST_OFFERED).collect();
    let hint = match found.is_empty() {
        true => "write a TOML file as docs/eval-file.md describes it, and name it; --help shows \
                 all options"
            .to_owned(),
        false => format!("try `tidegate eval {}`; --help shows all options", found.join(" ")),
    };
    Failure::usage(anyhow!("no evaluation is named"), hint)
}

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
