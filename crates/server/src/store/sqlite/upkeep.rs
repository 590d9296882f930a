//! SQL that forgets old logs and gives unused pages back.

use std::ops::Range;

use futures_util::FutureExt;
use rusqlite::{Connection, OptionalExtension, params};
use tidegate_model::Destination;

use super::row_tables;
use super::store::{SMALL_BYTES, SqliteStore};
use super::writer::Session;
use crate::store::{Answer, Change, RowWrite, StoreError, UpkeepStore};

/// Of the whole database, how much may be unused: a twentieth, and at least 16 MiB.
const UNUSED_SHARE: i64 = 20;
/// See [`UNUSED_SHARE`].
const UNUSED_PAGES: i64 = 4_096;
/// What `PRAGMA auto_vacuum` says of a database that can shrink in steps.
const INCREMENTAL: i64 = 2;

impl UpkeepStore for SqliteStore {
    fn newest_number(&self) -> Answer<'_, i64> {
        self.readers.run(newest_number).boxed()
    }

    fn oldest_log(&self, numbers: Range<i64>) -> Answer<'_, Option<i64>> {
        self.readers.run(move |connection| oldest_log(connection, &numbers)).boxed()
    }

    fn expire_logs(&self, numbers: Range<i64>, before_us: i64, limit: u32) -> Answer<'_, usize> {
        async move {
            let find =
                move |connection: &Connection| expired(connection, &numbers, before_us, limit);
            let found = self.readers.run(find).await?;
            if found.is_empty() {
                return Ok(0);
            }
            let forget = move |session: &mut Session| forget(session, &found, before_us);
            self.writer.submit(SMALL_BYTES, forget).await
        }
        .boxed()
    }

    fn shrink(&self, pages: u32) -> Answer<'_, u64> {
        self.writer
            .submit(SMALL_BYTES, move |session| shrink(&session.connection, pages, UNUSED_PAGES))
            .boxed()
    }
}

fn newest_number(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(number), 0) FROM rows";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

fn oldest_log(connection: &Connection, numbers: &Range<i64>) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT min(created_us) FROM rows WHERE number >= ?1 AND number < ?2
               AND object IN (SELECT number FROM objects WHERE kind = 'project_logs')";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([numbers.start, numbers.end], |row| row.get(0))?)
}

fn expired(
    connection: &Connection,
    numbers: &Range<i64>,
    before_us: i64,
    limit: u32,
) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT number FROM rows WHERE number >= ?1 AND number < ?2 AND created_us < ?3
         AND object IN (SELECT number FROM objects WHERE kind = 'project_logs')
         ORDER BY number LIMIT ?4",
    )?;
    let found = statement
        .query_map(params![numbers.start, numbers.end, before_us, limit], |row| row.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Removes rows as a client would, so that the journal and all that follows it learn of it. One
/// that was written anew meanwhile stays.
fn forget(session: &mut Session, numbers: &[i64], before_us: i64) -> Result<usize, StoreError> {
    let mut writes = Vec::with_capacity(numbers.len());
    {
        let mut statement = session.connection.prepare_cached(
            "SELECT objects.id, rows.row_id FROM rows JOIN objects ON objects.number = rows.object
             WHERE rows.number = ?1 AND rows.created_us < ?2",
        )?;
        for number in numbers {
            let found = statement
                .query_row([*number, before_us], |row| {
                    let id = row_tables::row_id(row.get_ref(1)?);
                    Ok((Destination::ProjectLogs(row.get(0)?), id))
                })
                .optional()?;
            if let Some((destination, id)) = found {
                writes.push(RowWrite { destination, id: id?, change: Change::Delete });
            }
        }
    }
    let count = writes.len();
    if count > 0 {
        row_tables::write(session, writes)?;
    }
    Ok(count)
}

fn shrink(connection: &Connection, pages: u32, least: i64) -> Result<u64, StoreError> {
    let number = |pragma| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    if number("PRAGMA auto_vacuum")? != INCREMENTAL {
        return Ok(0);
    }
    let kept = (number("PRAGMA page_count")? / UNUSED_SHARE).max(least);
    let spare = (number("PRAGMA freelist_count")? - kept).max(0);
    let now = spare.min(pages.into());
    if now > 0 {
        let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({now})"))?;
        let mut steps = statement.query([])?;
        // One step per page.
        while steps.next()?.is_some() {}
    }
    Ok((spare - now).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use tidegate_model::RowId;

    use super::*;
    use crate::store::{Document, Store};

    fn log(id: usize, project: &str, created: &str) -> RowWrite {
        let row = serde_json::json!({
            "id": id.to_string(), "created": created, "input": "x".repeat(3_000),
        });
        let serde_json::Value::Object(row) = row else { panic!("an object") };
        RowWrite {
            destination: Destination::ProjectLogs(project.into()),
            id: RowId::from(id.to_string().as_str()),
            change: Change::Replace(Document::of(row)),
        }
    }

    #[tokio::test]
    async fn only_old_rows_of_logs_in_the_range_expire_and_the_journal_knows() {
        let dir = tempfile::tempdir().expect("directory");
        let store = SqliteStore::open(dir.path()).expect("open");
        let mut rows: Vec<_> = (0..10).map(|n| log(n, "p", "2020-01-01T00:00:00Z")).collect();
        rows.extend((10..15).map(|n| log(n, "p", "2026-01-01T00:00:00Z")));
        let mut other = log(15, "p", "2020-01-01T00:00:00Z");
        other.destination = Destination::Experiment("e".into());
        rows.push(other);
        store.write(rows, 0).await.expect("written");
        assert_eq!(store.newest_number().await.expect("read"), 16);
        let before_us = 1_700_000_000_000_000;
        assert_eq!(store.oldest_log(11..17).await.expect("read"), Some(1_767_225_600_000_000));
        assert_eq!(store.oldest_log(16..17).await.expect("read"), None, "an experiment's row");
        assert_eq!(store.expire_logs(3..100, before_us, 5).await.expect("removed"), 5);
        assert_eq!(store.expire_logs(3..100, before_us, 5).await.expect("removed"), 3);
        assert_eq!(store.expire_logs(3..100, before_us, 5).await.expect("removed"), 0);
        let counts = |connection: &Connection| {
            let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
            Ok((count("SELECT count(*) FROM rows")?, count("SELECT count(*) FROM changes")?))
        };
        assert_eq!(store.readers.run(counts).await.expect("read"), (8, 4));
        store.close(Box::new(())).await;
    }

    #[tokio::test]
    async fn unused_pages_are_given_back_in_steps_and_some_are_kept() {
        let dir = tempfile::tempdir().expect("directory");
        let store = SqliteStore::open(dir.path()).expect("open");
        let rows = (0..300).map(|n| {
            let mut row = log(n, "p", "2020-01-01T00:00:00Z");
            // Hardly compressible, so that there is something to give back.
            let text: Vec<_> = (0..150).map(|_| uuid::Uuid::new_v4().to_string()).collect();
            let document = serde_json::json!({"id": n.to_string(), "input": text});
            let serde_json::Value::Object(document) = document else { panic!("an object") };
            row.change = Change::Replace(Document::of(document));
            row
        });
        store.write(rows.collect(), 0).await.expect("written");
        let free = |connection: &Connection| {
            let number = |pragma| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
            Ok((number("PRAGMA freelist_count")?, number("PRAGMA page_count")?))
        };
        let (_, full) = store.readers.run(free).await.expect("read");
        while store.expire_logs(0..1_000_000, i64::MAX, 100).await.expect("removed") > 0 {}
        let (unused, _) = store.readers.run(free).await.expect("read");
        assert!(unused > 200, "{unused} of {full}");
        assert_eq!(store.shrink(50).await.expect("as it was"), 0, "little is kept");
        let step =
            |pages| store.writer.submit(0, move |session| shrink(&session.connection, pages, 40));
        assert!(step(50).await.expect("shrunk") > 0);
        assert_eq!(store.readers.run(free).await.expect("read").0, unused - 50);
        while step(50).await.expect("shrunk") > 0 {}
        let (unused, pages) = store.readers.run(free).await.expect("read");
        assert!((40..60).contains(&unused), "{unused} of {pages}");
        assert!(pages < full / 2, "{pages} of {full}");
        store.close(Box::new(())).await;
    }
}
