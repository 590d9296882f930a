//! Following what other collectors on the same store change, where this one remembers it.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::store::StoreError;

/// After an error, since a revoked key must be refused everywhere within a second.
const RETRY: Duration = Duration::from_millis(250);

/// Follows until the stop.
pub(crate) async fn follow(app: Arc<App>) {
    let elsewhere = app.store.elsewhere();
    loop {
        // Cancel safe: a notice stays until it is taken.
        tokio::select! {
            () = app.lifecycle.stopping() => return,
            () = elsewhere.objects.notified() => {
                app.owners.forget();
                app.sweep.notify_one();
            }
            () = elsewhere.keys.notified() => match app.keys.reload(app.store.as_ref()).await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::warn!(target: "server::keys", error = ?error, "keys not read again");
                    tokio::time::sleep(RETRY).await;
                    elsewhere.keys.notify_one();
                }
            },
        }
    }
}
