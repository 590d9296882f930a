//! Indexing an object: a bounded part of its entries of `changes`, in one transaction.

use std::time::{Duration, Instant};

use deadpool_postgres::{Client, Transaction};
use tokio_postgres::IsolationLevel;

use super::apply::{Work, apply};
use super::rebuild::LAYOUT;
use crate::clock;
use crate::store::StoreError;
use crate::store::index::STEP_ROWS;
use crate::store::postgres::database;
use crate::store::postgres::locks::Lock;
use crate::store::postgres::tell;

/// Entries read at once; each has at most a few thousand rows.
const STEP_ENTRIES: i64 = 64;

/// Rows of the index of a deleted object that are forgotten at once.
const FORGET_ROWS: i64 = 5_000;

/// Who waits for the lock of an object that somebody else indexes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wait {
    Never,
    Until(Instant),
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Somebody else indexes the object, or the index is of another version of the software.
    Locked,
    /// There was something to do, and may be more.
    Worked,
    /// There was nothing to do.
    Nothing,
}

/// Indexes what the oldest entries of an object name, of those up to the number `newest`.
pub(super) async fn step(
    client: &mut Client,
    object: i64,
    newest: i64,
    wait: Wait,
) -> Result<Step, StoreError> {
    // Not in one snapshot: what comes in after the entries were read may be seen, and is only seen
    // again later. What the system loses at a crash is both the work and that it was done.
    let transaction =
        client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).start().await?;
    transaction.batch_execute("SET LOCAL synchronous_commit = off").await?;
    if !locked(&transaction, object, wait).await? {
        return Ok(Step::Locked);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM index_state WHERE layout = $2),
        EXISTS (SELECT 1 FROM objects WHERE number = $1 AND NOT deleted)";
    let state = database::one(&transaction, sql, &[&object, &LAYOUT]).await?;
    let (ours, present): (bool, bool) = (state.get(0), state.get(1));
    if !ours {
        return Ok(Step::Locked);
    }
    let Some((entries, work)) = read(&transaction, object, newest).await? else {
        return Ok(Step::Nothing);
    };
    if present {
        apply(&transaction, object, work).await?;
    } else if forget(&transaction, object).await? {
        // The entries stay until all is gone.
        transaction.commit().await?;
        return Ok(Step::Worked);
    }
    let sql = "DELETE FROM changes WHERE object = $1 AND number = ANY($2)";
    database::run(&transaction, sql, &[&object, &entries]).await?;
    let told = format!("changed {object}");
    database::run(&transaction, "SELECT pg_notify('tidegate', $1)", &[&told]).await?;
    if !present {
        // The last of it can go now.
        tell::objects(&transaction).await?;
    }
    transaction.commit().await?;
    Ok(Step::Worked)
}

async fn locked(on: &Transaction<'_>, object: i64, wait: Wait) -> Result<bool, StoreError> {
    let lock = Lock::Index(object);
    let Wait::Until(deadline) = wait else {
        return Ok(Lock::Indexes.try_shared(on).await? && lock.try_alone(on).await?);
    };
    let left = deadline.saturating_duration_since(clock::monotonic());
    let limit = left.max(Duration::from_millis(1)).as_millis();
    on.batch_execute(&format!("SET LOCAL lock_timeout = {limit}")).await?;
    let both = async {
        Lock::Indexes.shared(on).await?;
        lock.alone(on).await
    };
    match both.await {
        Ok(()) => Ok(true),
        // The time is over.
        Err(StoreError::Overloaded) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads entries: their numbers, and what they name.
async fn read(
    on: &Transaction<'_>,
    object: i64,
    newest: i64,
) -> Result<Option<(Vec<i64>, Work)>, StoreError> {
    let sql = "SELECT number, traces, numbers, gone, earlier FROM (
            SELECT *, sum(rows) OVER (ORDER BY number) - rows AS before FROM (
              SELECT * FROM changes WHERE object = $1 AND number <= $2
              ORDER BY number LIMIT $3) AS oldest) AS counted
        WHERE before < $4 ORDER BY number";
    let most = i64::try_from(STEP_ROWS).unwrap_or(i64::MAX);
    let rows = database::rows(on, sql, &[&object, &newest, &STEP_ENTRIES, &most]).await?;
    let (mut entries, mut work) = (Vec::new(), Work::default());
    for row in &rows {
        entries.push(row.get(0));
        work.traces.extend(row.get::<_, Vec<Vec<u8>>>(1));
        work.rows.extend(row.get::<_, Vec<i64>>(2));
        work.rows.extend(row.get::<_, Vec<i64>>(3));
        work.earlier.extend(row.get::<_, Vec<i64>>(4));
    }
    Ok((!entries.is_empty()).then_some((entries, work)))
}

/// Forgets part of a deleted object; `false` once there is nothing of it.
async fn forget(on: &Transaction<'_>, object: i64) -> Result<bool, StoreError> {
    let parts = [
        "DELETE FROM traces WHERE object = $1 AND trace = ANY(ARRAY(
           SELECT trace FROM traces WHERE object = $1 LIMIT $2))",
        "DELETE FROM row_words WHERE object = $1 AND number = ANY(ARRAY(
           SELECT number FROM row_words WHERE object = $1 LIMIT $2))",
        "DELETE FROM minutes WHERE object = $1 AND minute = ANY(ARRAY(
           SELECT minute FROM minutes WHERE object = $1 LIMIT $2))",
        "DELETE FROM attachments WHERE (key, object, earlier, number) IN (
           SELECT key, object, earlier, number FROM attachments WHERE object = $1 LIMIT $2)",
    ];
    for sql in parts {
        if database::run(on, sql, &[&object, &FORGET_ROWS]).await? > 0 {
            return Ok(true);
        }
    }
    database::run(on, "DELETE FROM tallies WHERE object = $1", &[&object]).await?;
    database::run(on, "DELETE FROM summaries WHERE object = $1", &[&object]).await?;
    Ok(false)
}
