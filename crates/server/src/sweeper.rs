//! What is done in the background: removing rows of deleted objects, and uploads that nobody came
//! back for.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::clock;
use crate::routes::OVERFLOW_LIFETIME;
use crate::store::StoreError;

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(600);
/// Uploads forgotten in one commit.
const BATCH: u32 = 100;

/// Works until the collector stops.
pub(crate) async fn run(app: Arc<App>) {
    loop {
        match round(&app).await {
            Ok(()) => {}
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::warn!(target: "server::sweeper", error = ?error, "trying again later");
            }
        }
        // Cancel safe: both arms only wait.
        tokio::select! {
            () = app.lifecycle.stopping() => return,
            () = app.sweep.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn round(app: &App) -> Result<(), StoreError> {
    while !app.lifecycle.is_stopping() && app.store.sweep().await? {}
    let age = i64::try_from(OVERFLOW_LIFETIME.as_micros()).unwrap_or(i64::MAX);
    let before = clock::now().as_microsecond().saturating_sub(age);
    loop {
        let expired = app.store.expire_overflows(before, BATCH).await?;
        let last = expired.len() < BATCH as usize;
        for file in expired.iter().flatten() {
            app.blobs.remove(file).await?;
        }
        if last || app.lifecycle.is_stopping() {
            return Ok(());
        }
    }
}
