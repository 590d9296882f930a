//! Which attachments rows name, so that uploads that none names can be found.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::documents;
use crate::store::index::attachments;
use crate::store::{IndexPlace, StoreError, Unnamed};

/// Earlier states read at once.
const STEP_STATES: u32 = 500;

/// What a number is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// `rows.number`.
    Present = 0,
    /// `row_versions.number`: what a row of a dataset was, and still is for whoever reads an
    /// earlier version.
    Earlier = 1,
}

/// The attachments in the index, for one transaction.
#[derive(Debug)]
pub(super) struct Named<'a> {
    index: &'a Connection,
    /// Whether there may be any: most stores have none, and pay nothing.
    any: bool,
}

impl<'a> Named<'a> {
    pub(super) fn of(index: &'a Connection) -> Result<Self, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM attachments)";
        let any = index.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(Self { index, any })
    }

    /// Stores what a row names, in place of what one of that number named before.
    pub(super) fn put(
        &mut self,
        state: State,
        object: i64,
        number: i64,
        text: &str,
    ) -> Result<(), StoreError> {
        self.forget(state, number)?;
        for key in attachments::keys(text) {
            self.any = true;
            self.index
                .prepare_cached(
                    "INSERT INTO attachments (key, earlier, number, object)
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![key, state as i64, number, object])?;
        }
        Ok(())
    }

    /// Forgets what a row named.
    pub(super) fn forget(&self, state: State, number: i64) -> Result<(), StoreError> {
        if self.any {
            self.index
                .prepare_cached("DELETE FROM attachments WHERE earlier = ?1 AND number = ?2")?
                .execute([state as i64, number])?;
        }
        Ok(())
    }
}

/// Reads the next earlier states; `false` if there are none.
pub(super) fn follow_earlier(main: &Connection, index: &Connection) -> Result<bool, StoreError> {
    let after = earlier_after(main, place(index)?)?;
    let numbers = main
        .prepare_cached(
            "SELECT number, until FROM row_versions WHERE number > ?1 ORDER BY number LIMIT ?2",
        )?
        .query_map(params![after, STEP_STATES], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, i64)>, _>>()?;
    let Some((last, until)) = numbers.last() else { return Ok(false) };
    let transaction = index.unchecked_transaction()?;
    let mut named = Named::of(index)?;
    let mut state =
        main.prepare_cached("SELECT object, document FROM row_versions WHERE number = ?1")?;
    for (number, _) in &numbers {
        let mut found = state.query([number])?;
        // Gone since, or another one by now, whose `until` is not what is noted below.
        if let Some(row) = found.next()? {
            let text = documents::text(row.get_ref(1)?)?;
            named.put(State::Earlier, row.get(0)?, *number, &text)?;
        }
    }
    index
        .prepare_cached("UPDATE index_state SET earlier = ?1, earlier_until = ?2")?
        .execute([last, until])?;
    transaction.commit()?;
    Ok(true)
}

/// How far the index is. Rows are only indexed once it says so of all of them.
pub(super) fn place(index: &Connection) -> Result<IndexPlace, StoreError> {
    let sql = "SELECT journal, earlier, earlier_until FROM index_state";
    let place = index.prepare_cached(sql)?.query_row([], |row| {
        Ok(IndexPlace { journal: row.get(0)?, earlier: row.get(1)?, earlier_until: row.get(2)? })
    })?;
    Ok(place)
}

/// Returns the number in `row_versions` after which all states are that may not have been read.
///
/// States are appended in the order of their `until`, but the numbers at the end come again when
/// the states of a deleted dataset are gone, so a number alone does not say how far.
pub(in crate::store::sqlite) fn earlier_after(
    main: &Connection,
    place: IndexPlace,
) -> Result<i64, StoreError> {
    let IndexPlace { earlier, earlier_until, .. } = place;
    if earlier == 0 {
        return Ok(0);
    }
    let until: Option<i64> = main
        .prepare_cached("SELECT until FROM row_versions WHERE number = ?1")?
        .query_row([earlier], |row| row.get(0))
        .optional()?;
    if until == Some(earlier_until) {
        return Ok(earlier);
    }
    // Of one transaction some may have been read and others not: all of them again.
    let before: Option<i64> = main
        .prepare_cached(
            "SELECT number FROM row_versions WHERE until < ?1 ORDER BY number DESC LIMIT 1",
        )?
        .query_row([earlier_until], |row| row.get(0))
        .optional()?;
    Ok(before.unwrap_or_default())
}

/// Looks at the next `limit` uploads after a key, over the database with the index attached.
pub(super) fn unnamed(
    connection: &Connection,
    after: &str,
    before_us: i64,
    limit: u32,
) -> Result<Unnamed, StoreError> {
    // First, so that the index is not read in an earlier state than the one that is told.
    let place = place(connection)?;
    let incomplete = "SELECT scanned IS NOT NULL FROM index_state";
    let incomplete: bool =
        connection.prepare_cached(incomplete)?.query_row([], |row| row.get(0))?;
    if incomplete {
        return Ok(Unnamed { place: None, keys: Vec::new(), last: None });
    }
    let mut statement = connection.prepare_cached(
        "SELECT key, purpose = 'attachment' AND created_us < ?2
           AND NOT EXISTS (SELECT 1 FROM attachments WHERE attachments.key = blobs.key)
         FROM blobs WHERE key > ?1 ORDER BY key LIMIT ?3",
    )?;
    let mut rows = statement.query(params![after, before_us, limit])?;
    let (mut keys, mut last) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        if row.get(1)? {
            keys.push(key.clone());
        }
        last = Some(key);
    }
    Ok(Unnamed { place: Some(place), keys, last })
}

#[cfg(test)]
mod tests;
