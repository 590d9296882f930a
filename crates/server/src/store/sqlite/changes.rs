//! The journal of changes: which rows each commit touched, for an index that follows later.
//!
//! A write job notes every row it inserts, updates or deletes in [`Touched`] and appends one entry
//! per object (more if there are very many rows) in its own transaction. A follower reads entries
//! in order with [`read_after`], makes its index durable, and then deletes them with
//! [`delete_through`], which is a job of the writer like any other.
//!
//! For each entry a follower does, in this order:
//! 1. if [`Rows::all_deleted`], forget everything of the object;
//! 2. forget each of [`Rows::deleted`], by number and trace;
//! 3. read each of [`Rows::changed`] as it is *now*, within the entry's object, and index that. A
//!    row that is not there (any more) is nothing to index: a later entry, or the same one, says
//!    that it is deleted.
//!
//! Doing so twice changes nothing, so a follower that repeats entries after a crash is right. A row
//! that moves to another trace is noted as deleted from the old one and as changed.
//!
//! Nobody may follow: the journal keeps [`JOURNAL_BYTES`] and drops its oldest entries beyond. A
//! follower that fell behind sees [`Read::Gap`] and must index from the rows themselves, starting
//! with the place [`newest`] gives *before* it reads the first row.

mod packed;

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use tidegate_model::XactId;

pub(super) use packed::{Deleted, Rows};

use crate::store::{StoreError, Trace};

/// What the journal may hold. A request of 500 new rows takes about 40 bytes, one of 100 updates
/// in random places about 500: enough for a follower to be millions of rows behind.
pub(super) const JOURNAL_BYTES: i64 = 64 << 20;

/// How much is appended between two looks at the journal's size.
const TRIM_EVERY_BYTES: i64 = 1 << 20;

/// What an entry takes beside its packed rows, roughly.
const ENTRY_BYTES: i64 = 32;

/// Packed bytes after which [`read_after`] ends early.
const READ_BYTES: usize = 1 << 20;

/// The rows a job touched, by object.
#[derive(Debug, Default)]
pub(super) struct Touched {
    objects: BTreeMap<i64, Rows>,
}

impl Touched {
    /// Notes a row that was inserted or updated; `number` is `rows.number`.
    pub(super) fn changed(&mut self, object: i64, number: i64) {
        self.objects.entry(object).or_default().changed.push(number);
    }

    /// Notes a row that was deleted, or that left a trace.
    pub(super) fn deleted(&mut self, object: i64, number: i64, trace: Trace) {
        self.objects.entry(object).or_default().deleted.push(Deleted { number, trace });
    }

    /// Notes that all rows of an object were deleted.
    pub(super) fn all_deleted(&mut self, object: i64) {
        *self.objects.entry(object).or_default() = Rows { all_deleted: true, ..Rows::default() };
    }

    /// Appends what was noted to the journal.
    pub(super) fn append(
        self,
        connection: &Connection,
        journal: &mut Journal,
        xact: XactId,
    ) -> Result<(), StoreError> {
        for (object, rows) in self.objects {
            for packed in rows.pack() {
                journal.append(connection, object, xact, &packed)?;
            }
        }
        Ok(())
    }
}

/// The writer's end of the journal.
#[derive(Debug)]
pub(super) struct Journal {
    limit: i64,
    /// [`Entry`] sizes so far; `None` if it must be read from the table first.
    bytes_through: Option<i64>,
    /// Where `bytes_through` stood at the last look at the size.
    looked_at: i64,
}

impl Journal {
    pub(super) fn new(limit: i64) -> Self {
        Self { limit, bytes_through: None, looked_at: 0 }
    }

    /// Must be called when something that was appended may have been rolled back.
    pub(super) fn forget(&mut self) {
        self.bytes_through = None;
    }

    fn append(
        &mut self,
        connection: &Connection,
        object: i64,
        xact: XactId,
        packed: &[u8],
    ) -> Result<(), StoreError> {
        let before = match self.bytes_through {
            Some(bytes) => bytes,
            None => end(connection, "DESC")?.unwrap_or_default(),
        };
        let through = before + ENTRY_BYTES + i64::try_from(packed.len()).unwrap_or(i64::MAX >> 1);
        connection
            .prepare_cached(
                "INSERT INTO changes (object, xact, rows, bytes_through) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![object, xact.as_u64().cast_signed(), packed, through])?;
        self.bytes_through = Some(through);
        Ok(())
    }

    /// Drops the oldest entries beyond the limit; the newest always stays. Cheap unless much was
    /// appended since the last time. For the end of a commit.
    pub(super) fn trim(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let Some(through) = self.bytes_through else { return Ok(()) };
        if (through - self.looked_at).abs() < TRIM_EVERY_BYTES.min(self.limit) {
            return Ok(());
        }
        self.looked_at = through;
        let oldest = end(connection, "ASC")?.unwrap_or(through);
        if through - oldest <= self.limit {
            return Ok(());
        }
        // The scan ends at the first entry to be kept: it sees no more than it deletes.
        let keep: i64 = connection
            .prepare_cached(
                "SELECT number FROM changes WHERE bytes_through > ?1 ORDER BY number LIMIT 1",
            )?
            .query_row([through - self.limit], |row| row.get(0))?;
        let dropped = delete_through(connection, keep - 1)?;
        tracing::warn!(target: "server::store", dropped, "journal of changes is full; oldest dropped");
        Ok(())
    }
}

fn end(connection: &Connection, order: &'static str) -> Result<Option<i64>, StoreError> {
    let sql = format!("SELECT bytes_through FROM changes ORDER BY number {order} LIMIT 1");
    Ok(connection.prepare_cached(&sql)?.query_row([], |row| row.get(0)).optional()?)
}

/// What one commit touched in one object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: i64,
    pub(super) object: i64,
    pub(super) xact: XactId,
    pub(super) rows: Rows,
}

/// What follows a place in the journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The next entries, in order and without a hole; none at the end.
    Entries(Vec<Entry>),
    /// Entries after that place are gone, or the place is none of this journal.
    Gap,
}

/// Reads at most `limit` entries after the entry `number` (0 for the beginning), and not many more
/// packed bytes than [`READ_BYTES`].
pub(super) fn read_after(
    connection: &Connection,
    number: i64,
    limit: usize,
) -> Result<Read, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT number, object, xact, rows FROM changes WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query([number, limit])?;
    let (mut entries, mut bytes, mut next) = (Vec::new(), 0, number + 1);
    while let Some(row) = rows.next()? {
        let (found, xact): (i64, i64) = (row.get(0)?, row.get(2)?);
        if found != next {
            break;
        }
        let packed = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
        let rows = Rows::unpack(packed).ok_or_else(|| {
            StoreError::Damaged(format!("entry {found} of the journal of changes is malformed"))
        })?;
        let (object, xact) = (row.get(1)?, XactId::from_u64(xact.cast_unsigned()));
        entries.push(Entry { number: found, object, xact, rows });
        next += 1;
        bytes += packed.len();
        if bytes > READ_BYTES {
            break;
        }
    }
    if entries.is_empty() && number != newest(connection)? {
        return Ok(Read::Gap);
    }
    Ok(Read::Entries(entries))
}

/// Returns the number of the newest entry ever appended; 0 before the first.
pub(super) fn newest(connection: &Connection) -> Result<i64, StoreError> {
    let number = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'changes'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(number.unwrap_or_default())
}

/// Deletes the entries up to `number` and returns how many there were. A job for the writer.
pub(super) fn delete_through(connection: &Connection, number: i64) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached("DELETE FROM changes WHERE number <= ?1")?;
    Ok(statement.execute([number])?)
}

#[cfg(test)]
mod tests;
