//! One at a time for equal requests, so that trials of a case that run at once ask only once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use super::cache::Key;

/// Holds an entry per request that is being asked, and none for others.
#[derive(Debug, Default)]
pub(super) struct Turns {
    locks: Mutex<HashMap<Key, Arc<AsyncMutex<()>>>>,
}

impl Turns {
    /// Runs `work` when no other work with this key runs.
    ///
    /// # Cancel safety
    /// Dropping it ends the turn, and the next one has it.
    pub(super) async fn take<T>(&self, key: Key, work: impl Future<Output = T>) -> T {
        let turn = Turn {
            turns: self,
            lock: self.with(|locks| Arc::clone(locks.entry(key).or_default())),
            key,
        };
        let _held = turn.lock.lock().await;
        work.await
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<Key, Arc<AsyncMutex<()>>>) -> T) -> T {
        work(&mut self.locks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Turn<'a> {
    turns: &'a Turns,
    key: Key,
    lock: Arc<AsyncMutex<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.with(|locks| {
            // The map's and this one: nobody waits, and nobody can come while the map is locked.
            if Arc::strong_count(&self.lock) == 2 {
                locks.remove(&self.key);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn equal_keys_wait_and_others_do_not() {
        let (turns, active, most) = (Turns::default(), Cell::new(0), Cell::new(0));
        let work = |name: u8| {
            turns.take([name; 32], async {
                active.set(active.get() + 1);
                most.set(most.get().max(active.get()));
                yield_now().await;
                active.set(active.get() - 1);
            })
        };
        tokio::join!(work(1), work(1), work(1));
        assert_eq!(most.get(), 1);
        tokio::join!(work(1), work(2), work(1));
        assert_eq!(most.get(), 2);
        assert!(turns.with(|locks| locks.is_empty()));
    }

    #[tokio::test]
    async fn a_turn_that_is_dropped_leaves_nothing() {
        let turns = Turns::default();
        let never = turns.take([1; 32], std::future::pending::<()>());
        assert!(tokio::time::timeout(std::time::Duration::from_millis(5), never).await.is_err());
        assert!(turns.with(|locks| locks.is_empty()));
        turns.take([1; 32], async {}).await;
    }
}
