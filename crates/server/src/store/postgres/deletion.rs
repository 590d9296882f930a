//! Deleting objects: they are gone at once, and their rows follow a few at a time.
//!
//! An object's entry in `objects` stays, as deleted, while anything has its number: its rows, their
//! earlier states, or what the index made of them. Whoever writes rows holds that entry so that it
//! stays (`FOR KEY SHARE`). A deletion does not wait for them, since on a busy object there is always
//! one more; who comes after it finds no such object and makes a new one. The entry is removed once
//! nobody holds it, and so after the rows of all who were still writing.

use deadpool_postgres::{GenericClient, Transaction};

use super::database::{self, Database};
use super::locks::Lock;
use super::tell;
use crate::store::{ObjectKind, StoreError};

/// Rows removed by one sweep, and as many earlier states: some tens of milliseconds.
const SWEEP_ROWS: i64 = 1_000;

/// Otherwise each step would look at all rows of an object to find its first ones.
const IN_ORDER: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off";

/// Deletes an object; `false` if it does not exist.
pub(super) async fn delete(
    database: &Database,
    kind: ObjectKind,
    id: &str,
) -> Result<bool, StoreError> {
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    // Projects may have experiments that are compared with each other's.
    Lock::Deletion.alone(&transaction).await?;
    let found = match kind {
        ObjectKind::Experiment => delete_experiment(&transaction, id).await?,
        ObjectKind::Dataset => delete_dataset(&transaction, id).await?,
        ObjectKind::Project => delete_project(&transaction, id).await?,
    };
    if found {
        tell::objects(&transaction).await?;
        transaction.commit().await?;
    }
    Ok(found)
}

async fn delete_experiment(transaction: &Transaction<'_>, id: &str) -> Result<bool, StoreError> {
    let lock = "SELECT number FROM experiments WHERE id = $1 FOR UPDATE";
    if database::row(transaction, lock, &[&id]).await?.is_none() {
        return Ok(false);
    }
    forget_experiments(transaction, &[id]).await?;
    detach(transaction, "experiment", &[id]).await?;
    Ok(true)
}

async fn delete_dataset(transaction: &Transaction<'_>, id: &str) -> Result<bool, StoreError> {
    // Its snapshots and environments go with it.
    if database::run(transaction, "DELETE FROM datasets WHERE id = $1", &[&id]).await? == 0 {
        return Ok(false);
    }
    detach(transaction, "dataset", &[id]).await?;
    Ok(true)
}

async fn delete_project(transaction: &Transaction<'_>, id: &str) -> Result<bool, StoreError> {
    // Nothing is registered in it from here on.
    let lock = "SELECT number FROM projects WHERE id = $1 FOR UPDATE";
    let Some(found) = database::row(transaction, lock, &[&id]).await? else { return Ok(false) };
    let project: i64 = found.get(0);
    let experiments = ids(
        transaction,
        "SELECT id FROM experiments WHERE project = $1 ORDER BY number FOR UPDATE",
        project,
    )
    .await?;
    let datasets =
        ids(transaction, "DELETE FROM datasets WHERE project = $1 RETURNING id", project).await?;
    forget_experiments(transaction, &experiments).await?;
    database::run(transaction, "DELETE FROM functions WHERE project = $1", &[&project]).await?;
    // Their files are garbage from here on.
    database::run(transaction, "DELETE FROM blobs WHERE project = $1", &[&id]).await?;
    database::run(transaction, "DELETE FROM projects WHERE number = $1", &[&project]).await?;
    detach(transaction, "project_logs", &[id]).await?;
    detach(transaction, "experiment", &experiments).await?;
    detach(transaction, "dataset", &datasets).await?;
    Ok(true)
}

async fn ids(
    on: &impl GenericClient,
    sql: &'static str,
    project: i64,
) -> Result<Vec<String>, StoreError> {
    let found = database::rows(on, sql, &[&project]).await?;
    Ok(found.iter().map(|row| row.get(0)).collect())
}

/// Removes experiments, their profiles, and what compares others with them.
async fn forget_experiments<T>(transaction: &Transaction<'_>, ids: &[T]) -> Result<(), StoreError>
where
    T: tokio_postgres::types::ToSql + Sync,
{
    for sql in [
        "DELETE FROM blobs WHERE experiment = ANY($1)",
        "DELETE FROM experiments WHERE id = ANY($1)",
        "UPDATE experiments SET base_id = NULL WHERE base_id = ANY($1)",
    ] {
        database::run(transaction, sql, &[&ids]).await?;
    }
    Ok(())
}

/// Takes the rows of objects away, and leaves word for the index.
async fn detach<T>(transaction: &Transaction<'_>, kind: &str, ids: &[T]) -> Result<(), StoreError>
where
    T: tokio_postgres::types::ToSql + Sync,
{
    let sql = "UPDATE objects SET deleted = true WHERE kind = $1 AND id = ANY($2) AND NOT deleted
        RETURNING number";
    let detached = database::rows(transaction, sql, &[&kind, &ids]).await?;
    let numbers: Vec<i64> = detached.iter().map(|row| row.get(0)).collect();
    leave_word(transaction, &numbers).await
}

/// Says that objects are deleted: the index then forgets all of them.
async fn leave_word(on: &impl GenericClient, objects: &[i64]) -> Result<(), StoreError> {
    let sql = "INSERT INTO changes (object, rows, traces, numbers, gone, earlier)
        SELECT object, 0, '{}', '{}', '{}', '{}' FROM unnest($1::bigint[]) AS gone (object)";
    database::run(on, sql, &[&objects]).await?;
    Ok(())
}

/// Removes some rows of a deleted object; `false` once there is none that nobody else sweeps.
///
/// One whose rows are gone and that the index has word of is left to the index; the entry of the
/// object goes with a later sweep.
pub(super) async fn sweep(database: &Database) -> Result<bool, StoreError> {
    let find = "SELECT number FROM objects WHERE deleted AND coalesce(
            (SELECT true FROM rows WHERE object = objects.number ORDER BY row_id LIMIT 1),
            (SELECT true FROM row_versions WHERE object = objects.number ORDER BY row_id LIMIT 1),
            (SELECT false FROM changes WHERE object = objects.number LIMIT 1), true)
        ORDER BY number LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED";
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    transaction.batch_execute(IN_ORDER).await?;
    let Some(found) = database::row(&transaction, find, &[]).await? else { return Ok(false) };
    let object: i64 = found.get(0);
    let mut removed = 0;
    for table in ["rows", "row_versions"] {
        let sql = format!(
            "DELETE FROM {table} WHERE object = $1 AND number = ANY(ARRAY(
               SELECT number FROM {table} WHERE object = $1 ORDER BY row_id LIMIT $2))"
        );
        removed += database::run(&transaction, &sql, &[&object, &SWEEP_ROWS]).await?;
    }
    if removed == 0 {
        forget(&transaction, object).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

/// Removes the entry of an object without rows, unless the index still knows it.
async fn forget(transaction: &Transaction<'_>, object: i64) -> Result<(), StoreError> {
    // Waits for who still writes; after that nobody does.
    let lock = "SELECT number FROM objects WHERE number = $1 FOR UPDATE";
    database::row(transaction, lock, &[&object]).await?;
    Lock::Index(object).alone(transaction).await?;
    let known = "SELECT EXISTS (SELECT 1 FROM changes WHERE object = $1)
          OR EXISTS (SELECT 1 FROM rows WHERE object = $1)
          OR EXISTS (SELECT 1 FROM row_versions WHERE object = $1),
        EXISTS (SELECT 1 FROM traces WHERE object = $1)
          OR EXISTS (SELECT 1 FROM row_words WHERE object = $1)
          OR EXISTS (SELECT 1 FROM minutes WHERE object = $1)
          OR EXISTS (SELECT 1 FROM attachments WHERE object = $1)
          OR EXISTS (SELECT 1 FROM tallies WHERE object = $1)
          OR EXISTS (SELECT 1 FROM summaries WHERE object = $1)";
    let known = database::one(transaction, known, &[&object]).await?;
    match (known.get(0), known.get(1)) {
        // The index has word of it, or there were rows to come.
        (true, _) => Ok(()),
        // An index that was being made anew meanwhile saw its rows.
        (false, true) => leave_word(transaction, &[object]).await,
        (false, false) => {
            let sql = "DELETE FROM objects WHERE number = $1";
            database::run(transaction, sql, &[&object]).await.map(drop)
        }
    }
}

#[cfg(test)]
mod tests;
