//! Files of uploads, as backups and checks find them. The database says which there should be.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rusqlite::Connection;

/// Where the files lie in the data directory.
pub(super) const DIRECTORY: &str = "blobs";

/// Length of a file's name: a SHA-256 in hexadecimal digits.
const NAME_LENGTH: usize = 64;

/// Whether a name can be that of an upload's file.
fn is_name(name: &str) -> bool {
    name.len() == NAME_LENGTH && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Where a file lies below the data directory.
pub(super) fn place(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(&name[..2]).join(name)
}

/// Whether a database has uploads at all; those of earlier versions do not.
fn exist(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT count(*) FROM pragma_table_info('blobs') WHERE name = 'file'",
        [],
        |row| row.get(0),
    )
}

/// Names of the files that a database says are there.
pub(super) fn named(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    if !exist(connection)? {
        return Ok(Vec::new());
    }
    // The file of an overflow is gone once its rows are taken in.
    let mut statement = connection.prepare(
        "SELECT DISTINCT file FROM blobs
         WHERE status = 'done' AND file IS NOT NULL AND xact IS NULL",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    names.filter(|name| name.as_ref().map_or(true, |name| is_name(name))).collect()
}

/// A file that a database says is there.
#[cfg(feature = "s3")]
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: String,
    /// Whether the name is the SHA-256 of its bytes.
    pub(super) is_hash: bool,
}

/// The files that a database of this version says are there.
#[cfg(feature = "s3")]
pub(super) fn named_files(connection: &Connection) -> rusqlite::Result<Vec<Named>> {
    let mut statement = connection.prepare(
        "SELECT file, max(purpose = 'overflow') FROM blobs WHERE file = ?1 GROUP BY file",
    )?;
    let one = |name: String| {
        statement.query_row([&name], |row| row.get(1)).map(|overflow: bool| (name, !overflow))
    };
    let found = named(connection)?.into_iter().map(one).collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(found.into_iter().map(|(name, is_hash)| Named { name, is_hash }).collect())
}

/// Whether a database still names a file.
pub(super) fn is_named(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT count(*) > 0 FROM blobs WHERE file = ?1 AND status = 'done' AND xact IS NULL",
        [name],
        |row| row.get(0),
    )
}

/// Files that are there, with their age in seconds where the system says it.
pub(super) fn present(data_dir: &Path) -> io::Result<Vec<(String, Option<u64>)>> {
    let mut files = Vec::new();
    let directories = match fs::read_dir(data_dir.join(DIRECTORY)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        other => other?,
    };
    for directory in directories {
        let directory = directory?;
        if !directory.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(directory.path())? {
            let file = file?;
            let Ok(name) = file.file_name().into_string() else { continue };
            if is_name(&name) {
                let changed = file.metadata()?.modified()?;
                files.push((name, changed.elapsed().ok().map(|age| age.as_secs())));
            }
        }
    }
    Ok(files)
}
