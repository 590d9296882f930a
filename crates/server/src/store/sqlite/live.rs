//! What changes, from the index.

use std::sync::Arc;

use futures_util::FutureExt;

use super::store::SqliteStore;
use crate::store::{Answer, Changed, Elsewhere, LiveStore, Touched};

impl LiveStore for SqliteStore {
    fn elsewhere(&self) -> Arc<Elsewhere> {
        Arc::default()
    }

    fn touched(&self) -> Arc<Touched> {
        self.index().touched()
    }

    fn tallied(&self, objects: Vec<i64>) -> Answer<'_, Vec<Changed>> {
        self.index().tallied(objects).boxed()
    }
}
