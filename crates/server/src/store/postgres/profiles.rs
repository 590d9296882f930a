//! SQL over profiles of runs, which are uploads that belong to an experiment.

use futures_util::FutureExt as _;

use super::database::{self, Database};
use super::store::PostgresStore;
use crate::store::{Answer, NewProfile, ProfileStore, StoreError, Stored};

impl ProfileStore for PostgresStore {
    fn put_profile(&self, profile: NewProfile, held: Box<dyn Send>) -> Answer<'_, Option<Stored>> {
        async move {
            let database = self.database.clone();
            // To its end whether or not the answer is waited for.
            let task = self.tasks.spawn(async move {
                let stored = put(&database, &profile).await;
                drop(held);
                stored
            });
            task.await.unwrap_or(Err(StoreError::Panicked))
        }
        .boxed()
    }

    fn profile_file(&self, experiment_id: String) -> Answer<'_, Option<String>> {
        async move { self.counted(None, file(&self.database, &experiment_id)).await }.boxed()
    }
}

pub(super) async fn put(
    database: &Database,
    profile: &NewProfile,
) -> Result<Option<Stored>, StoreError> {
    let NewProfile { key, experiment_id, file: new, bytes, created_us } = profile;
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    // One profile of an experiment at a time: each names the one before it.
    let sql = "SELECT number FROM experiments WHERE id = $1 FOR NO KEY UPDATE";
    if database::row(&transaction, sql, &[experiment_id]).await?.is_none() {
        return Ok(None);
    }
    let old = database::row(&transaction, FILE, &[experiment_id]).await?;
    let old: Option<String> = old.and_then(|row| row.get(0));
    let sql = "INSERT INTO blobs (key, purpose, filename, content_type, status, file, bytes,
          created_us, experiment)
        VALUES ($1, 'profile', '', 'application/x-ndjson', 'done', $2, $3, $4, $5)
        ON CONFLICT (experiment) WHERE experiment IS NOT NULL DO UPDATE SET
          file = excluded.file, bytes = excluded.bytes, created_us = excluded.created_us";
    let values: database::Values<'_> = &[key, new, &bytes.cast_signed(), created_us, experiment_id];
    database::run(&transaction, sql, values).await?;
    transaction.commit().await?;
    Ok(Some(Stored { replaced: old.filter(|old| old != new) }))
}

const FILE: &str = "SELECT file FROM blobs WHERE experiment = $1";

async fn file(database: &Database, experiment_id: &str) -> Result<Option<String>, StoreError> {
    let client = database.client().await?;
    Ok(database::row(&client, FILE, &[&experiment_id]).await?.and_then(|row| row.get(0)))
}
