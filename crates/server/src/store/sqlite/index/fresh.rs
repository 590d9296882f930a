//! Whether the index has all that a reader must see.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::super::changes;
use crate::store::StoreError;

/// What the index lacks, as of one snapshot of the database.
#[derive(Debug)]
pub(super) struct Freshness {
    /// By object, the newest entry of the journal after the place of the index.
    backlog: HashMap<i64, i64>,
    /// Whether any row may never have been indexed.
    incomplete: bool,
}

impl Freshness {
    /// Must be the first thing a reader asks: it fixes the snapshot of the database before that of
    /// the index. The index may then be ahead, which harms nobody, but never seem so.
    pub(super) fn of(connection: &Connection) -> Result<Self, StoreError> {
        let newest = changes::newest(connection)?;
        let (journal, scanned): (i64, Option<i64>) = connection
            .prepare_cached("SELECT journal, scanned FROM index_state")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let next: Option<i64> = connection
            .prepare_cached("SELECT min(number) FROM changes WHERE number > ?1")?
            .query_row([journal], |row| row.get(0))?;
        let gap = next.unwrap_or(newest + 1) > journal + 1;
        let mut statement = connection.prepare_cached(
            "SELECT object, max(number) FROM changes WHERE number > ?1 GROUP BY object",
        )?;
        let backlog = statement
            .query_map([journal], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok(Self { backlog, incomplete: scanned.is_some() || gap })
    }

    /// Which of the objects lack something.
    pub(super) fn behind(
        &self,
        connection: &Connection,
        objects: &[i64],
    ) -> Result<Vec<i64>, StoreError> {
        let mut behind = Vec::new();
        if self.backlog.is_empty() && !self.incomplete {
            return Ok(behind);
        }
        let mut through =
            connection.prepare_cached("SELECT through FROM tallies WHERE number = ?1")?;
        for object in objects {
            let through: Option<Option<i64>> =
                through.query_row([object], |row| row.get(0)).optional()?;
            let through = through.flatten();
            let newest = self.backlog.get(object).copied().unwrap_or_default();
            let unseen = self.incomplete && through.is_none();
            if unseen || through.unwrap_or_default() < newest {
                behind.push(*object);
            }
        }
        Ok(behind)
    }
}

/// All objects that have, or had, rows.
pub(super) fn all_objects(connection: &Connection) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT number FROM objects")?;
    let numbers = statement.query_map([], |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}
