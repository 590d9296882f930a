//! Making the index anew, when what it holds is not what this version of the software writes.

use deadpool_postgres::Client;
use tokio_postgres::IsolationLevel;

use crate::store::StoreError;
use crate::store::postgres::database;
use crate::store::postgres::locks::Lock;

/// Raise it with every change of the tables of the index or of what they hold.
pub(super) const LAYOUT: i32 = 1;

/// Rows and earlier states of one entry.
const ENTRY_ROWS: i64 = 1_000;

/// Throws an index of an older layout away, and leaves entries for all rows. Lists then are behind
/// until these are worked off. An index of a newer layout is left alone: a collector of another
/// version may run for a moment beside its successor.
pub(super) async fn if_other_layout(client: &mut Client) -> Result<(), StoreError> {
    let layout = "SELECT layout FROM index_state WHERE layout >= $1";
    if database::row(&*client, layout, &[&LAYOUT]).await?.is_some() {
        return Ok(());
    }
    let transaction =
        client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).start().await?;
    // As long as it takes to read all rows but for their documents.
    transaction.batch_execute("SET LOCAL statement_timeout = 0").await?;
    Lock::Indexes.alone(&transaction).await?;
    if database::row(&transaction, layout, &[&LAYOUT]).await?.is_some() {
        return Ok(());
    }
    // Not TRUNCATE, which reaches into the snapshots of those who read.
    for table in
        ["tallies", "minutes", "traces", "row_words", "attachments", "summaries", "index_state"]
    {
        transaction.batch_execute(&format!("DELETE FROM {table}")).await?;
    }
    for sql in [
        "INSERT INTO changes (object, rows, traces, numbers, gone, earlier)
           SELECT object, count(*), array_agg(DISTINCT trace), array_agg(number), '{}', '{}'
           FROM rows GROUP BY object, number / $1",
        "INSERT INTO changes (object, rows, traces, numbers, gone, earlier)
           SELECT object, count(*), '{}', '{}', '{}', array_agg(number)
           FROM row_versions GROUP BY object, number / $1",
    ] {
        let made = database::run(&transaction, sql, &[&ENTRY_ROWS]).await?;
        if made > 0 {
            tracing::warn!(target: "server::index", entries = made, "the index is built again");
        }
    }
    let sql = "INSERT INTO index_state (layout) VALUES ($1)";
    database::run(&transaction, sql, &[&LAYOUT]).await?;
    transaction.commit().await?;
    Ok(())
}
