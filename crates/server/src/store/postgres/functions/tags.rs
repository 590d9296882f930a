//! SQL over the versions of functions that environments use.

use deadpool_postgres::GenericClient;
use tidegate_model::XactId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::super::columns;
use super::super::database;
use crate::clock;
use crate::store::{FunctionTag, StoreError};

pub(super) async fn list(
    on: &impl GenericClient,
    id: &str,
    environment: Option<&str>,
) -> Result<Vec<FunctionTag>, StoreError> {
    let sql = "SELECT tags.id, functions.id, environment, xact, tags.created
        FROM function_environments AS tags JOIN functions ON functions.number = function
        WHERE functions.id = $1 AND ($2::text IS NULL OR environment = $2) ORDER BY environment";
    Ok(database::rows(on, sql, &[&id, &environment]).await?.iter().map(tag).collect())
}

fn tag(row: &Row) -> FunctionTag {
    FunctionTag {
        id: row.get(0),
        function_id: row.get(1),
        environment: row.get(2),
        xact: columns::read_xact(row.get(3)),
        created: row.get(4),
    }
}

pub(super) async fn set(
    on: &impl GenericClient,
    id: &str,
    environment: &str,
    xact: XactId,
) -> Result<Option<FunctionTag>, StoreError> {
    let sql = "INSERT INTO function_environments (id, function, environment, xact, created)
        SELECT $1, number, $3, $4, $5 FROM functions WHERE id = $2
          AND EXISTS (SELECT 1 FROM function_versions
                      WHERE function = functions.number AND xact <= $4)
        FOR KEY SHARE OF functions
        ON CONFLICT (function, environment) DO UPDATE SET xact = excluded.xact
        RETURNING id, created";
    let values: database::Values<'_> =
        &[&Uuid::now_v7().to_string(), &id, &environment, &columns::xact(xact), &clock::now_text()];
    let set = database::row(on, sql, values).await?;
    Ok(set.map(|row| FunctionTag {
        id: row.get(0),
        function_id: id.to_owned(),
        environment: environment.to_owned(),
        xact,
        created: row.get(1),
    }))
}

pub(super) async fn delete(
    on: &impl GenericClient,
    id: &str,
    environment: &str,
) -> Result<Option<FunctionTag>, StoreError> {
    let sql = "DELETE FROM function_environments AS tags USING functions
        WHERE functions.id = $1 AND functions.number = function AND environment = $2
        RETURNING tags.id, functions.id, environment, xact, tags.created";
    Ok(database::row(on, sql, &[&id, &environment]).await?.as_ref().map(tag))
}
