//! SQL that forgets old logs.

use std::ops::Range;

use futures_util::FutureExt as _;

use super::database::{self, Database};
use super::store::PostgresStore;
use crate::store::{Answer, StoreError, UpkeepStore};

impl UpkeepStore for PostgresStore {
    fn newest_number(&self) -> Answer<'_, i64> {
        async move { self.counted(None, newest_number(&self.database)).await }.boxed()
    }

    fn oldest_log(&self, numbers: Range<i64>) -> Answer<'_, Option<i64>> {
        async move { self.counted(None, oldest_log(&self.database, &numbers)).await }.boxed()
    }

    fn expire_logs(&self, numbers: Range<i64>, before_us: i64, limit: u32) -> Answer<'_, usize> {
        async move {
            let removed = expire_logs(&self.database, &numbers, before_us, limit).await?;
            if removed > 0 {
                self.index.bell().notify_one();
            }
            Ok(removed)
        }
        .boxed()
    }

    /// Autovacuum does it.
    fn shrink(&self, _pages: u32) -> Answer<'_, u64> {
        async { Ok(0) }.boxed()
    }
}

/// The last number given out: to look for the highest one would read all rows. It may be that of an
/// earlier state, or of no row.
pub(super) async fn newest_number(database: &Database) -> Result<i64, StoreError> {
    let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM row_numbers";
    let client = database.client().await?;
    Ok(database::one(&client, sql, &[]).await?.get(0))
}

pub(super) async fn oldest_log(
    database: &Database,
    numbers: &Range<i64>,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT min(created_us) FROM rows WHERE number >= $1 AND number < $2
        AND object IN (SELECT number FROM objects WHERE kind = 'project_logs' AND NOT deleted)";
    let client = database.client().await?;
    Ok(database::one(&client, sql, &[&numbers.start, &numbers.end]).await?.get(0))
}

/// Removes rows as a client would, so that the index learns of it. Rows that somebody writes at
/// this moment are left out, and so are those of objects that are being deleted.
pub(super) async fn expire_logs(
    database: &Database,
    numbers: &Range<i64>,
    before_us: i64,
    limit: u32,
) -> Result<usize, StoreError> {
    let find = "SELECT object, number FROM rows
        WHERE number >= $1 AND number < $2 AND created_us < $3 AND object = ANY($4)
        ORDER BY object, number LIMIT $5 FOR UPDATE SKIP LOCKED";
    // The order of `numbers` does not matter, and that of objects is the one of their locks.
    let logs = "SELECT number FROM objects WHERE kind = 'project_logs' AND NOT deleted
          AND EXISTS (SELECT 1 FROM rows WHERE object = objects.number
            AND rows.number >= $1 AND rows.number < $2 AND created_us < $3)
        ORDER BY number FOR KEY SHARE SKIP LOCKED";
    let forget = "WITH gone AS (
          DELETE FROM rows USING unnest($1::bigint[], $2::bigint[]) AS old (object, number)
          WHERE rows.object = old.object AND rows.number = old.number
          RETURNING rows.object, rows.number, rows.trace)
        INSERT INTO changes (object, rows, traces, numbers, gone, earlier)
        SELECT object, count(*), array_agg(DISTINCT trace), '{}', array_agg(number), '{}'
        FROM gone GROUP BY object";
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let range: database::Values<'_> = &[&numbers.start, &numbers.end, &before_us];
    let logs = database::rows(&transaction, logs, range).await?;
    let logs: Vec<i64> = logs.iter().map(|row| row.get(0)).collect();
    if logs.is_empty() {
        return Ok(0);
    }
    let values: database::Values<'_> =
        &[&numbers.start, &numbers.end, &before_us, &logs, &i64::from(limit)];
    let found = database::rows(&transaction, find, values).await?;
    let (objects, numbers): (Vec<i64>, Vec<i64>) =
        found.iter().map(|row| (row.get::<_, i64>(0), row.get::<_, i64>(1))).unzip();
    database::run(&transaction, forget, &[&objects, &numbers]).await?;
    transaction.commit().await?;
    Ok(found.len())
}

#[cfg(test)]
mod tests;
