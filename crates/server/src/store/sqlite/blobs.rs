//! SQL over uploads.

use futures_util::{FutureExt, TryFutureExt};
use rusqlite::{Connection, OptionalExtension, params};
use tidegate_model::XactId;

use super::collect;
use super::store::{SMALL_BYTES, SqliteStore};
use crate::store::{Answer, Blob, BlobStore, IndexPlace, Progress, Purpose, StoreError, Unnamed};

const COLUMNS: &str = "key, purpose, project, maker, filename, content_type, status, error, file,
    bytes, xact, created_us";

impl BlobStore for SqliteStore {
    fn signing_secret(&self) -> Answer<'_, [u8; 64]> {
        self.writer.submit(SMALL_BYTES, |session| signing_secret(&session.connection)).boxed()
    }

    fn announce_blob(&self, blob: Blob) -> Answer<'_, Blob> {
        self.writer.submit(SMALL_BYTES, move |session| announce(&session.connection, &blob)).boxed()
    }

    fn blob(&self, key: String) -> Answer<'_, Option<Blob>> {
        self.readers.run(move |connection| find(connection, &key)).boxed()
    }

    fn complete_blob(
        &self,
        key: String,
        file: String,
        bytes: u64,
        held: Box<dyn Send>,
    ) -> Answer<'_, bool> {
        let sql = "UPDATE blobs SET file = ?2, bytes = ?3, status = 'done', error = NULL
                   WHERE key = ?1 AND xact IS NULL";
        self.writer
            .submit(SMALL_BYTES, move |session| {
                let mut statement = session.connection.prepare_cached(sql)?;
                let known = statement.execute(params![key, file, bytes.cast_signed()])? > 0;
                // Part of the answer, which is given after the commit, whether anybody waits or not.
                Ok((known, held))
            })
            .map_ok(|(known, _)| known)
            .boxed()
    }

    fn fail_blob(&self, key: String, error: String) -> Answer<'_, bool> {
        let sql = "UPDATE blobs SET status = 'error', error = ?2 WHERE key = ?1";
        self.writer
            .submit(SMALL_BYTES, move |session| {
                Ok(session.connection.prepare_cached(sql)?.execute([key, error])? > 0)
            })
            .boxed()
    }

    fn consume_blob(&self, key: String, xact: XactId) -> Answer<'_, ()> {
        let sql = "UPDATE blobs SET file = NULL, xact = ?2 WHERE key = ?1";
        self.writer
            .submit(SMALL_BYTES, move |session| {
                let mut statement = session.connection.prepare_cached(sql)?;
                statement.execute(params![key, xact.as_u64().cast_signed()])?;
                Ok(())
            })
            .boxed()
    }

    fn expire_overflows(&self, before_us: i64, limit: u32) -> Answer<'_, Vec<Option<String>>> {
        let sql = "DELETE FROM blobs WHERE key IN (
                     SELECT key FROM blobs WHERE purpose = 'overflow' AND created_us < ?1 LIMIT ?2)
                   RETURNING file";
        self.writer
            .submit(SMALL_BYTES, move |session| {
                let mut statement = session.connection.prepare_cached(sql)?;
                let files = statement.query_map(params![before_us, limit], |row| row.get(0))?;
                Ok(files.collect::<Result<_, _>>()?)
            })
            .boxed()
    }

    fn unnamed_blobs(&self, after: String, before_us: i64, limit: u32) -> Answer<'_, Unnamed> {
        self.index().unnamed(after, before_us, limit).boxed()
    }

    fn forget_blobs(
        &self,
        keys: Vec<String>,
        before_us: i64,
        place: IndexPlace,
    ) -> Answer<'_, Option<Vec<Option<String>>>> {
        self.writer
            .submit(SMALL_BYTES, move |session| collect::forget(session, &keys, before_us, place))
            .boxed()
    }

    fn unnamed_files(&self, files: Vec<String>) -> Answer<'_, Vec<String>> {
        self.readers.run(move |connection| unnamed_files(connection, files)).boxed()
    }
}

fn unnamed_files(connection: &Connection, files: Vec<String>) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM blobs WHERE file = ?1)";
    let mut statement = connection.prepare_cached(sql)?;
    let mut unnamed = Vec::new();
    for file in files {
        if !statement.query_row([&file], |row| row.get::<_, bool>(0))? {
            unnamed.push(file);
        }
    }
    Ok(unnamed)
}

fn signing_secret(connection: &Connection) -> Result<[u8; 64], StoreError> {
    let mut fresh = [0_u8; 64];
    getrandom::fill(&mut fresh).map_err(std::io::Error::other)?;
    let sql = "UPDATE store SET signing_secret = ifnull(signing_secret, ?1)
               RETURNING signing_secret";
    Ok(connection.prepare_cached(sql)?.query_row([fresh], |row| row.get(0))?)
}

fn announce(connection: &Connection, blob: &Blob) -> Result<Blob, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO blobs
               (key, purpose, project, maker, filename, content_type, status, created_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'uploading', ?7)
             ON CONFLICT (key) DO UPDATE SET filename = excluded.filename,
               content_type = excluded.content_type, created_us = excluded.created_us
             WHERE project IS excluded.project AND purpose = excluded.purpose",
        )?
        .execute(params![
            blob.key,
            purpose(blob.purpose),
            blob.project,
            blob.maker,
            blob.filename,
            blob.content_type,
            blob.created_us,
        ])?;
    let stored = find(connection, &blob.key)?;
    stored.ok_or_else(|| StoreError::Damaged("an upload just stored is not there".into()))
}

fn find(connection: &Connection, key: &str) -> Result<Option<Blob>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM blobs WHERE key = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([key], blob).optional()?)
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Attachment => "attachment",
        Purpose::Overflow => "overflow",
        Purpose::Bundle => "bundle",
        Purpose::Profile => "profile",
    }
}

fn blob(row: &rusqlite::Row<'_>) -> rusqlite::Result<Blob> {
    let purpose = match row.get_ref(1)?.as_str()? {
        "overflow" => Purpose::Overflow,
        "bundle" => Purpose::Bundle,
        "profile" => Purpose::Profile,
        _ => Purpose::Attachment,
    };
    let progress = match row.get_ref(6)?.as_str()? {
        "done" => Progress::Done,
        "error" => Progress::Failed(row.get::<_, Option<String>>(7)?.unwrap_or_default()),
        _ => Progress::Uploading,
    };
    let xact: Option<i64> = row.get(10)?;
    Ok(Blob {
        key: row.get(0)?,
        purpose,
        project: row.get(2)?,
        maker: row.get(3)?,
        filename: row.get(4)?,
        content_type: row.get(5)?,
        progress,
        file: row.get(8)?,
        bytes: row.get::<_, Option<i64>>(9)?.map(i64::unsigned_abs),
        xact: xact.map(|xact| XactId::from_u64(xact.cast_unsigned())),
        created_us: row.get(11)?,
    })
}
