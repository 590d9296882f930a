//! Forgetting uploads that no row names.
//!
//! The index knows which attachments rows named at a certain place of the journal. What was written
//! since is read here, on the writer's thread, so that nothing can come in between: together this
//! is what all rows name at this moment. It must be little, or others would wait.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::changes::{self, Read};
use super::writer::Session;
use super::{documents, index};
use crate::store::index::attachments;
use crate::store::{IndexPlace, StoreError};

/// Rows written since the index that are read: a few milliseconds.
const ROWS: usize = 1_000;
/// Their text in bytes.
const BYTES: usize = 4 << 20;
/// Entries of the journal read at once.
const ENTRIES: usize = 64;

/// Forgets those of the attachments that no row names and that were announced before a time;
/// `None` if too much was written since the index to say. Returns the names of their files.
pub(super) fn forget(
    session: &mut Session,
    keys: &[String],
    before_us: i64,
    place: IndexPlace,
) -> Result<Option<Vec<Option<String>>>, StoreError> {
    let Some(named) = named_since(&session.connection, place)? else { return Ok(None) };
    let mut statement = session.connection.prepare_cached(
        "DELETE FROM blobs WHERE key = ?1 AND purpose = 'attachment' AND created_us < ?2
         RETURNING file",
    )?;
    let mut files = Vec::new();
    for key in keys.iter().filter(|key| !named.contains(*key)) {
        let mut rows = statement.query(params![key, before_us])?;
        // To its end, which is when it is done.
        while let Some(row) = rows.next()? {
            files.push(row.get(0)?);
        }
    }
    Ok(Some(files))
}

/// What the rows name that were written after a place of the index.
fn named_since(
    connection: &Connection,
    place: IndexPlace,
) -> Result<Option<BTreeSet<String>>, StoreError> {
    let mut since = Since { rows: 0, bytes: 0, keys: BTreeSet::new() };
    let mut row = connection.prepare_cached("SELECT document FROM rows WHERE number = ?1")?;
    let mut after = place.journal;
    loop {
        let Read::Entries(entries) = changes::read_after(connection, after, ENTRIES)? else {
            return Ok(None);
        };
        let Some(last) = entries.last() else { break };
        after = last.number;
        for number in entries.iter().flat_map(|entry| &entry.rows.changed) {
            if !since.read(row.query([number])?)? {
                return Ok(None);
            }
        }
    }
    let earlier = index::earlier_after(connection, place)?;
    let mut states = connection
        .prepare_cached("SELECT document FROM row_versions WHERE number > ?1 ORDER BY number")?;
    let known = since.read(states.query([earlier])?)?;
    Ok(known.then_some(since.keys))
}

/// What was read so far.
struct Since {
    rows: usize,
    bytes: usize,
    keys: BTreeSet<String>,
}

impl Since {
    /// Takes documents in; `false` if they are too many.
    fn read(&mut self, mut documents: rusqlite::Rows<'_>) -> Result<bool, StoreError> {
        while let Some(row) = documents.next()? {
            let text = documents::text(row.get_ref(0)?)?;
            self.rows += 1;
            self.bytes += text.len();
            if self.rows > ROWS || self.bytes > BYTES {
                return Ok(false);
            }
            self.keys.append(&mut attachments::keys(&text));
        }
        Ok(true)
    }
}
