//! A fresh database for a test, on a PostgreSQL that was started for tests.

use tidegate_testkit::postgres::shared;

use super::database::{Database, one};
use super::migrate::migrate;

/// An empty database with our schema, and its URL.
pub(super) async fn fresh() -> (Database, String) {
    // Waits for a process, and for the database to be made.
    let url = tokio::task::spawn_blocking(|| shared().url(&shared().create_database())).await;
    let url = url.expect("a database");
    let database = Database::new(&url).expect("a URL");
    migrate(&database).await.expect("migrated");
    (database, url)
}

/// The number that a statement gives.
pub(super) async fn sum(database: &Database, sql: &str) -> i64 {
    let client = database.client().await.expect("a connection");
    one(&client, sql, &[]).await.expect("read").get(0)
}
