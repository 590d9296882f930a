//! Where summaries of experiments are kept.

use rusqlite::{Connection, OptionalExtension};

use super::cases::trials;
use crate::store::StoreError;
use crate::store::index::summary::text;

/// Computes and stores an object's summary.
pub(super) fn refresh(index: &Connection, object: i64) -> Result<(), StoreError> {
    let transaction = index.unchecked_transaction()?;
    if let Some(version) = version(&transaction, object)? {
        let body = text(&trials(&transaction, object)?)?;
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO summaries (object, version, body) VALUES (?1, ?2, ?3)",
            )?
            .execute((object, version, body))?;
    }
    transaction.commit()?;
    Ok(())
}

/// Reads an object's summary, computed now if the stored one is out of date.
pub(super) fn read(connection: &Connection, object: i64) -> Result<String, StoreError> {
    let stored = connection
        .prepare_cached("SELECT version, body FROM summaries WHERE object = ?1")?
        .query_row([object], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    match stored {
        Some((of, body)) if version(connection, object)? == Some(of) => Ok(body),
        _ => text(&trials(connection, object)?),
    }
}

fn version(connection: &Connection, object: i64) -> Result<Option<i64>, StoreError> {
    let version = connection
        .prepare_cached("SELECT version FROM tallies WHERE number = ?1")?
        .query_row([object], |row| row.get(0))
        .optional()?;
    Ok(version)
}

/// Objects whose stored summary is out of date.
pub(super) fn outdated(index: &Connection) -> Result<Vec<i64>, StoreError> {
    let mut statement = index.prepare(
        "SELECT number FROM tallies LEFT JOIN summaries ON object = number
         WHERE summaries.version IS NOT tallies.version",
    )?;
    let numbers = statement.query_map([], |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}
