//! What a write tells other collectors when it is committed; see [`notices`](super::notices).

use deadpool_postgres::GenericClient;

use super::database;
use super::notices::CHANNEL;
use crate::store::StoreError;

/// A key was made or revoked.
pub(super) async fn keys(on: &impl GenericClient) -> Result<(), StoreError> {
    say(on, "keys").await
}

/// An object was renamed or deleted.
pub(super) async fn objects(on: &impl GenericClient) -> Result<(), StoreError> {
    say(on, "objects").await
}

async fn say(on: &impl GenericClient, word: &str) -> Result<(), StoreError> {
    database::rows(on, "SELECT pg_notify($1, $2)", &[&CHANNEL, &word]).await.map(drop)
}
