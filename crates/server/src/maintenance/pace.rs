//! How hard the upkeep works: whenever requests come, they go first.

use std::sync::Arc;
use std::time::Duration;

use crate::lifecycle::Lifecycle;
use crate::metrics::Metrics;

/// After a piece of work, as many times its length belong to others.
const REST_FACTOR: u32 = 4;
const SHORTEST_REST: Duration = Duration::from_millis(10);
const LONGEST_REST: Duration = Duration::from_secs(2);
/// Between reads, which hold nobody up.
const READ_REST: Duration = Duration::from_millis(2);
/// How long a busy writer is waited for before the upkeep goes on all the same: it must not starve.
const BUSY_ROUNDS: u32 = 20;
const BUSY_REST: Duration = Duration::from_millis(50);

/// Paces the upkeep of one collector.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) lifecycle: Lifecycle,
    pub(super) metrics: Arc<Metrics>,
}

impl Pace {
    /// Waits after work on the writer's thread; `false` at the stop.
    pub(super) async fn after(&self, took: Duration) -> bool {
        let mut going = self.rest((took * REST_FACTOR).clamp(SHORTEST_REST, LONGEST_REST)).await;
        let mut rounds = 0;
        while going && rounds < BUSY_ROUNDS && self.metrics.queue_length() > 0 {
            going = self.rest(BUSY_REST).await;
            rounds += 1;
        }
        going
    }

    /// Waits between two reads; `false` at the stop.
    pub(super) async fn between_reads(&self) -> bool {
        self.rest(READ_REST).await
    }

    /// Waits; `false` at the stop.
    pub(super) async fn rest(&self, time: Duration) -> bool {
        // Cancel safe: both arms only wait.
        tokio::select! {
            () = self.lifecycle.stopping() => false,
            () = tokio::time::sleep(time) => !self.lifecycle.is_stopping(),
        }
    }
}
