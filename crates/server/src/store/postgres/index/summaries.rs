//! Where summaries of experiments are kept.

use std::collections::HashMap;

use deadpool_postgres::{Client, Transaction};

use super::cases;
use crate::store::StoreError;
use crate::store::index::summary::text;
use crate::store::postgres::database;
use crate::store::postgres::read::begin;

/// Reads the summaries of objects, computed now where the stored ones are out of date; those go
/// to `behind` as well.
pub(super) async fn read(
    on: &Transaction<'_>,
    objects: &[i64],
    behind: &mut Vec<i64>,
) -> Result<HashMap<i64, String>, StoreError> {
    let sql = "SELECT object, body FROM summaries JOIN tallies USING (object)
        WHERE object = ANY($1) AND summaries.version = tallies.version";
    let rows = database::rows(on, sql, &[&objects]).await?;
    let mut found: HashMap<i64, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for object in objects {
        if !found.contains_key(object) {
            found.insert(*object, text(&cases::trials(on, *object).await?)?);
            behind.push(*object);
        }
    }
    Ok(found)
}

/// Computes and stores an experiment's summary, unless somebody else has done so.
pub(super) async fn refresh(client: &mut Client, object: i64) -> Result<(), StoreError> {
    let reading = begin(client).await?;
    // Nothing else is listed with its scores.
    let sql = "SELECT tallies.version FROM tallies JOIN objects ON objects.number = tallies.object
        WHERE tallies.object = $1 AND kind = 'experiment' AND NOT deleted
          AND NOT EXISTS (SELECT 1 FROM summaries
            WHERE summaries.object = $1 AND summaries.version >= tallies.version)";
    let Some(found) = database::row(&reading, sql, &[&object]).await? else { return Ok(()) };
    let version: i64 = found.get(0);
    let body = text(&cases::trials(&reading, object).await?)?;
    reading.commit().await?;
    // An object that was forgotten meanwhile keeps none.
    let sql = "INSERT INTO summaries AS old (object, version, body)
        SELECT object, $2, $3 FROM tallies WHERE object = $1 FOR KEY SHARE
        ON CONFLICT (object) DO UPDATE SET version = excluded.version, body = excluded.body
          WHERE old.version < excluded.version";
    database::run(&*client, sql, &[&object, &version, &body]).await?;
    Ok(())
}

/// Experiments whose stored summary is out of date.
pub(super) async fn outdated(client: &Client) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT tallies.object FROM tallies
          JOIN objects ON objects.number = tallies.object AND kind = 'experiment' AND NOT deleted
          LEFT JOIN summaries USING (object)
        WHERE summaries.version IS DISTINCT FROM tallies.version";
    Ok(database::rows(client, sql, &[]).await?.iter().map(|row| row.get(0)).collect())
}
