//! Uploads that no row names.
//!
//! The index knows which attachments rows name, but for what its entries of `changes` say. These
//! are few once all objects were brought up to date, and are read here: first they, then what the
//! index has, so that what moves from the one to the other in between is seen twice.

use std::collections::BTreeSet;
use std::pin::pin;

use deadpool_postgres::{Client, Transaction};
use futures_util::TryStreamExt as _;
use tokio_postgres::IsolationLevel;

use crate::store::index::attachments;
use crate::store::postgres::{columns, database};
use crate::store::{IndexPlace, StoreError, Unnamed};

/// Rows of entries that are read: a few milliseconds.
const ROWS: i64 = 1_000;
/// Their text in bytes.
const BYTES: usize = 4 << 20;

/// Looks at the next `limit` uploads after a key.
pub(super) async fn unnamed(
    on: &Transaction<'_>,
    after: &str,
    before_us: i64,
    limit: u32,
) -> Result<Unnamed, StoreError> {
    let sql = "SELECT key, purpose = 'attachment' AND created_us < $2
          AND NOT EXISTS (SELECT 1 FROM attachments WHERE attachments.key = blobs.key)
        FROM blobs WHERE key > $1 ORDER BY key LIMIT $3";
    let rows = database::rows(on, sql, &[&after, &before_us, &i64::from(limit)]).await?;
    let keys = rows.iter().filter(|row| row.get(1)).map(|row| row.get(0)).collect();
    let last = rows.last().map(|row| row.get(0));
    // What is forgotten is looked at again, in the state of that moment.
    Ok(Unnamed { place: Some(IndexPlace::default()), keys, last })
}

/// Forgets those of the attachments that no row names and that were announced before a time;
/// `None` if too much is not indexed to say. Returns the names of their files.
pub(super) async fn forget(
    client: &mut Client,
    keys: &[String],
    before_us: i64,
) -> Result<Option<Vec<Option<String>>>, StoreError> {
    // Each statement sees what was committed before it.
    let transaction =
        client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).start().await?;
    let Some(named) = named_by_entries(&transaction).await? else { return Ok(None) };
    let unnamed: Vec<&str> =
        keys.iter().filter(|key| !named.contains(*key)).map(String::as_str).collect();
    let sql = "DELETE FROM blobs WHERE key = ANY($1) AND purpose = 'attachment'
          AND created_us < $2
          AND NOT EXISTS (SELECT 1 FROM attachments WHERE attachments.key = blobs.key)
        RETURNING file";
    let rows = database::rows(&transaction, sql, &[&unnamed, &before_us]).await?;
    transaction.commit().await?;
    Ok(Some(rows.iter().map(|row| row.get(0)).collect()))
}

/// What the rows name that are not indexed; `None` if these are too many.
async fn named_by_entries(on: &Transaction<'_>) -> Result<Option<BTreeSet<String>>, StoreError> {
    // In one statement, and so in one state of the database.
    let sql = "WITH entries AS MATERIALIZED (SELECT object, numbers, earlier FROM changes),
          size AS (SELECT coalesce(sum(cardinality(numbers) + cardinality(earlier)), 0) AS rows
            FROM entries)
        SELECT NULL::bytea FROM size WHERE size.rows > $1
        UNION ALL SELECT document FROM size, entries, unnest(numbers) AS wanted (number), LATERAL
          (SELECT document FROM rows WHERE rows.object = entries.object
            AND rows.number = wanted.number OFFSET 0) AS found
          WHERE size.rows <= $1
        UNION ALL SELECT document FROM size, entries, unnest(earlier) AS wanted (number), LATERAL
          (SELECT document FROM row_versions WHERE row_versions.object = entries.object
            AND row_versions.number = wanted.number OFFSET 0) AS found
          WHERE size.rows <= $1";
    let statement = on.prepare_cached(sql).await?;
    let mut rows = pin!(on.query_raw(&statement, [&ROWS]).await?);
    let (mut keys, mut bytes) = (BTreeSet::new(), 0);
    while let Some(row) = rows.try_next().await? {
        let Some(document) = row.get::<_, Option<&[u8]>>(0) else { return Ok(None) };
        let text = columns::text(document)?;
        bytes += text.len();
        if bytes > BYTES {
            return Ok(None);
        }
        keys.append(&mut attachments::keys(&text));
    }
    Ok(Some(keys))
}
