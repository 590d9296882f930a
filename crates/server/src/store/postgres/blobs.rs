//! SQL over uploads.

use futures_util::FutureExt as _;
use tidegate_model::XactId;
use tokio_postgres::Row;

use super::columns;
use super::conflict::TRIES;
use super::database::{self, Database};
use super::store::PostgresStore;
use crate::store::{Answer, Blob, BlobStore, IndexPlace, Progress, Purpose, StoreError, Unnamed};

const COLUMNS: &str = "key, purpose, project, maker, filename, content_type, status, error, file,
    bytes, xact, created_us";

impl BlobStore for PostgresStore {
    fn signing_secret(&self) -> Answer<'_, [u8; 64]> {
        async move { signing_secret(&self.database).await }.boxed()
    }

    fn announce_blob(&self, blob: Blob) -> Answer<'_, Blob> {
        async move { announce(&self.database, &blob).await }.boxed()
    }

    fn blob(&self, key: String) -> Answer<'_, Option<Blob>> {
        async move { self.counted(None, find(&self.database, &key)).await }.boxed()
    }

    fn complete_blob(
        &self,
        key: String,
        file: String,
        bytes: u64,
        held: Box<dyn Send>,
    ) -> Answer<'_, bool> {
        async move {
            let database = self.database.clone();
            // To its end whether or not the answer is waited for.
            let task = self.tasks.spawn(async move {
                let known = complete(&database, &key, &file, bytes).await;
                drop(held);
                known
            });
            task.await.unwrap_or(Err(StoreError::Panicked))
        }
        .boxed()
    }

    fn fail_blob(&self, key: String, error: String) -> Answer<'_, bool> {
        let sql = "UPDATE blobs SET status = 'error', error = $2 WHERE key = $1";
        async move {
            let client = self.database.client().await?;
            Ok(database::run(&client, sql, &[&key, &error]).await? > 0)
        }
        .boxed()
    }

    fn consume_blob(&self, key: String, xact: XactId) -> Answer<'_, ()> {
        let sql = "UPDATE blobs SET file = NULL, xact = $2 WHERE key = $1";
        async move {
            let client = self.database.client().await?;
            database::run(&client, sql, &[&key, &columns::xact(xact)]).await?;
            Ok(())
        }
        .boxed()
    }

    fn expire_overflows(&self, before_us: i64, limit: u32) -> Answer<'_, Vec<Option<String>>> {
        let sql = "DELETE FROM blobs WHERE key IN (
              SELECT key FROM blobs WHERE purpose = 'overflow' AND created_us < $1
              ORDER BY key LIMIT $2 FOR UPDATE SKIP LOCKED)
            RETURNING file";
        async move {
            let client = self.database.client().await?;
            let expired = database::rows(&client, sql, &[&before_us, &i64::from(limit)]).await?;
            Ok(expired.iter().map(|row| row.get(0)).collect())
        }
        .boxed()
    }

    fn unnamed_blobs(&self, after: String, before_us: i64, limit: u32) -> Answer<'_, Unnamed> {
        self.index.unnamed(after, before_us, limit).boxed()
    }

    fn forget_blobs(
        &self,
        keys: Vec<String>,
        before_us: i64,
        place: IndexPlace,
    ) -> Answer<'_, Option<Vec<Option<String>>>> {
        self.index.forget_blobs(keys, before_us, place).boxed()
    }

    fn unnamed_files(&self, files: Vec<String>) -> Answer<'_, Vec<String>> {
        async move { self.counted(None, unnamed_files(&self.database, &files)).await }.boxed()
    }
}

async fn complete(
    database: &Database,
    key: &str,
    file: &str,
    bytes: u64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE blobs SET file = $2, bytes = $3, status = 'done', error = NULL
        WHERE key = $1 AND xact IS NULL";
    let client = database.client().await?;
    Ok(database::run(&client, sql, &[&key, &file, &bytes.cast_signed()]).await? > 0)
}

async fn unnamed_files(database: &Database, files: &[String]) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT file FROM unnest($1::text[]) WITH ORDINALITY AS wanted (file, place)
        WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.file = wanted.file) ORDER BY place";
    let client = database.client().await?;
    let unnamed = database::rows(&client, sql, &[&files]).await?;
    Ok(unnamed.iter().map(|row| row.get(0)).collect())
}

/// The first collector that asks makes it.
pub(super) async fn signing_secret(database: &Database) -> Result<[u8; 64], StoreError> {
    let client = database.client().await?;
    for _ in 0..TRIES {
        let row = database::one(&client, "SELECT signing_secret FROM store", &[]).await?;
        if let Some(secret) = row.get::<_, Option<&[u8]>>(0) {
            return secret
                .try_into()
                .map_err(|_| StoreError::Damaged("a signing secret of a wrong length".into()));
        }
        let mut fresh = [0_u8; 64];
        getrandom::fill(&mut fresh).map_err(std::io::Error::other)?;
        let sql = "UPDATE store SET signing_secret = $1 WHERE signing_secret IS NULL";
        database::run(&client, sql, &[&fresh.as_slice()]).await?;
    }
    Err(StoreError::Damaged("a signing secret that vanishes".into()))
}

async fn announce(database: &Database, blob: &Blob) -> Result<Blob, StoreError> {
    let sql = format!(
        "INSERT INTO blobs
           (key, purpose, project, maker, filename, content_type, status, created_us)
         VALUES ($1, $2, $3, $4, $5, $6, 'uploading', $7)
         ON CONFLICT (key) DO UPDATE SET filename = excluded.filename,
           content_type = excluded.content_type, created_us = excluded.created_us
         WHERE blobs.project IS NOT DISTINCT FROM excluded.project
           AND blobs.purpose = excluded.purpose
         RETURNING {COLUMNS}"
    );
    let values: database::Values<'_> = &[
        &blob.key,
        &purpose(blob.purpose),
        &blob.project,
        &blob.maker,
        &blob.filename,
        &blob.content_type,
        &blob.created_us,
    ];
    for _ in 0..TRIES {
        {
            let client = database.client().await?;
            if let Some(stored) = database::row(&client, &sql, values).await? {
                return Ok(read(&stored));
            }
        }
        // It belongs to somebody else, or did until just now.
        if let Some(other) = find(database, &blob.key).await? {
            return Ok(other);
        }
    }
    Err(StoreError::Overloaded)
}

async fn find(database: &Database, key: &str) -> Result<Option<Blob>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM blobs WHERE key = $1");
    let client = database.client().await?;
    Ok(database::row(&client, &sql, &[&key]).await?.as_ref().map(read))
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Attachment => "attachment",
        Purpose::Overflow => "overflow",
        Purpose::Bundle => "bundle",
        Purpose::Profile => "profile",
    }
}

fn read(row: &Row) -> Blob {
    let purpose = match row.get(1) {
        "overflow" => Purpose::Overflow,
        "bundle" => Purpose::Bundle,
        "profile" => Purpose::Profile,
        _ => Purpose::Attachment,
    };
    let progress = match row.get(6) {
        "done" => Progress::Done,
        "error" => Progress::Failed(row.get::<_, Option<String>>(7).unwrap_or_default()),
        _ => Progress::Uploading,
    };
    Blob {
        key: row.get(0),
        purpose,
        project: row.get(2),
        maker: row.get(3),
        filename: row.get(4),
        content_type: row.get(5),
        progress,
        file: row.get(8),
        bytes: row.get::<_, Option<i64>>(9).map(i64::unsigned_abs),
        xact: row.get::<_, Option<i64>>(10).map(columns::read_xact),
        created_us: row.get(11),
    }
}

#[cfg(test)]
mod tests;
