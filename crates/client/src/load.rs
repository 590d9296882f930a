//! Loading what is kept on the server under a slug: prompts and parameters.

mod error;
mod query;

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Map, Value};

use crate::cache::Cache;
use crate::client::Client;
use crate::error::ApiError;
use crate::session::{Origin, Session};

pub use error::LoadError;
pub(crate) use query::{Kind, Query};

/// Where something that was loaded comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadSource {
    /// The server, just now.
    Server,
    /// A copy in memory, since the server failed.
    Memory,
    /// A copy on the disk, since the server failed.
    Disk,
    /// The program itself.
    Program,
}

/// What the published SDK keeps beside a prompt.
#[derive(Debug, Clone, Default)]
pub(crate) struct CacheEntry {
    pub(crate) defaults: Map<String, Value>,
    pub(crate) no_trace: bool,
}

#[derive(serde::Deserialize)]
struct Objects {
    objects: Vec<Map<String, Value>>,
}

impl Client {
    /// Asks the server, or the cache where the server fails.
    pub(crate) async fn load(
        &self,
        query: Query,
        entry: CacheEntry,
    ) -> Result<(Map<String, Value>, LoadSource), LoadError> {
        let (session, cache) =
            (Arc::clone(self.session()), Arc::clone(self.caches().of(query.kind)));
        let what = query.to_string();
        let load = async move { Ok(load(&session, &cache, &query, &entry).await) };
        match self.on_thread(Box::pin(load)).await {
            Ok(loaded) => loaded,
            Err(source) => Err(LoadError::Api { what, source }),
        }
    }
}

async fn load(
    session: &Session,
    cache: &Arc<Cache>,
    query: &Query,
    entry: &CacheEntry,
) -> Result<(Map<String, Value>, LoadSource), LoadError> {
    let space = session.cache_space();
    // All of it, since a login may wait for another one: a copy that comes late helps nobody.
    let deadline = query.timeout.unwrap_or_else(|| session.request_timeout());
    let fetched = tokio::time::timeout(deadline, fetch(session, query)).await;
    let late = |_| Err(ApiError::Deadline { path: query.route(), deadline });
    let error = match fetched.unwrap_or_else(late) {
        Ok(objects) => {
            let row = query.only(objects)?;
            cache.keep(&space, session.organisation(), query, &row, entry).await;
            return Ok((row, LoadSource::Server));
        }
        Err(error) => error,
    };
    let what = query.to_string();
    if query.is_by_id() && matches!(error, ApiError::Status { status: 400 | 404, .. }) {
        return Err(LoadError::NotFound { what });
    }
    if !error.is_retryable() || !cache.is_on() {
        return Err(LoadError::Api { what, source: error });
    }
    match cache.find(&space, session.organisation(), query).await {
        Some((row, source)) => {
            cache.say_used(&what, &error);
            Ok((row, source))
        }
        None => Err(LoadError::NoCopy { what, source: error }),
    }
}

async fn fetch(session: &Session, query: &Query) -> Result<Vec<Map<String, Value>>, ApiError> {
    let path = query.path();
    if query.is_by_id() {
        return Ok(vec![session.json(Origin::Api, Method::GET, &path, None).await?]);
    }
    let found: Objects = session.json(Origin::Api, Method::GET, &path, None).await?;
    Ok(found.objects)
}
