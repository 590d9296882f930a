//! Work in the background: trying a full disk, forgetting old logs, giving unused space back.

use std::sync::Arc;
use std::time::Duration;

use super::Pace;
use super::retention::Retention;
use crate::app::App;
use crate::clock;
use crate::store::{Space, Store, StoreError};

/// How often a full disk is tried.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// How often unused pages are looked for where no logs expire; a deleted project leaves some too.
const SHRINK_EVERY: Duration = Duration::from_secs(600);
/// Pages given back in one commit: 2 MiB.
const SHRINK_PAGES: u32 = 512;

/// Tries a full disk until the stop.
pub(crate) async fn watch_space(app: Arc<App>) {
    let pace = Pace { lifecycle: app.lifecycle.clone(), metrics: Arc::clone(&app.metrics) };
    while pace.rest(PROBE_EVERY).await {
        if app.space.is_full() {
            let space: Arc<Space> = Arc::clone(&app.space);
            if tokio::task::spawn_blocking(move || space.probe()).await.is_err() {
                tracing::error!(target: "server::maintenance", "the probe of the disk panicked");
            }
        }
    }
}

/// Keeps the store small until the stop. Without `retention` no log is removed.
pub(crate) async fn keep_small(app: Arc<App>, retention: Option<Duration>) {
    let pace = Pace { lifecycle: app.lifecycle.clone(), metrics: Arc::clone(&app.metrics) };
    let mut retention = retention.map(Retention::new);
    let pause = retention.as_ref().map_or(SHRINK_EVERY, Retention::pause);
    while pace.rest(pause).await {
        match round(&app.store, retention.as_mut(), &pace).await {
            Ok(0) => {}
            Ok(removed) => {
                app.metrics.expired(removed);
                tracing::info!(target: "server::maintenance", removed, "old logs removed");
            }
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::warn!(target: "server::maintenance", error = ?error, "trying again later");
            }
        }
    }
}

async fn round(
    store: &Arc<dyn Store>,
    retention: Option<&mut Retention>,
    pace: &Pace,
) -> Result<usize, StoreError> {
    let removed = match retention {
        Some(retention) => retention.round(store, pace).await?,
        None => 0,
    };
    loop {
        let began = clock::monotonic();
        let left = store.shrink(SHRINK_PAGES).await?;
        if left == 0 || !pace.after(began.elapsed()).await {
            return Ok(removed);
        }
    }
}
