//! SQL over API keys.

use rusqlite::{Connection, OptionalExtension, params};

use crate::clock;
use crate::store::{Scope, StoreError, StoredKey};

pub(super) fn all(connection: &Connection) -> Result<Vec<StoredKey>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, sha256, name, scope, project, created, revoked, last_used FROM api_keys
         ORDER BY created, id",
    )?;
    let keys = statement.query_map([], key)?;
    Ok(keys.collect::<Result<_, _>>()?)
}

pub(super) fn add(
    connection: &Connection,
    key: &StoredKey,
    only_first: bool,
) -> Result<bool, StoreError> {
    let scope = match key.scope {
        Scope::Read => "read",
        Scope::Write => "write",
    };
    let added = connection
        .prepare_cached(
            "INSERT INTO api_keys (id, sha256, name, scope, project, created, revoked)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
             WHERE NOT (?8 AND EXISTS (SELECT 1 FROM api_keys WHERE revoked IS NULL))",
        )?
        .execute(params![
            key.id,
            key.sha256,
            key.name,
            scope,
            key.project,
            key.created,
            key.revoked,
            only_first
        ])?;
    Ok(added > 0)
}

/// A second revocation keeps the time of the first.
pub(super) fn revoke(connection: &Connection, id: &str) -> Result<Option<StoredKey>, StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE api_keys SET revoked = coalesce(revoked, ?2) WHERE id = ?1
         RETURNING id, sha256, name, scope, project, created, revoked, last_used",
    )?;
    Ok(statement.query_row([id, &clock::now_text()], key).optional()?)
}

pub(super) fn touch(connection: &Connection, used: &[(String, String)]) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("UPDATE api_keys SET last_used = ?2 WHERE id = ?1")?;
    for (id, time) in used {
        statement.execute([id, time])?;
    }
    Ok(())
}

fn key(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredKey> {
    let scope = match row.get_ref(3)?.as_str()? {
        "write" => Scope::Write,
        // The column takes nothing else; if it did, less is safer.
        _ => Scope::Read,
    };
    Ok(StoredKey {
        id: row.get(0)?,
        sha256: row.get(1)?,
        name: row.get(2)?,
        scope,
        project: row.get(4)?,
        created: row.get(5)?,
        revoked: row.get(6)?,
        last_used: row.get(7)?,
    })
}
