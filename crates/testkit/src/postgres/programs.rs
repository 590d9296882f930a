//! PostgreSQL's programs, and the user they run as.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::env;

/// Where Debian's package `postgresql-15` has them; they are not in its `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql/15/bin";
const LEAST_VERSION: u32 = 15;
/// Who they run as if this is root, which they refuse: the user of Debian's package, else one that
/// every system has.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// The folder with `initdb`, `postgres`, `pg_ctl` and `psql`: of `PG_BIN`, Debian's, or of `PATH`.
///
/// # Errors
/// None has all of them, in version 15 or later.
pub fn find() -> io::Result<PathBuf> {
    let folders = match env::read(env::PG_BIN) {
        Some(folder) => vec![PathBuf::from(folder)],
        None => [PathBuf::from(DEBIAN)].into_iter().chain(env::path()).collect(),
    };
    let found = folders.iter().find_map(|folder| complete(folder));
    found.ok_or_else(|| {
        io::Error::other(format!(
            "PostgreSQL {LEAST_VERSION} is not installed: on Debian install postgresql-15, elsewhere \
             name the folder with initdb, postgres, pg_ctl and psql in {}",
            env::PG_BIN
        ))
    })
}

/// The folder itself: what is in `PATH` may be a link to one program of it alone.
fn complete(folder: &Path) -> Option<PathBuf> {
    let postgres = folder.join("postgres").canonicalize().ok()?;
    let folder = postgres.parent()?;
    let there = ["initdb", "pg_ctl", "psql"].iter().all(|name| folder.join(name).is_file());
    let version = output(Command::new(&postgres).arg("--version"))?;
    (there && major(&version)? >= LEAST_VERSION).then(|| folder.to_owned())
}

/// The first number in a text such as `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major(version: &str) -> Option<u32> {
    let digits = version.split(|c: char| !c.is_ascii_digit()).find(|word| !word.is_empty())?;
    digits.parse().ok()
}

/// An unprivileged user; `None` if this process has one already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

pub(super) fn user() -> io::Result<Option<User>> {
    if id(&["-u"]) != Some(0) {
        return Ok(None);
    }
    let user = |name: &&str| Some(User { uid: id(&["-u", name])?, gid: id(&["-g", name])? });
    let found = USERS.iter().find_map(user);
    found.map(Some).ok_or_else(|| {
        io::Error::other(format!("PostgreSQL refuses root, and there is no user {}", USERS[0]))
    })
}

fn id(arguments: &[&str]) -> Option<u32> {
    output(Command::new("id").args(arguments))?.trim().parse().ok()
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A program that runs as that user in a folder of its own, and sees nothing of this environment.
pub(super) fn command(program: &Path, user: Option<User>, folder: &Path) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(program);
    // `PGDATA`, `PGPORT` and the like would say something else than the arguments do.
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    command.current_dir(folder).stdin(Stdio::null());
    // Signals from the terminal are for the test program, which then stops the others in order.
    command.process_group(0);
    if let Some(User { uid, gid }) = user {
        // Leaves root's supplementary groups behind as well.
        command.uid(uid).gid(gid);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_postgres_prints() {
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major("postgres"), None);
    }
}
