//! The only place that reads the environment.

use std::ffi::OsString;
use std::path::PathBuf;

/// URL of a superuser of a PostgreSQL that all test programs share. Without it each program that
/// needs one starts its own.
pub const POSTGRES: &str = "TIDEGATE_TEST_POSTGRES";
/// Which store the collectors of tests keep their rows in: `sqlite`, the default, or `postgres`.
pub const STORE: &str = "TIDEGATE_TEST_STORE";
/// The folder with PostgreSQL's programs, if it is neither Debian's nor in `PATH`.
pub const PG_BIN: &str = "PG_BIN";

/// A variable that is there and not blank.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub(crate) fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Folders of `PATH`.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub(crate) fn path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect()
}

/// Names of the variables that begin with a prefix.
pub(crate) fn names(prefix: &str) -> Vec<OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.to_string_lossy().starts_with(prefix)).collect()
}
