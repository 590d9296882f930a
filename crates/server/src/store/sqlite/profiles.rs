//! SQL over profiles of runs, which are uploads that belong to an experiment.

use futures_util::{FutureExt, TryFutureExt};
use rusqlite::{Connection, OptionalExtension, params};

use super::store::{SMALL_BYTES, SqliteStore};
use crate::store::{Answer, NewProfile, ProfileStore, StoreError, Stored};

impl ProfileStore for SqliteStore {
    fn put_profile(&self, profile: NewProfile, held: Box<dyn Send>) -> Answer<'_, Option<Stored>> {
        self.writer
            .submit(SMALL_BYTES, move |session| {
                // Part of the answer, which is given after the commit.
                Ok((put(&session.connection, &profile)?, held))
            })
            .map_ok(|(stored, _)| stored)
            .boxed()
    }

    fn profile_file(&self, experiment_id: String) -> Answer<'_, Option<String>> {
        self.readers.run(move |connection| file(connection, &experiment_id)).boxed()
    }
}

fn put(connection: &Connection, profile: &NewProfile) -> Result<Option<Stored>, StoreError> {
    let NewProfile { key, experiment_id, file: new, bytes, created_us } = profile;
    let exists = "SELECT EXISTS (SELECT 1 FROM experiments WHERE id = ?1)";
    if !connection.prepare_cached(exists)?.query_row([experiment_id], |row| row.get(0))? {
        return Ok(None);
    }
    let replaced = file(connection, experiment_id)?.filter(|old| old != new);
    connection
        .prepare_cached(
            "INSERT INTO blobs (key, purpose, filename, content_type, status, file, bytes,
               created_us, experiment)
             VALUES (?1, 'profile', '', 'application/x-ndjson', 'done', ?2, ?3, ?4, ?5)
             ON CONFLICT (experiment) WHERE experiment IS NOT NULL DO UPDATE SET
               file = excluded.file, bytes = excluded.bytes, created_us = excluded.created_us",
        )?
        .execute(params![key, new, bytes.cast_signed(), created_us, experiment_id])?;
    Ok(Some(Stored { replaced }))
}

fn file(connection: &Connection, experiment_id: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT file FROM blobs WHERE experiment = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([experiment_id], |row| row.get(0)).optional()?)
}
