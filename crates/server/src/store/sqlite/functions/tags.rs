//! SQL over the versions of functions that environments use.

use rusqlite::{Connection, params};
use tidegate_model::XactId;
use uuid::Uuid;

use crate::clock;
use crate::store::{FunctionTag, StoreError};

pub(super) fn list(
    connection: &Connection,
    id: &str,
    environment: Option<&str>,
) -> Result<Vec<FunctionTag>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT tags.id, functions.id, environment, xact, tags.created
         FROM function_environments AS tags JOIN functions ON functions.number = function
         WHERE functions.id = ?1 AND (?2 IS NULL OR environment = ?2) ORDER BY environment",
    )?;
    let found = statement.query_map(params![id, environment], |row| {
        Ok(FunctionTag {
            id: row.get(0)?,
            function_id: row.get(1)?,
            environment: row.get(2)?,
            xact: XactId::from_u64(row.get::<_, i64>(3)?.cast_unsigned()),
            created: row.get(4)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn set(
    connection: &Connection,
    id: &str,
    environment: &str,
    xact: XactId,
) -> Result<Option<FunctionTag>, StoreError> {
    let made = connection
        .prepare_cached(
            "INSERT INTO function_environments (id, function, environment, xact, created)
             SELECT ?1, number, ?3, ?4, ?5 FROM functions WHERE id = ?2
               AND EXISTS (SELECT 1 FROM function_versions
                           WHERE function = functions.number AND xact <= ?4)
             ON CONFLICT (function, environment) DO UPDATE SET xact = excluded.xact",
        )?
        .execute(params![
            Uuid::now_v7().to_string(),
            id,
            environment,
            xact.as_u64().cast_signed(),
            clock::now_text(),
        ])?;
    if made == 0 {
        return Ok(None);
    }
    Ok(list(connection, id, Some(environment))?.pop())
}

pub(super) fn delete(
    connection: &Connection,
    id: &str,
    environment: &str,
) -> Result<Option<FunctionTag>, StoreError> {
    let found = list(connection, id, Some(environment))?.pop();
    if let Some(tag) = &found {
        connection
            .prepare_cached("DELETE FROM function_environments WHERE id = ?1")?
            .execute([&tag.id])?;
    }
    Ok(found)
}
