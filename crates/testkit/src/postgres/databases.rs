//! Which store the collectors of tests use, and a database for each of their directories.

use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::shared;
use crate::env;

/// What collectors of tests keep their rows in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// A file in the data directory.
    Sqlite,
    /// A database of [`shared`].
    Postgres,
}

/// The store that `TIDEGATE_TEST_STORE` names; SQLite if it names none.
///
/// # Panics
/// If it names an unknown one.
#[must_use]
pub fn store() -> Store {
    match env::read(env::STORE).as_deref() {
        None | Some("sqlite") => Store::Sqlite,
        Some("postgres") => Store::Postgres,
        Some(other) => panic!("{}: {other:?} is neither sqlite nor postgres", env::STORE),
    }
}

/// Whether a test is to end here, since it is about SQLite's file and tests use PostgreSQL; says so
/// on stdout, where `cargo xtask test` counts it.
///
/// # Panics
/// As [`store`].
#[must_use]
pub fn ends_here(reason: &str) -> bool {
    let ends = store() == Store::Postgres;
    if ends {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        // In one piece, and not by a macro: what that prints of a test that passes is not shown.
        let line = format!("sqlite only: {test}: {reason}\n");
        io::stdout().write_all(line.as_bytes()).expect("stdout");
    }
    ends
}

/// Databases removed for each that is made.
const DROPPED: usize = 4;

/// Directories, and the names of their databases.
static KNOWN: Mutex<Vec<(PathBuf, String)>> = Mutex::new(Vec::new());

/// URL of the database of a data directory: made when it is first asked for, and the same one as
/// long as the directory is there. `None` if tests use SQLite.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn database_of(data_dir: &Path) -> Option<String> {
    match store() {
        Store::Sqlite => None,
        Store::Postgres => Some(shared().url(&name_of(data_dir))),
    }
}

fn name_of(data_dir: &Path) -> String {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, name)) = known.iter().find(|(path, _)| path == data_dir) {
        return name.clone();
    }
    make_private(data_dir);
    // What no test can ask for any more; otherwise a run would leave gigabytes until its end.
    // A few at a time: each waits for a checkpoint, which takes seconds on a loaded machine.
    let gone: Vec<String> =
        known.extract_if(.., |(path, _)| !path.exists()).take(DROPPED).map(|it| it.1).collect();
    let name = shared().replace_databases(&gone);
    known.push((data_dir.to_owned(), name.clone()));
    name
}

/// As the collector itself would: a directory that is not there says that its test is over.
fn make_private(data_dir: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.unwrap_or_else(|error| panic!("cannot make {}: {error}", data_dir.display()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_its_database_and_one_that_is_gone_loses_it() {
        let folder = std::env::temp_dir().join(format!("tidegate-{}", crate::random::hex()));
        let (one, other) = (folder.join("one"), folder.join("other"));
        let first = name_of(&one);
        assert_eq!(name_of(&one), first);
        let second = name_of(&other);
        assert_ne!(first, second);
        let there = |name: &str| {
            let sql = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
            !shared().query("postgres", &sql).is_empty()
        };
        assert!(there(&first) && there(&second));

        std::fs::remove_dir(&one).expect("removed");
        drop(name_of(&folder.join("third")));
        assert!(!there(&first) && there(&second));
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
