//! SQL over API keys.

use tokio_postgres::Row;

use super::database::{self, Database};
use super::locks::Lock;
use super::tell;
use crate::clock;
use crate::store::{Scope, StoreError, StoredKey};

const COLUMNS: &str = "id, sha256, name, scope, project, created, revoked, last_used";

pub(super) async fn all(database: &Database) -> Result<Vec<StoredKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys ORDER BY created, id");
    let client = database.client().await?;
    database::rows(&client, &sql, &[]).await?.iter().map(key).collect()
}

pub(super) async fn add(
    database: &Database,
    key: &StoredKey,
    only_first: bool,
) -> Result<bool, StoreError> {
    let scope = match key.scope {
        Scope::Read => "read",
        Scope::Write => "write",
    };
    let sql = "INSERT INTO api_keys (id, sha256, name, scope, project, created, revoked)
        SELECT $1, $2, $3, $4, $5, $6, $7
        WHERE NOT ($8 AND EXISTS (SELECT 1 FROM api_keys WHERE revoked IS NULL))";
    let values: database::Values<'_> = &[
        &key.id,
        &key.sha256.as_slice(),
        &key.name,
        &scope,
        &key.project,
        &key.created,
        &key.revoked,
        &only_first,
    ];
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    if only_first {
        // Of collectors that start at once on an empty database, one makes it.
        Lock::FirstKey.alone(&transaction).await?;
    }
    let added = database::run(&transaction, sql, values).await? > 0;
    tell::keys(&transaction).await?;
    transaction.commit().await?;
    Ok(added)
}

/// A second revocation keeps the time of the first.
pub(super) async fn revoke(database: &Database, id: &str) -> Result<Option<StoredKey>, StoreError> {
    let sql = format!(
        "UPDATE api_keys SET revoked = coalesce(revoked, $2) WHERE id = $1 RETURNING {COLUMNS}"
    );
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let found = database::row(&transaction, &sql, &[&id, &clock::now_text()]).await?;
    let Some(found) = found else { return Ok(None) };
    tell::keys(&transaction).await?;
    transaction.commit().await?;
    key(&found).map(Some)
}

/// Of several collectors that saw a key, the latest counts. Keys are locked in order, so that two of
/// them never wait in a circle.
pub(super) async fn touch(
    database: &Database,
    used: &[(String, String)],
) -> Result<(), StoreError> {
    let sql = "WITH used AS (SELECT * FROM unnest($1::text[], $2::text[]) AS used (id, time)),
          locked AS MATERIALIZED (
            SELECT id FROM api_keys WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE)
        UPDATE api_keys SET last_used = greatest(last_used, used.time)
        FROM used JOIN locked ON locked.id = used.id WHERE api_keys.id = locked.id";
    let (ids, times): (Vec<&str>, Vec<&str>) =
        used.iter().map(|(id, time)| (id.as_str(), time.as_str())).unzip();
    let client = database.client().await?;
    database::run(&client, sql, &[&ids, &times]).await?;
    Ok(())
}

fn key(row: &Row) -> Result<StoredKey, StoreError> {
    let scope = match row.get(3) {
        "write" => Scope::Write,
        // The column takes nothing else; if it did, less is safer.
        _ => Scope::Read,
    };
    let sha256 = <[u8; 32]>::try_from(row.get::<_, &[u8]>(1))
        .map_err(|_| StoreError::Damaged("a key's hash of a wrong length".into()))?;
    Ok(StoredKey {
        id: row.get(0),
        sha256,
        name: row.get(2),
        scope,
        project: row.get(4),
        created: row.get(5),
        revoked: row.get(6),
        last_used: row.get(7),
    })
}

#[cfg(test)]
mod tests;
