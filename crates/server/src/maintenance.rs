//! What keeps a data directory well: work besides answering, backups and checks.

mod backup;
mod blobs;
mod doctor;

use std::sync::Arc;
use std::time::Duration;

use crate::lifecycle::Lifecycle;
use crate::store::Space;

pub use backup::{BackupError, BackupReport, backup};
pub use doctor::{Check, Depth, Verdict, doctor};

/// How often a full disk is tried.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Runs until the stop.
pub(crate) async fn run(lifecycle: Lifecycle, space: Arc<Space>) {
    loop {
        // Cancel safe: both arms only wait.
        tokio::select! {
            () = lifecycle.stopping() => return,
            () = tokio::time::sleep(PROBE_EVERY) => {}
        }
        if space.is_full() {
            let space = Arc::clone(&space);
            if tokio::task::spawn_blocking(move || space.probe()).await.is_err() {
                tracing::error!(target: "server::maintenance", "the probe of the disk panicked");
            }
        }
    }
}
