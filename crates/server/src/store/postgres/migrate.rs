//! Numbered migrations, applied by whichever collector comes first.

use super::database::{self, Database};
use super::locks::Lock;
use crate::clock;
use crate::store::StoreError;

/// In order; the version of a schema is the number of migrations applied to it.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_initial.sql")];

/// Why a database is not ready to be used.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// It was made by a newer version of this software.
    Newer {
        found: u32,
        supported: u32,
    },
    /// It holds tables of something else.
    Foreign,
    Store(StoreError),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Brings the schema to the supported version, in one transaction, while everybody else who starts
/// waits. A database that is up to date is only looked at.
///
/// Collectors of the version before go on meanwhile and afterwards, until each is replaced: so a
/// migration only adds what they do not have to know of.
pub(super) async fn migrate(database: &Database) -> Result<(), OpenError> {
    apply(database, MIGRATIONS).await
}

async fn apply(database: &Database, migrations: &[&str]) -> Result<(), OpenError> {
    let supported = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let mut client = database.client().await?;
    if version(&client).await? == Some(supported) {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    // Making indexes over a large store takes longer than a statement may.
    transaction.batch_execute("SET LOCAL statement_timeout = 0").await?;
    Lock::Schema.alone(&transaction).await?;
    let found = match version(&transaction).await? {
        Some(found) if found > supported => {
            return Err(OpenError::Newer { found, supported });
        }
        Some(found) => found,
        None if has_tables(&transaction).await? => return Err(OpenError::Foreign),
        None => 0,
    };
    transaction
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS schema_version (
                 version integer PRIMARY KEY, applied text NOT NULL)",
        )
        .await?;
    for (version, sql) in (1_i32..).zip(migrations).skip(found as usize) {
        transaction.batch_execute(sql).await?;
        let sql = "INSERT INTO schema_version (version, applied) VALUES ($1, $2)";
        transaction.execute(sql, &[&version, &clock::now_text()]).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// The version of the schema; `None` if it is not one of ours.
async fn version(on: &impl deadpool_postgres::GenericClient) -> Result<Option<u32>, StoreError> {
    let sql = "SELECT to_regclass('schema_version') IS NOT NULL";
    if !database::one(on, sql, &[]).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    // Not prepared before the table is there.
    let found = on.query_one("SELECT max(version) FROM schema_version", &[]).await?;
    Ok(found.get::<_, Option<i32>>(0).and_then(|found| u32::try_from(found).ok()))
}

async fn has_tables(on: &impl deadpool_postgres::GenericClient) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema())";
    Ok(database::one(on, sql, &[]).await?.get(0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use tidegate_model::{Destination, Row, RowId};
    use tokio::sync::Notify;

    use super::super::testing::fresh;
    use super::super::writer::Writer;
    use super::*;
    use crate::store::{Change, Document, RowWrite, Watch};

    async fn rows(database: &Database) -> i64 {
        let client = database.client().await.expect("a connection");
        database::one(&client, "SELECT count(*) FROM rows", &[]).await.expect("read").get(0)
    }

    /// A row that is written, and then merged into.
    async fn write(writer: &Writer, id: &str) {
        let row =
            |value: serde_json::Value| -> Row { serde_json::from_value(value).expect("an object") };
        let changes = [
            Change::Replace(Document::of(row(json!({"input": 1})))),
            Change::Merge(row(json!({"output": 2, "_is_merge": true}))),
        ];
        for change in changes {
            let destination = Destination::Dataset("d".into());
            let write = RowWrite { destination, id: RowId::from(id), change };
            writer.write(vec![write], 0).await.expect("written");
        }
    }

    #[tokio::test]
    async fn collectors_of_the_version_before_go_on_until_they_are_replaced() {
        let (old, url) = fresh().await;
        let watch = || Watch::unread("".as_ref());
        let before = Writer::start(old.clone(), Arc::new(Notify::new()), watch());
        write(&before, "a").await;

        let next: Vec<&str> = MIGRATIONS
            .iter()
            .copied()
            .chain(["ALTER TABLE rows ADD COLUMN later text; CREATE TABLE later (number bigint);"])
            .collect();
        let new = Database::new(&url).expect("a URL");
        // Two of them start at once.
        let (one, other) = tokio::join!(apply(&new, &next), apply(&new, &next));
        one.expect("migrated");
        other.expect("migrated by the other");
        let after = Writer::start(new.clone(), Arc::new(Notify::new()), watch());
        for turn in 0..3 {
            write(&before, &format!("before{turn}")).await;
            write(&after, &format!("after{turn}")).await;
        }
        assert_eq!((rows(&old).await, rows(&new).await), (7, 7));

        let (found, supported) = (next.len() as u32, MIGRATIONS.len() as u32);
        let refused = migrate(&old).await;
        assert!(
            matches!(refused, Err(OpenError::Newer { found: f, supported: s }) if (f, s) == (found, supported)),
            "{refused:?}"
        );
        assert_eq!(rows(&new).await, 7, "nothing is touched");
        before.close().await;
        after.close().await;
    }

    #[tokio::test]
    async fn databases_of_others_are_left_alone() {
        let (database, _) = fresh().await;
        let client = database.client().await.expect("a connection");
        client.batch_execute("DROP TABLE schema_version").await.expect("dropped");
        assert!(matches!(migrate(&database).await, Err(OpenError::Foreign)));
    }
}
