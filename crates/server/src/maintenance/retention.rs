//! Forgetting project logs of a certain age.
//!
//! There is no index by age: it would cost every write. Rows lie in the order in which they came,
//! so they are looked at in blocks, and of each block it is remembered how old its oldest log is.
//! A round reads only blocks that hold something too old, and those that are new.

use std::sync::Arc;
use std::time::Duration;

use super::Pace;
use crate::clock;
use crate::store::{Store, StoreError};

/// Rows of a block.
const BLOCK: i64 = 4_096;
/// Rows removed in one commit.
const BATCH: u32 = 100;
/// What is remembered is forgotten after as many rounds: a row may be written anew with an older
/// time of creation.
const ROUNDS: u32 = 24;

/// The oldest log of each block that is complete; `None` inside for a block without any.
#[derive(Debug, Default)]
struct Blocks(Vec<Option<i64>>);

impl Blocks {
    /// Whether a block must be read to find rows older than `before_us`.
    fn must_be_read(&self, block: usize, before_us: i64) -> bool {
        self.0.get(block).is_none_or(|oldest| oldest.is_some_and(|oldest| oldest < before_us))
    }

    /// Remembers a complete block; they come in order.
    fn remember(&mut self, block: usize, oldest: Option<i64>) {
        if block == self.0.len() {
            self.0.push(oldest);
        } else if let Some(known) = self.0.get_mut(block) {
            *known = oldest;
        }
    }
}

/// Removes logs older than `age`, round by round.
#[derive(Debug)]
pub(super) struct Retention {
    age: Duration,
    blocks: Blocks,
    rounds: u32,
}

impl Retention {
    pub(super) fn new(age: Duration) -> Self {
        Self { age, blocks: Blocks::default(), rounds: 0 }
    }

    /// Between two rounds: a small part of the age, but not without end.
    pub(super) fn pause(&self) -> Duration {
        (self.age / 24).clamp(Duration::from_secs(1), Duration::from_secs(3_600))
    }

    /// Looks at all rows once and returns how many it removed. Ends early at the stop.
    pub(super) async fn round(
        &mut self,
        store: &Arc<dyn Store>,
        pace: &Pace,
    ) -> Result<usize, StoreError> {
        self.rounds += 1;
        if self.rounds.is_multiple_of(ROUNDS) {
            self.blocks = Blocks::default();
        }
        let age = i64::try_from(self.age.as_micros()).unwrap_or(i64::MAX);
        let before_us = clock::now().as_microsecond().saturating_sub(age);
        let newest = store.newest_number().await?;
        let complete = usize::try_from(newest / BLOCK).unwrap_or_default();
        // Numbers above the newest are given out again.
        self.blocks.0.truncate(complete);
        let mut removed = 0;
        for block in 0..=complete {
            if !self.blocks.must_be_read(block, before_us) {
                continue;
            }
            let start = i64::try_from(block).unwrap_or(i64::MAX).saturating_mul(BLOCK);
            let numbers = start..start.saturating_add(BLOCK);
            let mut oldest = store.oldest_log(numbers.clone()).await?;
            if oldest.is_some_and(|oldest| oldest < before_us) {
                loop {
                    let began = clock::monotonic();
                    let count = store.expire_logs(numbers.clone(), before_us, BATCH).await?;
                    removed += count;
                    if count == 0 {
                        break;
                    }
                    if !pace.after(began.elapsed()).await {
                        return Ok(removed);
                    }
                }
                oldest = store.oldest_log(numbers).await?;
            }
            if block < complete {
                self.blocks.remember(block, oldest);
            }
            if !pace.between_reads().await {
                return Ok(removed);
            }
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blocks_with_something_old_or_unknown_are_read() {
        let mut blocks = Blocks::default();
        assert!(blocks.must_be_read(0, 10));
        blocks.remember(0, Some(5));
        blocks.remember(1, Some(20));
        blocks.remember(2, None);
        blocks.remember(7, Some(1));
        let read: Vec<_> = (0..5).filter(|block| blocks.must_be_read(*block, 10)).collect();
        assert_eq!(read, [0, 3, 4]);
        blocks.remember(0, None);
        assert!(!blocks.must_be_read(0, i64::MAX));
        assert!(blocks.must_be_read(1, 21));
    }

    #[test]
    fn rounds_are_neither_frantic_nor_rare() {
        let pause = |seconds| Retention::new(Duration::from_secs(seconds)).pause().as_secs();
        assert_eq!((pause(0), pause(240), pause(86_400 * 400)), (1, 10, 3_600));
    }
}
