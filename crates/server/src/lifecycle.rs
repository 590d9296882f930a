//! Stopping: whoever wants it says so here, and everybody can wait for the end.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The stages of a stop. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lifecycle {
    /// No new connections; requests already there are finished.
    stop: CancellationToken,
    /// Requests still running are cut off.
    kill: CancellationToken,
    /// Everything is closed and released.
    stopped: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// Starts the stop; requests get `grace` to finish. Later calls can only shorten it.
    pub(crate) fn stop_within(&self, grace: Duration) {
        self.stop.cancel();
        let (kill, stopped) = (self.kill.clone(), self.stopped.clone());
        // Cancel safe: both arms only wait.
        self.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(grace) => kill.cancel(),
                () = stopped.cancelled() => {}
            }
        });
    }

    /// Stops without grace; works outside a runtime.
    pub(crate) fn abandon(&self) {
        self.stop.cancel();
        self.kill.cancel();
    }

    pub(crate) async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub(crate) async fn killed(&self) {
        self.kill.cancelled().await;
    }

    pub(crate) fn was_killed(&self) -> bool {
        self.kill.is_cancelled()
    }

    pub(crate) fn set_stopped(&self) {
        self.stopped.cancel();
    }

    pub(crate) async fn stopped(&self) {
        self.stopped.cancelled().await;
    }

    /// Spawns the task that runs the collector.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }
}
