//! SQL over prompts, parameters and other functions.

mod put;
mod read;
mod tags;

use deadpool_postgres::Transaction;
use futures_util::FutureExt as _;
use serde_json::{Map, Value};
use tidegate_model::XactId;

use super::conflict::{self, TRIES};
use super::database::{self, Database};
use super::store::PostgresStore;
use super::versions;
use crate::functions::Definition;
use crate::store::{
    Answer, Function, FunctionFilter, FunctionPage, FunctionStore, FunctionTag, NewFunction,
    Registered, StoreError, merge_members,
};

impl FunctionStore for PostgresStore {
    fn put_functions(
        &self,
        new: Vec<NewFunction>,
        _bytes: usize,
    ) -> Answer<'_, Vec<Registered<Function>>> {
        async move { put::put(&self.database, new).await }.boxed()
    }

    fn functions(&self, filter: FunctionFilter, limit: u32) -> Answer<'_, FunctionPage> {
        async move { self.counted(None, read::page(&self.database, &filter, limit)).await }.boxed()
    }

    fn patch_function(
        &self,
        id: String,
        changes: Map<String, Value>,
        _bytes: usize,
    ) -> Answer<'_, Option<Function>> {
        async move { patch(&self.database, &id, &changes).await }.boxed()
    }

    fn delete_function(&self, id: String) -> Answer<'_, Option<Function>> {
        async move { delete(&self.database, &id).await }.boxed()
    }

    fn function_tags(
        &self,
        id: String,
        environment: Option<String>,
    ) -> Answer<'_, Vec<FunctionTag>> {
        async move {
            let client = self.database.client().await?;
            self.counted(None, tags::list(&client, &id, environment.as_deref())).await
        }
        .boxed()
    }

    fn set_function_tag(
        &self,
        id: String,
        environment: String,
        xact: XactId,
    ) -> Answer<'_, Option<FunctionTag>> {
        async move {
            let client = self.database.client().await?;
            tags::set(&client, &id, &environment, xact).await
        }
        .boxed()
    }

    fn delete_function_tag(
        &self,
        id: String,
        environment: String,
    ) -> Answer<'_, Option<FunctionTag>> {
        async move {
            let client = self.database.client().await?;
            tags::delete(&client, &id, &environment).await
        }
        .boxed()
    }

    fn expire_bundles(&self, before_us: i64, limit: u32) -> Answer<'_, Vec<Option<String>>> {
        async move { expire_bundles(&self.database, before_us, limit).await }.boxed()
    }
}

async fn patch(
    database: &Database,
    id: &str,
    changes: &Map<String, Value>,
) -> Result<Option<Function>, StoreError> {
    let mut client = database.client().await?;
    for _ in 0..TRIES {
        let transaction = client.transaction().await?;
        match patch_within(&transaction, id, changes.clone()).await {
            Ok(patched) => {
                transaction.commit().await?;
                return Ok(patched);
            }
            // Somebody else just took the slug; the next look finds out who.
            Err(error) if conflict::is_taken(&error) => transaction.rollback().await?,
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Overloaded)
}

async fn patch_within(
    transaction: &Transaction<'_>,
    id: &str,
    changes: Map<String, Value>,
) -> Result<Option<Function>, StoreError> {
    // Versions of a function follow one another.
    let sql = "SELECT number FROM functions WHERE id = $1 FOR UPDATE";
    database::row(transaction, sql, &[&id]).await?;
    let Some(found) = read::by_id(transaction, id).await? else { return Ok(None) };
    let mut members: Map<String, Value> = serde_json::from_str(&found.text)
        .map_err(|error| StoreError::Damaged(format!("function {id}: {error}")))?;
    merge_members(&mut members, changes);
    let definition =
        Definition::of(members).map_err(|fault| StoreError::BadFunction(fault.to_string()))?;
    if definition.slug != found.slug {
        let taken = read::by_slug(transaction, &found.project_id, &definition.slug).await?;
        if let Some(Function { slug, kind, .. }) = taken {
            return Err(StoreError::SlugTaken { slug, kind });
        }
        let sql = "UPDATE functions SET slug = $2 WHERE id = $1";
        database::run(transaction, sql, &[&id, &definition.slug]).await?;
    }
    let definition = put::with_tools(transaction, definition).await?;
    let xact = versions::take_xact(transaction).await?;
    put::add_version(transaction, id, xact, &definition).await.map(Some)
}

async fn delete(database: &Database, id: &str) -> Result<Option<Function>, StoreError> {
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let sql = "SELECT number FROM functions WHERE id = $1 FOR UPDATE";
    database::row(&transaction, sql, &[&id]).await?;
    let found = read::by_id(&transaction, id).await?;
    if found.is_some() {
        database::run(&transaction, "DELETE FROM functions WHERE id = $1", &[&id]).await?;
        transaction.commit().await?;
    }
    Ok(found)
}

/// Two statements: what a version names that was committed after the first is seen by the second.
/// One that is stored at this moment holds its upload, which is left out.
async fn expire_bundles(
    database: &Database,
    before_us: i64,
    limit: u32,
) -> Result<Vec<Option<String>>, StoreError> {
    let find = "SELECT key FROM blobs WHERE purpose = 'bundle' AND created_us < $1
          AND NOT EXISTS (SELECT 1 FROM function_versions WHERE bundle = key)
        ORDER BY key LIMIT $2 FOR UPDATE SKIP LOCKED";
    let forget = "DELETE FROM blobs WHERE key = ANY($1)
          AND NOT EXISTS (SELECT 1 FROM function_versions WHERE bundle = key)
        RETURNING file";
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let found = database::rows(&transaction, find, &[&before_us, &i64::from(limit)]).await?;
    let keys: Vec<&str> = found.iter().map(|row| row.get(0)).collect();
    let forgotten = database::rows(&transaction, forget, &[&keys]).await?;
    transaction.commit().await?;
    Ok(forgotten.iter().map(|row| row.get(0)).collect())
}

#[cfg(test)]
mod tests;
