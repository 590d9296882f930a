//! What may be wrong with a data directory, looked at beside the process that serves it.

use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;
use tidegate_model::XactId;

use super::blobs;
use crate::clock;
use crate::data_dir::{is_held, read_holder};
use crate::store::free_bytes;
use crate::store::sqlite::offline::{Offline, SUPPORTED};
use crate::store::sqlite::{DATABASE_FILE, OpenError};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// Below, a burst of uploads fills the disk.
const LITTLE_SPACE: u64 = GIB;
/// Below, hardly a commit fits.
const NO_SPACE: u64 = 64 * MIB;
/// A log of this size is held by somebody.
const LARGE_LOG: u64 = GIB;
/// A collector removes a file of nobody when it is a day old, and looks once a day.
const ORPHAN_SECONDS: u64 = 3 * 24 * 3_600;
/// Differences of clocks below this happen between machines.
const CLOCK_SECONDS: u64 = 60;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing to do.
    Ok,
    /// It works, and somebody should look.
    Warn,
    /// Something is broken or about to be.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What: a stable word.
    pub name: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found, for a person.
    pub found: String,
    /// What to do about it; absent if nothing is to be done.
    pub next_step: Option<&'static str>,
}

/// How closely the database is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Structure only.
    Quick,
    /// Indexes against their tables as well, which reads everything twice.
    Full,
}

impl Check {
    /// A check of the caller's own, beside those made here.
    #[must_use]
    pub fn new(
        name: &'static str,
        verdict: Verdict,
        found: String,
        next_step: Option<&'static str>,
    ) -> Self {
        Self { name, verdict, found, next_step }
    }
}

type Checked = Result<Check, rusqlite::Error>;

fn ok(name: &'static str, found: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Ok, found: found.into(), next_step: None }
}

fn warn(name: &'static str, found: impl Into<String>, next_step: &'static str) -> Check {
    Check { name, verdict: Verdict::Warn, found: found.into(), next_step: Some(next_step) }
}

fn fail(name: &'static str, found: impl Into<String>, next_step: &'static str) -> Check {
    Check { name, verdict: Verdict::Fail, found: found.into(), next_step: Some(next_step) }
}

/// Looks at a data directory and changes nothing. Blocks; the integrity check reads the database.
#[must_use]
pub fn doctor(data_dir: &Path, depth: Depth) -> Vec<Check> {
    let mut checks = vec![directory(data_dir)];
    if checks[0].verdict == Verdict::Fail {
        return checks;
    }
    checks.push(space(data_dir));
    checks.push(holder(data_dir));
    let database = match database(data_dir) {
        Ok((check, database)) => {
            checks.push(check);
            database
        }
        Err(check) => {
            checks.push(check);
            return checks;
        }
    };
    let connection = &database.connection;
    let all = [
        ("integrity", integrity(connection, depth)),
        ("log", Ok(log(data_dir))),
        ("pages", pages(connection)),
        ("objects", objects(connection)),
        ("blobs", blobs_check(connection, data_dir)),
        ("keys", keys(connection)),
        ("clock", clock_check(connection)),
    ];
    let hint = "if the disk is well, restore a backup: see docs/operations.md";
    checks.extend(all.into_iter().map(|(name, checked)| {
        checked.unwrap_or_else(|error| fail(name, format!("cannot be read: {error}"), hint))
    }));
    checks
}

fn directory(data_dir: &Path) -> Check {
    let name = "directory";
    match std::fs::metadata(data_dir) {
        Ok(found) if found.is_dir() => {
            #[cfg(unix)]
            if std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o007 != 0 {
                let found = "other users of this machine can look into it";
                return warn(name, found, "take their rights away: chmod o-rwx");
            }
            ok(name, data_dir.display().to_string())
        }
        Ok(_) => fail(name, "it is a file", "name the data directory with --data-dir"),
        Err(error) => {
            let hint = "name the data directory with --data-dir, or start `tidegate serve`";
            fail(name, format!("cannot be read: {error}"), hint)
        }
    }
}

fn space(data_dir: &Path) -> Check {
    let name = "disk";
    match free_bytes(data_dir) {
        Err(error) => {
            fail(name, format!("free space is unknown: {error}"), "check the file system")
        }
        Ok(free) if free < NO_SPACE => {
            fail(name, format!("{} free", size(free)), "free space now: writes are about to fail")
        }
        Ok(free) if free < LITTLE_SPACE => warn(
            name,
            format!("{} free", size(free)),
            "free space, or keep project logs for less time: serve --retention",
        ),
        Ok(free) => ok(name, format!("{} free", size(free))),
    }
}

fn holder(data_dir: &Path) -> Check {
    let name = "holder";
    match (is_held(data_dir), read_holder(data_dir)) {
        (Err(error), _) => {
            fail(name, format!("the lock cannot be read: {error}"), "check the permissions")
        }
        (Ok(true), Some(holder)) => {
            ok(name, format!("served by process {} at {}", holder.pid, holder.url))
        }
        (Ok(true), None) => warn(
            name,
            "a process holds the lock and does not say who it is",
            "it may be starting or stopping: ask again in some seconds",
        ),
        (Ok(false), Some(holder)) => {
            let found = format!("nobody; process {} ended without a clean stop", holder.pid);
            ok(name, found)
        }
        (Ok(false), None) => ok(name, "nobody"),
    }
}

fn database(data_dir: &Path) -> Result<(Check, Offline), Check> {
    let name = "database";
    let path = data_dir.join(DATABASE_FILE);
    let bytes = std::fs::metadata(&path).map(|file| file.len());
    match (Offline::open(data_dir), bytes) {
        (_, Err(error)) => {
            let hint = "name the data directory with --data-dir, or start `tidegate serve`";
            Err(fail(name, format!("there is none: {error}"), hint))
        }
        (Ok(found), Ok(bytes)) => {
            let (version, bytes) = (found.version, size(bytes));
            let check = if version == SUPPORTED {
                ok(name, format!("schema version {version}, {bytes}"))
            } else {
                warn(
                    name,
                    format!("schema version {version} of {SUPPORTED}, {bytes}"),
                    "make a backup; the next start of `tidegate serve` migrates it",
                )
            };
            // Without tables there is nothing more to look at.
            if version == 0 { Err(check) } else { Ok((check, found)) }
        }
        (Err(OpenError::Newer { found, supported }), _) => {
            let found = format!("schema version {found}; this build knows {supported}");
            Err(fail(name, found, "upgrade tidegate"))
        }
        (Err(OpenError::Foreign), _) => {
            let found = format!("{} is of another program", path.display());
            Err(fail(name, found, "name the data directory with --data-dir"))
        }
        (Err(OpenError::Sqlite(error)), _) => Err(fail(
            name,
            format!("cannot be opened: {error}"),
            "check permissions and disk; if it is damaged, restore a backup",
        )),
    }
}

fn integrity(connection: &Connection, depth: Depth) -> Checked {
    let (name, pragma) = match depth {
        Depth::Quick => ("integrity", "PRAGMA quick_check(1)"),
        Depth::Full => ("integrity", "PRAGMA integrity_check(1)"),
    };
    let found: String = connection.query_row(pragma, [], |row| row.get(0))?;
    Ok(match (found.as_str(), depth) {
        ("ok", Depth::Quick) => ok(name, "the structure is sound (--full compares indexes too)"),
        ("ok", Depth::Full) => ok(name, "structure and indexes are sound"),
        _ => {
            let hint = "stop the server, keep a copy of the directory, and restore a backup";
            fail(name, found, hint)
        }
    })
}

fn log(data_dir: &Path) -> Check {
    let bytes = std::fs::metadata(data_dir.join(format!("{DATABASE_FILE}-wal")));
    let bytes = bytes.map_or(0, |file| file.len());
    let found = format!("the write-ahead log has {}", size(bytes));
    if bytes < LARGE_LOG {
        return ok("log", found);
    }
    let hint = "a backup or another program reads the database for long; without one, restart";
    warn("log", found, hint)
}

fn pages(connection: &Connection) -> Checked {
    let number = |pragma| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let page = number("PRAGMA page_size")?;
    let free = (number("PRAGMA freelist_count")? * page).cast_unsigned();
    let is_incremental = number("PRAGMA auto_vacuum")? == 2;
    Ok(if is_incremental {
        ok("pages", format!("{} free inside the database", size(free)))
    } else {
        warn(
            "pages",
            format!("{} free inside the database, which cannot shrink", size(free)),
            "it was made by an early version: stop the server and run \
             `sqlite3 tidegate.db 'PRAGMA auto_vacuum = INCREMENTAL; VACUUM'`",
        )
    })
}

/// Rows whose experiment, dataset or project nobody has registered: clients may send them, and
/// lists do not show them.
fn objects(connection: &Connection) -> Checked {
    let mut unregistered = 0;
    for (kind, table) in
        [("experiment", "experiments"), ("project_logs", "projects"), ("dataset", "datasets")]
    {
        let exists: bool = connection.query_row(
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1",
            [table],
            |row| row.get(0),
        )?;
        if exists {
            let sql = format!(
                "SELECT count(*) FROM objects WHERE kind = ?1 AND id NOT IN (SELECT id FROM {table})
                 AND EXISTS (SELECT 1 FROM rows WHERE rows.object = objects.number)"
            );
            let found: i64 = connection.query_row(&sql, [kind], |row| row.get(0))?;
            unregistered += found;
        }
    }
    Ok(if unregistered == 0 {
        ok("objects", "all rows belong to registered objects")
    } else {
        warn(
            "objects",
            format!("{unregistered} objects have rows and were never registered"),
            "lists do not show them: look for a client that sends a mistyped id",
        )
    })
}

fn blobs_check(connection: &Connection, data_dir: &Path) -> Checked {
    let named = blobs::named(connection)?;
    let present = match blobs::present(data_dir) {
        Ok(present) => present,
        Err(error) => {
            let found = format!("the files cannot be listed: {error}");
            return Ok(fail("blobs", found, "check permissions and disk"));
        }
    };
    // Sorted, to search them.
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names
    };
    let all = sorted(present.iter().map(|(name, _)| name.clone()).collect());
    let mut missing = 0;
    for name in named.iter().filter(|name| all.binary_search(name).is_err()) {
        // Unless its upload has gone between the two looks.
        missing += usize::from(blobs::is_named(connection, name)?);
    }
    let named = sorted(named);
    let old = |age: &Option<u64>| age.is_some_and(|age| age > ORPHAN_SECONDS);
    let orphans =
        present.iter().filter(|(name, age)| old(age) && named.binary_search(name).is_err()).count();
    Ok(if missing > 0 {
        let found = format!("{missing} of {} files of uploads are missing", named.len());
        fail("blobs", found, "copy them from a backup into `blobs`")
    } else if orphans > 0 {
        let found = format!("{orphans} files of uploads belong to nothing");
        let hint = "they only take space: a collector that runs for some minutes removes them; if \
                    it does not, look for `server::maintenance` in its log";
        warn("blobs", found, hint)
    } else {
        ok("blobs", format!("{} files of uploads, all there", named.len()))
    })
}

fn keys(connection: &Connection) -> Checked {
    let (all, revoked): (i64, i64) =
        connection.query_row("SELECT count(*), count(revoked) FROM api_keys", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    Ok(ok("keys", format!("{} valid, {revoked} revoked", all - revoked)))
}

fn clock_check(connection: &Connection) -> Checked {
    let last: i64 = connection.query_row("SELECT last_xact FROM store", [], |row| row.get(0))?;
    // Seconds lie above a counter of 16 bits.
    let now = XactId::at(clock::unix_seconds()).as_u64();
    let ahead = last.cast_unsigned().saturating_sub(now) >> 16;
    Ok(if ahead > CLOCK_SECONDS {
        warn(
            "clock",
            format!("the last write is {ahead} s in the future"),
            "the clock was set back: check it; ids of transactions stay in order all the same",
        )
    } else {
        ok("clock", format!("{:.0}", clock::now()))
    })
}

fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        _ if bytes >= 1e6 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} kB", bytes / 1e3),
    }
}
